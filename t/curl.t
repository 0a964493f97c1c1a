# curl reads the refusal.

use Test::Nginx::LimitBody 'no_plan';

$ENV{CURL} = 'curl -sk -w \n%{http_code},HTTP/%{http_version}\n';

run_tests();

__DATA__

=== TEST 1: HTTP/1.1, with and without Expect, declared and not
--- config
limit_body 1k;
error_page 413 @too_large;
location = /up { proxy_pass http://backend; }
location @too_large { return 413 "too large"; }
--- commands
head -c 8M /dev/zero | $CURL --data-binary @- http://127.0.0.1:$PORT/up
head -c 8M /dev/zero | $CURL -H Expect: --data-binary @- http://127.0.0.1:$PORT/up
head -c 8M /dev/zero | $CURL -T - http://127.0.0.1:$PORT/up
head -c 8M /dev/zero | $CURL -H Expect: -T - http://127.0.0.1:$PORT/up
head -c 8M /dev/zero | $CURL -F file=@- http://127.0.0.1:$PORT/up
head -c 8M /dev/zero | $CURL --http1.0 --data-binary @- http://127.0.0.1:$PORT/up
--- output
too large
413,HTTP/1.1
too large
413,HTTP/1.1
too large
413,HTTP/1.1
too large
413,HTTP/1.1
too large
413,HTTP/1.1
too large
413,HTTP/1.1
--- no_error_log
[alert]
[crit]


=== TEST 2: over TLS
--- config
limit_body 1k;
error_page 413 @too_large;
location = /up { proxy_pass http://backend; }
location @too_large { return 413 "too large"; }
--- commands
head -c 8M /dev/zero | $CURL --http1.1 --tls-max 1.2 --data-binary @- https://127.0.0.1:$TLS_PORT/up
head -c 8M /dev/zero | $CURL --http1.1 -H Expect: --data-binary @- https://127.0.0.1:$TLS_PORT/up
head -c 8M /dev/zero | $CURL --http1.1 -H Expect: -T - https://127.0.0.1:$TLS_PORT/up
--- output
too large
413,HTTP/1.1
too large
413,HTTP/1.1
too large
413,HTTP/1.1
--- no_error_log
[alert]
[crit]


=== TEST 3: HTTP/2, the stream beside a refused one goes on
--- config
limit_body 1k;
error_page 413 @too_large;
location = /up { proxy_pass http://backend; }
location = /large { limit_body 8m; proxy_pass http://backend; }
location @too_large { return 413 "too large"; }
--- commands
head -c 8M /dev/zero | $CURL --http2 --data-binary @- https://127.0.0.1:$TLS_PORT/up
head -c 8M /dev/zero | $CURL --http2 -T - https://127.0.0.1:$TLS_PORT/up
head -c 1k /dev/zero | $CURL --http2 --data-binary @- https://127.0.0.1:$TLS_PORT/large
--- output
too large
413,HTTP/2
too large
413,HTTP/2
ok

200,HTTP/2
--- no_error_log
[alert]
[crit]
