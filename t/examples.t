# The examples in nginx-conf/ do what they say.

use Test::Nginx::LimitBody 'no_plan';

$ENV{CURL} = 'curl -s';

run_tests();

__DATA__

=== TEST 1: limit.conf
--- example chomp
limit.conf
--- config
--- upload
h1 POST /photo.jpg 10m
h1 POST /photo.jpg 10485761
h1 chunked POST /photo.jpg 11m
--- answer
200 ok | open
413 Too large: at most 10485760 bytes. | closed
413 Too large: at most 10485760 bytes. | closed
--- commands
head -c 11M /dev/zero | $CURL -o /dev/null -w '%{content_type}' --data-binary @- http://127.0.0.1:$PORT/photo.jpg
--- output chomp
text/plain


=== TEST 2: plans.conf
--- example chomp
plans.conf
--- config
--- upload
h1 POST / 64k
h1 POST / 65537
h1 POST / 65537 X-API-Key:key-of-alice
h1 POST / 11m X-API-Key:key-of-alice
h1 POST / 11m X-API-Key:key-of-bob
h1 chunked POST / 11m X-API-Key:key-of-bob
h1 POST / 65537 X-API-Key:key-of-mallory
--- answer
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
200 ok | open
413 <413 Request Entity Too Large> | closed


=== TEST 3: per-user.conf
--- example chomp
per-user.conf
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_8;
    location / {
        if ($http_x_user = "") { return 401; }
        add_header X-Upload-Limit $http_x_user;
        return 204;
    }
}
--- config
--- upload
h1 POST / 11m
h1 POST / 4k X-User:4k
h1 POST / 4097 X-User:4k
h1 chunked POST / 11m X-User:4k
h1 POST / 1m X-User:
--- answer
401 <401 Authorization Required> | open
200 ok | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
401 <401 Authorization Required> | open


=== TEST 4: per-user.conf, where the authentication names no limit
--- example chomp
per-user.conf
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_8;
    return 204;
}
--- config
--- upload
h1 POST / 1m
h1 POST / 1048577
--- answer
200 ok | open
413 <413 Request Entity Too Large> | closed


=== TEST 5: problem-json.conf
--- example chomp
problem-json.conf
--- config
--- commands
head -c 11M /dev/zero >$TEST_NGINX_SERVER_ROOT/large
for accept in application/json 'text/html, application/problem+json;q=0.5' text/html; do
$CURL -H "Accept: $accept" -H 'Origin: https://www.example.com' -D - -T $TEST_NGINX_SERVER_ROOT/large http://127.0.0.1:$PORT/ | tr -d '\r' | grep -iE '^(HTTP/1.1 4|access-|content-type|vary|\{|At)'
done
$CURL -H 'Origin: https://elsewhere.example' -D - -T $TEST_NGINX_SERVER_ROOT/large http://127.0.0.1:$PORT/ | grep -ci ^access-
rm $TEST_NGINX_SERVER_ROOT/large
--- output
HTTP/1.1 413 Request Entity Too Large
Content-Type: application/problem+json
Access-Control-Allow-Origin: https://www.example.com
Access-Control-Expose-Headers: Content-Type
Vary: Accept, Origin
{"type": "about:blank", "title": "Content Too Large", "status": 413, "detail": "At most 10485760 bytes."}
HTTP/1.1 413 Request Entity Too Large
Content-Type: application/problem+json
Access-Control-Allow-Origin: https://www.example.com
Access-Control-Expose-Headers: Content-Type
Vary: Accept, Origin
{"type": "about:blank", "title": "Content Too Large", "status": 413, "detail": "At most 10485760 bytes."}
HTTP/1.1 413 Request Entity Too Large
Content-Type: text/plain
Access-Control-Allow-Origin: https://www.example.com
Vary: Accept, Origin
At most 10485760 bytes.
0


=== TEST 6: upload-limit.conf: on refusals, not on other answers
--- example chomp
upload-limit.conf
--- config
--- commands
head -c 11M /dev/zero | $CURL -o /dev/null -D - --data-binary @- http://127.0.0.1:$PORT/ | tr -d '\r' | grep -E '^(HTTP/1.1 4|Upload)'
$CURL -o /dev/null -D - -X OPTIONS http://127.0.0.1:$PORT/ | grep -c ^Upload
--- output
HTTP/1.1 413 Request Entity Too Large
Upload-Limit: max-append-size=10485760
0


=== TEST 7: real-ip.conf
--- example chomp
real-ip.conf
--- config
--- upload
h1 POST / 2m X-Forwarded-For:192.0.2.1
h1 POST / 2m X-Forwarded-For:198.51.100.1
h1 POST / 2m
--- answer
200 ok | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed


=== TEST 8: streaming.conf
--- example chomp
streaming.conf
--- config
--- upload
h1 chunked POST /read 10m
h1 chunked POST /read 11m
h1 POST /read 11m
--- answer
200 ok | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
--- logged
/read 200 PASSED 10485760 10485760 body
/read 200 - - - -
/read 413 REJECTED 10485760 * body
/read 400 - - - -
/read 413 REJECTED 10485760 0 header


=== TEST 9: dry-run.conf
--- example chomp
dry-run.conf
--- config
--- upload
h1 POST /a 10m
h1 POST /b 11m
h1 chunked POST /c 11m
h1 GET /d
h1 POST /e 101m
--- answer
200 ok | open
200 ok | open
200 ok | open
200 ok | open
413 <413 Request Entity Too Large> | closed
--- commands
cut -d ' ' -f 3- $TEST_NGINX_SERVER_ROOT/logs/uploads.log
--- output
"POST /a HTTP/1.1" 200 PASSED received=10485760 limit=10485760 at=header
"POST /b HTTP/1.1" 200 REJECTED_DRY_RUN received=11534336 limit=10485760 at=header
"POST /c HTTP/1.1" 200 REJECTED_DRY_RUN received=11534336 limit=10485760 at=body
"POST /e HTTP/1.1" 413 REJECTED_DRY_RUN received=0 limit=10485760 at=header
--- error_log
client intended to send too large body: 11534336 bytes, limit: 10485760, dry run


=== TEST 10: slow-uploads.conf
--- example chomp
slow-uploads.conf
--- config
--- script
h1: head POST /slow.jpg 1m; send 1k; answer; send 1047552; end
h1: head POST /slow.jpg 3k; send 2k; pause 3; send 1k; answer
h1: head POST /files/slow 3k; send 2k; answer; send 1k; end
h1: head POST /files/fast 100k; send 99k; pause 3; send 1k; answer
h1: head POST /large.jpg 1048577; send 1048577; answer; end
--- seen
408 Too slow: 1024 bytes have come. | closed
200 ok
408 Too slow: 2048 bytes have come. | closed
200 ok
413 <413 Request Entity Too Large> | closed
--- error_log eval
[qr/client took too long to send body: 1024 bytes in \d+\.\d{3}s/, qr/client took too long to send body: 2048 bytes in \d+\.\d{3}s/]


=== TEST 11: basic-auth.conf
--- example chomp
basic-auth.conf
--- config
--- user_files
>>> htpasswd
alice:{PLAIN}a
bob:{PLAIN}b
--- upload
h1 POST / 2m
h1 POST / 2m Authorization:Basic_YWxpY2U6YQ==
h1 POST / 2m Authorization:Basic_Ym9iOmI=
h1 POST / 2m Authorization:Basic_YWxpY2U6Yg==
--- answer
401 <401 Authorization Required> | open
200 ok | open
413 <413 Request Entity Too Large> | closed
401 <401 Authorization Required> | open


=== TEST 12: refusals.conf
--- example chomp
refusals.conf
--- config
--- upload
h1 POST /photo.jpg 11m
h1 chunked POST /b 11m
h1 POST /c 1m
h1 GET /d
--- answer
413 Too large: at most 10485760 bytes. | closed
413 Too large: at most 10485760 bytes. | closed
200 ok | open
200 ok | open
--- commands
cut -d ' ' -f 3- $TEST_NGINX_SERVER_ROOT/logs/refusals.log | sed -E 's/(received|drained) [0-9]+ (of ""|in)/\1 N \2/g; s/in [0-9.]+s/in Ns/; s/: (yes|no)$/: ?/'
wc -l <$TEST_NGINX_SERVER_ROOT/logs/access.log
--- output
"POST /photo.jpg HTTP/1.1" 413 REJECTED at header, received 0 of "11534336", limit "10485760", drained N in Ns: complete, acknowledged: ?
"POST /b HTTP/1.1" 413 REJECTED at body, received N of "", limit "10485760", drained N in Ns: complete, acknowledged: ?
4


=== TEST 13: metrics.conf
--- example chomp
metrics.conf
--- config
location / { limit_body 1k; limit_body_zone uploads; proxy_pass http://backend; }
--- upload
h1 POST / 2k
--- answer
413 <413 Request Entity Too Large> | closed
--- commands
$CURL http://127.0.0.1:$METRICS_PORT/metrics | grep '^nginx_limit_body_requests_total.*rejected"'
$CURL http://127.0.0.1:$METRICS_PORT/metrics.json | python3 -c 'import json, sys; print(json.load(sys.stdin)["zones"]["uploads"]["requests"]["rejected"])'
--- output
nginx_limit_body_requests_total{zone="uploads",status="rejected"} 1
1


=== TEST 14: too-large.conf, in a server with locations of its own
--- server_example chomp
too-large.conf
--- config
location / { limit_body 1k; proxy_pass http://backend; }
location /large/ { limit_body 1m; proxy_pass http://backend; }
--- upload
h1 POST /a.jpg 1k
h1 POST /a.jpg 2k
h1 POST /large/b 2m
h2 chunked POST /large/c 2m
--- answer
200 ok | open
413 Too large: at most 1024 bytes. | closed
413 Too large: at most 1048576 bytes. | closed
413 Too large: at most 1048576 bytes.


=== TEST 15: s3.conf
--- example chomp
s3.conf
--- config
--- commands
truncate -s 101M $TEST_NGINX_SERVER_ROOT/large
$CURL -D - -T $TEST_NGINX_SERVER_ROOT/large http://127.0.0.1:$PORT/bucket/photo.jpg | tr -d '\r' | sed '/^HTTP.* 413/,$!d; /^\(Server\|Date\|Content-Length\|Connection\):/d; s/[0-9a-f]\{32\}/ID/'
rm $TEST_NGINX_SERVER_ROOT/large
--- output
HTTP/1.1 413 Request Entity Too Large
Content-Type: application/xml
x-amz-request-id: ID

<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>EntityTooLarge</Code><Message>At most 104857600 bytes in one request.</Message><MaxSizeAllowed>104857600</MaxSizeAllowed></Error>


=== TEST 16: grpc.conf: the fields of a gRPC status, and nothing behind them
--- example chomp
grpc.conf
--- config
--- commands
truncate -s 33M $TEST_NGINX_SERVER_ROOT/large
$CURL -k --http2 -D - -X POST -H 'Content-Type: application/grpc' -H 'TE: trailers' -T $TEST_NGINX_SERVER_ROOT/large https://127.0.0.1:$ANY_PORT/example.Files/Store | tr -d '\r' | grep -vE '^(server|date|$)'
rm $TEST_NGINX_SERVER_ROOT/large
--- output
HTTP/2 200 
content-type: application/grpc
content-length: 0
grpc-status: 8
grpc-message: at most 33554432 bytes in one call


=== TEST 17: git.conf: packets where git reads them, a status where it stops for that
--- example chomp
git.conf
--- config
--- commands
truncate -s 101M $TEST_NGINX_SERVER_ROOT/large
$CURL -w '%{http_code} %{content_type}\n' -X POST -T $TEST_NGINX_SERVER_ROOT/large http://127.0.0.1:$PORT/a/b.git/git-receive-pack | cat -v; echo
$CURL -o /dev/null -w '%{http_code}\n' -X POST -H 'Transfer-Encoding: chunked' -T $TEST_NGINX_SERVER_ROOT/large http://127.0.0.1:$PORT/read/git-receive-pack
$CURL -o /dev/null -w '%{http_code}\n' -X POST -T $TEST_NGINX_SERVER_ROOT/large http://127.0.0.1:$PORT/a/b.git/git-upload-pack
$CURL -X POST -d small http://127.0.0.1:$PORT/a/b.git/git-receive-pack
rm $TEST_NGINX_SERVER_ROOT/large
--- output
002d^BThis push is too large: at most 100 MB.
0023^A001aunpack push too large
00000000200 application/x-git-receive-pack-result

413
413
ok



=== TEST 18: git-lfs.conf
--- example chomp
git-lfs.conf
--- config
--- commands
truncate -s 101M $TEST_NGINX_SERVER_ROOT/large
$CURL -w '%{http_code} %{content_type}\n' -T $TEST_NGINX_SERVER_ROOT/large http://127.0.0.1:$PORT/objects/1.jpg
rm $TEST_NGINX_SERVER_ROOT/large
--- output
{"message": "File too large: at most 104857600 bytes."}
413 application/vnd.git-lfs+json


=== TEST 19: oci-registry.conf
--- example chomp
oci-registry.conf
--- config
--- commands
truncate -s 101M $TEST_NGINX_SERVER_ROOT/large
$CURL -w '%{http_code} %{content_type}\n' -X PATCH -T $TEST_NGINX_SERVER_ROOT/large http://127.0.0.1:$PORT/v2/a/blobs/uploads/1
rm $TEST_NGINX_SERVER_ROOT/large
--- output
{"errors": [{"code": "SIZE_INVALID", "message": "layer too large: at most 104857600 bytes", "detail": null}]}
413 application/json


=== TEST 20: webdav.conf
--- example chomp
webdav.conf
--- config
--- commands
truncate -s 101M $TEST_NGINX_SERVER_ROOT/large
$CURL -w '%{http_code} %{content_type}\n' -T $TEST_NGINX_SERVER_ROOT/large http://127.0.0.1:$PORT/a/photo.jpg
rm $TEST_NGINX_SERVER_ROOT/large
--- output
<?xml version="1.0" encoding="utf-8"?>
<d:error xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns"><s:exception>Sabre\DAV\Exception\EntityTooLarge</s:exception><s:message>File too large: at most 104857600 bytes.</s:message></d:error>
413 application/xml


=== TEST 21: packages.conf: by path
--- example chomp
packages.conf
--- config
--- commands
truncate -s 11M $TEST_NGINX_SERVER_ROOT/large
for path in name @scope%2fname @scope/name api/v1/crates/new some/where/else; do $CURL -w '%{http_code} %{content_type}\n' -T $TEST_NGINX_SERVER_ROOT/large http://127.0.0.1:$PORT/$path; done
$CURL -w '%{http_code} %{content_type}\n' -X POST -T $TEST_NGINX_SERVER_ROOT/large http://127.0.0.1:$PORT/legacy/
rm $TEST_NGINX_SERVER_ROOT/large
--- output
{"error": "at most 10485760 bytes", "errors": [{"detail": "at most 10485760 bytes"}]}
413 application/json
{"error": "at most 10485760 bytes", "errors": [{"detail": "at most 10485760 bytes"}]}
413 application/json
{"error": "at most 10485760 bytes", "errors": [{"detail": "at most 10485760 bytes"}]}
413 application/json
{"error": "at most 10485760 bytes", "errors": [{"detail": "at most 10485760 bytes"}]}
413 application/json
At most 10485760 bytes.
413 text/plain
At most 10485760 bytes.
413 text/plain


=== TEST 22: s3.conf: an announced length
--- example chomp
s3.conf
--- config
--- upload
h1 chunked PUT /bucket/a 1k X-Amz-Decoded-Content-Length:104857600
--- answer
200 ok | open
--- commands
$CURL -w '%{http_code}\n' -o /dev/null -X PUT -H 'Transfer-Encoding: chunked' -H 'X-Amz-Decoded-Content-Length: 104857601' -d small http://127.0.0.1:$PORT/bucket/a
--- output
413


=== TEST 23: webdav.conf: the length of a file that is sent in parts
--- example chomp
webdav.conf
--- config
--- commands
for field in OC-Total-Length X-Expected-Entity-Length; do for length in 104857600 104857601; do
$CURL -w ' %{http_code}\n' -o /dev/null -X PUT -H "$field: $length" -d part http://127.0.0.1:$PORT/a
done; done
--- output
 200
 413
 200
 413


=== TEST 24: tus.conf: the length of a file, when its upload is created
--- example chomp
tus.conf
--- config
--- commands
for length in 104857600 104857601; do
$CURL -D - -X POST -H 'Tus-Resumable: 1.0.0' -H "Upload-Length: $length" http://127.0.0.1:$PORT/files/ | tr -d '\r' | grep -E '^(HTTP|Content-Type|Tus|ok|File)'
done
--- output
HTTP/1.1 200 OK
Content-Type: text/plain
ok
HTTP/1.1 413 Request Entity Too Large
Content-Type: text/plain
Tus-Resumable: 1.0.0
File too large: at most 104857600 bytes.


=== TEST 25: streaming.conf: a live stream, by a client that never reads, is cut off
--- example chomp
streaming.conf
--- config
--- commands
bash -c 'exec 3<>/dev/tcp/127.0.0.1/$PORT; printf "PUT /live/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" >&3; while printf "10000\r\n" >&3 && head -c 64K /dev/zero >&3 && printf "\r\n" >&3; do :; done' 2>/dev/null; echo cut off
--- output
cut off
--- drained
/live/a 413 bytes 1048576 ?
