# What kinds of requests are judged, and what becomes of their connection.

use Test::Nginx::LimitBody 'no_plan';

run_tests();

__DATA__

=== TEST 1: every method
--- config
limit_body 1k;
location /up { proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/ok; }
location = /ok { limit_body off; return 200 "$request_method $http_content_length\n"; }
--- upload
h1 GET /up 1k | PUT /up 1k | PATCH /up 1k | DELETE /up 1k | PURGE /up 1k | HEAD /up 1k
h1 GET /up 1025
h1 PUT /up 1025
h1 PATCH /up 1025
h1 DELETE /up 1025
h1 PURGE /up 1025
h1 HEAD /up 1025
h2 GET /up 1025 | PUT /up 1025 | HEAD /up 1025 | PATCH /up 1k
--- answer
200 GET 1024 | 200 PUT 1024 | 200 PATCH 1024 | 200 DELETE 1024 | 200 PURGE 1024 | 200 | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 | closed
413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large> | 413 | 200 PATCH 1024


=== TEST 2: a refusal comes instead of 100 Continue
--- config
limit_body_drain idle=5s;
limit_body 1k;
location /up { proxy_pass http://backend; }
--- upload
h1 expect POST /up 1k
h1 expect POST /up 1025
h1s expect POST /up 64m
--- answer
100 | 200 ok | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed


=== TEST 3: HTTP/1.0
--- config
limit_body 1k;
location /up { proxy_pass http://backend; }
--- upload
h1.0 POST /up 1k
h1.0 POST /up 1025
h1.0 POST /up 8m
--- answer
200 ok | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed


=== TEST 4: an accepted upload keeps its connection, a refused one is the last on it
--- config
limit_body 1k;
location /up { proxy_pass http://backend; }
location = /ok { limit_body off; return 200 "ok\n"; }
--- upload
h1 GET /ok | POST /up 1k | POST /up 5 | GET /ok | POST /up 2k
h1 pipelined GET /ok | POST /up 1k | POST /up 5 | GET /ok
h1 pipelined GET /ok | POST /up 1k | POST /up 2k | GET /ok | POST /up 1k
h1s pipelined POST /up 1k | POST /up 1m | GET /ok
--- answer
200 ok | 200 ok | 200 ok | 200 ok | 413 <413 Request Entity Too Large> | closed
200 ok | 200 ok | 200 ok | 200 ok | open
200 ok | 200 ok | 413 <413 Request Entity Too Large> | closed without an answer
200 ok | 413 <413 Request Entity Too Large> | closed without an answer
--- no_error_log
[alert]
[crit]


=== TEST 5: bodies of undeclared length, held against the same limit as they come
--- config
limit_body 1k;
location /up { proxy_pass http://backend/length; }
--- upload
h1 chunked POST /up 1k | POST /up 0
h1 chunked POST /up 1025
h1 chunked POST /up 8m
h1s chunked POST /up 8m
h2 chunked POST /up 1k | POST /up 1025
h3 chunked POST /up 1k | POST /up 1025
--- answer
200 length 1024 | 200 length 0 | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 length 1024 | 413 <413 Request Entity Too Large>
200 length 1024 | 413 <413 Request Entity Too Large>
--- error_log
client intended to send too large body: 1025 bytes, limit: 1024
--- no_error_log
[alert]
[crit]


=== TEST 6: streams of one connection: one is refused, the others are unharmed
--- config
limit_body 1k;
location /up { proxy_pass http://backend; }
location = /ok { limit_body off; return 200 "ok\n"; }
location /large { limit_body 8m; proxy_pass http://backend; }
--- upload
h2 POST /up 1k | POST /up 1m | GET /ok | POST /large 4m | POST /up 2k | POST /large 1m
h2c POST /up 1k | POST /up 1m | GET /ok | POST /large 4m | POST /up 2k | POST /large 1m
h3 POST /up 1k | POST /up 1m | GET /ok | POST /large 4m | POST /up 2k | POST /large 1m
--- answer
200 ok | 413 <413 Request Entity Too Large> | 200 ok | 200 ok | 413 <413 Request Entity Too Large> | 200 ok
200 ok | 413 <413 Request Entity Too Large> | 200 ok | 200 ok | 413 <413 Request Entity Too Large> | 200 ok
200 ok | 413 <413 Request Entity Too Large> | 200 ok | 200 ok | 413 <413 Request Entity Too Large> | 200 ok
--- no_error_log
[alert]
[crit]


=== TEST 7: TLS 1.2 and 1.3
--- config
limit_body 1k;
location /up { proxy_pass http://backend; }
--- upload
h1s tls1.2 POST /up 1k
h1s tls1.2 POST /up 16m
h1s tls1.3 POST /up 1k
h1s tls1.3 POST /up 16m
h2 tls1.2 POST /up 1k | POST /up 1m
--- answer
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | 413 <413 Request Entity Too Large>
--- no_error_log
[alert]
[crit]


=== TEST 8: what comes after the answer does not reset it
--- config
limit_body 10;
client_header_buffer_size 4k;
location /up { proxy_pass http://backend; }
--- upload
h1 late-body POST /up 64m
h1 late-body chunked POST /up 64m
h1s late-body POST /up 64m
h1s late-body chunked POST /up 64m
h1 late-next POST /up 11 | POST /up 64m
h1s late-next POST /up 11 | POST /up 64m
--- answer
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed without an answer
413 <413 Request Entity Too Large> | closed without an answer
--- no_error_log
[alert]
[crit]


=== TEST 9: a limit by the address that realip finds
--- http_config
map $remote_addr $by_address { default 1k; 192.0.2.7 4k; }
--- config
limit_body $by_address;
location = /trusting { set_real_ip_from 127.0.0.1; proxy_pass http://backend; }
location = /plain { proxy_pass http://backend; }
--- upload
h1 POST /trusting 4k X-Real-IP:192.0.2.7
h1 POST /trusting 4k X-Real-IP:192.0.2.8
h1 POST /plain 4k X-Real-IP:192.0.2.7
--- answer
200 ok | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
