# How many drains there may be at once, over several workers.

use Test::Nginx::LimitBody 'no_plan';

master_on();
workers(3);

run_tests();

__DATA__

=== TEST 1: conns counts over all workers, but not what one had that was killed
--- config
limit_body 1k;
limit_body_drain conns=2;
add_header X-Process $pid always;
location / { proxy_pass http://backend; }
--- script
h1: head POST /1 1m; answer; mark 1; await refused; kill; end; mark killed
h1s: head POST /2 1m; answer; mark 2; await killed; kill; end; mark free
h1: await 1; await 2; head POST /3 1m; answer; end; mark 3
h1: await 3; head POST /4 1m; answer; end; mark 4
h1: await 4; head POST /5 1m; answer; end; mark 5
h1: await 5; head POST /6 1m; answer; end; mark 6
h1: await 6; head POST /7 1m; answer; end; logged refused, 5; mark refused
h1: await free; head POST /8 1m; answer; mark 8; await 9; send 1m; end
h1: await free; head POST /9 1m; answer; mark 9; await 8; send 1m; end
--- seen
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
--- drained
/3 413 refused 0 ?
/4 413 refused 0 ?
/5 413 refused 0 ?
/6 413 refused 0 ?
/7 413 refused 0 ?
/8 413 complete 1048576 yes
/9 413 complete 1048576 yes


=== TEST 2: per_key counts the drains of each key over all workers, but not what one had that was killed
--- config
limit_body 1k;
limit_body_drain per_key=2 key=$arg_key;
add_header X-Process $pid always;
location / { proxy_pass http://backend; }
--- script
h1: head POST /1?key=a 1m; answer; mark 1; await refused; kill; end; mark killed
h1s: head POST /2?key=a 1m; answer; mark 2; await killed; kill; end; mark free
h1: await 1; await 2; head POST /3?key=a 1m; answer; end; mark 3
h1: await 3; head POST /4?key=a 1m; answer; end; mark 4
h1: await 4; head POST /5?key=a 1m; answer; end; logged refused, 3; mark refused
h1: await free; head POST /6?key=a 1m; answer; mark 6; await 9; send 1m; end
h1: await free; head POST /7?key=a 1m; answer; mark 7; await 9; send 1m; end
h1: await 6; await 7; head POST /8?key=b 1m; answer; send 1m; end; mark 8
h1: await 8; head POST /9 1m; answer; send 1m; end; mark 9
--- seen
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
--- drained
/3?key=a 413 refused 0 ?
/4?key=a 413 refused 0 ?
/5?key=a 413 refused 0 ?
/6?key=a 413 complete 1048576 yes
/7?key=a 413 complete 1048576 yes
/8?key=b 413 complete 1048576 yes
/9 413 complete 1048576 yes


=== TEST 3: the key is the client's address, unless told; requests without one are not counted
--- config
limit_body 1k;
limit_body_drain per_key=1;
set_real_ip_from 127.0.0.1;
real_ip_header X-Real-IP;
location / { proxy_pass http://backend; }
location /empty { limit_body_drain key=$arg_none; proxy_pass http://backend; }
--- script
h1: head POST /1 1m X-Real-IP:192.0.2.1; answer; mark 1; await over; send 1m; end
h1: await 1; head POST /2 1m X-Real-IP:192.0.2.1; answer; end; mark 2
h1: await 2; head POST /3 1m X-Real-IP:192.0.2.2; answer; send 1m; end; mark 3
h1: await 1; head POST /empty/1 1m; answer; mark 4; await 5; send 1m; end
h1: await 1; head POST /empty/2 1m; answer; mark 5; await 4; send 1m; end; await 3; mark over
--- seen
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
--- drained
/1 413 complete 1048576 yes
/2 413 refused 0 ?
/3 413 complete 1048576 yes
/empty/1 413 complete 1048576 yes
/empty/2 413 complete 1048576 yes


=== TEST 4: per_key counts each stream, and none that is over
--- config
limit_body 1k;
limit_body_drain per_key=1;
location / { proxy_pass http://backend; }
--- script
h2: head POST /first 1m; answer; head POST /second 1m; answer; stop; stream 1; send 1m; finish; drained; mark done; head POST /third 2k; send 2k; finish; answer; drained; mark closed; close
h3: await closed; pause 0.5; head POST /quic/first 1m; answer; head POST /quic/second 1m; answer; stop; stream 1; send 1m; finish; drained; close
--- seen
413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large> | stopped: NO_ERROR | 413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large> | stopped: H3_NO_ERROR
--- drained
/first 413 complete 1048576 yes
/second 413 refused 0 ?
/third 413 complete 2048 ?
h3 /quic/first 413 complete 1048576 yes
h3 /quic/second 413 refused 0 ?


=== TEST 5: a key belongs to its zone and to its variable; what conns refuses is not counted for it
--- config
limit_body 1k;
limit_body_drain per_key=1 key=$arg_a;
location /a { limit_body_zone a; proxy_pass http://backend; }
location /b { limit_body_zone b; proxy_pass http://backend; }
location /c { limit_body_zone a; limit_body_drain key=$arg_b; proxy_pass http://backend; }
location /d { limit_body_zone d; limit_body_drain conns=1; proxy_pass http://backend; }
location /e { limit_body_zone d; limit_body_drain per_key=2; proxy_pass http://backend; }
--- script
h1: head POST /a/1?a=x 1m; answer; mark 1; await over; send 1m; end
h1: await 1; head POST /b/1?a=x 1m; answer; mark 2; await over; send 1m; end
h1: await 2; head POST /c/1?b=x 1m; answer; mark 3; await over; send 1m; end
h1: await 3; head POST /a/2?a=x 1m; answer; end; mark 4
h1: await 4; head POST /c/2?b=x 1m; answer; end; mark 5
h1: await 5; head POST /d/1?a=y 1m; answer; mark 6; await over; send 1m; end
h1: await 6; head POST /d/2?a=x 1m; answer; end; mark 7
h1: await 7; head POST /e/1?a=x 1m; answer; mark 8; await over; send 1m; end
h1: await 8; head POST /e/2?a=x 1m; answer; mark 9; await over; send 1m; end
h1: await 9; head POST /e/3?a=x 1m; answer; end; mark over
--- seen
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
--- drained
/a/1?a=x 413 complete 1048576 yes
/b/1?a=x 413 complete 1048576 yes
/c/1?b=x 413 complete 1048576 yes
/a/2?a=x 413 refused 0 ?
/c/2?b=x 413 refused 0 ?
/d/1?a=y 413 complete 1048576 yes
/d/2?a=x 413 refused 0 ?
/e/1?a=x 413 complete 1048576 yes
/e/2?a=x 413 complete 1048576 yes
/e/3?a=x 413 refused 0 ?


=== TEST 6: exactly as many as there may be, of forty that come at the same moment
--- config
location = /metrics { limit_body_metrics; }
limit_body 1k;
location /conns/ { limit_body_zone conns; limit_body_drain conns=5; proxy_pass http://backend; }
location /key/ { limit_body_zone key; limit_body_drain per_key=5; proxy_pass http://backend; }
--- commands
for zone in conns key; do
    for i in $(seq 40); do
        echo "h1: await go; head POST /$zone/$i 1m; answer; mark $i; await over; send 1m; end"
    done >"$(dirname "$PID_FILE")/script"
    echo "h1: mark go; $(seq -f 'await %g;' 40 | tr '\n' ' ') mark over" >>"$(dirname "$PID_FILE")/script"
    "$TEST_PYTHON" t/lib/script.py <"$(dirname "$PID_FILE")/script" | grep -c '^413'
    "$TEST_PYTHON" t/lib/metrics.py $zone 40 40 | grep outcome
done
--- output
40
drains_total outcome=complete 5
drains_total outcome=refused 35
40
drains_total outcome=complete 5
drains_total outcome=refused 35


=== TEST 7: a refused body that has arrived with its header needs no slot; one that nginx has read (in chunks) has no drain
--- config
limit_body 10;
location /conns { limit_body_drain conns=1; proxy_pass http://backend; }
location /key { limit_body_drain per_key=1; proxy_pass http://backend; }
--- script
h1: head POST /conns/1 1m; answer; mark 1; await over; send 1m; end
h1: await 1; bytes POST /conns/2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\n01234567890123456789; answer; end; mark 2
h1: await 2; bytes POST /conns/3 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n01234567890123456789\r\n0\r\n\r\n; answer; end; mark 3
h1: await 3; bytes POST /conns/4 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 21\r\n\r\n01234567890123456789; answer; end; mark 4
h1: await 4; head POST /key/1 1m; answer; mark 5; await over; send 1m; end
h1: await 5; bytes POST /key/2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\n01234567890123456789; answer; end; mark 6
h1: await 6; head POST /key/3 20; answer; end; mark over
--- seen
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
--- drained
/conns/1 413 complete 1048576 yes
/conns/2 413 complete 20 ?
/conns/4 413 refused 20 ?
/key/1 413 complete 1048576 yes
/key/2 413 complete 20 ?
/key/3 413 refused 0 ?
