"""The programs: how each uploads too much, and what its user is told then."""

import dataclasses
import re

ADDRESS = re.compile(r"\b(127\.0\.0\.1|localhost):\d+")


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    example: str
    version: str
    command: str
    # An expression for the part of its output that is quoted, and what that has to contain with the example.
    quoted: str
    told: str
    exit: int
    uploads: int
    needs: tuple = ("large",)

    def quote(self, output):
        """The part of an output that tells what is wrong: the last line, if there is none as expected."""
        output = re.sub(r"\x1b\[[\d;]*m", "", output)
        found = re.search(self.quoted, output, re.M)
        text = found[0] if found else (output.splitlines() or [""])[-1]
        return ADDRESS.sub("...", " ".join(text.split()))

    def difference(self, seen):
        """How what was seen differs from what is expected; nothing if it does not."""
        if self.told not in seen["told"]:
            return f"told {seen['told']!r}"
        if (seen["exit"], seen["uploads"]) != (self.exit, self.uploads):
            return f"exit status {seen['exit']}, uploads {seen['uploads']}"
        return "; ".join(seen["serious"])


# What the programs need, as shell scripts that run once in the home directory.
PREPARATIONS = {
    "large": "head -c 101M /dev/urandom >large",
    "repository": """
        git config --global user.name Somebody
        git config --global user.email somebody@example.com
        git config --global core.compression 0
        git config --global http.sslCAInfo $CERTIFICATE
        git init -q --bare repositories/repository.git
        git -C repositories/repository.git config http.receivepack true
        git init -q repository
        cp large repository
        git -C repository add .
        git -C repository commit -qm large""",
    "lfs": """
        git init -q lfs
        cd lfs
        git lfs install --local
        git lfs track large
        cp ../large .
        git add .
        git commit -qm large""",
    "image": """
        mkdir -p image/blobs/sha256
        cd image
        blob() {
            digest=sha256:$(sha256sum <$1 | cut -d ' ' -f 1) size=$(stat -c %s $1)
            mv $1 blobs/sha256/${digest#*:}
        }
        tar -cf layer -C .. large
        blob layer
        layer=$digest layer_size=$size media=application/vnd.oci.image
        echo '{"architecture": "amd64", "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": ["'$layer'"]}}' >config
        blob config
        echo '{"schemaVersion": 2, "mediaType": "'$media.manifest.v1+json'",
            "config": {"mediaType": "'$media.config.v1+json'", "digest": "'$digest'", "size": '$size'},
            "layers": [{"mediaType": "'$media.layer.v1.tar'", "digest": "'$layer'", "size": '$layer_size'}]}' >manifest
        blob manifest
        echo '{"schemaVersion": 2,
            "manifests": [{"mediaType": "'$media.manifest.v1+json'", "digest": "'$digest'", "size": '$size'}]}' >index.json
        echo '{"imageLayoutVersion": "1.0.0"}' >oci-layout""",
    "files": """
        mkdir files
        cp large files""",
    "npm": """
        mkdir npm
        head -c 11M /dev/urandom >npm/data
        echo '{"name": "large-example", "version": "1.0.0"}' >npm/package.json""",
    "crate": """
        mkdir -p crate/src
        touch crate/src/lib.rs
        head -c 11M /dev/urandom >crate/data
        cat >crate/Cargo.toml <<END
[package]
name = "large-example"
version = "1.0.0"
edition = "2021"
description = "large"
license = "MIT"
END""",
    "wheel": """
        mkdir -p wheel/large_example-1.0.0.dist-info
        cd wheel
        head -c 11M /dev/urandom >data
        printf 'Metadata-Version: 2.1\\nName: large-example\\nVersion: 1.0.0\\n' >large_example-1.0.0.dist-info/METADATA
        printf 'Wheel-Version: 1.0\\nGenerator: sh\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n' \\
            >large_example-1.0.0.dist-info/WHEEL
        touch large_example-1.0.0.dist-info/RECORD
        python -m zipfile -c large_example-1.0.0-py3-none-any.whl data large_example-1.0.0.dist-info""",
}

IN_PYTHON = "python -c 'import importlib.metadata as m, sys; print(m.version(sys.argv[1]))' "
FIRST_NUMBER = r" | grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1"

BOTO3 = """AWS_CA_BUNDLE=$CERTIFICATE python -c '
import sys, boto3
boto3.client("s3", endpoint_url=sys.argv[1]).put_object(Bucket="bucket", Key="large", Body=open("large", "rb"))' """
AWS = "AWS_CA_BUNDLE=$CERTIFICATE aws s3api put-object --bucket bucket --key large --body large --endpoint-url "
S3CMD = "s3cmd --no-ssl --access_key=a --secret_key=b --host=127.0.0.1:$PORT --host-bucket=127.0.0.1:$PORT --disable-multipart " \
    "put large s3://bucket/large"
RCLONE_S3 = "rclone copyto large " \
    ":s3,provider=Other,access_key_id=a,secret_access_key=b,endpoint=\"'$URL'\",no_check_bucket=true:bucket/large"

SERVICE = "python $HERE/grpc_service.py $GRPC_PORT & trap 'kill $!' EXIT; " \
    "until (: </dev/tcp/127.0.0.1/$GRPC_PORT) 2>/dev/null; do :; done; "

PUSH = "git -C repository {0} push {1}/git/repository.git HEAD:refs/heads/main"
PUSHED = r"^remote: .*\n.*|^error: RPC.*"
LFS = "git -C lfs -c lfs.url=$URL/lfs -c lfs.locksverify=false {0} lfs push --all $URL/git/repository.git"

CARGO = "cd crate; CARGO_REGISTRIES_EXAMPLE_INDEX=sparse+$URL/index/ CARGO_REGISTRIES_EXAMPLE_TOKEN=a " \
    "cargo publish --no-verify --allow-dirty --registry example"
TWINE = "twine upload {0} --disable-progress-bar --non-interactive -u a -p b --repository-url $URL/legacy/ wheel/*.whl"

FFMPEG = "ffmpeg -hide_banner -nostats -re -f lavfi -i testsrc2=size=320x240:rate=25 -pix_fmt yuv420p -c:v rawvideo " \
    "-t {0} -f nut -method PUT $URL{1}"

AT_MOST_100M, AT_MOST_10M = "t most 104857600 bytes", "t most 10485760 bytes"

CASES = [
    Case("boto3", "s3.conf", IN_PYTHON + "boto3",
         BOTO3 + "$URL",
         r"An error.*", f"(EntityTooLarge) when calling the PutObject operation: A{AT_MOST_100M}", 1, 1),
    Case("boto3, TLS", "s3.conf", IN_PYTHON + "boto3",
         BOTO3 + "$TLS",
         r"An error.*", f"(EntityTooLarge) when calling the PutObject operation: A{AT_MOST_100M}", 1, 1),
    Case("AWS CLI", "s3.conf", IN_PYTHON + "awscli",
         AWS + "$URL",
         r"An error.*", f"(EntityTooLarge) when calling the PutObject operation: A{AT_MOST_100M}", 255, 1),
    Case("AWS CLI, TLS", "s3.conf", IN_PYTHON + "awscli",
         AWS + "$TLS",
         r"An error.*", f"(EntityTooLarge) when calling the PutObject operation: A{AT_MOST_100M}", 255, 1),
    Case("s3cmd", "s3.conf", "s3cmd --version" + FIRST_NUMBER,
         S3CMD,
         r"^ERROR: (S3 error|Error parsing).*", f"(EntityTooLarge): A{AT_MOST_100M}", 70, 1),
    Case("rclone, S3", "s3.conf", "rclone version" + FIRST_NUMBER,
         RCLONE_S3,
         r"Failed to copyto.*", f"EntityTooLarge: A{AT_MOST_100M}", 1, 3),
    Case("grpcio", "grpc.conf", IN_PYTHON + "grpcio",
         SERVICE + "python $HERE/grpc_call.py localhost:$TLS_PORT $CERTIFICATE",
         r"^StatusCode.*", "RESOURCE_EXHAUSTED: at most 33554432 bytes in one call", 1, 1, ()),
    Case("grpc-js", "grpc.conf", "node -p 'require(process.env.NODE_PATH + \"/@grpc/grpc-js/package.json\").version'",
         SERVICE + "node $HERE/grpc_call.cjs localhost:$TLS_PORT $CERTIFICATE",
         r"^Error.*", "RESOURCE_EXHAUSTED: at most 33554432 bytes in one call", 1, 1, ()),
    Case("git, length declared", "git.conf", "git --version" + FIRST_NUMBER,
         PUSH.format("-c http.postBuffer=200m", "$URL"),
         PUSHED, "This push is too large: at most 100 MB. error: remote unpack failed: push too large", 1, 1,
         ("large", "repository")),
    Case("git, HTTP/2", "git.conf", "git --version" + FIRST_NUMBER,
         PUSH.format("", "$TLS"),
         PUSHED, "This push is too large: at most 100 MB. error: remote unpack failed: push too large", 1, 1,
         ("large", "repository")),
    Case("git, chunked", "git.conf", "git --version" + FIRST_NUMBER,
         PUSH.format("", "$URL"),
         PUSHED, "RPC failed; HTTP 413", 1, 1, ("large", "repository")),
    Case("git-lfs", "git-lfs.conf", "git lfs version" + FIRST_NUMBER,
         LFS.format(""),
         r"^LFS: .*", f"LFS: File too large: a{AT_MOST_100M}", 2, 9, ("large", "repository", "lfs")),
    Case("git-lfs, `lfs.transfer.maxretries=1`", "git-lfs.conf", "git lfs version" + FIRST_NUMBER,
         LFS.format("-c lfs.transfer.maxretries=1"),
         r"^LFS: .*", f"LFS: File too large: a{AT_MOST_100M}", 2, 2, ("large", "repository", "lfs")),
    Case("skopeo", "oci-registry.conf", "skopeo --version" + FIRST_NUMBER,
         "skopeo --insecure-policy copy --dest-tls-verify=false oci:image docker://127.0.0.1:$PORT/large",
         r"writing blob.*(?=\")", f"size invalid: layer too large: a{AT_MOST_100M}", 1, 1, ("large", "image")),
    Case("tus-js-client", "tus.conf", "node -p 'require(process.env.NODE_PATH + \"/tus-js-client/package.json\").version'",
         "node $HERE/tus_upload.cjs $URL/files/ large",
         r"response code.*", f"response text: File too large: a{AT_MOST_100M}", 1, 1),
    Case("rclone, WebDAV", "webdav.conf", "rclone version" + FIRST_NUMBER,
         "rclone copyto large :webdav,url=\"'$URL/'\":large",
         r"Failed to copyto(.|\n)*", f"File too large: a{AT_MOST_100M}", 1, 3),
    Case("nextcloudcmd", "webdav.conf", "nextcloudcmd --version" + FIRST_NUMBER,
         "nextcloudcmd --non-interactive -u a -p b --max-sync-retries 1 files $URL",
         r"(?<=and error: ).*", f"(File too large: a{AT_MOST_100M}", 1, 3, ("large", "files")),
    Case("cadaver", "webdav.conf", "cadaver --version" + FIRST_NUMBER,
         "echo put large | cadaver $URL/",
         r"^413.*", "413 Request Entity Too Large", 0, 1),
    Case("npm", "packages.conf", "npm --version",
         "cd npm; npm publish --registry=$URL/ --//127.0.0.1:$PORT/:_authToken=a",
         r"^npm error 413.*", f"a{AT_MOST_10M}", 1, 1, ("npm",)),
    Case("cargo", "packages.conf", "cargo --version" + FIRST_NUMBER,
         CARGO,
         r"^Caused by:\n *(.*)(\n.*)*",
         f"the remote server responded with an error (status 413 Payload Too Large): a{AT_MOST_10M}", 101, 1, ("crate",)),
    Case("uv", "packages.conf", "uv --version" + FIRST_NUMBER,
         "uv publish --publish-url $URL/legacy/ -u a -p b wheel/*.whl",
         r"^ *cause: (.|\n)*", f"Server says: A{AT_MOST_10M}", 2, 1, ("wheel",)),
    Case("twine", "packages.conf", IN_PYTHON + "twine",
         TWINE.format(""),
         r"HTTPError(.|\n)*", "413 Request Entity Too Large", 1, 1, ("wheel",)),
    Case("twine, `--verbose`", "packages.conf", IN_PYTHON + "twine",
         TWINE.format("--verbose"),
         r"Response from(.|\n)*?(?=^ERROR)", f"A{AT_MOST_10M}", 1, 1, ("wheel",)),
    Case("ffmpeg, `/`, 15 seconds", "streaming.conf", "ffmpeg -version" + FIRST_NUMBER,
         FFMPEG.format(15, "/stream"),
         r"^av_interleaved.*|\Z", "", 0, 1, ()),
    Case("ffmpeg, `/live/`", "streaming.conf", "ffmpeg -version" + FIRST_NUMBER,
         FFMPEG.format(60, "/live/stream"),
         r"^av_interleaved.*", "Broken pipe", 1, 1, ()),
]
