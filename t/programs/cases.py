"""The programs: how each uploads too much, and what its user is told then."""

import dataclasses
import re

# What is not the same twice: addresses, dates, numbers of transfers.
CHANGING = re.compile(r"\b(127\.0\.0\.1|192\.0\.2\.1|localhost)(:\d+)?\b|(?<=Date: )\w+, [\w :]+ GMT|(?<=chunking-)[\d-]+\d|"
                      r"/tmp/limit-body-programs-\w+/\w+|0x[0-9a-f]{6,}|(?<=port=)\d+")


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    example: str
    version: str
    command: str
    # An expression for the part of its output that is quoted, and what that has to contain with the example.
    quoted: str
    told: str
    # None if it is not the same each time.
    exit: int | None
    uploads: int | None
    needs: tuple = ("large",)
    networks: tuple = ("loopback", "slow")
    # Whether it runs over the slow link with TLS as well.
    tls: bool = False
    # Whether it goes on for minutes.
    long: bool = False
    # Whether it reads an answer.
    reads: bool = True

    def quote(self, output):
        """The part of an output that tells what is wrong: the last line, if there is none as expected."""
        output = plain(output)
        found = re.search(self.quoted, output, re.M)
        text = found[0] if found else (output.strip().splitlines() or [""])[-1]
        return CHANGING.sub("...", " ".join(text.split()))

    def difference(self, seen):
        """How what was seen differs from what is expected; nothing if it does not."""
        if self.told not in seen["told"]:
            return f"told {seen['told']!r}"
        if self.exit not in (None, seen["exit"]) or self.uploads not in (None, seen["uploads"]):
            return f"exit status {seen['exit']}, uploads {seen['uploads']}"
        return "; ".join(seen["serious"])


def plain(text):
    """A text without colours."""
    return re.sub(r"\x1b\[[\d;]*m", "", text)


# What the programs need, as shell scripts that run once in the home directory.
PREPARATIONS = {
    "large": "head -c $LARGE /dev/urandom >large",
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
        head -c $PACKAGE /dev/urandom >npm/data
        echo '{"name": "large-example", "version": "1.0.0"}' >npm/package.json""",
    "gem": """
        mkdir gem
        cd gem
        head -c $PACKAGE /dev/urandom >data
        cat >large.gemspec <<END
Gem::Specification.new do |s|
  s.name, s.version, s.summary, s.authors, s.files = "large", "1.0.0", "large", ["Somebody"], ["data"]
end
END
        gem build --silent large.gemspec""",
    "maven": """
        head -c $PACKAGE /dev/urandom >large.jar
        mkdir .m2
        cat >.m2/settings.xml <<END
<settings>
  <mirrors><mirror><id>debian</id><mirrorOf>central</mirrorOf><url>file:///usr/share/maven-repo</url></mirror></mirrors>
</settings>
END""",
    "collection": """
        cat >collection.json <<END
{"info": {"name": "large", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
 "item": [{"name": "large", "request": {"method": "PUT", "url": "{{url}}/large",
                                        "body": {"mode": "file", "file": {"src": "large"}}}}]}
END""",
    "crate": """
        mkdir -p crate/src
        touch crate/src/lib.rs
        head -c $PACKAGE /dev/urandom >crate/data
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
        head -c $PACKAGE /dev/urandom >data
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
S3CMD = "s3cmd {0} --access_key=a --secret_key=b --host=${{URL#*//}} --host-bucket=${{URL#*//}} --disable-multipart " \
    "put large s3://bucket/large"
RCLONE_S3 = "rclone copyto large " \
    ":s3,provider=Other,access_key_id=a,secret_access_key=b,endpoint=\"'$URL'\",no_check_bucket=true:bucket/large"

PUSH = "git -C repository {0} push {1}/git/repository.git HEAD:refs/heads/main"
PUSHED = r"^remote: .*(\n.*)?|^error: RPC.*"
LFS = "git -C lfs -c lfs.url=$URL/lfs -c lfs.locksverify=false {0} lfs push --all $URL/git/repository.git"

MINIO = """python -c '
import sys, urllib.parse, minio
url = urllib.parse.urlsplit(sys.argv[1])
client = minio.Minio(url.netloc, "a", "b", secure=url.scheme == "https", region="us-east-1")
client.fput_object("bucket", "large", "large", part_size=1 << 30)' $URL"""

TUSPY = """python -c '
import sys, tusclient.client
tusclient.client.TusClient(sys.argv[1]).uploader("large").upload()' $URL/files/"""

REQUESTS = """python -c '
import sys, requests
requests.put(sys.argv[1], data=open("large", "rb")).raise_for_status()' """

# Without locks, which the application has not, and in a cache of its own.
DAVFS2 = "mount -t tmpfs -o mode=1777 none /var/cache/davfs2; printf 'use_locks 0\nask_auth 0\n' >davfs2.conf; mkdir mnt; " \
    "mount.davfs -o conf=$PWD/davfs2.conf $URL/ mnt; cp large mnt; umount mnt"
RESTIC = "export RESTIC_PASSWORD=a RESTIC_REPOSITORY=rest:$URL/restic/$PORT/; restic -q init; timeout 120 restic backup large"
MVN = "mvn -B -s .m2/settings.xml -Dmaven.repo.local=.m2/repository -Dmaven.wagon.http.ssl.insecure=true " \
    "org.apache.maven.plugins:maven-deploy-plugin:3.0.0:deploy-file -Durl=$URL/maven -Dfile=large.jar " \
    "-DgroupId=a -DartifactId=large -Dversion=1 -Dpackaging=jar"
DUPLICITY = "duplicity --no-encryption --backend-retry-delay 1 {0} files webdav{1}/backup"

CARGO = "cd crate; CARGO_REGISTRIES_EXAMPLE_INDEX=sparse+$URL/index/ CARGO_REGISTRIES_EXAMPLE_TOKEN=a " \
    "cargo publish --no-verify --allow-dirty --registry example"
TWINE = "twine upload {0} --disable-progress-bar --non-interactive -u a -p b --repository-url $URL/legacy/ wheel/*.whl"

FFMPEG = "ffmpeg -hide_banner -nostats -re -f lavfi -i testsrc2=size=320x240:rate=25 -pix_fmt yuv420p -c:v rawvideo " \
    "-t {0} -f nut -method PUT $URL{1}"


CASES = [
    Case("boto3", "s3.conf", IN_PYTHON + "boto3",
         BOTO3 + "$URL",
         r"An error.*", "(EntityTooLarge) when calling the PutObject operation: At most", 1, 1),
    Case("boto3, TLS", "s3.conf", IN_PYTHON + "boto3",
         BOTO3 + "$TLS",
         r"An error.*", "(EntityTooLarge) when calling the PutObject operation: At most", 1, 1, long=True),
    Case("AWS CLI", "s3.conf", IN_PYTHON + "awscli",
         AWS + "$URL",
         r"An error.*", "(EntityTooLarge) when calling the PutObject operation: At most", 255, 1),
    Case("AWS CLI, TLS", "s3.conf", IN_PYTHON + "awscli",
         AWS + "$TLS",
         r"An error.*", "(EntityTooLarge) when calling the PutObject operation: At most", 255, 1, long=True),
    Case("minio", "s3.conf", IN_PYTHON + "minio",
         MINIO,
         r"^minio.error.*", "code: EntityTooLarge, message: At most", 1, 1, tls=True, long=True),
    Case("s3cmd", "s3.conf", "s3cmd --version" + FIRST_NUMBER,
         S3CMD.format("--no-ssl"),
         r"^ERROR: (S3 error|Error parsing).*", "(EntityTooLarge): At most", 70, 1),
    Case("s3cmd, TLS", "s3.conf", "s3cmd --version" + FIRST_NUMBER,
         S3CMD.format("--ca-certs=$CERTIFICATE").replace("URL", "TLS"),
         r"^ERROR: (S3 error|Error parsing).*", "(EntityTooLarge): At most", 70, 1, networks=("slow",)),
    Case("rclone, S3", "s3.conf", "rclone version" + FIRST_NUMBER,
         RCLONE_S3,
         r"Failed to copyto.*", "EntityTooLarge: At most", 1, 3, tls=True),
    Case("grpcio", "grpc.conf", IN_PYTHON + "grpcio",
         "python $HERE/grpc_call.py $TLS_ADDRESS $CERTIFICATE $MESSAGE",
         r"^StatusCode.*", "RESOURCE_EXHAUSTED: at most", 1, 1, ()),
    Case("grpc-js", "grpc.conf", "node -p 'require(process.env.NODE_PATH + \"/@grpc/grpc-js/package.json\").version'",
         "node $HERE/grpc_call.cjs $TLS_ADDRESS $CERTIFICATE $MESSAGE",
         r"^Error.*", "RESOURCE_EXHAUSTED: at most", 1, 1, ()),
    Case("grpc-go", "grpc.conf", "grpc-call",
         "grpc-call $TLS_ADDRESS $CERTIFICATE $MESSAGE",
         r"^rpc error.*", "ResourceExhausted desc = at most", 1, 1, ()),
    Case("git, length declared", "git.conf", "git --version" + FIRST_NUMBER,
         PUSH.format("-c http.postBuffer=200m", "$URL"),
         PUSHED, "This push is too large: at most", 1, 1,
         ("large", "repository")),
    Case("git, HTTP/2", "git.conf", "git --version" + FIRST_NUMBER,
         PUSH.format("", "$TLS"),
         PUSHED, "This push is too large: at most", 1, 1, ("large", "repository"), ("loopback",)),
    # libcurl 7.88 reads no more once it has the answer, and so does not learn that it may send more than 4 MiB of the rest.
    Case("git, HTTP/2, stopped after 2 min", "git.conf", "git --version" + FIRST_NUMBER,
         "timeout 120 " + PUSH.format("", "$TLS"),
         PUSHED, "This push is too large: at most", 124, 1, ("large", "repository"), ("slow",), long=True),
    Case("git, chunked", "git.conf", "git --version" + FIRST_NUMBER,
         PUSH.format("", "$URL"),
         PUSHED, "RPC failed; HTTP 413", 1, 1, ("large", "repository")),
    Case("git-lfs", "git-lfs.conf", "git lfs version" + FIRST_NUMBER,
         LFS.format(""),
         r"^LFS: .*", "LFS: File too large: at most", 2, 9, ("large", "repository", "lfs")),
    Case("git-lfs, `lfs.transfer.maxretries=1`", "git-lfs.conf", "git lfs version" + FIRST_NUMBER,
         LFS.format("-c lfs.transfer.maxretries=1"),
         r"^LFS: .*", "LFS: File too large: at most", 2, 2, ("large", "repository", "lfs")),
    Case("skopeo", "oci-registry.conf", "skopeo --version" + FIRST_NUMBER,
         "skopeo --insecure-policy copy --dest-tls-verify=false oci:image docker://${URL#*//}/large",
         r"writing blob.*(?=\")", "size invalid: layer too large: at most", 1, 1, ("large", "image"), tls=True),
    Case("tus-js-client", "tus.conf", "node -p 'require(process.env.NODE_PATH + \"/tus-js-client/package.json\").version'",
         "node $HERE/tus_upload.cjs $URL/files/ large",
         r"response code.*", "response text: File too large: at most", 1, 1, networks=("loopback",)),
    Case("tuspy", "tus.conf", IN_PYTHON + "tuspy",
         TUSPY,
         r"^tusclient.*", "413", 1, 1, tls=True),
    Case("rclone, WebDAV", "webdav.conf", "rclone version" + FIRST_NUMBER,
         "rclone copyto large :webdav,url=\"'$URL/'\":large",
         r"Failed to copyto(.|\n)*", "File too large: at most", 1, 3, tls=True),
    Case("nextcloudcmd", "webdav.conf", "nextcloudcmd --version" + FIRST_NUMBER,
         "nextcloudcmd --non-interactive -u a -p b --max-sync-retries 1 files $URL",
         r"(?<=and error: ).*", "(File too large: at most", 1, 3, ("large", "files"), networks=("loopback",)),
    Case("cadaver", "webdav.conf", "cadaver --version" + FIRST_NUMBER,
         "echo put large | cadaver $URL/",
         r"^413.*|^Could not send.*", "413 Request Entity Too Large", 0, 1, tls=True),
    Case("davfs2", "webdav.conf", "mount.davfs --version" + FIRST_NUMBER,
         DAVFS2,
         r"\Z", "", 0, None, reads=False),
    Case("duplicity, WebDAV, `--timeout 300`", "webdav.conf", "duplicity --version" + FIRST_NUMBER,
         DUPLICITY.format("--timeout 300", "://a:b@${URL#*//}"),
         r"^(Giving up|Backend).*", "413", 50, 5, ("large", "files"), long=True),
    Case("duplicity, WebDAV, `--timeout 300`, TLS", "webdav.conf", "duplicity --version" + FIRST_NUMBER,
         DUPLICITY.format("--timeout 300 --ssl-cacert-file $CERTIFICATE", "s://a:b@${TLS#*//}"),
         r"^(Giving up|Backend).*", "413", 50, 5, ("large", "files"), ("slow",), long=True),
    Case("restic", "problem-json.conf", "restic version" + FIRST_NUMBER,
         RESTIC,
         r"server response unexpected.*", "413", None, None, tls=True, long=True),
    Case("npm", "packages.conf", "npm --version",
         "cd npm; npm publish --registry=$URL/ --${URL#*:}/:_authToken=a",
         r"^npm error 413.*", "at most", 1, 1, ("npm",), tls=True),
    Case("cargo", "packages.conf", "cargo --version" + FIRST_NUMBER,
         CARGO,
         r"^Caused by:\n *(.*)(\n.*)*",
         "the remote server responded with an error (status 413 Payload Too Large): at most", 101, 1, ("crate",)),
    Case("uv", "packages.conf", "uv --version" + FIRST_NUMBER,
         "uv publish --publish-url $URL/legacy/ -u a -p b wheel/*.whl",
         r"^ *cause: (.|\n)*", "Server says: At most", 2, 1, ("wheel",)),
    Case("twine", "packages.conf", IN_PYTHON + "twine",
         TWINE.format(""),
         r"HTTPError(.|\n)*", "413 Request Entity Too Large", 1, 1, ("wheel",), tls=True),
    Case("twine, `--verbose`", "packages.conf", IN_PYTHON + "twine",
         TWINE.format("--verbose"),
         r"Response from(.|\n)*?(?=^ERROR)", "At most", 1, 1, ("wheel",)),
    Case("gem", "packages.conf", "gem --version",
         "GEM_HOST_API_KEY=a gem push --host $URL gem/large-1.0.0.gem",
         r"^(At most|ERROR:.*\n).*|^<html>(.|\n)*", "At most", 1, 1, ("gem",), tls=True),
    Case("mvn", "packages.conf", "mvn --version" + FIRST_NUMBER,
         MVN,
         r"(?<=remote-repository ).*(?= -> )", "413", 1, 1, ("maven",), tls=True),
    Case("curl", "problem-json.conf", "curl --version" + FIRST_NUMBER,
         "curl -sS -T large $URL/",
         r"^(At most|curl:).*|^<html>(.|\n)*", "At most", 0, 1),
    Case("curl, HTTP/2", "problem-json.conf", "curl --version" + FIRST_NUMBER,
         "curl -sS --cacert $CERTIFICATE -T large $TLS/",
         r"^(At most|curl:).*|^<html>(.|\n)*", "At most", 0, 1),
    Case("wget", "problem-json.conf", "wget --version" + FIRST_NUMBER,
         "wget --post-file=large $URL/",
         r"ERROR.*", "ERROR 413: Request Entity Too Large", 8, 1, tls=True, long=True),
    Case("HTTPie", "problem-json.conf", "http --version",
         "http --ignore-stdin --check-status PUT $URL/ @large",
         r"^(\{|http: error).*|^<html>(.|\n)*", "At most", 4, 1, tls=True),
    Case("requests", "problem-json.conf", IN_PYTHON + "requests",
         REQUESTS + "$URL/",
         r"^requests.exceptions.*", "413 Client Error", 1, 1, tls=True),
    Case("Ansible", "problem-json.conf", IN_PYTHON + "ansible-core",
         "ansible localhost -m ansible.builtin.uri -a \"url=$URL/ method=PUT src=large\"",
         r'(?<="msg": ").*(?=")', "HTTP Error 413", 2, 1, tls=True),
    Case("newman", "problem-json.conf", "newman --version",
         "newman run --color off --env-var url=$URL collection.json",
         r"\[413 [\w ]+", "413 Request Entity Too Large", 0, 1, ("large", "collection"), tls=True),
    Case("ffmpeg, `/`, 15 seconds", "streaming.conf", "ffmpeg -version" + FIRST_NUMBER,
         FFMPEG.format(15, "/stream"),
         r"^av_interleaved.*|\Z", "", 0, 1, (), reads=False),
    Case("ffmpeg, `/live/`", "streaming.conf", "ffmpeg -version" + FIRST_NUMBER,
         FFMPEG.format(60, "/live/stream"),
         r"^av_interleaved.*", "Broken pipe", 1, 1, (), reads=False),
]
CASES = [each for case in CASES for each in (case, dataclasses.replace(
    case, name=f"{case.name}, TLS", command=re.sub(r"\$(\{?)URL\b", r"$\1TLS", case.command), networks=("slow",))
)[:1 + case.tls]]
