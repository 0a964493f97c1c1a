# Which limit holds, and what it lets through.

use Test::Nginx::LimitBody 'no_plan';

run_tests();

__DATA__

=== TEST 1: a body as long as the limit passes, one more byte does not
--- config
limit_body 1k;
location /up { proxy_pass http://backend/length; }
--- upload
h1 POST /up 0
h1 POST /up 1023
h1 POST /up 1k
h1 POST /up 1025
h1 POST /up 8m
--- answer
200 length 0 | open
200 length 1023 | open
200 length 1024 | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
--- logged
/up 200 - - - -
/up 200 PASSED 1024 1023 header
/up 200 PASSED 1024 1024 header
/up 413 REJECTED 1024 0 header
/up 413 REJECTED 1024 0 header
--- error_log
[error]
client intended to send too large body: 1025 bytes, limit: 1024
client intended to send too large body: 8388608 bytes, limit: 1024
--- no_error_log
[alert]
[crit]


=== TEST 2: the units are those of client_max_body_size
--- config
location = /1 { limit_body 1536; proxy_pass http://backend; }
location = /2 { limit_body 2k;   proxy_pass http://backend; }
location = /3 { limit_body 3M;   proxy_pass http://backend; }
location = /4 { limit_body 4g;   proxy_pass http://backend; }
location = /5 { limit_body 9223372036854775807; proxy_pass http://backend; }
--- upload
h1 POST /1 1
h1 POST /2 1
h1 POST /3 1
h1 POST /4 1
h1 POST /5 1
--- answer
200 ok | open
200 ok | open
200 ok | open
200 ok | open
200 ok | open
--- logged
/1 200 PASSED 1536 1 header
/2 200 PASSED 2048 1 header
/3 200 PASSED 3145728 1 header
/4 200 PASSED 4294967296 1 header
/5 200 PASSED 9223372036854775807 1 header


=== TEST 3: 0 is no limit, also where client_max_body_size has one
--- config
client_body_buffer_size 16k;
location = /up { client_max_body_size 1k; limit_body 0; proxy_pass http://backend/length; }
--- upload
h1 POST /up 40m
h1 chunked POST /up 2k
--- answer
200 length 41943040 | open
200 length 2048 | open
--- logged
/up 200 PASSED 0 41943040 header
/up 200 PASSED 0 2048 body


=== TEST 4: limit_body is off by default, and nginx's own limit holds
--- config
location = /default { client_max_body_size 2k; proxy_pass http://backend; }
location = /off { client_max_body_size 2k; limit_body off; proxy_pass http://backend; }
--- upload
h1 POST /default 2k
h1 POST /default 2049
h1 POST /off 2k
h1 POST /off 2049
h1 chunked POST /off 2049
--- answer
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
--- logged
/default 200 - - - -
/default 413 - - - -
/off 200 - - - -
/off 413 - - - -
/off 413 - - - -
--- no_error_log
limit:


=== TEST 5: inherited from http, overridden and switched off again further in
--- http_config
limit_body 1k;
--- config
location /http { proxy_pass http://backend; }
location /location {
    limit_body 2k;
    proxy_pass http://backend;
    location /location/nested { proxy_pass http://backend; }
    location /location/off { limit_body off; proxy_pass http://backend; }
}
--- upload
h1 POST /http 1025
h1 POST /location 2k
h1 POST /location 2049
h1 POST /location/nested 2049
h1 POST /location/off 4k
--- answer
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 ok | open
--- logged
/http 413 REJECTED 1024 0 header
/location 200 PASSED 2048 2048 header
/location 413 REJECTED 2048 0 header
/location/nested 413 REJECTED 2048 0 header
/location/off 200 - - - -


=== TEST 6: overridden by a server
--- http_config
limit_body 1k;
--- config
limit_body 3k;
location /server { proxy_pass http://backend; }
--- upload
h1 POST /server 3k
h1 POST /server 3073
--- answer
200 ok | open
413 <413 Request Entity Too Large> | closed
--- logged
/server 200 PASSED 3072 3072 header
/server 413 REJECTED 3072 0 header


=== TEST 7: blocks inside a location, if and limit_except, have its limit
--- config
location /up {
    limit_body 1k;
    if ($http_x_if) { set $x 1; proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT; }
    limit_except GET { proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT; }
}
--- upload
h1 POST /up 1025 X-If:1
h1 POST /up 1025
--- answer
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed


=== TEST 8: a limit for each plan, from a map
--- http_config
map $http_x_plan $upload_limit {
    default 1k;
    gold    4k;
    staff   0;
}
--- config
location = /up { limit_body $upload_limit; proxy_pass http://backend; }
--- upload
h1 POST /up 1k
h1 POST /up 1025
h1 POST /up 4k X-Plan:gold
h1 POST /up 4097 X-Plan:gold
h1 POST /up 1m X-Plan:staff
h1 POST /up 1k | POST /up 4k X-Plan:gold | POST /up 1025
--- answer
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
200 ok | 200 ok | 413 <413 Request Entity Too Large> | closed
--- logged
/up 200 PASSED 1024 1024 header
/up 413 REJECTED 1024 0 header
/up 200 PASSED 4096 4096 header
/up 413 REJECTED 4096 0 header
/up 200 PASSED 0 1048576 header
/up 200 PASSED 1024 1024 header
/up 200 PASSED 4096 4096 header
/up 413 REJECTED 1024 0 header


=== TEST 9: text around a variable
--- config
location = /up { limit_body "${http_x_kilo}k"; proxy_pass http://backend; }
--- upload
h1 POST /up 2k X-Kilo:2
h1 POST /up 2049 X-Kilo:2
--- answer
200 ok | open
413 <413 Request Entity Too Large> | closed


=== TEST 10: an empty value falls back to client_max_body_size
--- config
location = /up { client_max_body_size 2k; limit_body $http_x_limit; proxy_pass http://backend; }
location = /any { client_max_body_size 0; limit_body $http_x_limit; proxy_pass http://backend; }
--- upload
h1 POST /up 2k
h1 POST /up 2049
h1 POST /up 8k X-Limit:8k
h1 chunked POST /up 2049
h1 POST /any 40m
--- answer
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
--- logged
/up 200 PASSED 2048 2048 header
/up 413 REJECTED 2048 0 header
/up 200 PASSED 8192 8192 header
/up 413 REJECTED 2048 * body
/any 200 PASSED 0 41943040 header


=== TEST 11: a value that is no size fails closed, with one line that names it
--- config
location = /up { limit_body $http_x_limit; proxy_pass http://backend; }
--- upload
h1 POST /up 1 X-Limit:10q
h1 POST /up 8m X-Limit:-1
h1 POST /up 1 X-Limit:9223372036854775808
h1 chunked POST /up 1 X-Limit:off
h2 POST /up 1 X-Limit:1.5m
h1 GET /up X-Limit:10q
--- answer
500 <500 Internal Server Error> | closed
500 <500 Internal Server Error> | closed
500 <500 Internal Server Error> | closed
500 <500 Internal Server Error> | closed
500 <500 Internal Server Error>
200 ok | open
--- logged
/up 500 REJECTED - 0 header
/up 500 REJECTED - 0 header
/up 500 REJECTED - 0 header
/up 500 REJECTED - 0 body
/up 500 REJECTED - 0 header
/up 200 - - - -
--- grep_error_log eval: qr/\[error\].*?limit_body"[^,]*, it must[^,]*/
--- grep_error_log_out eval
qr/^(\[error\] \S+ \S+ invalid value "[^"]*" of "\$http_x_limit" in "limit_body", it must be [^\n]*\n){5}$/


=== TEST 12: the lines name the values
--- config
location = /up { limit_body $http_x_limit; }
--- upload
h1 POST /up 1 X-Limit:10q
h1 POST /up 1 X-Limit:9223372036854775808
--- answer
500 <500 Internal Server Error> | closed
500 <500 Internal Server Error> | closed
--- error_log
invalid value "10q" of "$http_x_limit" in "limit_body", it must be a number of bytes, or end in "k", "m" or "g"
invalid value "9223372036854775808" of "$http_x_limit" in "limit_body", it must be less than 2^63 bytes


=== TEST 13: client_max_body_size does not matter where a limit is in effect: neither lower, nor higher
--- config
location = /raised { client_max_body_size 1k; limit_body 4k; proxy_pass http://backend; }
location = /lowered { client_max_body_size 8k; limit_body 4k; proxy_pass http://backend; }
--- upload
h1 POST /raised 4k
h1 POST /raised 4097
h1 POST /lowered 4k
h1 POST /lowered 4097
h1 chunked POST /raised 4k
h2 POST /raised 4k | POST /raised 4097 | POST /lowered 4k | POST /lowered 4097
h3 POST /raised 4k | POST /raised 4097 | POST /lowered 4k | POST /lowered 4097
--- answer
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
200 ok | 413 <413 Request Entity Too Large> | 200 ok | 413 <413 Request Entity Too Large>
200 ok | 413 <413 Request Entity Too Large> | 200 ok | 413 <413 Request Entity Too Large>


=== TEST 14: nor does its default of 1m
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3;
    location /raised { limit_body 4m; proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_4; }
    location /untouched { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_4; }
}
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4;
    client_max_body_size 0;
    return 200 "ok\n";
}
--- config
limit_body 0;
location / { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_3; }
--- upload
h1 POST /raised 4m
h1 POST /raised 4194305
h1 POST /untouched 1m
h1 POST /untouched 1048577
--- answer
200 ok | open
413 <413 Request Entity Too Large> | open
200 ok | open
413 <413 Request Entity Too Large> | open


=== TEST 15: requests without a body are not judged
--- config
limit_body 1k;
location / { return 200 "ok\n"; }
--- upload
h1 GET / | HEAD / | DELETE /
h2 GET / | POST /
h3 GET / | POST /
--- answer
200 ok | 200 | 200 ok | open
200 ok | 200 ok
200 ok | 200 ok
--- logged
/ 200 - - - -
/ 200 - - - -
/ 200 - - - -
/ 200 - - - -
/ 200 - - - -
h3 / 200 - - - -
h3 / 200 - - - -


=== TEST 16: nor is one that declares a body of no bytes: it is no upload
--- config
location = /metrics { access_log off; limit_body_metrics; }
limit_body 1k;
limit_body_zone uploads;
location = /up { proxy_pass http://backend/length; }
location = /bad { limit_body $http_x_limit; proxy_pass http://backend/length; }
location = /after { limit_body 1k after_auth; proxy_pass http://backend/length; }
location = /return { return 200 "ok\n"; }
--- upload
h1 POST /up 0
h1 POST /up 0 | POST /up 1 | GET /up
h1 POST /bad 0 X-Limit:10q
h1 POST /after 0
h1 POST /return 0
h2 POST /up 0
h3 POST /up 0
--- answer
200 length 0 | open
200 length 0 | 200 length 1 | 200 length | open
200 length 0 | open
200 length 0 | open
200 ok | open
200 length 0
200 length 0
--- logged
/up 200 - - - -
/up 200 - - - -
/up 200 PASSED 1024 1 header
/up 200 - - - -
/bad 200 - - - -
/after 200 - - - -
/return 200 - - - -
/up 200 - - - -
h3 /up 200 - - - -
--- commands
"$TEST_PYTHON" t/lib/metrics.py uploads 1 | sed -n 1p
--- output
requests_total status=passed 1
--- no_error_log
invalid value


=== TEST 17: what the location has captured stays, whatever is captured when the limit is evaluated
--- http_config
map $http_x_plan $limit { default 1m; ~^(gold|silver)$ 10m; ~plain 2k; }
--- config
location ~ ^/up/(.*)$ { limit_body $limit; limit_body_dry_run on; proxy_pass http://kept/up-$1; }
location ~ ^/refused/(.*)$ { limit_body $limit; error_page 413 /page/$1; proxy_pass http://kept; }
location ~ ^/page/(.*)$ { internal; limit_body $limit; proxy_pass http://kept/page-$1; }
location ~ ^/taken/(.*)$ { limit_body $1k; proxy_pass http://kept/taken-$1; }
location /none { limit_body $limit; proxy_pass http://kept; }
--- upload
h1 POST /up/one 5 | POST /up/two 5 X-Plan:gold | POST /up/three 5 X-Plan:plain | GET /up/four
h1 POST /refused/five 4k X-Plan:plain
h1 POST /taken/2 1k
h1 POST /taken/2 2049
h1 POST /none 5 X-Plan:gold
--- answer
200 ok | 200 ok | 200 ok | 200 ok | open
413 ok | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
--- asked
POST /up-one 5
POST /up-two 5
POST /up-three 5
GET /up-four none
GET /page-five none
POST /taken-2 1024
POST /none 5


=== TEST 18: nothing counts as read of a body in chunks that nginx discards
--- config
limit_body 1m declared;
limit_body_dry_run on;
location / { root html; }
--- script
h1: bytes POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n; answer; close
--- seen
404 <404 Not Found>
--- logged
/up 404 REJECTED_DRY_RUN 1048576 0 header
