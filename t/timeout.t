# limit_body_timeout: how long an upload may take.

use Test::Nginx::LimitBody 'no_plan';

run_tests();

__DATA__

=== TEST 1: an upload that takes too long gets 408, which its client reads, and is drained; other streams are left alone
--- config
limit_body_timeout 1s;
listen unix:$TEST_NGINX_SOCKET;
location / { proxy_pass http://backend; }
--- script
h1: head POST /declared 1m; send 8 each 1 every 0.2; answer; send 1m; end
h1: head POST /chunked chunked; chunk 1k; answer; chunk 100k; chunk 0; end
h1s: head POST /tls 1m; send 1k; answer; send 1047552; end
h1s: head POST /tls/chunked chunked; chunk 1k; answer; chunk 0; end
unix: head POST /unix 1m; send 1k; answer; send 1047552; end
h1: head POST /expect 1m Expect:100-continue; answer; send 1k; answer; send 1047552; end
h2: head POST /h2 1m; send 8 each 1 every 0.2; answer; send 1048568; finish; head GET /after; answer
h2: head POST /h2/undeclared chunked; send 1k; answer; send 100k; finish; head GET /after; answer
h2: head POST /h2/one 1m; send 1k; head POST /h2/two 1k; send 1k; finish; answer; stream 1; answer
h2c: head POST /h2c 1m; answer; send 1m; finish; head GET /after; answer
h3: head POST /h3 1m; send 1k; answer; send 1047552; finish; head GET /after; answer
h3: head POST /h3/undeclared chunked; send 1k; answer; send 100k; finish; head GET /after; answer
--- seen
408 <408 Request Time-out> | closed
408 <408 Request Time-out> | closed
408 <408 Request Time-out> | closed
408 <408 Request Time-out> | closed
408 <408 Request Time-out> | closed
100 | 408 <408 Request Time-out> | closed
408 <408 Request Time-out> | 200 ok
408 <408 Request Time-out> | 200 ok
200 ok | 408 <408 Request Time-out>
408 <408 Request Time-out> | 200 ok
408 <408 Request Time-out> | 200 ok
408 <408 Request Time-out> | 200 ok
--- logged
/declared 408 TIMED_OUT - * body
/chunked 408 TIMED_OUT - * body
/tls 408 TIMED_OUT - 1024 body
/tls/chunked 408 TIMED_OUT - 1024 body
/unix 408 TIMED_OUT - 1024 body
/expect 408 TIMED_OUT - 1024 body
/h2 408 TIMED_OUT - * body
/h2/undeclared 408 TIMED_OUT - 1024 body
/h2/one 408 TIMED_OUT - 1024 body
/h2/two 200 PASSED - 1024 body
/h2c 408 TIMED_OUT - 0 body
h3 /h3 408 TIMED_OUT - 1024 body
h3 /h3/undeclared 408 TIMED_OUT - 1024 body
/after 200 - - - -
/after 200 - - - -
/after 200 - - - -
h3 /after 200 - - - -
h3 /after 200 - - - -
--- error_log eval
[qr/\[error\] .* client took too long to send body: 1024 bytes in [1-9]\d*\.\d\d\ds,/]
--- no_error_log
[alert]


=== TEST 2: an upload within its time passes, whatever follows on its connection
--- config
limit_body_timeout 3s;
location / { proxy_pass http://backend; }
--- script
h1: head POST /1 10; send 5; pause 0.3; send 5; answer; head GET /2; answer; pause 3; head POST /3 10; send 10; answer
h1s: head POST /4 chunked; chunk 5; pause 0.3; chunk 0; answer; pause 3; head GET /5; answer
h2: head POST /6 10; send 5; pause 0.3; send 5; finish; answer; pause 3; head GET /7; answer
h3: head POST /8 10; send 5; pause 0.3; send 5; finish; answer; pause 3; head GET /9; answer
--- seen
200 ok | 200 ok | 200 ok
200 ok | 200 ok
200 ok | 200 ok
200 ok | 200 ok
--- logged
/1 200 PASSED - 10 body
/2 200 - - - -
/3 200 PASSED - 10 body
/4 200 PASSED - 5 body
/5 200 - - - -
/6 200 PASSED - 10 body
/7 200 - - - -
h3 /8 200 PASSED - 10 body
h3 /9 200 - - - -
--- no_error_log
took too long


=== TEST 3: bytes buy time, up to the maximum
--- config
location /bought { limit_body_timeout 1s rate=1k; proxy_pass http://backend; }
location /max { limit_body_timeout 1s rate=1k max=2s; proxy_pass http://backend; }
--- script
h1: head POST /bought 101k; send 100k; pause 2.5; send 1k; answer
h2: head POST /bought 101k; send 100k; pause 2.5; send 1k; finish; answer
h1: head POST /max 101k; send 100k; answer
--- seen
200 ok
200 ok
408 <408 Request Time-out>
--- error_log eval
[qr/client took too long to send body: 102400 bytes in ([2-9]|\d\d)\.\d\d\ds,/]


=== TEST 4: the time in which nginx waits for an upstream, and not for the client, does not count
--- http_config
proxy_http_version 1.1;
--- config
limit_body_timeout 8s;
client_body_buffer_size 16k;
client_max_body_size 4m;
proxy_request_buffering off;
location / { proxy_pass http://early_unix; }
--- early eval
"*: await late; rest; answer 200 taken; close\n" x 4
--- script
h1: head POST /h1 2m; send 2m; answer
h1s: head POST /tls 2m; send 2m; answer
h2: head POST /h2 2m; send 2m; finish; answer
h3: head POST /h3 600k; send 600k; finish; answer
h1: pause 10; mark late
--- seen
200 taken
200 taken
200 taken
200 taken

--- no_error_log
took too long


=== TEST 5: an upstream that was sent a part is disconnected, and the next request to it is not touched
--- config
limit_body_timeout 1s;
proxy_request_buffering off;
location / { proxy_pass http://kept; }
--- script
h1: head POST /declared 80; send 16; answer; connect; head GET /next; answer
h1s: head POST /chunked chunked; chunk 16; answer; connect; head GET /next; answer
h2: head POST /h2 80; send 16; answer; head GET /next; answer
h3: head POST /h3 80; send 16; answer; head GET /next; answer
--- in_turn
--- seen
408 <408 Request Time-out> | 200 ok
408 <408 Request Time-out> | 200 ok
408 <408 Request Time-out> | 200 ok
408 <408 Request Time-out> | 200 ok
--- asked
POST /declared 16 of 80
GET /next none
POST /chunked 16 of ?
GET /next none
POST /h2 16 of 80
GET /next none
h3 POST /h3 16 of 80
h3 GET /next none
--- no_error_log
[alert]


=== TEST 6: a response that has begun stands
--- http_config
proxy_http_version 1.1;
--- config
limit_body_timeout 1s;
proxy_request_buffering off;
location / { proxy_pass http://early_tcp; }
--- early eval
"*: begin 200 8; await late; finish; close\n" x 3
--- script
h1: head POST /h1 1m; send 1k; answer
h2: head POST /h2 1m; send 1k; answer
h3: head POST /h3 1m; send 1k; answer
h1: pause 3; mark late
--- seen
200 0\n1\n2\n3
200 0\n1\n2\n3
200 0\n1\n2\n3

--- no_error_log
took too long


=== TEST 7: pages of the 408: static, by name, proxied without a body, or with another status
--- config
limit_body_timeout 1s;
limit_body_drain idle=1s;
error_page 408 /static;
location / { proxy_pass http://backend; }
location = /static { return 200 "too slow\n"; }
location /named { error_page 408 @named; proxy_pass http://backend; }
location @named { return 429 "calm down\n"; }
location /proxied { error_page 408 /page; proxy_pass http://backend; }
location /streamed { error_page 408 /page; proxy_request_buffering off; proxy_pass http://backend/read; }
location /page { proxy_pass http://backend; }
location /other { error_page 408 =200 /page; proxy_pass http://backend; }
--- script
h1: head POST /any 1m; send 1k; answer; end
h1: head POST /named 1m; send 1k; answer; end
h1s: head POST /proxied 1m; send 1k; answer; end
h1: head POST /proxied chunked; chunk 1k; answer; end
h1: head POST /streamed 1m; send 1k; answer; end
h1: head POST /other 1m; send 1k; answer; end
h2: head POST /any 1m; send 1k; answer; head GET /static; answer
h2: head POST /proxied 1m; send 1k; answer; head GET /static; answer
h2: head POST /streamed 1m; send 1k; answer; head GET /static; answer
h3: head POST /proxied 1m; send 1k; answer; head GET /static; answer
--- seen
408 too slow | closed
408 calm down | closed
408 GET, length , | closed
408 GET, length , | closed
408 GET, length , | closed
200 GET, length , | closed
408 too slow | 200 too slow
408 GET, length , | 200 too slow
408 GET, length , | 200 too slow
408 GET, length , | 200 too slow
--- no_error_log
[alert]


=== TEST 8: a dry run reports, and changes nothing
--- config
limit_body_timeout 1s;
limit_body_dry_run on;
location / { proxy_pass http://backend; }
location /limited { limit_body 10k; proxy_pass http://backend; }
--- script
h1: head POST /dry/h1 2k; send 1k; logged /dry/h1; send 1k; answer; head GET /next; answer
h2: head POST /dry/h2 2k; send 1k; logged /dry/h2; send 1k; finish; answer
h3: head POST /dry/h3 2k; send 1k; logged /dry/h3; send 1k; finish; answer
h1: head POST /limited/declared 20k; send 1k; logged /limited/declared 2; send 19k; answer
h1: head POST /limited/chunked chunked; chunk 1k; logged /limited/chunked; chunk 1k; chunk 0; answer
--- seen
200 ok | 200 ok
200 ok
200 ok
200 ok
200 ok
--- logged
/dry/h1 200 TIMED_OUT_DRY_RUN - 2048 body
/next 200 - - - -
/dry/h2 200 TIMED_OUT_DRY_RUN - 2048 body
h3 /dry/h3 200 TIMED_OUT_DRY_RUN - 2048 body
/limited/declared 200 REJECTED_DRY_RUN 10240 20480 header
/limited/chunked 200 TIMED_OUT_DRY_RUN 10240 2048 body
--- drained
--- error_log eval
[qr/\[warn\] .* client took too long to send body: 1024 bytes in [1-9]\d*\.\d\d\ds, dry run,/]


=== TEST 9: beside a limit; the innermost holds, and off
--- config
limit_body 10k;
limit_body_timeout 1s;
limit_body_drain idle=1s;
location / { proxy_pass http://backend; }
location /longer { limit_body_timeout 1h; proxy_pass http://backend; }
location /off { limit_body_timeout off; proxy_pass http://backend; }
location /large { limit_body off; proxy_pass http://backend; }
location /tried { limit_body 1k; limit_body_dry_run on; try_files /none @tried; }
location @tried { limit_body off; proxy_pass http://backend; }
--- script
h1: head POST /slow 10k; send 1k; answer; end; mark over
h1: head POST /both chunked; chunk 11k; answer; end
h1: head POST /longer 2k; send 1k; await over; send 1k; answer
h1: head POST /off 2k; send 1k; await over; send 1k; answer
h1: head POST /large 1m; send 1k; answer; end
h1: head POST /tried 10k; send 1k; answer; end
--- seen
408 <408 Request Time-out> | closed
413 <413 Request Entity Too Large> | closed
200 ok
200 ok
408 <408 Request Time-out> | closed
408 <408 Request Time-out> | closed
--- logged
/slow 408 TIMED_OUT 10240 1024 body
/both 413 REJECTED 10240 * body
/longer 200 PASSED 10240 2048 header
/off 200 PASSED 10240 2048 header
/large 408 TIMED_OUT - 1024 body
/tried 408 TIMED_OUT 1024 1024 body


=== TEST 10: the clock starts when nginx begins to read, not with the header
--- config
limit_body_timeout 5s;
location / { auth_request /auth; proxy_pass http://backend; }
location = /auth { proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_pass http://early_tcp; }
--- early eval
"*: await late; answer 200 yes; close\n" x 4
--- script
h1: head POST /h1 1m; await sent; send 1m; answer
h1: head POST /expect 1m Expect:100-continue; answer; await sent; send 1m; answer
h2: head POST /h2 1m; await sent; send 1m; finish; answer
h3: head POST /h3 100k; await sent; send 100k; finish; answer
h1: pause 6; mark late; mark sent
--- seen
200 ok
100 | 200 ok
200 ok
200 ok

--- no_error_log
took too long


=== TEST 11: modules that read the body before its time
--- main_config
load_module $TEST_NGINX_CONTROL;
--- http_config
control_read_in rewrite;
--- config
limit_body_timeout 1s;
limit_body_drain idle=1s;
location / { proxy_pass http://backend; }
--- script
h1: head POST /rewrite 1m; send 1k; answer; end
h1s: head POST /rewrite chunked; chunk 1k; answer; end
h2: head POST /rewrite 1m; send 1k; answer; head GET /rewrite; answer
h3: head POST /rewrite 1m; send 1k; answer; head GET /rewrite; answer
h1: head POST /rewrite 2k; send 1k; send 1k; answer; head GET /rewrite; answer
--- seen
408 <408 Request Time-out> | closed
408 <408 Request Time-out> | closed
408 <408 Request Time-out> | 200 ok
408 <408 Request Time-out> | 200 ok
200 ok | 200 ok


=== TEST 12: with drains off nginx lingers, and skips the rest of a stream
--- config
limit_body_timeout 1s;
limit_body_drain off;
location / { proxy_pass http://backend; }
--- script
h1: head POST /h1 1m; send 1k; answer; send 1047552; end
h1s: head POST /tls chunked; chunk 1k; answer; chunk 0; end
h2: head POST /h2 1m; send 1k; answer; head GET /after; answer
h3: head POST /h3 1m; send 1k; answer; head GET /after; answer
--- seen
408 <408 Request Time-out> | closed
408 <408 Request Time-out> | closed
408 <408 Request Time-out> | 200 ok
408 <408 Request Time-out> | 200 ok
--- drained


=== TEST 13: what is counted of it
--- config
limit_body_zone uploads;
limit_body 2m;
limit_body_timeout 1s;
limit_body_drain idle=1s;
location / { proxy_pass http://backend; }
location /dry { limit_body_dry_run on; proxy_pass http://backend; }
location = /metrics { limit_body_metrics; }
location = /json { limit_body_metrics json; }
--- script
h1: head POST /slow 1m; send 1k; answer; end; mark one
h2: head POST /slow 1m; send 1k; answer; head GET /; answer; mark two
h1: head POST /dry 2k; send 1k; logged /dry; send 1k; answer; mark three
h1: bytes POST /fast HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nfast; answer; mark four
h1: await one; await two; await three; await four; metric request_duration_seconds_count 4
--- seen
408 <408 Request Time-out> | closed
408 <408 Request Time-out> | 200 ok
200 ok
200 ok

--- commands
curl -s http://127.0.0.1:$PORT/metrics | grep -v '^#' | grep -E 'requests_total|rejected_total|duration.*(le="(0.1|0.5|3600|\+Inf)"|count)'
curl -s http://127.0.0.1:$PORT/json | python3 -c 'import json, sys; zone = json.load(sys.stdin)["zones"]["uploads"]; print(zone["requests"], zone["rejected"], zone["request_duration_seconds"]["count"])'
--- output
nginx_limit_body_requests_total{zone="uploads",status="passed"} 1
nginx_limit_body_requests_total{zone="uploads",status="rejected"} 0
nginx_limit_body_requests_total{zone="uploads",status="rejected_dry_run"} 0
nginx_limit_body_requests_total{zone="uploads",status="timed_out"} 2
nginx_limit_body_requests_total{zone="uploads",status="timed_out_dry_run"} 1
nginx_limit_body_rejected_total{zone="uploads",at="header"} 0
nginx_limit_body_rejected_total{zone="uploads",at="body"} 0
nginx_limit_body_rejected_total{zone="uploads",at="time"} 2
nginx_limit_body_request_duration_seconds_bucket{zone="uploads",le="0.1"} 1
nginx_limit_body_request_duration_seconds_bucket{zone="uploads",le="0.5"} 1
nginx_limit_body_request_duration_seconds_bucket{zone="uploads",le="3600"} 4
nginx_limit_body_request_duration_seconds_bucket{zone="uploads",le="+Inf"} 4
nginx_limit_body_request_duration_seconds_count{zone="uploads"} 4
{'passed': 1, 'rejected': 0, 'rejected_dry_run': 0, 'timed_out': 2, 'timed_out_dry_run': 1} {'header': 0, 'body': 0, 'time': 2} 4


=== TEST 14: the page of an error is no way around it
--- config
limit_body_timeout 1s;
limit_body_drain idle=1s;
location / { deny all; error_page 403 /page; }
location /page { allow all; proxy_pass http://backend; }
location /streamed { deny all; error_page 403 /page/streamed; }
location /page/streamed { allow all; proxy_request_buffering off; proxy_pass http://kept; }
--- script
h1: head POST /declared 1m; send 1k; answer; end
h1s: head POST /chunked chunked; chunk 1k; answer; end
h1: head POST /streamed 80; send 16; answer; end
h2: head POST /declared 1m; send 1k; answer; head GET /declared; answer
h3: head POST /declared 1m; send 1k; answer; head GET /declared; answer
h1: head POST /in/time 2k; send 1k; send 1k; answer; head GET /next; answer
--- seen
408 <408 Request Time-out> | closed
408 <408 Request Time-out> | closed
408 <408 Request Time-out> | closed
408 <408 Request Time-out> | 403 GET, length ,
408 <408 Request Time-out> | 403 GET, length ,
403 GET, length 2048, | 403 GET, length ,
--- asked
GET /page/streamed 16 of 80
--- no_error_log
[alert]


=== TEST 15: a body that is dropped has no time any more: another answer is being made
--- http_config
proxy_http_version 1.1;
--- config
limit_body_timeout 1s;
limit_body_drain off;
proxy_request_buffering off;
proxy_intercept_errors on;
error_page 404 /page;
location / { proxy_pass http://early_tcp; }
location /handed { error_page 404 = /page; proxy_pass http://early_tcp; }
location /page { proxy_pass http://early_unix; }
--- early eval
("/: answer 404 no; close\n" x 3) . ("/handed: answer 404 no; close\n" x 3)
    . ("/sent: send HTTP/1.1 200 OK\\r\\nX-Accel-Redirect: /page\\r\\nContent-Length: 0\\r\\n\\r\\n; close\n" x 3)
    . ("/page: await late; answer 200 page; close\n" x 9)
--- script
h1: head POST / 1m; send 1k; answer
h2: head POST / 1m; send 1k; answer
h3: head POST / 1m; send 1k; answer
h1: head POST /handed 1m; send 1k; answer
h2: head POST /handed 1m; send 1k; answer
h3: head POST /handed 1m; send 1k; answer
h1: head POST /sent 1m; send 1k; answer
h2: head POST /sent 1m; send 1k; answer
h3: head POST /sent 1m; send 1k; answer
h1: pause 3; mark late
--- seen
404 page
404 page
404 page
200 page
200 page
200 page
200 page
200 page
200 page

--- no_error_log
took too long


=== TEST 16: the time in which nginx connects to an upstream does not count
--- http_config
proxy_http_version 1.1;
--- config
limit_body_timeout 4s;
proxy_request_buffering off;
set $port $TEST_NGINX_RAND_PORT_5;
# nginx asks the second server when the first one has been silent for five seconds.
resolver 127.0.0.1:1 127.0.0.1:$TEST_NGINX_RAND_PORT_5 ipv6=off;
location / { proxy_pass http://app.example:$port; }
--- early eval
CORE::join '', map { "/$_: mark $_; rest; answer 200 taken; close\n" } qw(h1 tls h2 h3)
--- script
h1: head POST /h1 64k; send 60k; await h1; send 4k; answer
h1s: head POST /tls 64k; send 60k; await tls; send 4k; answer
h2: head POST /h2 64k; send 60k; await h2; send 4k; finish; answer
h3: head POST /h3 64k; send 60k; await h3; send 4k; finish; answer
--- seen
200 taken
200 taken
200 taken
200 taken
--- no_error_log
took too long


=== TEST 17: a client that has begun a frame is awaited, although the frame takes up the window (HTTP/2)
--- http_config
proxy_http_version 1.1;
--- config
limit_body_timeout 2s;
proxy_request_buffering off;
location / { proxy_pass http://early_tcp; }
--- early
*: rest; close
--- script
h2: head POST / 1m; send 1k each 512 every 0.2; bytes \x01\x00\x00\x00\x00\x00\x00\x00\x01; answer
--- seen
408 <408 Request Time-out>


=== TEST 18: a clock that stood still because of the upstream goes on
--- http_config
proxy_http_version 1.1;
--- config
limit_body_timeout 1s;
client_body_buffer_size 16k;
client_max_body_size 4m;
proxy_request_buffering off;
location / { proxy_pass http://early_unix; }
--- early eval
"*: await late; rest; close\n" x 4
--- script
h1: head POST /h1 2m; send 1m; answer
h1s: head POST /tls 2m; send 1m; answer
h2: head POST /h2 2m; send 1m; answer
h3: head POST /h3 2m; send 1m; answer
h1: pause 2.5; mark late
--- seen
408 <408 Request Time-out>
408 <408 Request Time-out>
408 <408 Request Time-out>
408 <408 Request Time-out>

--- no_error_log
[alert]


=== TEST 19: the time of the location counts in which the body is read, whatever was accepted on the way there
--- config
limit_body 10m;
location = /equal { try_files /nothing @timed; }
location = /off { limit_body_timeout off; try_files /nothing @timed; }
location = /nginx { try_files /nothing @nginx; }
location = /static.html { error_page 405 = @timed; }
location = /denied { deny all; error_page 403 = /allowed; }
location = /dry { try_files /nothing @dry; }
location = /untimed { limit_body_timeout 1s; try_files /nothing @untimed; }
location = /allowed { limit_body_timeout 1s; proxy_pass http://backend; }
location @timed { limit_body_timeout 1s; proxy_pass http://backend; }
location @nginx { limit_body_timeout 1s; client_max_body_size 1m; proxy_pass http://backend; }
location @dry { limit_body_timeout 1s; limit_body_dry_run on; proxy_pass http://backend; }
location @untimed { limit_body_timeout off; proxy_pass http://backend; }
--- user_files
>>> static.html
static
--- script
h1: head POST /equal 8; send 4; answer; send 4; end
h1: head POST /equal chunked; chunk 4; answer; chunk 0; end
h2: head POST /equal 8; send 4; answer
h3: head POST /equal 8; send 4; answer
h1: head POST /off 8; send 4; answer; send 4; end
h1: head POST /nginx 8; send 4; answer; send 4; end
h1: head POST /static.html 8; send 4; answer; send 4; end
h1: head POST /denied 8; send 4; answer; send 4; end
h1: head POST /dry 8; send 4; pause 2; send 4; answer
h1: head POST /untimed 8; send 4; pause 2; send 4; answer
--- seen
408 <408 Request Time-out> | closed
408 <408 Request Time-out> | closed
408 <408 Request Time-out>
408 <408 Request Time-out>
408 <408 Request Time-out> | closed
408 <408 Request Time-out> | closed
408 <408 Request Time-out> | closed
408 <408 Request Time-out> | closed
200 ok
200 ok
--- logged
/equal 408 TIMED_OUT 10485760 4 body
/equal 408 TIMED_OUT 10485760 4 body
/equal 408 TIMED_OUT 10485760 4 body
h3 /equal 408 TIMED_OUT 10485760 4 body
/off 408 TIMED_OUT 10485760 4 body
/nginx 408 TIMED_OUT 1048576 4 body
/static.html 408 TIMED_OUT 10485760 4 body
/denied 408 TIMED_OUT 10485760 4 body
/dry 200 TIMED_OUT_DRY_RUN 10485760 8 body
/untimed 200 PASSED 10485760 8 header
--- no_error_log
[alert]
[crit]


=== TEST 20: a client that has bought itself weeks does not hold others up, however short nginx's own timers are (32 bits)
--- config
limit_body_timeout 1s rate=1;
client_max_body_size 4m;
location / { proxy_pass http://backend; }
--- script
h1: head POST /up 4m; send 3m; pause 2; mark late; send 1m; answer
h1: await late; head GET /other; answer
--- seen
200 ok
200 ok


=== TEST 21: over HTTP/2 and HTTP/3, too, what comes of a late body is drained
--- config
limit_body 100m;
limit_body_timeout 1s;
location / { proxy_pass http://backend; }
--- script
h2: head POST /up chunked; send 4; answer; send 20m; finish; head GET /other; answer; close
h2: head POST /declared 20m; send 4; answer; send 20971516; finish; head GET /other; answer; close
h3: head POST /up chunked; send 4; answer; send 20m; finish; head GET /other; answer; close
--- seen
408 <408 Request Time-out> | 200 ok
408 <408 Request Time-out> | 200 ok
408 <408 Request Time-out> | 200 ok
--- drained
/up 408 complete 20971520 yes
/declared 408 complete 20971516 yes
h3 /up 408 complete 20971520 yes


=== TEST 22: a client_max_body_size alone refuses without a verdict where the time is limited, too
--- config
location = /metrics { access_log off; limit_body_metrics; }
location = /elsewhere { limit_body 1m; proxy_pass http://backend; }
limit_body_timeout 10s;
limit_body_zone uploads;
client_max_body_size 1k;
location / { proxy_pass http://backend; }
location = /dry { limit_body_dry_run on; proxy_pass http://backend; }
--- script
h1: head POST /h1 chunked; chunk 1k; read; chunk 1k; chunk 0; answer; end
h1: head POST /dry chunked; chunk 1k; read; chunk 1k; chunk 0; answer; end
h1: head POST /declared 2k; send 2k; answer; end
h2: head POST /h2 chunked; send 1k; pause 0.2; send 1k; finish; answer
h1: head POST /within chunked; chunk 1k; read; chunk 0; answer
--- seen
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large>
200 ok
--- logged
/h1 413 - - - -
/dry 413 - - - -
/declared 413 - - - -
/h2 413 - - - -
/within 200 PASSED - 1024 body
--- commands
"$TEST_PYTHON" t/lib/metrics.py uploads 1 any | grep requests
--- output
requests_total status=passed 1
--- error_log eval
qr/client intended to send too large chunked body: (?:1024\+1024|2048\+0) bytes/
--- no_error_log
[alert]


=== TEST 23: where a module waits for the body in a phase, and counts the request once more, the connection is closed
--- main_config
load_module $TEST_NGINX_CONTROL;
--- http_config
control_wait_in rewrite;
--- config
limit_body_timeout 1s;
location / { error_page 408 /page; proxy_pass http://kept; }
location = /status { access_log off; stub_status; }
--- in_turn
--- script
h1: head POST /plain 1m; send 1k; end; gone; active 0
h1s: head POST /plain chunked; chunk 1k; end; gone; active 0
h1: head POST /plain 2k; send 1k; send 1k; answer; head GET /; answer; close; active 0
h2: head POST /plain 1m; send 1k; answer; head GET /; answer
h3: head POST /plain 1m; send 1k; answer; head GET /; answer
--- seen
closed
closed
200 ok | 200 ok
no answer | 200 ok
no answer | 200 ok
--- asked
GET / none
h3 GET / none
POST /plain 2048
GET / none
--- logged
/plain 408 TIMED_OUT - 1024 body
/plain 408 TIMED_OUT - 1024 body
/plain 200 PASSED - 2048 body
/ 200 - - - -
/plain 408 TIMED_OUT - 1024 body
/ 200 - - - -
h3 /plain 408 TIMED_OUT - 1024 body
h3 / 200 - - - -
--- no_error_log
[alert]
[emerg]


=== TEST 24: a subrequest has nginx forget its own timer of the client, and not the module
--- http_config
upstream reused { server 127.0.0.1:$TEST_NGINX_RAND_PORT_9; keepalive 4; }
--- config
limit_body_timeout 1s;
limit_body_drain idle=1s;
proxy_http_version 1.1;
proxy_set_header Connection "";
proxy_request_buffering off;
mirror_request_body off;
location / { mirror /mirror; proxy_pass http://reused/read; }
location = /mirror { internal; proxy_pass http://backend; }
--- script
h1: head GET /; answer; bytes POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 80\r\n\r\n0123456789abcdef; answer; end
h1s: head GET /; answer; bytes POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n; answer; end
h2: head GET /; answer; head POST / 80; send 16; answer; head GET /; answer
--- in_turn
--- seen
200 ok | 408 <408 Request Time-out> | closed
200 ok | 408 <408 Request Time-out> | closed
200 ok | 408 <408 Request Time-out> | 200 ok
--- no_error_log
[alert]
[emerg]
