# Upstreams that answer, and close, before they have read the whole request.

use Test::Nginx::LimitBody 'no_plan';

# So that what an upstream does comes before nginx's next write, and after its last look at what there is to read.
$ENV{TEST_NGINX_LD_PRELOAD} = "$ENV{TEST_CONTROLS}/gate.so";
$ENV{TEST_GATE} = "$ENV{TEST_NGINX_EARLY}/gate";

run_tests();

__DATA__

=== TEST 1: the answer is read, whatever the upstream is and wherever the body is
--- http_config
limit_body 64m;
client_body_buffer_size 16k;
upstream kept { server 127.0.0.1:$TEST_NGINX_RAND_PORT_5; keepalive 4; }
upstream shared { zone shared 64k; least_conn; server unix:$TEST_NGINX_EARLY/http; }
--- config
location /literal { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
location /unix { proxy_pass http://unix:$TEST_NGINX_EARLY/http:/unix; }
location /sendfile { sendfile on; tcp_nopush on; proxy_pass http://early_tcp; }
location /threads { sendfile on; aio threads; proxy_pass http://early_tcp; }
location /memory { client_body_buffer_size 16m; proxy_pass http://early_tcp; }
location /kept { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://kept; }
location /shared { proxy_pass http://shared; }
location /variable { set $upstream early_unix; proxy_pass http://$upstream; }
location /tls { proxy_pass https://early_tls; }
location /fastcgi { fastcgi_pass early_fastcgi; }
location /uwsgi { uwsgi_pass early_uwsgi; }
location /scgi { scgi_pass early_scgi; }
--- early eval
"*: held; answer 401 denied; reset\n" x 13
--- upload
h1 POST /literal 16m
h1 POST /unix 16m
h1 POST /sendfile 16m
h1 POST /threads 16m
h1 POST /memory 16m
h1 POST /kept 16m
h1 POST /shared 16m
h1 POST /variable 16m
h1 POST /tls 16m
h1 POST /fastcgi 16m
h1 POST /uwsgi 16m
h1 POST /scgi 16m
h1s PUT /literal 16m
--- answer
401 denied | open
401 denied | open
401 denied | open
401 denied | open
401 denied | open
401 denied | open
401 denied | open
401 denied | open
401 denied | open
401 denied | open
401 denied | open
401 denied | open
401 denied | open
--- responses
/literal 401 saved
/unix 401 saved
/sendfile 401 saved
/threads 401 saved
/memory 401 saved
/kept 401 saved
/shared 401 saved
/variable 401 saved
/tls 401 saved
/fastcgi 401 saved
/uwsgi 401 saved
/scgi 401 saved
/literal 401 saved
--- no_error_log
[alert]
[crit]


=== TEST 2: an upstream that is found when a variable is evaluated
--- http_config
limit_body 64m;
client_body_buffer_size 16k;
--- config
set $port $TEST_NGINX_RAND_PORT_5;
set $socket http;
proxy_request_buffering off;
proxy_http_version 1.1;
location /address { proxy_pass http://127.0.0.1:$port; }
location /buffered { proxy_request_buffering on; proxy_pass http://127.0.0.1:$port; }
location /unix { proxy_request_buffering on; proxy_pass http://unix:$TEST_NGINX_EARLY/$socket:; }
location /if { if ($port) { set $dummy yes; } proxy_pass http://127.0.0.1:$port; }
location /except { limit_except GET { proxy_pass http://127.0.0.1:$port; } }
--- early eval
"*: held; answer 401 denied; reset\n" x 6
--- upload
h1 POST /address 16m
h1 chunked POST /address 16m
h1 POST /buffered 16m
h1 POST /unix 16m
h1 POST /if 16m
h1 POST /except 16m
--- answer
401 denied | closed
401 denied | closed
401 denied | open
401 denied | open
401 denied | closed
401 denied | closed
--- responses
/address 401 saved
/address 401 saved
/buffered 401 saved
/unix 401 saved
/if 401 saved
/except 401 saved


=== TEST 3: a name that is resolved when the request comes
--- http_config
limit_body 64m;
client_body_buffer_size 16k;
--- config
set $port $TEST_NGINX_RAND_PORT_5;
resolver 127.0.0.1:$TEST_NGINX_RAND_PORT_5 ipv6=off;
location /name { proxy_pass http://app.example:$port; }
location /unbuffered { proxy_request_buffering off; proxy_http_version 1.1; proxy_pass http://app.example:$port; }
--- early
*: held; answer 401 denied; reset
*: held; answer 401 denied; reset
--- upload
h1 POST /name 16m
h1 POST /unbuffered 16m
--- answer
401 denied | open
401 denied | closed
--- responses
/name 401 saved
/unbuffered 401 saved


=== TEST 4: the body is read on where it is not buffered, HTTP/1.1
--- http_config
limit_body 64m;
--- config
proxy_request_buffering off;
proxy_http_version 1.1;
location /tcp { proxy_pass http://early_tcp; }
location /unix { proxy_pass http://early_unix; }
location /tls { proxy_pass https://early_tls; }
location /fastcgi { fastcgi_request_buffering off; fastcgi_pass early_fastcgi; }
--- early eval
"*: held; answer 413 no; reset\n" x 6
--- upload
h1 POST /tcp 16m
h1s POST /tcp 16m
h1 chunked POST /tcp 16m
h1 POST /unix 16m
h1 POST /tls 16m
h1 POST /fastcgi 16m
--- answer
413 no | closed
413 no | closed
413 no | closed
413 no | closed
413 no | closed
413 no | closed
--- responses
/tcp 413 saved
/tcp 413 saved
/tcp 413 saved
/unix 413 saved
/tls 413 saved
/fastcgi 413 saved
--- drained
/tcp 413 complete * yes
/tcp 413 complete * yes
/tcp 413 complete * yes
/unix 413 complete * yes
/tls 413 complete * yes
/fastcgi 413 complete * yes
--- no_error_log
[alert]
[crit]


=== TEST 5: the same over HTTP/2 and HTTP/3
--- http_config
limit_body 64m;
--- config
proxy_request_buffering off;
proxy_http_version 1.1;
location / { proxy_pass http://early_unix; }
--- early eval
"*: held; answer 413 no; reset\n" x 3
--- script
h2: head POST /h2 4m; send 4m; finish; answer; logged complete, 1
h2c: head POST /h2c chunked; send 4m; finish; answer; logged complete, 2
h3: head POST /h3 4m; send 4m; finish; answer; logged complete, 3
--- in_turn
--- seen
413 no
413 no
413 no
--- responses
/h2 413 saved
/h2c 413 saved
h3 /h3 413 saved
--- drained
/h2 413 complete * yes
/h2c 413 complete * yes
h3 /h3 413 complete * yes
--- no_error_log
[alert]
[crit]


=== TEST 6: answers of all sizes, byte for byte
--- http_config
limit_body 64m;
client_body_buffer_size 16k;
--- config
proxy_http_version 1.1;
location /small { proxy_buffers 4 4k; proxy_buffer_size 4k; proxy_busy_buffers_size 8k; proxy_pass http://early_tcp; }
location /unbuffered { proxy_buffering off; proxy_pass http://early_unix; }
location /tls { proxy_pass https://early_tls; }
location /stream { proxy_request_buffering off; proxy_pass http://early_unix; }
--- early
/small: held; answer 200 40k; reset
/unbuffered: held; answer 200 100k; reset
/tls: held; answer 200 30k; reset
/stream: held; answer 200 100k; reset
/small: held; answer 403 40k; reset
--- upload
h1 POST /small 16m
h1 POST /unbuffered 16m
h1 POST /tls 16m
h1 POST /stream 16m
h1 HEAD /small 16m
--- answer
200 40960 numbers | open
200 102400 numbers | open
200 30720 numbers | open
200 102400 numbers | closed
403 | open
--- responses
/small 200 saved
/unbuffered 200 saved
/tls 200 saved
/stream 200 saved
/small 403 saved


=== TEST 7: chunks, and an end that is the end of the connection
--- http_config
limit_body 64m;
client_body_buffer_size 16k;
--- config
location /chunked { proxy_http_version 1.1; proxy_pass http://early_tcp; }
location /end { proxy_pass http://early_tcp; }
location /end/unix { proxy_pass http://early_unix; }
location /end/unbuffered { proxy_buffering off; proxy_pass http://early_tcp; }
--- early
/chunked: held; send HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nno!\r\n2\r\nno\r\n0\r\n\r\n; reset
/end: held; send HTTP/1.1 403 No\r\n\r\n{20k}; fin; reset
/end/unix: held; send HTTP/1.1 403 No\r\n\r\n{20k}; close
/end/unbuffered: held; send HTTP/1.1 403 No\r\n\r\n{20k}; fin; reset
--- upload
h1 POST /chunked 16m
h1 POST /end 16m
h1 POST /end/unix 16m
h1 POST /end/unbuffered 16m
--- answer
403 no!no | open
403 20480 numbers | open
403 20480 numbers | open
403 20480 numbers | open
--- responses
/chunked 403 saved
/end 403 saved
/end/unix 403 saved
/end/unbuffered 403 saved


=== TEST 8: an answer that a reset may have cut off is never taken for a whole one
--- http_config
limit_body 64m;
client_body_buffer_size 16k;
--- config
proxy_http_version 1.1;
location /end { proxy_pass http://early_tcp; }
location /end/tls { proxy_pass https://early_tls; }
location /end/unbuffered { proxy_buffering off; proxy_pass http://early_tcp; }
location /end/stream { proxy_request_buffering off; proxy_pass http://early_tcp; }
location /end/sendfile { sendfile on; proxy_pass http://early_tcp; }
location /length { proxy_pass http://early_tcp; }
location /chunked { proxy_pass http://early_tcp; }
--- early
/end: held; send HTTP/1.1 403 No\r\n\r\nno; reset
/end/tls: held; send HTTP/1.1 403 No\r\n\r\nno; reset
/end/unbuffered: held; send HTTP/1.1 403 No\r\n\r\nno; reset
/end/stream: held; send HTTP/1.1 403 No\r\n\r\nno; reset
/end/sendfile: held; send HTTP/1.1 403 No\r\n\r\nno; fin; reset
/length: held; send HTTP/1.1 403 No\r\nContent-Length: 10\r\n\r\nno; fin; reset
/chunked: held; send HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nno!\r\n; fin; reset
--- upload
h1 POST /end 16m
h1 POST /end/tls 16m
h1 POST /end/unbuffered 16m
h1 POST /end/stream 16m
h1 POST /end/sendfile 16m
h1 POST /length 16m
h1 POST /chunked 16m
--- answer
closed without an answer
closed without an answer
closed without an answer
closed without an answer
closed without an answer
closed without an answer
closed without an answer
--- responses
/end 403 lost
/end/tls 403 lost
/end/unbuffered 403 lost
/end/stream 403 lost
/end/sendfile 403 lost
/length 403 lost
/chunked 403 lost


=== TEST 9: no answer, or no whole header: as nginx alone
--- http_config
limit_body 64m;
client_body_buffer_size 16k;
--- config
proxy_http_version 1.1;
location /nothing { proxy_pass http://early_tcp; }
location /nothing/unix { proxy_pass http://early_unix; }
location /nothing/tls { proxy_pass https://early_tls; }
location /end { proxy_pass http://early_tcp; }
location /header { proxy_pass http://early_tcp; }
location /stream { proxy_request_buffering off; proxy_pass http://early_tcp; }
location /page { error_page 502 = /fallback; proxy_pass http://early_tcp; }
location /fallback { return 200 "fallback\n"; }
location /intercepted { proxy_intercept_errors on; error_page 401 /login; proxy_pass http://early_tcp; }
location /login { return 200 "log in\n"; }
location /handed { proxy_intercept_errors on; error_page 401 =200 @proxied; proxy_pass http://early_tcp; }
location /accel { proxy_pass http://early_tcp; }
location @proxied { proxy_pass http://backend; }
location /proxied { internal; proxy_pass http://backend; }
--- early
/nothing: held; reset
/nothing/unix: held; reset
/nothing/tls: held; reset
/end: held; fin; reset
/header: held; send HTTP/1.1 403 No\r\nX-; reset
/stream: held; reset
/page: held; reset
/intercepted: held; answer 401; reset
/handed: held; answer 401; reset
/accel: held; send HTTP/1.1 200 OK\r\nX-Accel-Redirect: /proxied\r\nContent-Length: 0\r\n\r\n; reset
--- upload
h1 POST /nothing 16m
h1 POST /nothing/unix 16m
h1 POST /nothing/tls 16m
h1 POST /end 16m
h1 POST /header 16m
h1 POST /stream 16m
h1 POST /page 16m
h1 POST /intercepted 16m
h1 POST /handed 16m
h1 POST /accel 16m
--- answer
502 <502 Bad Gateway> | open
502 <502 Bad Gateway> | open
502 <502 Bad Gateway> | open
502 <502 Bad Gateway> | open
502 <502 Bad Gateway> | open
502 <502 Bad Gateway> | open
200 fallback | open
401 log in | open
200 ok | open
200 ok | open
--- responses
/nothing 502 lost
/nothing/unix 502 lost
/nothing/tls 502 lost
/end 502 lost
/header 502 lost
/stream 502 lost
/page 200 lost
/intercepted 401 saved
/handed 200 saved
/accel 200 saved
--- grep_error_log eval: qr/\[info\] .*upstream closed the connection before it had the whole request, .*? read/
--- grep_error_log_out eval
qr/^([^\n]*there was no whole response to read\n){7}([^\n]*its response was read\n){3}$/


=== TEST 10: the next upstream is asked only where there was no answer
--- http_config
limit_body 64m;
client_body_buffer_size 16k;
upstream two { server 127.0.0.1:$TEST_NGINX_RAND_PORT_5 max_fails=0; server unix:$TEST_NGINX_EARLY/http backup; }
--- config
location /answered { proxy_pass http://two; }
location /silent { proxy_pass http://two; }
location /status { proxy_next_upstream http_503; proxy_pass http://two; }
--- early
/answered: held; answer 503 busy; reset
/status: held; answer 503 busy; reset
/status: rest; answer 200 next
/silent: held; reset
/silent: rest; answer 200 next
--- upload
h1 PUT /answered 8m
h1 PUT /status 8m
h1 PUT /silent 8m
--- answer
503 busy | open
200 next | open
200 next | open
--- responses
/answered 503 saved
/status 200 -
/silent 200 -
--- early_asked
tcp /answered
tcp /status
http /status
tcp /silent
http /silent


=== TEST 11: an upstream that has answered has not failed
--- http_config
limit_body 64m;
client_body_buffer_size 16k;
upstream two { server 127.0.0.1:$TEST_NGINX_RAND_PORT_5 max_fails=1; server unix:$TEST_NGINX_EARLY/http backup; }
--- config
location / { proxy_pass http://two; }
--- early
/answered: held; answer 403 no; reset
/answered: held; answer 403 no; reset
/silent: held; reset
/next: rest; answer 200 yes
--- upload
h1 POST /answered 8m
h1 POST /answered 8m
h1 POST /silent 8m
h1 POST /next 8m
--- answer
403 no | open
403 no | open
502 <502 Bad Gateway> | open
200 yes | open
--- early_asked
tcp /answered
tcp /answered
tcp /silent
http /next


=== TEST 12: a connection that does not take the request is not kept
--- http_config
limit_body 64m;
client_body_buffer_size 16k;
upstream kept { server unix:$TEST_NGINX_EARLY/http; keepalive 4; }
--- config
proxy_http_version 1.1;
proxy_set_header Connection "";
location / { proxy_pass http://kept; }
--- early
/first: rest; answer 200 one; next; held; answer 401 denied; reset
/third: rest; answer 200 three; next; rest; answer 200 four
--- upload
h1 POST /first 100k
h1 POST /second 8m
h1 POST /third 100k
h1 POST /fourth 100k
--- answer
200 one | open
401 denied | open
200 three | open
200 four | open
--- responses
/first 200 -
/second 401 saved
/third 200 -
/fourth 200 -
--- early_asked
http /first /second
http /third /fourth


=== TEST 13: what a kept connection has to read before the request is no answer to it
--- http_config
limit_body 64m;
client_body_buffer_size 8k;
upstream kept { server 127.0.0.1:$TEST_NGINX_RAND_PORT_5; keepalive 4; }
--- config
proxy_http_version 1.1;
proxy_set_header Connection "";
proxy_request_buffering off;
location / { proxy_pass http://kept; }
--- early
/first: rest; answer 200 one; await stopped; send HTTP/1.1 408 Timeout\r\nContent-Length: 0\r\n\r\n; close; mark gone
--- script
h1: head PUT /first 1k; send 1k; answer; signal STOP; head PUT /second 32k; send 32k; mark stopped; await gone; signal CONT; answer
--- seen
200 one | 502 <502 Bad Gateway>
--- responses
/first 200 -
/second 502 -
--- early_asked
tcp /first


=== TEST 14: an answer that is on its way when the upstream closes
--- http_config
limit_body 64m;
--- config
proxy_request_buffering off;
proxy_http_version 1.1;
location / { proxy_pass http://early_unix; }
location /buffering { proxy_buffering off; proxy_pass http://early_unix; }
--- early
/rest: send HTTP/1.1 403 No\r\nContent-Length: 20480\r\n\r\n; held begun; send {20k}; reset
/end: send HTTP/1.1 403 No\r\n\r\n{20k}; held all; fin; reset
/cut: send HTTP/1.1 403 No\r\nContent-Length: 10\r\n\r\nno; held some; reset
/cut/unread: held few; send HTTP/1.1 403 No\r\nContent-Length: 10\r\n\r\nno; reset
/buffering: send HTTP/1.1 403 No\r\nContent-Length: 20480\r\n\r\n; held header; send {20k}; reset
--- script
h1: head POST /rest 16m; send 1k; await begun; send 8m; answer; send 8387584; end
h1: head POST /end 16m; send 1k; await all; send 8m; answer; send 8387584; end
h1: head POST /cut 16m; send 1k; await some; send 8m; answer
h1: head POST /cut/unread 16m; send 1k; await few; send 8m; answer
h1: head POST /buffering 16m; send 1k; await header; send 8m; answer; send 8387584; end
--- in_turn
--- seen
403 20480 numbers | closed
403 20480 numbers | closed
no answer
no answer
403 20480 numbers | closed
--- responses
/rest 403 saved
/end 403 saved
/cut 403 lost
/cut/unread 403 lost
/buffering 403 saved


=== TEST 15: off
--- http_config
limit_body 64m;
client_max_body_size 64m;
client_body_buffer_size 16k;
upstream kept { server unix:$TEST_NGINX_EARLY/http; }
--- config
location /off { limit_body_upstream_response off; proxy_pass http://early_tcp; }
location /none { limit_body off; proxy_pass http://kept; }
location /dry { limit_body_dry_run on; proxy_pass http://kept; }
location /on { limit_body off; limit_body_upstream_response on; proxy_pass http://early_tcp; }
location /drain { limit_body off; limit_body_drain time=1m; proxy_pass http://early_tcp; }
location /undrained {
    limit_body off;
    limit_body_upstream_response on;
    proxy_request_buffering off;
    proxy_pass http://early_unix;
}
--- early eval
"*: held; answer 401 denied; reset\n" x 6
--- upload
h1 POST /off 8m
h1 POST /none 8m
h1 POST /dry 8m
h1 POST /on 8m
h1 POST /drain 8m
h1 POST /undrained 8m
--- answer
502 <502 Bad Gateway> | open
502 <502 Bad Gateway> | open
502 <502 Bad Gateway> | open
401 denied | open
401 denied | open
401 denied | open
--- responses
/off 502 -
/none 502 -
/dry 502 -
/on 401 saved
/drain 401 saved
/undrained 401 saved


=== TEST 16: metrics
--- http_config
limit_body 64m;
limit_body_zone app;
client_body_buffer_size 16k;
--- config
location / { proxy_pass http://early_unix; }
location = /metrics { limit_body_metrics; }
location = /json { limit_body_metrics json; }
--- early
*: held; answer 401 denied; reset
*: held; answer 403 denied; reset
*: held; reset
*: rest; answer 200 yes
--- upload
h1 POST /1 8m
h1 POST /2 8m
h1 POST /3 8m
h1 POST /4 8m
--- answer
401 denied | open
403 denied | open
502 <502 Bad Gateway> | open
200 yes | open
--- commands
curl -s http://127.0.0.1:$PORT/metrics | grep ^nginx_limit_body_upstream
curl -s http://127.0.0.1:$PORT/json | grep upstream
--- output
nginx_limit_body_upstream_responses_total{zone="app",result="saved"} 2
nginx_limit_body_upstream_responses_total{zone="app",result="lost"} 1
  "upstream_responses": {"saved": 2, "lost": 1},


=== TEST 17: a client that goes away meanwhile
--- http_config
limit_body 64m;
--- config
proxy_request_buffering off;
proxy_http_version 1.1;
location / { proxy_pass http://early_unix; }
--- early
/gone: held begun; await gone; answer 401 denied; reset
/next: rest; answer 200 yes
--- script
h1: await gone; logged /gone; head POST /next 1k; send 1k; answer
h1: head POST /gone 16m; send 1k; await begun; send 100k; reset; mark gone
--- seen
200 yes
--- no_error_log
[alert]
[crit]


=== TEST 18: gRPC: an answer and the end of its stream, and of the connection
--- http_config
limit_body 64m;
--- config
location / { grpc_pass grpc://early_http2; }
--- early
/up: held begun; frame 1 4 1 885f106170706c69636174696f6e2f67727063; frame 0 0 1 6e6f0a; frame 1 5 1 4007747261696c65720130; reset
--- script
h2: head POST /up 48k; send 1k; await begun; send 47k; finish; answer
--- seen
200 no
--- responses
/up 200 saved


=== TEST 19: subrequests are read for, and nobody is told
--- http_config
limit_body 64m;
client_body_buffer_size 16k;
--- config
location /mirrored { mirror /mirror; proxy_pass http://early_tcp; }
location = /mirror { internal; proxy_pass http://early_unix; }
--- early
/mirror: held; answer 401 denied; reset
/mirrored: rest; answer 200 yes
--- upload
h1 POST /mirrored 8m
--- answer
200 yes | open
--- responses
/mirrored 200 -


=== TEST 20: however nginx comes to know
--- http_config
limit_body 64m;
client_body_buffer_size 16k;
--- config
location /tcp { proxy_pass http://early_tcp; }
location /unix { proxy_pass http://early_unix; }
location /tls { proxy_pass https://early_tls; }
location /stream { proxy_request_buffering off; proxy_http_version 1.1; proxy_pass http://early_tcp; }
--- early eval
CORE::join '', map { my $taken = $_; map { "/$_: take $taken; answer 401 denied; reset\n" } qw(tcp unix tls stream) } qw(0 100k 3m)
--- upload eval
CORE::join '', map { "h1 POST /$_ 8m Connection:close\n" x 3 } qw(tcp unix tls stream)
--- answer eval
"401 denied | closed\n" x 12
--- no_error_log
[alert]
[crit]


=== TEST 21: an upstream that begins its answer, reads on, and then ends the answer
--- http_config
limit_body 64m;
client_body_buffer_size 16k;
--- config
location /tcp { proxy_pass http://early_tcp; }
location /unix { proxy_pass http://early_unix; }
location /sendfile { sendfile on; tcp_nopush on; proxy_pass http://early_tcp; }
location /memory { client_body_buffer_size 16m; proxy_pass http://early_tcp; }
location /tls { proxy_pass https://early_tls; }
location /flushed { proxy_buffering off; proxy_pass http://early_tcp; }
location /variable { set $upstream early_unix; proxy_pass http://$upstream; }
location /fastcgi { fastcgi_pass early_fastcgi; }
location /uwsgi { uwsgi_pass early_uwsgi; }
location /scgi { scgi_pass early_scgi; }
--- early eval
CORE::join '', map { "/$_: begin 200 ${\($_ eq 'flushed' ? '4k' : '200k')}; await $_; rest; mark whole-$_; finish\n" }
    qw(tcp unix sendfile memory tls flushed variable fastcgi uwsgi scgi)
--- script eval
CORE::join '', map { "h1: head POST /$_ 16m; send 16m; header; mark $_; await whole-$_; answer\n" }
    qw(tcp unix sendfile memory tls flushed variable fastcgi uwsgi scgi)
--- in_turn
--- seen eval
CORE::join '', map { "200 ${\($_ eq 'flushed' ? 4096 : 204800)} numbers\n" }
    qw(tcp unix sendfile memory tls flushed variable fastcgi uwsgi scgi)
--- responses eval
CORE::join '', map { "/$_ 200 -\n" } qw(tcp unix sendfile memory tls flushed variable fastcgi uwsgi scgi)
--- no_error_log
[alert]
[crit]
[error]


=== TEST 22: the same where the body is not buffered
--- http_config
limit_body 64m;
--- config
proxy_request_buffering off;
proxy_http_version 1.1;
location / { proxy_pass http://early_unix; }
location /tls { proxy_pass https://early_tls; }
location /flushed { proxy_buffering off; proxy_pass http://early_unix; }
location /fastcgi { fastcgi_request_buffering off; fastcgi_pass early_fastcgi; }
--- early eval
CORE::join '', map { "/$_: begin 200 40k; full 32k; rest; mark whole-$_; finish\n" } qw(unix tls flushed fastcgi http2)
--- script
h1: head POST /unix 16m; header; send 16m; await whole-unix; answer
h1: head POST /tls 16m; header; send 16m; await whole-tls; answer
h1: head POST /flushed 16m; header; send 16m; await whole-flushed; answer
h1: head POST /fastcgi 16m; header; send 16m; await whole-fastcgi; answer
h2: head POST /http2 4m; header; send 4m; finish; await whole-http2; answer
--- in_turn
--- seen eval
"200 40960 numbers\n" x 5
--- no_error_log
[alert]
[crit]
[error]


=== TEST 23: off: nginx alone writes nothing once the answer has begun
--- http_config
limit_body 64m;
client_body_buffer_size 16k;
limit_body_upstream_response off;
proxy_read_timeout 300ms;
--- config
location / { proxy_pass http://early_unix; }
--- early
/off: begin 200 200k; await header; rest; finish
--- script
h1: head POST /off 16m; send 16m; header; mark header; answer
--- seen
no answer
--- responses
/off 200 -
--- error_log
upstream timed out


=== TEST 24: an upstream that begins its answer, and then takes nothing for too long, or closes
--- http_config
limit_body 64m;
client_body_buffer_size 16k;
proxy_send_timeout 2s;
proxy_next_upstream error timeout non_idempotent;
upstream two { server 127.0.0.1:$TEST_NGINX_RAND_PORT_5; server unix:$TEST_NGINX_EARLY/http backup; }
--- config
location / { proxy_pass http://two; }
location /stream { proxy_request_buffering off; proxy_http_version 1.1; proxy_pass http://early_unix; }
location /reset { proxy_send_timeout 60s; proxy_pass http://two; }
--- early
/stuck: begin 200 200k; await stuck; finish; reset
/stream: begin 200 200k; await stream; finish
/cut: begin 200 200k; await cut; take 1m; reset
/reset: begin 200 80k; await reset; take 1m; held; finish; reset
--- script
h1: head PUT /stuck 16m; send 16m; header; logged takes 1; mark stuck; answer
h1: head PUT /stream 16m; header; send 512k; logged takes 2; mark stream; answer
h1: head PUT /cut 16m; send 16m; header; mark cut; answer
h1: head PUT /reset 16m; send 16m; header; mark reset; answer
--- in_turn
--- seen
200 204800 numbers
200 204800 numbers
no answer
200 81920 numbers
--- early_asked
tcp /stuck
http /stream
tcp /cut
tcp /reset
--- no_error_log
[alert]
[crit]


=== TEST 25: an interim response before the answer is to the client what it is with nginx alone
--- http_config
limit_body 64m;
client_body_buffer_size 16k;
proxy_http_version 1.1;
--- config
location / { proxy_pass http://early_unix; }
location /alone { limit_body_upstream_response off; proxy_pass http://early_unix; }
--- early
/continue: send HTTP/1.1 100 Continue\r\n\r\n; held; answer 401 denied; reset
/hints: send HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n; held; answer 401 denied; reset
/alone/continue: rest; send HTTP/1.1 100 Continue\r\n\r\n; answer 401 denied
/alone/hints: rest; send HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n; answer 401 denied
--- commands
answer() { echo "h1: head POST $1 8m; send 8m; answer" | "$TEST_PYTHON" t/lib/script.py; }
for response in continue hints; do [ "$(answer /$response)" = "$(answer /alone/$response)" ] && echo the same; done
--- output
the same
the same
--- responses
/continue * saved
/hints * saved
/alone/continue * -
/alone/hints * -


=== TEST 26: gRPC: an answer that comes with frames that nginx would answer
--- http_config
limit_body 64m;
--- config
location / { grpc_pass grpc://early_http2; }
--- early
/header: held 1; frame 4 0 0; frame 1 5 1 885f106170706c69636174696f6e2f67727063; frame 3 0 1 00000000; frame 7 0 0 0000000100000000; reset
/trailer: held 2; frame 4 0 0; frame 1 4 1 885f106170706c69636174696f6e2f67727063; frame 0 0 1 6e6f0a; frame 6 0 0 3132333435363738; frame 1 5 1 4007747261696c65720130; frame 3 0 1 00000000; reset
/begun: frame 4 0 0; frame 1 4 1 885f106170706c69636174696f6e2f67727063; held 3; frame 6 0 0 3132333435363738; frame 0 0 1 6e6f0a; frame 1 5 1 4007747261696c65720130; reset
--- script
h2: head POST /header 48k; send 1k; await 1; send 47k; finish; answer
h2: head POST /trailer 48k; send 1k; await 2; send 47k; finish; answer
h2: head POST /begun 48k; send 1k; await 3; send 47k; finish; answer
--- in_turn
--- seen
200
200 no
200 no
--- responses
/header 200 saved
/trailer 200 saved
/begun 200 saved
--- no_error_log
[alert]
[crit]


=== TEST 27: HTTP/2 upstreams: the answer is read, whatever the upstream is and wherever the body is
--- skip_nginx: 9: < 1.29.4
--- http_config
limit_body 64m;
client_body_buffer_size 16k;
proxy_http_version 2;
--- config
location /unix { proxy_pass http://early_http2; }
location /tls { proxy_pass https://early_tls; }
location /sendfile { sendfile on; tcp_nopush on; proxy_pass http://early_http2; }
location /threads { sendfile on; aio threads; proxy_pass http://early_http2; }
location /memory { client_body_buffer_size 16m; proxy_pass http://early_http2; }
location /flushed { proxy_buffering off; proxy_pass http://early_http2; }
location /stream { proxy_request_buffering off; proxy_pass http://early_http2; }
location /stream/tls { proxy_request_buffering off; proxy_pass https://early_tls; }
--- early eval
"*: window 32m; held; answer 401 20k; frame 3 0 1 00000000; frame 7 0 0 0000000100000000; reset\n" x 8
--- upload
h1 POST /unix 16m
h1 POST /tls 16m
h1 POST /sendfile 16m
h1 POST /threads 16m
h1 POST /memory 16m
h1 POST /flushed 16m
h1 POST /stream 16m
h1 POST /stream/tls 16m
--- answer
401 20480 numbers | open
401 20480 numbers | open
401 20480 numbers | open
401 20480 numbers | open
401 20480 numbers | open
401 20480 numbers | open
401 20480 numbers | closed
401 20480 numbers | closed
--- responses
/unix 401 saved
/tls 401 saved
/sendfile 401 saved
/threads 401 saved
/memory 401 saved
/flushed 401 saved
/stream 401 saved
/stream/tls 401 saved
--- no_error_log
[alert]
[crit]


=== TEST 28: gRPC: an answer that is followed by the reset of its stream, for whatever reason
--- http_config
limit_body 64m;
--- config
location / { grpc_pass grpc://early_http2; }
--- early eval
# That the body is not wanted; that the stream is closed, as Go says of what still comes; CANCEL; and what would be wrong at any time.
my %behind = (
    none => 'frame 3 0 1 00000000', late => 'frame 3 0 1 00000000; frame 3 0 1 00000005; frame 3 0 1 00000005',
    cancel => 'frame 3 0 1 00000008', garbage => 'frame 0 0 7 6e6f',
);
CORE::join '', map { "/$_: take 65535; mark taken-$_; await stopped-$_; frame 1 4 1 4803343031; frame 0 1 1 6e6f0a; $behind{$_}; "
    . "mark there-$_; await $_\n" } sort keys %behind
--- script eval
CORE::join '', map { "h1: head POST /$_ 1m; send 128k; await taken-$_; signal STOP; mark stopped-$_; await there-$_; signal CONT; "
    . "answer; mark $_\n" } qw(none late cancel garbage)
--- in_turn
--- seen
401 no
401 no
401 no
401 no
--- responses
/none 401 -
/late 401 -
/cancel 401 -
/garbage 401 -
--- no_error_log
[alert]
[crit]


=== TEST 29: the same of HTTP/2 upstreams
--- skip_nginx: 10: < 1.29.4
--- http_config
limit_body 64m;
client_body_buffer_size 16k;
proxy_http_version 2;
--- config
location / { proxy_pass http://early_http2; }
location /stream { proxy_request_buffering off; proxy_pass http://early_http2; }
location /flushed { proxy_buffering off; proxy_pass http://early_http2; }
location /small { proxy_buffers 4 4k; proxy_buffer_size 4k; proxy_busy_buffers_size 8k; proxy_pass http://early_http2; }
location /tls { proxy_pass https://early_tls; }
location /alone { limit_body_upstream_response off; proxy_pass http://early_http2; }
--- early eval
CORE::join '', map { "/$_: take 65535; mark taken-$_; await stopped-$_; answer 401 40k; frame 3 0 1 00000000; frame 3 0 1 00000005; "
    . "mark there-$_; await $_\n" } qw(pipe stream flushed small tls alone)
--- script eval
CORE::join '', map { "h1: head POST /$_ 1m; send ${\($_ eq 'stream' ? '128k' : '1m')}; await taken-$_; signal STOP; mark stopped-$_; "
    . "await there-$_; signal CONT; answer; mark $_\n" } qw(pipe stream flushed small tls alone)
--- in_turn
--- seen
401 40960 numbers
401 40960 numbers
401 40960 numbers
401 40960 numbers
401 40960 numbers
no answer
--- responses
/pipe 401 -
/stream 401 -
/flushed 401 -
/small 401 -
/tls 401 -
/alone 401 -
--- no_error_log
[alert]
[crit]


=== TEST 30: gRPC: an upstream that ends the connection with its answer, and a frame that nginx would answer
--- http_config
limit_body 64m;
--- config
location / { grpc_pass grpc://early_http2; }
--- early
/grpc: take 65535; mark 1; await 2; frame 1 4 1 4803343031; frame 6 0 0 3132333435363738; frame 0 1 1 6e6f0a; close; mark 3
--- script
h1: head POST /grpc 1m; send 128k; await 1; signal STOP; mark 2; await 3; signal CONT; answer
--- seen
401 no
--- responses
/grpc 401 -
--- no_error_log
[alert]
[crit]


=== TEST 31: the same of an HTTP/2 upstream
--- skip_nginx: 8: < 1.29.4
--- http_config
limit_body 64m;
client_body_buffer_size 16k;
proxy_http_version 2;
--- config
location / { proxy_pass http://early_http2; }
location /flushed { proxy_buffering off; proxy_pass http://early_http2; }
location /alone { limit_body_upstream_response off; proxy_pass http://early_http2; }
location /tls { proxy_pass https://early_tls; }
--- early eval
CORE::join '', map { "/$_: take 65535; mark taken-$_; await stopped-$_; "
    . "frame 1 4 1 4803343031; frame 6 0 0 3132333435363738; frame 0 1 1 6e6f0a; close; mark gone-$_\n" } qw(pipe flushed tls alone)
--- script eval
CORE::join '', map { "h1: head POST /$_ 1m; send 1m; await taken-$_; signal STOP; mark stopped-$_; "
    . "await gone-$_; signal CONT; answer\n" } qw(pipe flushed tls alone)
--- in_turn
--- seen
401 no
401 no
401 no
no answer
--- responses
/pipe 401 -
/flushed 401 -
/tls 401 -
/alone 401 -
--- no_error_log
[alert]
[crit]


=== TEST 32: gRPC: an upstream that begins its answer, and grants no window for too long
--- http_config
limit_body 64m;
grpc_send_timeout 2s;
--- config
location / { grpc_pass grpc://early_http2; }
--- early
/stuck: begin 200 40k; await stuck; finish; close
--- script
h1: head POST /stuck 16m; send 256k; header; logged takes 1; mark stuck; answer
--- seen
200 40960 numbers
--- no_error_log
[alert]
[crit]


=== TEST 33: the same of an HTTP/2 upstream; no other one is asked
--- skip_nginx: 6: < 1.29.4
--- http_config
limit_body 64m;
client_body_buffer_size 16k;
proxy_http_version 2;
proxy_send_timeout 2s;
proxy_next_upstream error timeout non_idempotent;
upstream two { server unix:$TEST_NGINX_EARLY/http2; server unix:$TEST_NGINX_EARLY/http backup; }
--- config
location / { proxy_pass http://two; }
location /stream { proxy_request_buffering off; proxy_pass http://early_http2; }
--- early
/stuck: begin 200 200k; await stuck; finish; close
/stream: begin 200 200k; await stream; finish; close
/window: begin 200 200k; await window; window 32m; rest; finish
--- script
h1: head PUT /stuck 16m; send 16m; header; logged takes 1; mark stuck; answer
h1: head PUT /stream 16m; header; send 256k; logged takes 2; mark stream; answer
h1: head PUT /window 16m; send 16m; header; logged takes 3; mark window; answer
--- in_turn
--- seen
200 204800 numbers
200 204800 numbers
200 204800 numbers
--- early_asked
http2 /stuck
http2 /stream
http2 /window
--- no_error_log
[alert]
[crit]


=== TEST 34: a connection over HTTP/2 is kept when it has taken the whole request, and not when it has not
--- http_config
limit_body 64m;
upstream kept { server unix:$TEST_NGINX_EARLY/http2; keepalive 4; }
--- config
location / { grpc_pass grpc://kept; }
--- early
/first: window 1m; rest; answer 200 one; next; rest; answer 200 two; next; answer 200 three; next; take 1k; answer 401 no; await done
/fifth: window 1m; rest; answer 200 five; next; answer 200 six
--- script
h1: head POST /first 100k; send 100k; answer; head POST /second 1k; send 1k; answer; head GET /third; answer; head POST /fourth 1m; send 128k; answer; mark done
h1: head POST /fifth 100k; send 100k; answer; head GET /sixth; answer
--- in_turn
--- seen
200 one | 200 two | 200 three | 401 no
200 five | 200 six
--- early_asked
http2 /first /second /third /fourth
http2 /fifth /sixth
--- no_error_log
[alert]
[crit]
[error]


=== TEST 35: the same where the stream is reset behind the answer to a whole request
--- http_config
limit_body 64m;
upstream kept { server unix:$TEST_NGINX_EARLY/http2; keepalive 4; }
--- config
location / { grpc_pass grpc://kept; }
--- early
/first: rest; mark whole; await stopped; answer 401 no; frame 3 0 1 00000005; mark there; await done
/second: rest; answer 200 two
--- script
h1: head POST /first 1k; send 1k; await whole; signal STOP; mark stopped; await there; signal CONT; answer; head POST /second 1k; send 1k; answer; mark done
--- seen
401 no | 200 two
--- early_asked
http2 /first
http2 /second
--- responses
/first 401 -
/second 200 -
--- no_error_log
[alert]
[crit]
[error]


=== TEST 36: HTTP/2 upstreams that are found when a variable is evaluated
--- skip_nginx: 9: < 1.29.4
--- http_config
limit_body 64m;
client_body_buffer_size 16k;
proxy_http_version 2;
--- config
set $port $TEST_NGINX_RAND_PORT_6;
set $socket http2;
set $name early_http2;
resolver 127.0.0.1:$TEST_NGINX_RAND_PORT_5 ipv6=off;
location /address { proxy_pass https://127.0.0.1:$port; }
location /unix { proxy_pass http://unix:$TEST_NGINX_EARLY/$socket:; }
location /name { proxy_pass https://app.example:$port; }
location /known { proxy_pass http://$name; }
location /stream { proxy_request_buffering off; proxy_pass https://127.0.0.1:$port; }
--- early eval
"*: window 32m; held; answer 401 20k; reset\n" x 6
--- upload
h1 POST /address 16m
h1 chunked POST /address 16m
h1 POST /unix 16m
h1 POST /name 16m
h1 POST /known 16m
h1 POST /stream 16m
--- answer
401 20480 numbers | open
401 20480 numbers | open
401 20480 numbers | open
401 20480 numbers | open
401 20480 numbers | open
401 20480 numbers | closed
--- responses
/address 401 saved
/address 401 saved
/unix 401 saved
/name 401 saved
/known 401 saved
/stream 401 saved
--- no_error_log
[alert]
[crit]


=== TEST 37: an upstream that is found so, and is asked when the lock of the cache is free
--- http_config
limit_body 64m;
proxy_cache_path $TEST_NGINX_SERVER_ROOT/cache keys_zone=cache:1m;
--- config
proxy_request_buffering off;
proxy_http_version 1.1;
proxy_cache cache;
proxy_cache_methods POST;
proxy_cache_key $uri;
proxy_cache_lock on;
set $port $TEST_NGINX_RAND_PORT_5;
location / { proxy_pass http://127.0.0.1:$port; }
--- early
/: rest; mark first; await second; answer 401 first
/: held; answer 401 second; reset
--- script
h1: head POST / 1k; send 1k; answer
h1: await first; head POST / chunked; read; mark second; chunks 64 64k; answer
--- seen
401 first
401 second
--- responses
/ 401 -
/ 401 saved
--- no_error_log
[alert]
[crit]


=== TEST 38: gRPC: an answer to the second try on the same kept connection
--- http_config
limit_body 64m;
upstream kept { server unix:$TEST_NGINX_EARLY/http2; server unix:$TEST_NGINX_EARLY/http2; keepalive 4; }
--- config
grpc_next_upstream http_404 non_idempotent;
# For that nginx reads all of the body first.
location / { mirror /mirror; grpc_pass grpc://kept; }
location = /mirror { return 204; }
--- early
/again: window 1m; rest; frame 1 5 1 4803343034; next; take 65535; mark 1; await 2; frame 1 4 3 4803343031; frame 6 0 0 3132333435363738; frame 0 1 3 6e6f0a; close; mark 3
--- script
h1: head POST /again 500k; send 500k; await 1; signal STOP; mark 2; await 3; signal CONT; answer
--- seen
401 no
--- early_asked
http2 /again /again
--- no_error_log
[alert]
[crit]


=== TEST 39: gRPC: an upstream that is found so, on a Unix socket, and answers before nginx looks at the connection again
--- http_config
limit_body 64m;
--- config
set $socket http2;
grpc_read_timeout 2s;
location / { grpc_pass grpc://unix:$TEST_NGINX_EARLY/$socket; }
location = /ready { access_log off; return 204; }
# The password takes nginx some time.
location = /busy { access_log off; auth_basic busy; auth_basic_user_file $TEST_NGINX_SERVER_ROOT/html/users; root html; }
--- user_files
>>> users
u:$6$rounds=300000$salt$none
--- early eval
# A PING, which nginx answers, the header, and a part of a frame, at once; the rest of that looks like the ends of responses.
'/: rest; send \x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x08\x06\x00\x00\x00\x00\x0012345678\x00\x00\x01\x01\x04\x00\x00\x00\x01\x88' .
    '\x00\x40\x00\x00\x00\x00\x00\x00\x01' . 'x' x 4000 . '; await begun; send ' .
    '\x00\x00\x00\x00\x01\x00\x00\x00\x01' x 1376 . "; frame 0 1 1; await answered\n"
--- script
h1: head GET /ready; answer; mark ready; await stopped; bytes POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n12345; mark sent; header; pause 0.2; mark begun; answer; mark answered
h1: head GET /ready; answer; await ready; signal STOP; mark stopped; await sent; bytes GET /busy HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic dTp3\r\n\r\n; signal CONT; answer
--- seen
204 | 200 16384 bytes
204 | 401 <401 Authorization Required>
--- responses
/ 200 -
--- early_asked
http2 /
--- no_error_log
[alert]
[crit]


=== TEST 40: an upstream that begins its answer, asks for another handshake, and then takes nothing for too long, or closes
--- skip_eval: 3: !Test::Nginx::LimitBody::renegotiates()
--- http_config
limit_body 64m;
client_body_buffer_size 16k;
proxy_http_version 1.1;
proxy_ssl_protocols TLSv1.2;
proxy_ssl_session_reuse off;
# The header of an answer does not wait for its body.
postpone_output 0;
upstream renegotiating { server 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
--- config
location /stuck { proxy_request_buffering off; proxy_send_timeout 2s; proxy_pass https://renegotiating; }
location /stream { proxy_request_buffering off; proxy_pass https://renegotiating; }
location /closed { proxy_pass https://renegotiating; }
location = /ready { return 204; }
--- commands
"$TEST_PYTHON" t/lib/renegotiate.py finish 'h1: head POST /stuck 16m; send 1k; header; send 1k; mark begun; answer'
"$TEST_PYTHON" t/lib/renegotiate.py close 'h1: head POST /stream 16m; send 1k; header; send 1k; mark begun; answer'
"$TEST_PYTHON" t/lib/renegotiate.py close 'h1: head POST /closed 16m; send 16m; header; mark begun; answer'
--- output
200 begun, finished
no answer
no answer
--- error_log
upstream takes no more of the request
--- no_error_log
[alert]


=== TEST 41: while nginx must read before it can write on, it is idle, and its timer runs
--- skip_eval: 3: !Test::Nginx::LimitBody::renegotiates()
--- http_config
limit_body 64m;
client_body_buffer_size 16k;
proxy_http_version 1.1;
proxy_ssl_protocols TLSv1.2;
proxy_ssl_session_reuse off;
postpone_output 0;
--- config
location /slow { proxy_send_timeout 2s; proxy_pass https://127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
location = /ready { return 204; }
--- commands
"$TEST_PYTHON" t/lib/renegotiate.py finish 'h1: head POST /slow 16m; send 16m; header; mark begun; answer'
--- output
200 begun, finished
--- error_log
upstream takes no more of the request
--- no_error_log
[alert]
