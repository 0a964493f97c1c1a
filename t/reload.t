# Drains and counts while the configuration is reloaded to one with many more zones, and to one with fewer.

use Test::Nginx::LimitBody 'no_plan';

master_on();

run_tests();

__DATA__

=== TEST 1: what the old worker holds still counts for conns, in a zone and without one, and nothing that it counts is lost
--- config
location = /metrics { limit_body_metrics; }
limit_body 1k;
limit_body_drain conns=2;
location /named/ { limit_body_zone named; proxy_pass http://backend; }
location /nameless/ { proxy_pass http://backend; }
include ../html/more*.inc;
--- commands
for zone in $(seq -f z%g 40); do echo "location = /$zone { limit_body 1k; limit_body_zone $zone; }"; done >"$(dirname "$PID_FILE")/../html/more.inc"
"$TEST_PYTHON" t/lib/script.py <<END
h1: head POST /named/1 1m; answer; mark 1; await over; send 1m; end
h1: head POST /named/2 1m; answer; mark 2; await over; send 1m; end
h1: head POST /nameless/1 1m; answer; mark 3; await over; send 1m; end
h1: head POST /nameless/2 1m; answer; mark 4; await over; send 1m; end
h1: await 1; await 2; await 3; await 4; signal HUP; logged shutting; mark reloaded
h1: await reloaded; head POST /named/3 1m; answer; end; mark 5
h1: await 5; head POST /nameless/3 1m; answer; end; mark over
END
"$TEST_PYTHON" t/lib/metrics.py named 3 3 | grep -v '^request\|^rejected'
"$TEST_PYTHON" t/lib/metrics.py z40 0
curl -s http://127.0.0.1:$PORT/metrics | grep -c '^nginx_limit_body_draining_connections{'
echo 'h1: head POST /named/4 1m; answer; send 1m; end' | "$TEST_PYTHON" t/lib/script.py
--- output
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed

413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
drains_total outcome=complete 2
drains_total outcome=refused 1
drained_bytes_total 2097152
responses_acknowledged_total acknowledged=yes 3
41
413 <413 Request Entity Too Large> | closed
--- drained
/named/1 413 complete 1048576 yes
/named/2 413 complete 1048576 yes
/nameless/1 413 complete 1048576 yes
/nameless/2 413 complete 1048576 yes
/named/3 413 refused 0 ?
/nameless/3 413 refused 0 ?
/named/4 413 complete 1048576 yes


=== TEST 2: a zone that a reload leaves out begins anew with one that has it again
--- config
location = /metrics { limit_body_metrics; }
location = /pid { return 200 $pid; }
include ../html/zones.inc;
--- user_files
>>> zones.inc
location = /a { limit_body 1k; limit_body_zone a; proxy_pass http://backend; }
location = /b { limit_body 1k; limit_body_zone b; proxy_pass http://backend; }
--- upload
h1 POST /a 10
h1 POST /b 10
--- answer
200 ok | open
200 ok | open
--- commands
"$TEST_PYTHON" t/lib/metrics.py b 1 | sed -n 1p
"$TEST_PYTHON" t/lib/reload.py a
"$TEST_PYTHON" t/lib/metrics.py b 0
"$TEST_PYTHON" t/lib/reload.py b a
"$TEST_PYTHON" t/lib/metrics.py a 1 | sed -n 1p
"$TEST_PYTHON" t/lib/metrics.py b 0
curl -s -o /dev/null --data-binary 1234567890 http://127.0.0.1:$PORT/b
"$TEST_PYTHON" t/lib/metrics.py b 1 | sed -n 1p
--- output
requests_total status=passed 1
no zone
requests_total status=passed 1
requests_total status=passed 1


=== TEST 3: what the old worker holds of a key still counts
--- config
limit_body 1k;
limit_body_drain per_key=1 key=$arg_key;
location / { proxy_pass http://backend; }
--- script
h1: head POST /1?key=a 1m; answer; mark 1; await 4; send 1m; end; mark over
h1: await 1; signal HUP; logged shutting; mark reloaded
h1: await reloaded; head POST /2?key=a 1m; answer; end; mark 2
h1: await 2; head POST /3?key=b 1m; answer; send 1m; end; mark 4
h1: await over; head POST /4?key=a 1m; answer; send 1m; end
--- seen
413 <413 Request Entity Too Large> | closed

413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
--- drained
/1?key=a 413 complete 1048576 yes
/2?key=a 413 refused 0 ?
/3?key=b 413 complete 1048576 yes
/4?key=a 413 complete 1048576 yes
