# How the drain of a body ends, and what it may cost (HTTP/1.x).

use Test::Nginx::LimitBody 'no_plan';

# A request with a body of this size, for "bytes".
sub little {
    my $size = shift;
    return "POST /little HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Length: $size\\r\\n\\r\\n" . "x" x $size;
}

run_tests();

__DATA__

=== TEST 1: complete: the whole body is read, and the client the answer
--- config
limit_body 1k;
location /up { proxy_pass http://backend; }
location = /page { error_page 413 /too_large; proxy_pass http://backend; }
location = /too_large { internal; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_pass http://backend/page; }
--- upload
h1 POST /up/1 64m
h1.0 POST /up/2 64m
h1s POST /up/3 64m
h1s tls1.2 POST /up/4 64m
h1 chunked POST /up/5 64m
h1s chunked POST /up/6 64m
h1 POST /up/7 1025
h1s POST /up/8 16k
h1s POST /up/9 17k
h1 POST /page 64m
--- answer
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 GET, length , | closed
--- drained
/up/1 413 complete 67108864 yes
/up/2 413 complete 67108864 yes
/up/3 413 complete * yes
/up/4 413 complete * yes
/up/5 413 complete * yes
/up/6 413 closed * yes
/up/7 413 complete 1025 ?
/up/8 413 complete 16384 ?
/up/9 413 complete 17408 ?
/page 413 complete 67108864 yes
--- error_log eval
qr/\[info\] .*drained 67108864 bytes of request body in \d+\.\d{3}s: complete, response acknowledged/


=== TEST 2: a client that stalls for 7 seconds, or sends for longer than lingering_time, reads its answer
--- config
limit_body 1k;
lingering_time 4s;
location / { proxy_pass http://backend; }
--- script
h1: head POST /stall 1m; send 500k; pause 7; send 524k; answer; end
h1: head POST /steady 1000k; send 1000k each 20k every 0.1; answer; end
h1: head POST /chunked chunked; chunk 2k; chunk 500k; pause 7; chunk 500k; chunk 0; answer; end
h1s: head POST /stall 1m; send 500k; pause 7; send 524k; answer; end
h1s: head POST /steady 1000k; send 1000k each 20k every 0.1; answer; end
h1s: head POST /chunked chunked; chunk 2k; chunk 500k; pause 7; chunk 500k; chunk 0; answer; end
--- seen
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
--- drained
/stall 413 complete 1048576 yes
/stall 413 complete 1048576 yes
/steady 413 complete 1024000 yes
/steady 413 complete 1024000 yes
/chunked 413 complete * yes
/chunked 413 complete * yes


=== TEST 3: closed: the client has seen enough
--- config
limit_body 1k;
location / { proxy_pass http://backend; }
--- script
h1: head POST /closed 1m; send 100k; answer; close
h1s: head POST /closed/tls 1m; send 100k; answer; close
h1: head POST /half 1m; send 100k; shutdown; answer; end
h1: head POST /closed/chunked chunked; chunk 100k; answer; close
--- seen
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large>
--- drained
/closed 413 closed 102400 yes
/closed/tls 413 closed * yes
/half 413 closed 102400 yes
/closed/chunked 413 closed * yes


=== TEST 4: timeout: the client is silent
--- config
limit_body 1k;
limit_body_drain idle=1s;
location / { proxy_pass http://backend; }
--- script
h1: head POST /silent 1m; send 100k; answer; end
h1s: head POST /silent/tls 1m; send 100k; answer; end
h1: head POST /silent/chunked chunked; chunk 100k; answer; end
h1: head POST /none 1m; answer; end
--- seen
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
--- drained
/silent 413 timeout 102400 yes
/silent/tls 413 timeout * yes
/silent/chunked 413 timeout * yes
/none 413 timeout 0 yes


=== TEST 5: timeout: the time is up
--- config
limit_body 1k;
limit_body_drain time=3s rate=1k;
lingering_time 2s;
location / { proxy_pass http://backend; }
--- script
h1: head POST /busy 1g; send 10m each 20k every 0.02; answer; end
h1s: head POST /busy/tls 1g; send 10m each 20k every 0.02; answer; end
h1: head POST /busy/chunked chunked; chunk 2k; answer; bytes fffffff\r\n; send 10m each 20k every 0.02; end
--- seen
unsent
unsent
413 <413 Request Entity Too Large> | unsent
--- drained
/busy 413 timeout * yes
/busy/tls 413 timeout * yes
/busy/chunked 413 timeout * yes


=== TEST 6: slow: a client that drips has lingering_time and no more
--- config
limit_body 1k;
lingering_time 2s;
location / { proxy_pass http://backend; }
--- script
h1: head POST /drip 1m; answer; send 100 each 1 every 0.1; end
h1s: head POST /drip/tls 1m; answer; send 100 each 1 every 0.1; end
h1: head POST /drip/chunked chunked; chunk 2k; answer; bytes ffff\r\n; send 100 each 1 every 0.1; end
--- seen
413 <413 Request Entity Too Large> | unsent
413 <413 Request Entity Too Large> | unsent
413 <413 Request Entity Too Large> | unsent
--- drained
/drip 413 slow * yes
/drip/tls 413 slow * yes
/drip/chunked 413 slow * yes


=== TEST 7: bytes: no more is drained than may be
--- config
limit_body 1k;
limit_body_drain bytes=64k;
location / { proxy_pass http://backend; }
location /equal { limit_body_drain bytes=2m; proxy_pass http://backend; }
--- script
h1: head POST /much 10m; answer; send 10m; end
h1s: head POST /much/tls 10m; answer; send 10m; end
h1: head POST /much/chunked chunked; chunk 2k; answer; chunk 5m; chunk 5m; end
h1: head POST /little 64k; send 64k; answer; end
h1s: head POST /equal/tls 2m; send 2m; answer; end
--- seen
413 <413 Request Entity Too Large> | unsent
413 <413 Request Entity Too Large> | unsent
413 <413 Request Entity Too Large> | unsent
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
--- drained
/much 413 bytes 65536 yes
/much/tls 413 bytes 65536 yes
/much/chunked 413 bytes 65536 yes
/little 413 complete 65536 yes
/equal/tls 413 complete 2097152 yes


=== TEST 8: refused: no more are drained at once than may be; the others get their answer, and are closed
--- config
limit_body 1k;
limit_body_drain conns=2;
location / { proxy_pass http://backend; }
--- script
h1: head POST /first 1m; answer; mark first; await third; send 1m; end
h1s: head POST /second 1m; answer; mark second; await third; send 1m; end
h1: await first; await second; head POST /third 1m; answer; end; mark third
--- seen
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
--- drained
/first 413 complete 1048576 yes
/second 413 complete 1048576 yes
/third 413 refused 0 ?


=== TEST 9: a slot is free again when its drain has ended
--- config
limit_body 1k;
limit_body_drain conns=1;
location / { proxy_pass http://backend; }
--- upload
h1 POST /1 2k
h1 POST /2 2k
h1 chunked POST /3 8m
--- answer
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
--- drained
/1 413 complete 2048 ?
/2 413 complete 2048 ?
/3 413 complete * ?


=== TEST 10: error: the client resets the connection, or sends what is no chunk, and is not reset for it
--- config
limit_body 1k;
location / { proxy_pass http://backend; }
--- script
h1: head POST /reset 1m; send 100k; answer; reset
h1: head POST /malformed chunked; chunk 2k; answer; bytes never a chunk\r\n; send 1m; end
h1s: head POST /malformed chunked; chunk 2k; answer; bytes never a chunk\r\n; send 1m; end
--- seen
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
--- drained
/reset 413 error * ?
/malformed 413 error * yes
/malformed 413 error * yes


=== TEST 11: off: nginx's plain behaviour
--- config
limit_body 1k;
limit_body_drain off;
lingering_timeout 1s;
location / { proxy_pass http://backend; }
--- script
h1: head POST /silent 1m; send 100k; answer; end
--- seen
413 <413 Request Entity Too Large> | closed
--- drained
--- no_error_log
drained


=== TEST 12: other early answers are drained as well, and the connection lives on where nginx keeps it
--- http_config
limit_req_zone $binary_remote_addr zone=one:64k rate=1r/m;
--- config
limit_body_drain bytes=100m;
limit_body 16m;
location = /return { return 403 "no\n"; }
location = /nothing { return 204; }
location = /auth { auth_basic x; auth_basic_user_file /dev/null; }
location = /denied { deny all; }
location = /busy { limit_req zone=one; proxy_pass http://backend; }
location = /static { root html; }
location = /nginx { limit_body off; client_max_body_size 1k; proxy_pass http://backend; }
--- user_files
>>> static
static
--- upload
h1 POST /return 8m | POST /return 8m | GET /return
h1s POST /return 8m | POST /return 8m | GET /return
h1 pipelined POST /return 8m | POST /return 8m | GET /return
h1s pipelined POST /return 8m | POST /return 8m | GET /return
h1 chunked POST /return 8m | POST /return 8m | GET /return
h1s chunked POST /return 8m | POST /return 8m | GET /return
h1 chunked pipelined POST /return 8m | POST /return 8m | GET /return
h1 POST /nothing 8m | GET /nothing
h1 POST /auth 8m | GET /auth
h1 POST /denied 8m | GET /denied
h1 POST /static 8m | GET /static
h1 POST /nginx 8m
h1 POST /busy 1 | POST /busy 8m | GET /return
--- answer
403 no | 403 no | 403 no | open
403 no | 403 no | 403 no | open
403 no | 403 no | 403 no | open
403 no | 403 no | 403 no | open
403 no | 403 no | 403 no | open
403 no | 403 no | 403 no | open
403 no | 403 no | 403 no | open
204 | 204 | open
401 <401 Authorization Required> | 401 <401 Authorization Required> | open
403 <403 Forbidden> | 403 <403 Forbidden> | open
405 <405 Not Allowed> | 200 static | open
413 <413 Request Entity Too Large> | closed
200 ok | 503 <503 Service Temporarily Unavailable> | 403 no | open
--- no_error_log
[alert]
[error] open


=== TEST 13: they have the same budget
--- config
limit_body_drain idle=1s conns=3;
location = /return { return 403 "no\n"; }
--- script
h1: head POST /return?1 1m; send 100k; answer; end
h1s: head POST /return?2 1m; send 100k; answer; end
h1: head POST /return?3 chunked; chunk 100k; answer; end
--- seen
403 no | closed
403 no | closed
403 no | closed
--- drained
/return?1 403 timeout * yes
/return?2 403 timeout * yes
/return?3 403 timeout * yes


=== TEST 14: an upstream that answers before it has read the body
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_8;
    access_log off;
    location / { return 403 "no\n"; }
}
--- config
limit_body 0;
proxy_http_version 1.1;
proxy_request_buffering off;
location /pause { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_8; }
location /steady { lingering_time 2s; proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_8; }
--- script
h1: head POST /pause 1m; send 300k; answer; pause 6; send 724k; end
h1s: head POST /pause/tls 1m; send 300k; answer; pause 6; send 724k; end
h1: head POST /pause/chunked chunked; chunk 300k; answer; pause 6; chunk 500k; chunk 0; end
h1s: head POST /pause/chunked/tls chunked; chunk 300k; answer; pause 6; chunk 500k; chunk 0; end
h1: head POST /steady 1000k; answer; send 1000k each 20k every 0.1; end
h1s: head POST /steady/tls 1000k; answer; send 1000k each 20k every 0.1; end
--- seen
403 no | closed
403 no | closed
403 no | closed
403 no | closed
403 no | closed
403 no | closed
--- drained
/pause 403 complete * yes
/pause/tls 403 complete * yes
/pause/chunked 403 complete * yes
/pause/chunked/tls 403 complete * yes
/steady 403 complete * yes
/steady/tls 403 complete * yes


=== TEST 15: answers without a body
--- config
limit_body 1k;
lingering_time 2s;
limit_body_drain rate=0;
location / { proxy_pass http://backend; }
location = /nothing { limit_body 0; return 204; }
--- script
h1: head HEAD /head 1m; pause 0.1; send 500k; pause 3; send 524k; end
h1s: head HEAD /head/tls 1m; pause 0.1; send 500k; pause 3; send 524k; end
h1: head HEAD /head/chunked chunked; chunk 500k; pause 3; chunk 500k; chunk 0; end
h1s: head HEAD /head/chunked/tls chunked; chunk 500k; pause 3; chunk 500k; chunk 0; end
h1: head POST /nothing 1m Connection:close; pause 0.1; send 500k; pause 3; send 524k; end
--- seen
closed
closed
closed
closed
closed
--- drained
/head 413 complete 1048576 yes
/head/tls 413 complete 1048576 yes
/head/chunked 413 complete * yes
/head/chunked/tls 413 complete * yes
/nothing 204 complete * yes


=== TEST 16: where the kernel wants a buffer: a socket in the file system
--- config
listen unix:$TEST_NGINX_SOCKET;
limit_body 1k;
location / { proxy_pass http://backend; }
location = /return { return 403 "no\n"; }
--- script
unix: head POST /declared 10m; send 10m; answer; end
unix: head POST /chunked chunked; chunk 5m; chunk 5m; chunk 0; answer; end
unix: head POST /return 10m; send 10m; answer; head POST /return?2 10m; send 10m; answer; head POST /3 2k; send 2k; answer; end
--- seen
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
403 no | 403 no | 413 <413 Request Entity Too Large> | closed


=== TEST 17: an answer that the client has not acknowledged: it vanishes, in a network namespace of its own
--- skip_eval: 3: system('ip netns add limit-body-try 2>/dev/null && ip netns delete limit-body-try') != 0
--- config
listen 0.0.0.0:$TEST_NGINX_RAND_PORT_7;
limit_body 1k;
limit_body_drain idle=2s;
location / { proxy_pass http://backend; }
--- commands
"$TEST_PYTHON" t/lib/vanish.py "$ANY_PORT"
--- output
vanished
--- drained
/vanished 413 timeout 0 no


=== TEST 18: requests that were sent ahead do not cost the answer
--- config
limit_body 1k;
location / { proxy_pass http://backend; }
--- script eval
"h1: head POST /chunked chunked; chunk 500k; chunk 0; head POST /next 5m; pause 0.3; send 5m; answer; end
h1s: head POST /chunked chunked; chunk 500k; chunk 0; head POST /next 5m; pause 0.3; send 5m; answer; end
h1: head POST /declared 500k; send 500k; head POST /next 5m; pause 0.3; send 5m; answer; end
h1s: head POST /declared 500k; send 500k; head POST /next 5m; pause 0.3; send 5m; answer; end
h1: bytes " . main::little(2500) . "; pause 0.3; head POST /next 5m; send 5m; answer; end
h1s: bytes " . main::little(2500) . "; pause 0.3; head POST /next 5m; send 5m; answer; end
h1: bytes " . main::little(1030) . "; pause 0.3; head POST /next 5m; send 5m; answer; end
h1s: bytes " . main::little(1030) . "; pause 0.3; head POST /next 5m; send 5m; answer; end
"
--- seen
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed


=== TEST 19: idle is what it says, however much has come before
--- config
limit_body 1k;
limit_body_drain idle=4s;
location / { proxy_pass http://backend; }
--- script
h1: head POST /none 4m; answer; end
h1: head POST /60k 4m; answer; send 60k; end
h1: head POST /100k 4m; answer; send 100k; end
h1: head POST /1m 4m; answer; send 1m; end
h1s: head POST /1m/tls 4m; answer; send 1m; end
h1: head POST /3m 4m; answer; send 3m; end
h1: head POST /chunked chunked; chunk 1m; answer; end
h1: head POST /paced 4m; answer; send 500k each 50k every 0.1; end
h2: head POST /stream 4m; answer; send 1m; stop
--- seen
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | stopped: NO_ERROR
--- error_log eval
[map { qr/\[info\] .*drained \d+ bytes of request body in [4-7]\.\d{3}s: timeout, .*"POST $_ / }
    '/none', '/60k', '/100k', '/1m', '/1m/tls', '/3m', '/chunked', '/paced', '/stream']


=== TEST 20: a limit in the location, and its page in one without: the client may pause as long as anywhere
--- config
location /up { limit_body 1k; error_page 413 @too_large; proxy_pass http://backend; }
location /uri { limit_body 1k; error_page 413 /too_large; proxy_pass http://backend; }
location @too_large { return 413 "at most $limit_body_limit bytes\n"; }
location = /too_large { return 413 "too large\n"; }
location /short { limit_body 1k; limit_body_drain idle=1s; error_page 413 @too_large; proxy_pass http://backend; }
--- script
h1: head POST /up/chunked chunked; chunk 2k; chunk 500k; pause 8; chunk 500k; chunk 0; answer; end
h1s: head POST /up/chunked chunked; chunk 2k; chunk 500k; pause 8; chunk 500k; chunk 0; answer; end
h1: head POST /up 1m; send 500k; pause 8; send 524k; answer; end
h1s: head POST /up 1m; send 500k; pause 8; send 524k; answer; end
h1: head POST /uri/chunked chunked; chunk 2k; chunk 500k; pause 8; chunk 500k; chunk 0; answer; end
h1: head POST /uri 1m; send 500k; pause 8; send 524k; answer; end
h2: head POST /up 1m; send 500k; pause 8; send 524k; finish; answer; pause 0.2; close
h1: head POST /short 1m; send 500k; answer; end
h1: head POST /short chunked; chunk 500k; answer; end
--- seen
413 at most 1024 bytes | closed
413 at most 1024 bytes | closed
413 at most 1024 bytes | closed
413 at most 1024 bytes | closed
413 too large | closed
413 too large | closed
413 at most 1024 bytes
413 at most 1024 bytes | closed
413 at most 1024 bytes | closed
--- drained
/up/chunked 413 complete * yes
/up/chunked 413 complete * yes
/up 413 complete 1048576 yes
/up 413 complete 1048576 yes
/uri/chunked 413 complete * yes
/uri 413 complete 1048576 yes
/up 413 complete 1048576 yes
/short 413 timeout * ?
/short 413 timeout * ?


=== TEST 21: where there is no drain, or no more of it, nginx waits for the client to close as long as lingering_timeout says
--- http_config
log_format lingered '$uri $request_time';
access_log logs/lingered.log lingered;
--- config
limit_body 10k;
limit_body_drain idle=20s;
location /default { proxy_pass http://backend; }
location /short { lingering_timeout 1s; proxy_pass http://backend; }
--- script
h1: head POST /default/accepted 1k Connection:close; send 1k; answer; end; pause 12
h1s: head POST /default/accepted/tls 1k Connection:close; send 1k; answer; end
h1: head POST /default/refused 100k; answer; send 100k; end
h1: head POST /default/chunked chunked; chunk 100k; chunk 0; answer; end
h1: head POST /short/accepted 1k Connection:close; send 1k; answer; end
h1s: head POST /short/accepted/tls 1k Connection:close; send 1k; answer; end
h1: head POST /short/refused 100k; answer; send 100k; end
h1: head POST /short/chunked chunked; chunk 100k; chunk 0; answer; end
--- seen
200 ok | closed
200 ok | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 ok | closed
200 ok | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
--- commands
awk '{ print $1, $2 < 4.9 ? "short" : $2 < 11 ? "default" : $2 }' $TEST_NGINX_SERVER_ROOT/logs/lingered.log | sort
--- output
/default/accepted default
/default/accepted/tls default
/default/chunked default
/default/refused default
/short/accepted short
/short/accepted/tls short
/short/chunked short
/short/refused short


=== TEST 22: what is written for nginx's own lingering is no less than what is not written for the drain
--- config
limit_body 1k;
lingering_timeout 2s;
location /timeout { proxy_pass http://backend; }
location /ours { limit_body_drain idle=4s; proxy_pass http://backend; }
location /inner { lingering_timeout 4s; proxy_pass http://backend; }
location /page { error_page 413 @page; proxy_pass http://backend; }
location @page { lingering_timeout 9s; return 413 "page\n"; }
location /time { lingering_timeout 30s; lingering_time 60s; limit_body_drain time=1s rate=0; proxy_pass http://backend; }
location /less { lingering_timeout 30s; lingering_time 1s; limit_body_drain time=60s rate=0; proxy_pass http://backend; }
--- script
h1: head POST /timeout 1m; answer; send 100k; end
h1s: head POST /timeout/tls 1m; answer; send 100k; end
h1: head POST /ours 1m; answer; send 100k; end
h1: head POST /inner 1m; answer; send 100k; end
h1: head POST /page 1m; answer; send 100k; end
h1: head POST /time 60k; answer; send 60k each 1k every 0.05; end
h1: head POST /less 60k; answer; send 60k each 1k every 0.05; end
h2: head POST /timeout 1m; answer; send 100k; stop
h2: head POST /time 60k; answer; send 60k each 1k every 0.05; finish; pause 0.2; close
--- seen
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 page | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | stopped: NO_ERROR
413 <413 Request Entity Too Large>
--- drained
/timeout 413 timeout 102400 yes
/timeout/tls 413 timeout * yes
/ours 413 timeout 102400 yes
/inner 413 timeout 102400 yes
/page 413 timeout 102400 yes
/time 413 complete 61440 yes
/less 413 complete 61440 yes
/timeout 413 timeout 102400 yes
/time 413 complete 61440 yes
--- error_log eval
[(map { qr/drained \d+ bytes of request body in [2-7]\.\d{3}s: timeout, .*"POST $_ / } '/timeout', '/timeout/tls', '/page'),
 (map { qr/drained \d+ bytes of request body in [4-7]\.\d{3}s: timeout, .*"POST $_ / } '/ours', '/inner'),
 qr/drained \d+ bytes of request body in [2-7]\.\d{3}s: timeout, .*"POST \/timeout HTTP\/2/]


=== TEST 23: limit_body_drain is inherited parameter by parameter
--- config
limit_body 1k;
location /bytes/ {
    limit_body_drain bytes=64k;
    proxy_pass http://backend;
    location /bytes/inner { limit_body_drain time=1h; proxy_pass http://backend; }
    location /bytes/other { limit_body_drain time=1h bytes=128k; proxy_pass http://backend; }
    location /bytes/none { limit_body_drain bytes=off; proxy_pass http://backend; }
    location /bytes/off/ {
        limit_body_drain off;
        proxy_pass http://backend;
        location /bytes/off/on { limit_body_drain idle=20s; proxy_pass http://backend; }
    }
}
location /idle/ {
    limit_body_drain idle=1s;
    location /idle/inner { limit_body_drain time=1h; proxy_pass http://backend; }
}
location /conns/ {
    limit_body_drain conns=1;
    location /conns/inner { limit_body_drain time=1h; proxy_pass http://backend; }
    location /conns/none { limit_body_drain conns=off; proxy_pass http://backend; }
}
--- script
h1: head POST /bytes/inner 10m; answer; send 10m; end
h1: head POST /bytes/other 10m; answer; send 10m; end
h1: head POST /bytes/none 10m; answer; send 10m; end
h1: head POST /bytes/off/ 10m; answer; send 10m; end
h1: head POST /bytes/off/on 10m; answer; send 10m; end
h1: head POST /idle/inner 10m; answer; end
h1: head POST /conns/inner?1 1m; answer; mark first; await last; send 1m; end
h1: await first; head POST /conns/inner?2 1m; answer; end; mark second
h1: await second; head POST /conns/none 1m; answer; send 1m; end; mark last
--- seen
413 <413 Request Entity Too Large> | unsent
413 <413 Request Entity Too Large> | unsent
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
--- drained
/bytes/inner 413 bytes 65536 yes
/bytes/other 413 bytes 131072 yes
/bytes/none 413 complete 10485760 yes
/bytes/off/on 413 complete 10485760 yes
/idle/inner 413 timeout 0 yes
/conns/inner?1 413 complete 1048576 yes
/conns/inner?2 413 refused 0 ?
/conns/none 413 complete 1048576 yes


=== TEST 24: a body over TLS is read to its end where the connection may not linger
--- config
limit_body 1k;
lingering_close off;
location / { proxy_pass http://backend; }
--- script
h1s: head POST /declared 200k; send 190k; pause 0.5; send 5k; pause 0.5; send 5k; answer; end
h1s: head POST /chunked chunked; chunk 190k; pause 0.5; chunk 10k; pause 0.5; chunk 0; answer; end
--- seen
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
--- drained
/declared 413 complete 204800 yes
/chunked 413 complete * yes


=== TEST 25: of a long chunked body over TLS, or of one with a megabyte of syntax, the end is not looked for
--- config
limit_body 1k;
lingering_timeout 1s;
location / { limit_body_drain idle=5s; proxy_pass http://backend; }
location /bytes { limit_body_drain bytes=4m; proxy_pass http://backend; }
location /kept { limit_body_drain idle=5s; return 403 "no\n"; }
--- script
h1s: head POST /short chunked; chunk 1000k; chunk 0; answer; end
h1s: head POST /close chunked; chunk 3m; answer; chunk 10m; close
h1s tls1.2: head POST /close/12 chunked; chunk 3m; answer; chunk 10m; close
h1s: head POST /small chunked; chunks 300000 10; answer; chunks 300000 10; close
h1s: head POST /pause chunked; chunk 3m; answer; pause 0.5; chunk 10m; pause 0.5; chunk 0; close
h1s: head POST /told chunked; chunk 3m; chunk 0; answer; end; close
h1s: head POST /on chunked; chunk 3m; answer; end; chunk 3m; read; chunk 0; close
h1s: head POST /silent chunked; chunk 3m; answer; end; logged timeout,
h1s: head POST /bytes chunked; chunk 3m; answer; chunk 32m
h1s: head POST /kept chunked; chunk 3m; answer; chunk 3m; chunk 0; head GET /kept; answer
h1: head POST /syntax chunked; chunks 300000 1; answer; chunks 300000 1; close
h1: head POST /syntax/told chunked; chunks 300000 1; chunk 0; answer; end; close
h1: head POST /syntax/short chunked; chunks 100000 1; chunk 0; answer; end
h1: head POST /syntax/little chunked; chunk 3m; answer; chunks 100 1m; chunk 0; end
h1: head POST /kept chunked; answer; chunks 300000 1; chunk 0; head GET /kept; answer
--- seen
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | unsent
403 no | 403 no
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
403 no | 403 no
--- drained
/short 413 complete * yes
/close 413 closed * yes
/close/12 413 closed * yes
/small 413 closed * yes
/pause 413 closed * yes
/told 413 closed * yes
/on 413 closed * yes
/silent 413 timeout * yes
/bytes 413 bytes 4194304 yes
/kept 403 complete * yes
/syntax 413 closed * yes
/syntax/told 413 closed * yes
/syntax/short 413 complete * yes
/syntax/little 413 complete * yes
/kept 403 complete * yes


=== TEST 26: however small chunks are, the request behind them is served; where there is no room for that, the connection is closed
--- config
limit_body_drain idle=5s;
client_header_buffer_size 512;
location / { return 403 "no\n"; }
location /next { return 200 "next\n"; }
--- script
h1: head POST /few chunked; answer; chunks 200 1; chunk 0; head GET /next; answer
h1s: head POST /few chunked; answer; chunks 200 1; chunk 0; head GET /next; answer
h1: head POST /larger chunked; answer; chunks 2000 1k; chunk 0; head GET /next; answer
h1s: head POST /larger chunked; answer; chunks 2000 1k; chunk 0; head GET /next; answer
h1: head POST /many chunked; answer; chunks 20000 1; bytes 0\r\n\r\nGET /next HTTP/1.1\r\nHost: localhost\r\n\r\nGET /next HTTP/1.1\r\nHost: localhost\r\n\r\n; answer; answer
h1s: head POST /many chunked; answer; chunks 20000 1; bytes 0\r\n\r\nGET /next HTTP/1.1\r\nHost: localhost\r\n\r\nGET /next HTTP/1.1\r\nHost: localhost\r\n\r\n; answer; answer
h1: head POST /no/room chunked X:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; answer; chunks 500 1; chunk 0; head GET /next; answer
h1: bytes POST /none/left HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n\r\n; answer; chunks 2000 1; chunk 0; end
h1: bytes POST /full HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n400\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n; answer; chunks 2000 1; chunk 0; head GET /next; answer
--- seen
403 no | 200 next
403 no | 200 next
403 no | 200 next
403 no | 200 next
403 no | 200 next | 200 next
403 no | 200 next | 200 next
403 no | 200 next
403 no | closed
403 no | 200 next
--- no_error_log
[alert]


=== TEST 27: a request that nginx gives up has all that is to be told of its drain, whoever is told
--- config
error_log logs/quiet.log error;
error_page 413 /page;
location / { limit_body 1k; proxy_pass http://backend; }
location = /page { internal; proxy_pass http://early_tcp; }
--- early
/page: rest; next
--- script eval
"h1: bytes " . main::little(2000) . "; close"
--- seen

--- drained
/little 413 complete 2000 no


=== TEST 28: what nginx holds back of an answer, the client cannot have acknowledged
--- config
limit_body 1k;
error_page 413 /page;
location / { proxy_pass http://backend; }
location = /page { internal; proxy_pass http://early_tcp; }
--- early
/page: begin 413 8; mark begun; await closed
--- script
h1: head POST /held 2k; send 2k; await begun; close; mark closed
--- seen

--- drained
/held 413 complete 2048 no


=== TEST 29: a client that ends its side behind its body, or within it, gets all of the answer, however long that takes
--- config
limit_body 1m;
error_page 413 /big;
location = /big { root html; limit_rate 150k; }
location = /up { limit_body 1k; proxy_pass http://backend; }
--- user_files eval
[["big", "b" x 300_000]]
--- script
h1: head POST /up 50k; header; send 50k; shutdown; answer
h1: head POST /up 50k; header; send 10k; shutdown; answer
h1: head POST /up chunked; chunk 2000; header; chunk 2000; chunk 0; shutdown; answer
h1: head GET /big 50k; header; send 50k; shutdown; answer
h1: head GET /big 50k; header; send 10k; shutdown; answer
h1: head GET /big chunked; header; chunk 2000; chunk 0; shutdown; answer
--- seen
413 300000 bytes
413 300000 bytes
413 300000 bytes
200 300000 bytes
200 300000 bytes
200 300000 bytes
--- no_error_log
[alert]
[emerg]


=== TEST 30: of a body that has arrived whole, the refusal has a drain, and another answer has none
--- config
limit_body 10;
limit_body_drain idle=1s;
location = /refused { proxy_pass http://backend; }
location = /denied { limit_body 1k; deny all; }
location = /taken { limit_body 1k; proxy_pass http://backend; }
--- script
h1: bytes POST /refused HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\n01234567890123456789; answer; end
h1: bytes POST /denied HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\n01234567890123456789; answer
h1: bytes POST /taken HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\n01234567890123456789; answer
--- seen
413 <413 Request Entity Too Large> | closed
403 <403 Forbidden>
200 ok
--- drained
/refused 413 complete 20 ?


=== TEST 31: a drain whose budget is spent while its answer is still being sent takes nothing of the answer
--- http_config
limit_body_zone uploads;
--- config
limit_body 1m;
limit_body_drain idle=1s;
location = /big { root html; }
location = /metrics { limit_body_drain off; limit_body_metrics; }
--- user_files eval
[["big", "b" x 20_000_000]]
--- in_turn
--- script
h1: head GET /big 1m; header; metric draining_connections 1; metric draining_connections 0; send 100k; answer
h1: head GET /big chunked; header; chunk 1k; metric draining_connections 1; metric draining_connections 0; chunk 100k; answer
--- seen
200 20000000 bytes
200 20000000 bytes
--- no_error_log
[alert]
[emerg]


=== TEST 32: what nginx answers when it has just found a location is drained on the terms of that location
--- config
limit_body_drain off;
location /directory/ { limit_body 1k; limit_body_drain idle=9s; proxy_pass http://backend; }
location = /internal { internal; limit_body 1k; limit_body_drain idle=9s; root html; }
location = /page { internal; root html; }
location /paged/ { error_page 413 /page; limit_body 1k; limit_body_drain idle=9s; proxy_pass http://backend; }
--- user_files
>>> page
page
--- script
h1: head POST /directory 20; answer; send 20; end
h1: head POST /directory 2k; answer; send 2k; end
h1: head POST /internal 2k; answer; send 2k; end
h1: head POST /paged 2k; answer; send 2k; end
--- seen
301 <301 Moved Permanently> | silent
413 <413 Request Entity Too Large> | closed
404 <404 Not Found> | silent
413 page | closed
--- drained
/directory 301 complete 20 ?
/directory 413 complete 2048 ?
/internal 404 complete 2048 ?
/paged 413 complete 2048 ?


=== TEST 33: a slow answer, behind a body that nginx has begun to discard, leaves the connection open
--- config
limit_body_drain idle=60s;
lingering_timeout 1s;
set $memcached_key key;
location = /slow { memcached_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
location = /next { return 200 next; }
--- script
up 5: line; await begun; bytes VALUE key 0 4\r\nsl; await late; bytes ow\r\nEND\r\n; close
h1: head GET /slow 2000; send 1000; read; mark begun; pause 1.1; mark late; answer; send 1000; head GET /next; answer; close
--- seen
connected | get key
200 slow | 200 next
--- error_log
drained 1000 bytes of request body


=== TEST 34: what follows a change of protocols is no body: the connection ends when the upstream ends it
--- config
limit_body 1m;
limit_body_drain idle=60s;
location = /tunnel {
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection upgrade;
    proxy_request_buffering off;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_5;
}
--- script
up 5: line; bytes HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n; await sent; bytes bye\r\n; close
h1: head POST /tunnel 100 Upgrade:echo Connection:upgrade; send 50; header; mark sent; end
--- seen
connected | POST /tunnel HTTP/1.1
closed
--- no_error_log
drained


=== TEST 35: nginx reads the response to HEAD into its cache, and the upstream gets the whole body
--- http_config
proxy_cache_path $TEST_NGINX_SERVER_ROOT/cache keys_zone=z:1m;
--- config
limit_body 10m;
proxy_http_version 1.1;
proxy_request_buffering off;
proxy_cache z;
proxy_cache_valid 200 1m;
location = /cached { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
--- script
up 5: line; bytes HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n; take 99000; bytes 12345; mark taken; close
h1: head HEAD /cached 100000; send 1000; header; send 99000; await taken; close
--- seen
connected | GET /cached HTTP/1.1


=== TEST 36: behind an old response from the cache the body is drained, though nginx has the upstream's own one, too
--- http_config
proxy_cache_path $TEST_NGINX_SERVER_ROOT/cache keys_zone=z:1m;
--- config
limit_body 10m;
proxy_http_version 1.1;
proxy_request_buffering off;
proxy_cache z;
proxy_cache_key $uri;
proxy_cache_methods POST;
proxy_cache_use_stale http_500;
location = /cached { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
--- script
up 5: line; await first; bytes HTTP/1.1 200 OK\r\nX-Accel-Expires: @1\r\nContent-Length: 3\r\n\r\nold; close; again; line; await second; bytes HTTP/1.1 500 Error\r\nContent-Length: 0\r\n\r\n; close
h1: head POST /cached 5; send 5; read; mark first; answer; head POST /cached 100000; send 1000; read; mark second; answer; send 99000; end
--- seen
connected | POST /cached HTTP/1.1 | connected | POST /cached HTTP/1.1
200 old | 200 old | closed
--- drained
/cached 200 complete 99000 ?


=== TEST 37: a page that is cut off is the end of a drain, and its client does not take it for a whole one
--- config
limit_body 1k;
limit_body_drain idle=60s;
error_page 413 /page;
location = /up { proxy_pass http://backend; }
location = /page { internal; proxy_http_version 1.1; proxy_pass http://early_tcp; }
--- early eval
qq{*: send HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n5\\r\\nhello\\r\\n; close\n} x 3
--- script
h1: head POST /up 1m; send 10; answer; end
h2: head POST /up 1m; send 10; answer
h3: head POST /up 1m; send 10; answer
--- seen
no answer | closed
no answer
no answer
--- drained
/up 413 error * ?
/up 413 error * ?
h3 /up 413 error * ?
