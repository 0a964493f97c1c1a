# How the drain of a body ends, and what it may cost (HTTP/2 and HTTP/3): the whole answer goes out at once, and the stream
# stays open in the other direction.

use Test::Nginx::LimitBody 'no_plan';

run_tests();

__DATA__

=== TEST 1: complete: a client that sends to the end, and one that had its answer long before
--- config
limit_body 1k;
location / { proxy_pass http://backend; }
--- script
h2: head POST /declared 32m; send 32m; finish; answer; drained; close
h2c: head POST /declared/clear 32m; send 32m; finish; answer; drained; close
h3: head POST /declared/quic 4m; send 4m; finish; answer; drained; close
h2: head POST /undeclared chunked; send 32m; finish; answer; drained; close
h3: head POST /undeclared/quic chunked; send 4m; finish; answer; drained; close
h2: head POST /answered 1m; answer; send 1m; finish; drained; close
h3: head POST /answered/quic 1m; answer; send 1m; finish; drained; close
h2: head POST /small 1025; send 1025; finish; answer; drained; close
h3: head POST /small/quic 1025; send 1025; finish; answer; drained; close
--- seen
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large>
--- drained
/declared 413 complete 33554432 yes
/declared/clear 413 complete 33554432 yes
h3 /declared/quic 413 complete 4194304 yes
/undeclared 413 complete * yes
h3 /undeclared/quic 413 complete * yes
/answered 413 complete 1048576 yes
h3 /answered/quic 413 complete 1048576 yes
/small 413 complete 1025 ?
h3 /small/quic 413 complete 1025 ?
--- error_log eval
qr/\[info\] .*drained 33554432 bytes of request body in \d+\.\d{3}s: complete, response acknowledged/


=== TEST 2: closed: the client has seen enough, and resets the stream or closes the connection
--- config
limit_body 1k;
location / { proxy_pass http://backend; }
--- script
h2: head POST /reset 1m; send 100k; answer; reset; head GET /; answer
h3: head POST /reset/quic 1m; send 100k; answer; reset; head GET /; answer
h2: head POST /closed 1m; send 100k; answer; close
h2c: head POST /closed/clear 1m; send 100k; answer; close
h3: head POST /closed/quic 1m; send 100k; answer; close
--- seen
413 <413 Request Entity Too Large> | 200 ok
413 <413 Request Entity Too Large> | 200 ok
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large>
--- drained
/reset 413 closed 102400 yes
h3 /reset/quic 413 closed 102400 yes
/closed 413 closed 102400 yes
/closed/clear 413 closed 102400 yes
h3 /closed/quic 413 closed 102400 yes


=== TEST 3: timeout: the client is silent; the stream is reset without an error, and the connection goes on
--- config
limit_body 1k;
limit_body_drain idle=1s;
location / { proxy_pass http://backend; }
location = /accepted { limit_body 0; proxy_pass http://backend; }
--- script
h2: head POST /silent 1m; send 100k; answer; stop; head GET /; answer
h3: head POST /silent/quic 1m; send 100k; answer; stop; head GET /; answer
h2: head POST /none 1m; answer; stop; head GET /; answer
h3: head POST /none/quic 1m; answer; stop; head GET /; answer
h2: head POST /undeclared chunked; send 100k; answer; stop; head GET /; answer
h2: head POST /beside 1m; answer; head POST /accepted 1000; send 500; stream 1; stop; stream 2; send 500; finish; answer
--- in_turn
--- seen
413 <413 Request Entity Too Large> | stopped: NO_ERROR | 200 ok
413 <413 Request Entity Too Large> | stopped: H3_NO_ERROR | 200 ok
413 <413 Request Entity Too Large> | stopped: NO_ERROR | 200 ok
413 <413 Request Entity Too Large> | stopped: H3_NO_ERROR | 200 ok
413 <413 Request Entity Too Large> | stopped: NO_ERROR | 200 ok
413 <413 Request Entity Too Large> | stopped: NO_ERROR | 200 ok
--- drained
/beside 413 timeout 0 yes
/silent 413 timeout 102400 yes
h3 /silent/quic 413 timeout 102400 yes
/none 413 timeout 0 yes
h3 /none/quic 413 timeout 0 yes
/undeclared 413 timeout * yes


=== TEST 4: timeout: the time is up; slow: a client that drips has lingering_time and no more
--- config
limit_body 1k;
limit_body_drain time=2s rate=1k;
lingering_time 1s;
location / { proxy_pass http://backend; }
--- script
h2: head POST /drip 1m; answer; send 100 each 1 every 0.1; stop
h3: head POST /drip/quic 1m; answer; send 100 each 1 every 0.1; stop
h2: head POST /busy 1g; answer; send 10m each 20k every 0.02; stop
h3: head POST /busy/quic 1g; answer; send 10m each 20k every 0.02; stop
--- in_turn
--- seen
413 <413 Request Entity Too Large> | stopped: NO_ERROR
413 <413 Request Entity Too Large> | stopped: H3_NO_ERROR
413 <413 Request Entity Too Large> | stopped: NO_ERROR
413 <413 Request Entity Too Large> | stopped: H3_NO_ERROR
--- drained
/busy 413 timeout * yes
h3 /busy/quic 413 timeout * yes
/drip 413 slow * yes
h3 /drip/quic 413 slow * yes


=== TEST 5: bytes: as much is drained as may be
--- config
limit_body 1k;
limit_body_drain bytes=1m;
location / { proxy_pass http://backend; }
--- script
h2: head POST /bytes 64m; answer; send 64m; stop; head GET /; answer
h3: head POST /bytes/quic 64m; answer; send 64m; stop; head GET /; answer
h2: head POST /fits 1m; answer; send 1023k; finish; drained; close
--- seen
413 <413 Request Entity Too Large> | stopped: NO_ERROR | 200 ok
413 <413 Request Entity Too Large> | stopped: H3_NO_ERROR | 200 ok
413 <413 Request Entity Too Large>
--- drained
/bytes 413 bytes * yes
h3 /bytes/quic 413 bytes * yes
/fits 413 complete 1047552 yes
--- error_log eval
qr/drained 1\d{6} bytes of request body in \S+ bytes,/


=== TEST 6: refused: one stream too many; it has its answer, and no more
--- config
limit_body 1k;
limit_body_drain conns=1;
location / { proxy_pass http://backend; }
--- script
h2: head POST /first 1m; answer; head POST /second 1m; answer; stop; stream 1; send 1m; finish; drained; mark done; head POST /third 2k; send 2k; finish; answer; drained; close
h3: await done; pause 0.5; head POST /quic/first 1m; answer; head POST /quic/second 1m; answer; stop; stream 1; send 1m; finish; drained; close
--- seen
413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large> | stopped: NO_ERROR | 413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large> | stopped: H3_NO_ERROR
--- drained
/first 413 complete 1048576 yes
/second 413 refused 0 ?
/third 413 complete 2048 ?
h3 /quic/first 413 complete 1048576 yes
h3 /quic/second 413 refused 0 ?


=== TEST 7: error: the client sends more than the protocol lets it
--- config
limit_body 1k;
location / { proxy_pass http://backend; }
--- script
h2: head POST /error 1m; answer; send 100k; bytes \0\0\0\0\0\0\0\0\0; end
h3: head POST /error/quic 1m; answer; send 100k; frame 4; pause 0.5; close
--- seen
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large>
--- drained
/error 413 error 102400 yes
h3 /error/quic 413 error 102400 yes


=== TEST 8: off: nginx's plain behaviour
--- config
limit_body 1k;
limit_body_drain off;
location / { proxy_pass http://backend; }
--- script
h2: head POST /off 1m; send 60k; answer; stop
h3: head POST /off 1m; send 60k; answer; stop
--- seen
413 <413 Request Entity Too Large> | stopped: NO_ERROR
413 <413 Request Entity Too Large> | stopped: H3_NO_ERROR
--- drained


=== TEST 9: every early answer
--- http_config
limit_req_zone $uri zone=one:1m rate=1r/m;
--- config
client_max_body_size 30m;
limit_body_drain idle=20s;
limit_req_status 429;
location = /401 { auth_basic realm; auth_basic_user_file users; proxy_pass http://backend; }
location = /403 { deny all; proxy_pass http://backend; }
location = /return { return 200 "early\n"; }
location = /static { }
location = /429 { limit_req zone=one; proxy_pass http://backend; }
location = /413 { client_max_body_size 1k; proxy_pass http://backend; }
location = /413/chunked { client_max_body_size 1k; proxy_pass http://backend; }
location = /unbuffered { client_max_body_size 0; proxy_request_buffering off; proxy_http_version 1.1; proxy_pass http://backend/early; }
location = /mirrored { client_max_body_size 0; mirror /mirror; mirror_request_body off; return 200 "early\n"; }
location = /mirror { internal; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_pass http://backend; }
location = /redirected { client_max_body_size 0; return 307 /elsewhere; }
--- user_files
>>> static
static
--- upload
h2 endings GET /429 | POST /401 4m | POST /403 4m | POST /return 4m | POST /static 4m | POST /429 4m | POST /413 4m | POST /unbuffered 4m | POST /mirrored 4m | POST /redirected 4m
h2 endings chunked POST /401 4m | POST /403 4m | POST /return 4m | POST /static 4m | POST /413/chunked 4m | POST /unbuffered 4m
h3 endings POST /401 1m | POST /403 1m | POST /return 1m | POST /static 1m | POST /413 1m | POST /unbuffered 1m
h3 endings chunked POST /401 1m | POST /403 1m | POST /return 1m | POST /static 1m | POST /413/chunked 1m | POST /unbuffered 1m
--- answer
200 ok | 401 <401 Authorization Required> | 403 <403 Forbidden> | 200 early | 405 <405 Not Allowed> | 429 <429 Too Many Requests> | 413 <413 Request Entity Too Large> | 200 ok | 200 early | 307 <307 Temporary Redirect>
401 <401 Authorization Required> | 403 <403 Forbidden> | 200 early | 405 <405 Not Allowed> | 413 <413 Request Entity Too Large> | 200 ok
401 <401 Authorization Required> | 403 <403 Forbidden> | 200 early | 405 <405 Not Allowed> | 413 <413 Request Entity Too Large> | 200 ok
401 <401 Authorization Required> | 403 <403 Forbidden> | 200 early | 405 <405 Not Allowed> | 413 <413 Request Entity Too Large> | 200 ok
--- no_error_log
[alert]


=== TEST 10: a response that cannot be sent at once, to a client with a small window
--- config
limit_body 1k;
location /up { error_page 413 /page.txt; proxy_pass http://backend; }
location = /page.txt { internal; }
--- user_files eval
">>> page.txt\n" . 'x' x 1000
--- script
h2 window=100: head POST /up/1 1m; send 500k; open 10k; answer; send 524k; finish; pause 0.2; close
h2 window=100: head POST /up/2 1m; send 1m; finish; open 10k; answer; pause 0.2; close
h2 window=100: head POST /up/3 1m; send 500k; reset; head GET /; pause 0.2; close
h2 window=100: head POST /up/4 1m; send 500k; pause 0.5; close
--- seen eval
"413 " . 'x' x 1000 . "\n413 " . 'x' x 1000 . "\n\n\n"
--- drained
/up/1 413 complete 1048576 yes
/up/2 413 complete 1048576 ?
/up/3 413 closed 512000 ?
/up/4 413 closed 512000 ?


=== TEST 11: HEAD, trailers, Expect, a declared length that is not kept to
--- config
limit_body 1k;
location / { proxy_pass http://backend; }
location = /less { limit_body_drain idle=1s; proxy_pass http://backend; }
--- script
h2: head HEAD /head 1m; answer; send 1m; finish; drained; close
h3: head POST /trailers/quic 1m; send 1m; answer; trailers; drained; close
h2: head POST /trailers 1m; send 1m; answer; trailers; end
h2: head POST /expect 1m expect:100-continue; answer; send 1m; finish; drained; close
h3: head POST /expect/quic 1m expect:100-continue; answer; send 1m; finish; drained; close
h2: head POST /more 2k; answer; send 1m; finish; drained; close
h2: head POST /less 1m; answer; send 2k; finish; drained; close
--- seen
413
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large>
--- drained
/head 413 complete 1048576 yes
h3 /trailers/quic 413 complete 1048576 yes
/trailers 413 error 1048576 yes
/expect 413 complete 1048576 yes
h3 /expect/quic 413 complete 1048576 yes
/more 413 complete 1048576 yes
/less 413 complete 2048 yes


=== TEST 12: nothing of a body is kept, and nothing goes to an upstream: a proxied page that takes its time
--- http_config
limit_req_zone $server_name zone=slow:1m rate=5r/s;
--- config
limit_body 1k;
client_body_in_file_only on;
location /up { error_page 413 @slow; proxy_pass http://backend; }
location @slow { limit_req zone=slow burst=10; proxy_request_buffering off; proxy_http_version 1.1; rewrite ^ /page break; proxy_pass http://backend; }
--- script
h2: head POST /up/declared 8m; send 8m; finish; answer; drained; close
h2: head POST /up/undeclared chunked; send 8m; finish; answer; drained; close
h3: head POST /up/quic 2m; send 2m; finish; answer; drained; close
h3: head POST /up/quic/undeclared chunked; send 2m; finish; answer; drained; close
h2: head POST /up/small 2k; send 2k; finish; answer; drained; close
h2: head POST /up/small/undeclared chunked; send 2k; pause 0.5; finish; answer; drained; close
--- seen
413 POST, length ,
413 POST, length ,
413 POST, length ,
413 POST, length ,
413 POST, length ,
413 POST, length ,
--- drained
/up/declared 413 complete 8388608 ?
/up/undeclared 413 complete * ?
h3 /up/quic 413 complete 2097152 ?
h3 /up/quic/undeclared 413 complete * ?
/up/small 413 complete 2048 ?
/up/small/undeclared 413 complete 0 ?
--- body_files: 0
--- no_error_log
buffered to a temporary file


=== TEST 13: refused streams leave an accepted one its share
--- skip_eval: 2: ($ENV{TEST_MEMORY} // '') eq 'valgrind' # too slow: all time out
--- config
http2_max_concurrent_streams 256;
# However long the client takes to have its turn.
location = /refused { limit_body 1k; limit_body_drain idle=10m time=1h rate=0; proxy_pass http://backend; }
location = /buffered { limit_body 0; proxy_pass http://backend/read; }
location = /streamed { limit_body 0; proxy_request_buffering off; proxy_http_version 1.1; proxy_pass http://backend/read; }
--- commands
"$TEST_PYTHON" t/lib/share.py /buffered 2>/dev/null
"$TEST_PYTHON" t/lib/share.py /streamed 2>/dev/null
--- output
200, beside 100 refused, at least half of its share
200, beside 100 refused, at least half of its share
--- no_error_log
[alert]


=== TEST 14: a large upload is no flood, but a flood is one
--- config
limit_body 1k;
location / { proxy_pass http://backend; }
--- script
h2: head POST /large 256m; answer; send 256m; finish; head GET /; answer; pause 0.2; close
h2: head POST /flood 1g; answer; flood 8m; end
--- seen
413 <413 Request Entity Too Large> | 200 ok
413 <413 Request Entity Too Large> | closed
--- drained
/large 413 complete 268435456 yes
/flood 413 error * yes
--- error_log eval
qr/http2 flood detected.*/


=== TEST 15: nor over HTTP/3
--- config
limit_body 1k;
# It takes nginx a minute where its AES is emulated.
limit_body_drain idle=2m rate=0;
location / { proxy_pass http://backend; }
--- script
h3: head POST /large 10m; answer; send 10m; finish; head GET /; answer; pause 0.2; close
h3: head POST /flood 1g; answer; flood 5m; pause 0.5; close
--- seen
413 <413 Request Entity Too Large> | 200 ok
413 <413 Request Entity Too Large>
--- drained
h3 /large 413 complete 10485760 yes
h3 /flood 413 error 0 yes


=== TEST 16: a page that waits for a subrequest after its end was made
--- http_config
limit_req_zone $server_name zone=slow:1m rate=4r/s;
--- config
location /up { limit_body 1k; error_page 413 /page.html; proxy_pass http://backend; }
location = /page.html { ssi on; }
location = /part { limit_req zone=slow burst=10; proxy_pass http://backend; }
--- user_files
>>> page.html
a <!--# include virtual="/part" -->
--- script
h2: head POST /up 1m; send 1m; finish; answer; drained; close
h2: head POST /up 1m; send 1m; answer; finish; drained; close
h3: head POST /up/quic 1m; send 1m; finish; answer; drained; close
h3: head POST /up/quic 1m; send 1m; answer; finish; drained; close
--- seen
413 a ok
413 a ok
413 a ok
413 a ok
--- drained
/up 413 complete 1048576 ?
/up 413 complete 1048576 ?
h3 /up/quic 413 complete 1048576 ?
h3 /up/quic 413 complete 1048576 ?
--- no_error_log
[alert]


=== TEST 17: what is redirected in mid-stream is drained within the budget of the location that refused it
--- config
location /up { limit_body 1k; limit_body_drain idle=1s; error_page 413 @page; proxy_pass http://backend; }
location @page { return 413 "page\n"; }
--- script
h1: head POST /up chunked; chunk 2k; answer; end
h2: head POST /up chunked; send 2k; answer; stop
h3: head POST /up/quic chunked; send 2k; answer; stop
--- seen
413 page | closed
413 page | stopped: NO_ERROR
413 page | stopped: H3_NO_ERROR
--- drained
/up 413 timeout * yes
/up 413 timeout * yes
h3 /up/quic 413 timeout * yes


=== TEST 18: more small uploads at once than streams that nginx serves at a time: each is over with its last frame
--- config
limit_body 10;
location / { proxy_pass http://backend; }
--- script
h2: uploads 200 / 100
h2c: uploads 200 / 100
--- seen
200 x 413
200 x 413
--- no_error_log
[alert]


=== TEST 19: a mirror that takes its time: the stream is over before the request
--- http_config
limit_req_zone $server_name zone=slow:1m rate=5r/s;
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3;
    location / { limit_req zone=slow burst=10; proxy_pass http://backend; }
}
--- config
limit_body 20k;
location /up { mirror /mirror; mirror_request_body off; proxy_pass http://backend; }
location = /mirror {
    internal;
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_3;
}
--- script
h2c: uploads 1 /up 40000 chunked
h2c: uploads 1 /up 40000 chunked; pause 1
h3: head POST /up/quic chunked; send 40k; answer; send 20k; finish; pause 1; close
--- seen
1 x 413
1 x 413
413 <413 Request Entity Too Large>
--- drained
/up 413 complete * ?
/up 413 complete * ?
h3 /up/quic 413 complete * ?
--- no_error_log
[alert]


=== TEST 20: a body in frames of a byte is no flood when its drain is over: what goes on beside it ends as usual
--- config
limit_body 1k;
location / { proxy_pass http://backend; }
location = /accepted { limit_body 0; proxy_pass http://backend; }
--- script
h2: head POST /accepted 1000; send 500; head POST /small 1200k; answer; flood 1200k; finish; drained; stream 1; send 500; finish; answer; close
--- seen
413 <413 Request Entity Too Large> | 200 ok
--- drained
/small 413 complete 1228800 yes
--- no_error_log
flood
