# What is counted, and how it is shown.

use Test::Nginx::LimitBody 'no_plan';

master_on();

run_tests();

__DATA__

=== TEST 1: uploads by verdict, by what told, and by size
--- config
location = /metrics { limit_body_metrics; }
limit_body 2k;
limit_body_zone uploads;
location / { proxy_pass http://backend; }
location = /dry { limit_body 2k; limit_body_dry_run on; client_max_body_size 0; limit_body_zone dry; proxy_pass http://backend/read; }
location = /bad { limit_body $arg_size; proxy_pass http://backend; }
location = /elsewhere { limit_body_zone off; proxy_pass http://backend; }
--- upload
h1 POST /up 100
h1 POST /up 1024
h1 POST /up 2048
h1 POST /up 2049
h1 chunked POST /up 1025
h1 POST /bad?size=1q 100
h2 POST /up 10 | POST /up 1m | GET /up
h1 POST /elsewhere 100
h1 POST /dry 2048
h1 POST /dry 1m
h1 chunked POST /dry 100k
--- answer
200 ok | open
200 ok | open
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
500 <500 Internal Server Error> | closed
200 ok | 413 <413 Request Entity Too Large> | 200 ok
200 ok | open
200 ok | open
200 ok | open
200 ok | open
--- commands
"$TEST_PYTHON" t/lib/metrics.py uploads 8 3
echo
"$TEST_PYTHON" t/lib/metrics.py dry 3
--- output_like
^requests_total status=passed 5
requests_total status=rejected 3
rejected_total at=header 3
request_size_bytes_bucket le=1024 4
request_size_bytes_bucket le=4096 7
request_size_bytes_bucket le=1048576 8
request_size_bytes_sum 1054932
request_size_bytes_count 8
drains_total outcome=complete 3
drained_bytes_total 1050725
(?:responses_acknowledged_total .*\n)+
requests_total status=passed 1
requests_total status=rejected_dry_run 2
request_size_bytes_bucket le=4096 1
request_size_bytes_bucket le=262144 2
request_size_bytes_bucket le=1048576 3
request_size_bytes_sum 1153024
request_size_bytes_count 3
--- error_log
invalid value "1q" of "$arg_size" in "limit_body"


=== TEST 2: drains of every kind of early answer, and those under way
--- config
location = /metrics { limit_body_metrics; }
limit_body_zone drains;
limit_body_drain idle=30s;
location / { return 403; }
location /silent { limit_body_drain idle=1s; return 403; }
--- script
h1: head POST /complete 1m; answer; send 1m; close
h1: head POST /closed 1m; answer; send 1k; close
h1: head POST /silent/1 1m; answer; end
h2: head POST /reset 1m; answer; pause 0.2; reset; pause 0.2; close
h2: head POST /silent/2 1m; answer; stop; close
--- seen
403 <403 Forbidden>
403 <403 Forbidden>
403 <403 Forbidden> | closed
403 <403 Forbidden>
403 <403 Forbidden> | stopped: NO_ERROR
--- commands
"$TEST_PYTHON" t/lib/metrics.py drains 0 5
--- output
drains_total outcome=complete 1
drains_total outcome=closed 2
drains_total outcome=timeout 2
drained_bytes_total 1049600
responses_acknowledged_total acknowledged=yes 5


=== TEST 3: what is being drained is shown, and what a worker had that was killed is not
--- config
location = /metrics { limit_body_metrics; }
limit_body 1k;
limit_body_zone uploads;
add_header X-Process $pid always;
location / { proxy_pass http://backend; }
--- script
h1: head POST /1 1m; answer; kill
--- seen
413 <413 Request Entity Too Large>
--- commands
"$TEST_PYTHON" t/lib/metrics.py uploads 1
--- output
requests_total status=rejected 1
rejected_total at=header 1
request_size_bytes_bucket le=1048576 1
request_size_bytes_sum 1048576
request_size_bytes_count 1


=== TEST 4: counts outlive reloads, whatever becomes of other zones
--- config
location = /metrics { limit_body_metrics; }
location = /pid { return 200 $pid; }
include ../html/zones.inc;
--- user_files
>>> zones.inc
location = /a { limit_body 1k; limit_body_zone a; proxy_pass http://backend; }
location = /b { limit_body 1k; limit_body_zone b; proxy_pass http://backend; }
location = /c { limit_body 1k; limit_body_zone c; proxy_pass http://backend; }
--- upload
h1 POST /a 10
h1 POST /c 10
h1 POST /c 10
--- answer
200 ok | open
200 ok | open
200 ok | open
--- commands
"$TEST_PYTHON" t/lib/metrics.py c 2 | sed -n 1p
"$TEST_PYTHON" t/lib/reload.py c d a
"$TEST_PYTHON" t/lib/metrics.py a 1 | sed -n 1p
"$TEST_PYTHON" t/lib/metrics.py c 2 | sed -n 1p
"$TEST_PYTHON" t/lib/metrics.py b 0 | sed -n 1p
"$TEST_PYTHON" t/lib/reload.py $(seq -f z%g 40) a b c
"$TEST_PYTHON" t/lib/metrics.py a 1 | sed -n 1p
"$TEST_PYTHON" t/lib/metrics.py c 2 | sed -n 1p
curl -s -o /dev/null --data-binary 1234567890 http://127.0.0.1:$PORT/c
curl -s -o /dev/null --data-binary 1234567890 http://127.0.0.1:$PORT/z40
"$TEST_PYTHON" t/lib/metrics.py c 3 | sed -n 1p
"$TEST_PYTHON" t/lib/metrics.py z40 1 | sed -n 1p
"$TEST_PYTHON" t/lib/reload.py a z40
"$TEST_PYTHON" t/lib/reload.py b c z40
"$TEST_PYTHON" t/lib/metrics.py z40 1 | sed -n 1p
--- output
requests_total status=passed 2
requests_total status=passed 1
requests_total status=passed 2
no zone
requests_total status=passed 1
requests_total status=passed 2
requests_total status=passed 3
requests_total status=passed 1
requests_total status=passed 1


=== TEST 5: conns counts the drains of its zone
--- config
location = /metrics { limit_body_metrics; }
limit_body 1k;
limit_body_drain conns=1;
location /a { limit_body_zone a; proxy_pass http://backend; }
location /b { limit_body_zone b; proxy_pass http://backend; }
location /none { proxy_pass http://backend; }
--- script
h1: head POST /a/1 1m; answer; mark 1; await done; send 1m; end
h1: await 1; head POST /b/1 1m; answer; mark 2; await done; send 1m; end
h1: await 2; head POST /none/1 1m; answer; mark 3; await done; send 1m; end
h1: await 3; head POST /a/2 1m; answer; end; mark 4
h1: await 4; head POST /none/2 1m; answer; end; mark done
--- seen
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
--- drained
/a/1 413 complete 1048576 yes
/b/1 413 complete 1048576 yes
/none/1 413 complete 1048576 yes
/a/2 413 refused 0 ?
/none/2 413 refused 0 ?


=== TEST 6: JSON, names of any kind, and a thousand zones
--- config eval
qq{location = /metrics { limit_body_metrics; }\nlocation = /json { limit_body_metrics json; }\n}
    . qq{location = /named { limit_body 1k; limit_body_zone "a \\"b\\" \\\\ größe"; proxy_pass http://backend; }\n}
    . CORE::join '', map { "location = /$_ { limit_body 1k; limit_body_zone zone$_; }\n" } 1 .. 999
--- upload
h1 POST /named 10
--- answer
200 ok | open
--- commands
"$TEST_PYTHON" t/lib/metrics.py 'a "b" \ größe' 1 | sed -n 1p
curl -s http://127.0.0.1:$PORT/metrics | grep -c '^nginx_limit_body_draining_connections{'
curl -s http://127.0.0.1:$PORT/json | "$TEST_PYTHON" -c 'import json, sys; zones = json.load(sys.stdin)["zones"]; print(len(zones), zones["a \"b\" \\ größe"]["requests"])'
curl -sD - -o /dev/null http://127.0.0.1:$PORT/json | grep -i ^content-type | tr -d "\r"
--- output
requests_total status=passed 1
1000
1000 {'passed': 1, 'rejected': 0, 'rejected_dry_run': 0, 'timed_out': 0, 'timed_out_dry_run': 0}
Content-Type: application/json


=== TEST 7: GET and HEAD only, over any version of HTTP, and for whom the location says
--- config
location = /metrics { limit_body_metrics; }
location = /private { limit_body_metrics; deny all; }
location = /limited { limit_body 1k; limit_body_zone limited; }
--- commands
curl -s -o /dev/null -w '%{http_code} %{content_type}\n' http://127.0.0.1:$PORT/metrics
curl -sk --http2 -o /dev/null -w '%{http_code} %{http_version}\n' https://127.0.0.1:$TLS_PORT/metrics
curl -sI http://127.0.0.1:$PORT/metrics | grep -c '^HTTP/1.1 200\|^Content-Length: [1-9]'
curl -s -o /dev/null -w '%{http_code}\n' --data-binary @t/zone.t http://127.0.0.1:$PORT/metrics
curl -s -o /dev/null -w '%{http_code}\n' -X PUT http://127.0.0.1:$PORT/metrics
curl -s -o /dev/null -w '%{http_code}\n' http://127.0.0.1:$PORT/private
--- output
200 text/plain; version=0.0.4; charset=utf-8
200 2
2
405
405
403
--- no_error_log
[alert]


=== TEST 8: how many drain at the moment
--- config
location = /metrics { limit_body_metrics; }
limit_body 1k;
limit_body_zone uploads;
location / { proxy_pass http://backend; }
--- commands
echo 'h2: head POST /1 1m; answer; head POST /2 1m; answer; pause 1; close' | "$TEST_PYTHON" t/lib/script.py >/dev/null &
"$TEST_PYTHON" t/lib/metrics.py uploads 2 | grep draining
wait
"$TEST_PYTHON" t/lib/metrics.py uploads 2 2 | grep -c draining
--- output
draining_connections 2
0


=== TEST 9: included in a page
--- config
location = /metrics { limit_body_metrics json; }
location = /page { ssi on; default_type text/html; return 200 'before <!--#include virtual="/metrics" --> after\n'; }
location = /next { return 200 "next\n"; }
--- script
h1: head GET /page; answer; head GET /next; answer
h2: head GET /page; answer; head GET /next; answer
--- seen
200 before {"zones": {}}\n after | 200 next
200 before {"zones": {}}\n after | 200 next
--- no_error_log
[alert]


=== TEST 10: a sum of sizes that no counter can hold stays at the largest number
--- config
location = /metrics { limit_body_metrics; }
location = /json { limit_body_metrics json; }
limit_body 1k;
limit_body_zone uploads;
location / { proxy_pass http://backend; }
--- script
h1: head POST /1 9223372036854775807; answer; close
h1: head POST /2 9223372036854775807; answer; close
h1: head POST /3 9223372036854775807; answer; close
--- seen
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large>
--- commands
"$TEST_PYTHON" t/lib/metrics.py uploads 3 3 | grep -c '^request_size_bytes_count 3'
curl -s http://127.0.0.1:$PORT/metrics | grep '^nginx_limit_body_request_size_bytes_sum'
curl -s http://127.0.0.1:$PORT/json | "$TEST_PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["zones"]["uploads"]["request_size_bytes"]["sum"])'
--- output
1
nginx_limit_body_request_size_bytes_sum{zone="uploads"} 18446744073709551615
18446744073709551615


=== TEST 11: a zone of another module may have any name
--- http_config
limit_req_zone $binary_remote_addr zone=limit_body:1m rate=1000r/s;
limit_conn_zone $binary_remote_addr zone=uploads:1m;
upstream other { zone limit_body:zone:other 16m; server 127.0.0.1:1; }
--- config
location = /metrics { limit_body_metrics; }
limit_req zone=limit_body burst=10;
limit_conn uploads 10;
limit_body 1k;
limit_body_zone uploads;
location / { proxy_pass http://backend; }
--- upload
h1 POST /up 10
--- answer
200 ok | open
--- commands
"$TEST_PYTHON" t/lib/metrics.py uploads 1 | sed -n 1p
curl -s http://127.0.0.1:$PORT/metrics | grep -c other
--- output
requests_total status=passed 1
0


=== TEST 12: a condition in the location changes nothing, and a location within shows nothing
--- config
location /metrics {
    limit_body_metrics;
    limit_body 1k;
    if ($http_user_agent ~ Prometheus) { access_log off; }
    location /metrics/json {
        limit_body_metrics json;
        if ($arg_a) { set $a 1; }
        if ($arg_b) { set $b 1; }
    }
    location /metrics/none { if ($arg_a) { set $a 1; } }
}
--- commands
for target in metrics metrics/json metrics/json?a=1 'metrics/json?a=1&b=1' metrics/none metrics/none?a=1; do
    curl -s -A Prometheus/3 -o /dev/null -w "$target %{http_code} %{content_type}\n" "http://127.0.0.1:$PORT/$target"
done
--- output
metrics 200 text/plain; version=0.0.4; charset=utf-8
metrics/json 200 application/json
metrics/json?a=1 200 application/json
metrics/json?a=1&b=1 200 application/json
metrics/none 404 text/html
metrics/none?a=1 404 text/html


=== TEST 13: nginx takes the format for what it is: plain text that has its charset, or JSON
--- config
charset utf-8;
charset_types *;
gzip on;
gzip_min_length 1;
gzip_types text/plain;
location = /metrics { limit_body_metrics; }
location = /json { limit_body_metrics json; }
--- commands
for target in metrics json; do
    curl -sD - -o /dev/null -H 'Accept-Encoding: gzip' http://127.0.0.1:$PORT/$target | grep -iE '^content-(type|encoding)' | tr -d '\r'
    curl -skD - -o /dev/null --http2 -H 'Accept-Encoding: gzip' https://127.0.0.1:$TLS_PORT/$target | grep -iE '^content-(type|encoding)' | tr -d '\r'
done
--- output
Content-Type: text/plain; version=0.0.4; charset=utf-8
Content-Encoding: gzip
content-type: text/plain; version=0.0.4; charset=utf-8
content-encoding: gzip
Content-Type: application/json; charset=utf-8
content-type: application/json; charset=utf-8
