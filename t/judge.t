# There is one judge of bodies: whatever answers a request, and whichever of limit_body and client_max_body_size is further in.

use Test::Nginx::LimitBody 'no_plan';

run_tests();

__DATA__

=== TEST 1: answers of the rewrite phase do not let more through than others: success and redirects become the refusal
--- http_config
limit_body 1k;
--- config
location = /200 { return 200 "ok\n"; }
location = /204 { return 204; }
location = /201 { return 201 "created\n"; }
location = /301 { return 301 /elsewhere; }
location = /302 { return 302 /elsewhere; }
location = /303 { return 303 /elsewhere; }
location = /307 { return 307 /elsewhere; }
location = /url { return http://example.com/; }
location = /if { if ($request_method = POST) { return 200 "posted\n"; } }
location = /rewrite { rewrite ^ /elsewhere redirect; }
location = /permanent { rewrite ^ /elsewhere permanent; }
location = /absolute { rewrite ^ http://example.com/; }
location /directory/ { proxy_pass http://backend; }
--- upload
h1 POST /200 1k
h1 POST /200 1025
h1 POST /201 2m
h1 POST /204 1k
h1 POST /204 2m
h1 POST /301 1k
h1 POST /301 2m
h1s POST /302 2m
h1 POST /303 2m
h1 POST /307 2m
h1 POST /url 2m
h1 POST /if 1k
h1 POST /if 2m
h1 POST /rewrite 2m
h1 POST /permanent 2m
h1 POST /absolute 2m
h1 POST /directory 1k
h1 POST /directory 2m
h1 pipelined POST /200 1k | GET /200
h1 pipelined POST /200 2k | GET /200
h1s pipelined POST /301 2k | GET /200
h2 POST /200 1k | POST /200 1m | POST /204 1m | POST /301 1m | POST /if 1m | POST /rewrite 1m | POST /directory 1m
h2c POST /200 1k | POST /200 1m | POST /204 1m | POST /301 1m | POST /if 1m | POST /rewrite 1m | POST /directory 1m
h3 POST /200 1k | POST /200 1m | POST /204 1m | POST /301 1m | POST /if 1m | POST /rewrite 1m | POST /directory 1m
--- answer
200 ok | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
204 | open
413 <413 Request Entity Too Large> | closed
301 <301 Moved Permanently> | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 posted | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
301 <301 Moved Permanently> | open
413 <413 Request Entity Too Large> | closed
200 ok | 200 ok | open
413 <413 Request Entity Too Large> | closed without an answer
413 <413 Request Entity Too Large> | closed without an answer
200 ok | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large>
200 ok | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large>
200 ok | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large>
--- no_error_log
[alert]
[crit]


=== TEST 2: the same for a server that returns
--- config
limit_body 1k;
return 200 "ok\n";
--- upload
h1 POST / 1k
h1 POST / 1025
h1s POST / 2m
h2 POST / 1k | POST / 1m
h3 POST / 1k | POST / 1m
--- answer
200 ok | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 ok | 413 <413 Request Entity Too Large>
200 ok | 413 <413 Request Entity Too Large>
--- logged
/ 200 PASSED 1024 * header
/ 413 REJECTED 1024 0 header
/ 413 REJECTED 1024 0 header
/ 200 PASSED 1024 * header
/ 413 REJECTED 1024 0 header
h3 / 200 PASSED 1024 * header
h3 / 413 REJECTED 1024 0 header


=== TEST 3: such a refusal is one like any other: its page, status, log and level
--- config
limit_body 1k;
location = /return { error_page 413 @page; return 200 "ok\n"; }
location = /nothing { error_page 413 @page; return 204; }
location = /redirect { error_page 413 @page; return 301 /elsewhere; }
location = /file { error_page 413 /page.txt; return 302 /elsewhere; }
location = /status { limit_body_status 429; limit_body_log_level warn; return 200 "ok\n"; }
location = /400 { limit_body_status 400; return 200 "ok\n"; }
location @page { return 413 "at most $limit_body_limit bytes\n"; }
location = /page.txt { internal; }
--- user_files
>>> page.txt
page
--- upload
h1 POST /return 2m
h1 POST /nothing 2m
h1 POST /redirect 2m
h1s POST /redirect 2m
h1 POST /file 2m
h1 POST /status 2m
h1 POST /400 2m
h2 POST /return 1m | POST /nothing 1m | POST /redirect 1m | POST /file 1m | POST /status 1m
h3 POST /return 1m | POST /nothing 1m | POST /redirect 1m | POST /file 1m | POST /status 1m
--- answer
413 at most 1024 bytes | closed
413 at most 1024 bytes | closed
413 at most 1024 bytes | closed
413 at most 1024 bytes | closed
413 page | closed
429 <429 Too Many Requests> | closed
400 <400 Bad Request> | closed
413 at most 1024 bytes | 413 at most 1024 bytes | 413 at most 1024 bytes | 413 page | 429 <429 Too Many Requests>
413 at most 1024 bytes | 413 at most 1024 bytes | 413 at most 1024 bytes | 413 page | 429 <429 Too Many Requests>
--- logged
/return 413 REJECTED 1024 0 header
/nothing 413 REJECTED 1024 0 header
/redirect 413 REJECTED 1024 0 header
/redirect 413 REJECTED 1024 0 header
/file 413 REJECTED 1024 0 header
/status 429 REJECTED 1024 0 header
/400 400 REJECTED 1024 0 header
/return 413 REJECTED 1024 0 header
/nothing 413 REJECTED 1024 0 header
/redirect 413 REJECTED 1024 0 header
/file 413 REJECTED 1024 0 header
/status 429 REJECTED 1024 0 header
h3 /return 413 REJECTED 1024 0 header
h3 /nothing 413 REJECTED 1024 0 header
h3 /redirect 413 REJECTED 1024 0 header
h3 /file 413 REJECTED 1024 0 header
h3 /status 429 REJECTED 1024 0 header
--- error_log eval
[qr/\[error\] .*client intended to send too large body: 2097152 bytes, limit: 1024, .*"POST \/return/,
 qr/\[warn\] .*client intended to send too large body: 2097152 bytes, limit: 1024, .*"POST \/status/]


=== TEST 4: errors of the rewrite phase stay as they are, but the upload counts as refused
--- config
limit_body 1k;
limit_body_zone uploads;
location = /metrics { access_log off; limit_body off; limit_body_metrics; }
location = /403 { return 403 "no\n"; }
location = /404 { error_page 404 @page; return 404; }
location = /503 { return 503; }
location = /file { error_page 403 /page.txt; return 403; }
location @page { return 404 "page\n"; }
location = /page.txt { internal; limit_body 10; }
--- user_files
>>> page.txt
page
--- upload
h1 POST /403 1k
h1 POST /403 2m
h1s POST /403 2m
h1 POST /404 2m
h1 POST /503 2m
h1 POST /file 2m Connection:close
h1 POST /file 1k Connection:close
--- answer
403 no | open
403 no | open
403 no | open
404 page | open
503 <503 Service Temporarily Unavailable> | open
403 page | closed
403 page | closed
--- logged
/403 403 PASSED 1024 * header
/403 403 REJECTED 1024 0 header
/403 403 REJECTED 1024 0 header
/404 404 REJECTED 1024 0 header
/503 503 REJECTED 1024 0 header
/file 403 REJECTED 1024 0 header
/file 403 PASSED 1024 * header
--- commands
"$TEST_PYTHON" t/lib/metrics.py uploads 7 any | grep ^requests_total
--- output
requests_total status=passed 2
requests_total status=rejected 5


=== TEST 5: with after_auth a request without access is still sent to the login
--- config
limit_body 1k after_auth;
auth_basic "uploads";
auth_basic_user_file ../html/users;
location = /up { error_page 401 = @login; proxy_pass http://backend; }
location = /same { error_page 401 @login; proxy_pass http://backend; }
location = /uri { error_page 401 =302 /login; proxy_pass http://backend; }
location @login { return 302 /login; }
location = /return { return 302 /login; }
--- user_files
>>> users
user:{PLAIN}secret
--- upload
h1 POST /up 2m
h1 POST /up 2m Authorization:Basic_dXNlcjpzZWNyZXQ=
h1 POST /up 1k Authorization:Basic_dXNlcjpzZWNyZXQ=
h1 POST /same 2m
h1 POST /return 2m
h2 POST /up 1m | POST /up 1m Authorization:Basic_dXNlcjpzZWNyZXQ=
h3 POST /up 1m | POST /up 1m Authorization:Basic_dXNlcjpzZWNyZXQ=
--- answer
302 <302 Found> | open
413 <413 Request Entity Too Large> | closed
200 ok | open
302 <302 Found> | open
413 <413 Request Entity Too Large> | closed
302 <302 Found> | 413 <413 Request Entity Too Large>
302 <302 Found> | 413 <413 Request Entity Too Large>


=== TEST 6: a body of undeclared length that nginx discards is not judged
--- config
limit_body 1k;
location = /return { return 200 "ok\n"; }
location = /redirect { return 302 /elsewhere; }
location = /403 { return 403 "no\n"; }
--- upload
h1 chunked POST /return 2m
h1s chunked POST /return 2m
h1 chunked POST /redirect 2m
h1 chunked POST /403 2m
h2 chunked POST /return 1m
h3 chunked POST /return 1m
--- answer
200 ok | open
200 ok | open
302 <302 Found> | open
403 no | open
200 ok
200 ok
--- logged
/return 200 - - - -
/return 200 - - - -
/redirect 302 - - - -
/403 403 - - - -
/return 200 - - - -
h3 /return 200 - - - -
--- no_error_log
client intended


=== TEST 7: what a rewrite leads to decides, whatever lies on the way
--- config
client_max_body_size 10;
location /a { rewrite ^ /b last; }
location = /b { internal; limit_body 2k; proxy_pass http://backend; }
location /c { error_page 418 = @c; return 418; }
location @c { limit_body 2k; proxy_pass http://backend; }
location /d { limit_body 10; rewrite ^ /b last; }
location /e { limit_body 10; error_page 418 = @c; return 418; }
location /f { limit_body 1m; rewrite ^ /narrow last; }
location /narrow { client_max_body_size 10; proxy_pass http://backend; }
location /g { error_page 418 =200 /g2; return 418; }
location = /g2 { internal; rewrite ^ /b last; }
location /h { try_files /none /b; }
--- upload
h1 POST /a 2k
h1 POST /a 2049
h1 POST /c 2k
h1 POST /c 2049
h1 POST /d 2k
h1 POST /d 2m
h1 POST /e 2k
h1 POST /e 2m
h1 POST /f 10
h1 POST /f 11
h1 POST /g 2k
h1 POST /g 2m
h1 chunked POST /a 2k
h1 chunked POST /c 2k
h1 chunked POST /c 2m
h2 POST /a 2k | POST /c 2k | POST /d 2k | POST /e 2k | POST /g 2k | POST /a 2049 | POST /c 2049
h3 POST /a 2k | POST /c 2k | POST /d 2k | POST /e 2k | POST /g 2k | POST /a 2049 | POST /c 2049
--- answer
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | 200 ok | 200 ok | 200 ok | 200 ok | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large>
200 ok | 200 ok | 200 ok | 200 ok | 200 ok | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large>


=== TEST 8: client_max_body_size further in than limit_body is the limit there
--- http_config
limit_body 1k;
--- config
location /inherited { proxy_pass http://backend; }
location /raised {
    client_max_body_size 8k;
    proxy_pass http://backend;
    location /raised/nested { proxy_pass http://backend; }
    location /raised/ours { limit_body 2k; proxy_pass http://backend; }
    location /raised/lowered { client_max_body_size 10; proxy_pass http://backend; }
}
location /lowered { client_max_body_size 10; proxy_pass http://backend; }
location /default { client_max_body_size 1m; proxy_pass http://backend; }
location /none { client_max_body_size 0; proxy_pass http://backend; }
location /both { client_max_body_size 8k; limit_body 2k; proxy_pass http://backend; }
location /off { limit_body off; client_max_body_size 4k; proxy_pass http://backend; }
--- upload
h1 POST /inherited 1025
h1 POST /raised 8k
h1 POST /raised 8193
h1 POST /raised/nested 8k
h1 POST /raised/nested 8193
h1 POST /raised/ours 2k
h1 POST /raised/ours 2049
h1 POST /raised/lowered 11
h1 POST /lowered 10
h1 POST /lowered 11
h1 POST /default 1m
h1 POST /default 1048577
h1 POST /none 4m
h1 POST /both 2k
h1 POST /both 2049
h1 POST /off 4k
h1 POST /off 4097
h1 chunked POST /raised 8k
h1 chunked POST /raised 2m
h1 chunked POST /default 512k
h1 chunked POST /lowered 2m
h2 POST /raised 8k | POST /raised 8193 | POST /default 64k | POST /lowered 11
h2 chunked POST /raised 8k | POST /raised 8193
h3 POST /raised 8k | POST /raised 8193 | POST /default 64k | POST /lowered 11
h3 chunked POST /raised 8k | POST /raised 8193
--- answer
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | 413 <413 Request Entity Too Large> | 200 ok | 413 <413 Request Entity Too Large>
200 ok | 413 <413 Request Entity Too Large>
200 ok | 413 <413 Request Entity Too Large> | 200 ok | 413 <413 Request Entity Too Large>
200 ok | 413 <413 Request Entity Too Large>
--- logged
/inherited 413 REJECTED 1024 0 header
/raised 200 PASSED 8192 8192 header
/raised 413 REJECTED 8192 0 header
/raised/nested 200 PASSED 8192 8192 header
/raised/nested 413 REJECTED 8192 0 header
/raised/ours 200 PASSED 2048 2048 header
/raised/ours 413 REJECTED 2048 0 header
/raised/lowered 413 REJECTED 10 0 header
/lowered 200 PASSED 10 10 header
/lowered 413 REJECTED 10 0 header
/default 200 PASSED 1048576 1048576 header
/default 413 REJECTED 1048576 0 header
/none 200 PASSED 0 4194304 header
/both 200 PASSED 2048 2048 header
/both 413 REJECTED 2048 0 header
/off 200 - - - -
/off 413 - - - -
/raised 200 PASSED 8192 8192 body
/raised 413 REJECTED 8192 * body
/default 200 PASSED 1048576 524288 body
/lowered 413 REJECTED 10 * body
/raised 200 PASSED 8192 8192 header
/raised 413 REJECTED 8192 0 header
/default 200 PASSED 1048576 65536 header
/lowered 413 REJECTED 10 0 header
/raised 200 PASSED 8192 8192 body
/raised 413 REJECTED 8192 * body
h3 /raised 200 PASSED 8192 8192 header
h3 /raised 413 REJECTED 8192 0 header
h3 /default 200 PASSED 1048576 65536 header
h3 /lowered 413 REJECTED 10 0 header
h3 /raised 200 PASSED 8192 8192 body
h3 /raised 413 REJECTED 8192 * body
--- error_log
client intended to send too large body: 8193 bytes, limit: 8192
client intended to send too large body: 4097 bytes, client


=== TEST 9: a server between the two
--- http_config
limit_body 1k;
client_max_body_size 16k;
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3;
    location / { proxy_pass http://backend; }
}
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4;
    client_max_body_size 4k;
    location / { proxy_pass http://backend; }
    location /ours { limit_body 2k; proxy_pass http://backend; }
    location /off { limit_body off; proxy_pass http://backend; }
}
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_5;
    limit_body 2k;
    location / { proxy_pass http://backend; }
    location /off { limit_body off; proxy_pass http://backend; }
}
--- config
limit_body 0;
location /http { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_3; }
location /server { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_4/; }
location /ours { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_5/; }
--- upload
h1 POST /http 1k
h1 POST /http 1025
h1 POST /server/ 4k
h1 POST /server/ 4097
h1 POST /server/ours 2k
h1 POST /server/ours 2049
h1 POST /server/off 4k
h1 POST /server/off 4097
h1 POST /ours/ 2k
h1 POST /ours/ 2049
h1 POST /ours/off 16k
h1 POST /ours/off 16385
--- answer
200 ok | open
413 <413 Request Entity Too Large> | open
200 ok | open
413 <413 Request Entity Too Large> | open
200 ok | open
413 <413 Request Entity Too Large> | open
200 ok | open
413 <413 Request Entity Too Large> | open
200 ok | open
413 <413 Request Entity Too Large> | open
200 ok | open
413 <413 Request Entity Too Large> | open


=== TEST 10: it is refused there as limit_body says: status, level, after_auth, zone, drain
--- http_config
limit_body 1k after_auth;
limit_body_status 429;
limit_body_log_level warn;
limit_body_zone uploads;
--- config
auth_basic "uploads";
auth_basic_user_file ../html/users;
client_max_body_size 2k;
location = /up { proxy_pass http://backend; }
location = /metrics { access_log off; auth_basic off; limit_body off; limit_body_metrics; }
--- user_files
>>> users
user:{PLAIN}secret
--- upload
h1 POST /up 2m
h1 POST /up 2m Authorization:Basic_dXNlcjpzZWNyZXQ=
h1 POST /up 2049 Authorization:Basic_dXNlcjpzZWNyZXQ=
h1 POST /up 2k Authorization:Basic_dXNlcjpzZWNyZXQ=
h2 POST /up 1m Authorization:Basic_dXNlcjpzZWNyZXQ=
--- answer
401 <401 Authorization Required> | open
429 <429 Too Many Requests> | closed
429 <429 Too Many Requests> | closed
200 ok | open
429 <429 Too Many Requests>
--- logged
/up 401 - - - -
/up 429 REJECTED 2048 0 header
/up 429 REJECTED 2048 0 header
/up 200 PASSED 2048 2048 header
/up 429 REJECTED 2048 0 header
--- commands
"$TEST_PYTHON" t/lib/metrics.py uploads 4 any | grep ^requests_total
--- output
requests_total status=passed 1
requests_total status=rejected 3
--- error_log eval
qr/\[warn\] .*client intended to send too large body: 2049 bytes, limit: 2048/


=== TEST 11: where there is client_max_body_size alone, nginx's answer and line, and no drain, no variables
--- config
location = /limited { limit_body 1k; proxy_pass http://backend; }
location = /written { client_max_body_size 2k; error_page 413 @page; proxy_pass http://backend; }
location = /default { proxy_pass http://backend; }
location = /off { limit_body off; client_max_body_size 2k; limit_body_status 429; limit_body_log_level info; proxy_pass http://backend; }
location = /return { client_max_body_size 2k; return 200 "ok\n"; }
location = /redirect { client_max_body_size 2k; return 301 /elsewhere; }
location @page { return 413 "page\n"; }
--- upload
h1 POST /written 2k
h1 POST /written 2049
h1s POST /written 2m
h1 POST /default 1m
h1 POST /default 1048577
h1 POST /off 2049
h1 POST /return 2k
h1 POST /return 2050
h1 POST /redirect 2m
h1 chunked POST /written 2k
h1 chunked POST /written 2m
h1 chunked POST /off 2m
h2 POST /written 2049 | POST /default 1k | POST /off 8k | POST /return 8k
h2 chunked POST /written 1m | POST /written 2k
h3 POST /written 2049 | POST /default 1k | POST /off 8k | POST /return 8k
h3 chunked POST /written 1m | POST /written 2k
h1 POST /limited 1025
--- answer
200 ok | open
413 page | closed
413 page | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 ok | open
413 page | closed
413 <413 Request Entity Too Large> | closed
413 page | 200 ok | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large>
413 page | 200 ok
413 page | 200 ok | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large>
413 page | 200 ok
413 <413 Request Entity Too Large> | closed
--- logged
/written 200 - - - -
/written 413 - - - -
/written 413 - - - -
/default 200 - - - -
/default 413 - - - -
/off 413 - - - -
/return 200 - - - -
/return 413 - - - -
/redirect 413 - - - -
/written 200 - - - -
/written 413 - - - -
/off 413 - - - -
/written 413 - - - -
/default 200 - - - -
/off 413 - - - -
/return 413 - - - -
/written 413 - - - -
/written 200 - - - -
h3 /written 413 - - - -
h3 /default 200 - - - -
h3 /off 413 - - - -
h3 /return 413 - - - -
h3 /written 413 - - - -
h3 /written 200 - - - -
/limited 413 REJECTED 1024 0 header
--- drained
/limited 413 complete 1025 ?
--- error_log eval
[qr/\[error\] \S+ \S+ client intended to send too large body: 2049 bytes, client: /,
 qr/\[error\] \S+ \S+ client intended to send too large body: 1048577 bytes, client: /,
 qr/\[error\] \S+ \S+ client intended to send too large body: 2050 bytes, client: .*"POST \/return/,
 qr/\[error\] \S+ \S+ client intended to send too large (chunked )?body: \d\S* bytes, client: /]


=== TEST 12: without any limit_body nothing is different from nginx
--- config
client_max_body_size 2k;
location = /up { proxy_pass http://backend; }
location = /return { return 200 "ok\n"; }
location = /zero { client_max_body_size 0; proxy_pass http://backend; }
--- upload
h1 POST /up 2k
h1 POST /up 2049
h1 POST /return 2049
h1 POST /zero 4m
h1 chunked POST /up 2m
h2 POST /up 2049 | POST /return 2049 | POST /zero 1m
--- answer
200 ok | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large> | 200 ok
--- drained
--- error_log eval
qr/\[error\] \S+ \S+ client intended to send too large body: 2049 bytes, client: /


=== TEST 13: what a server answers before there is a location is not judged by client_max_body_size alone, as nginx does not
--- config
client_max_body_size 1k;
limit_body_drain idle=5s;
error_page 403 /page/length;
error_page 404 =200 /handed;
error_page 497 =308 https://example.com$request_uri;
if ($arg_to = 308) { return 308 https://example.com$request_uri; }
if ($arg_to = 200) { return 200 "ok\n"; }
if ($arg_to = 204) { return 204; }
if ($arg_to = page) { return 403; }
if ($arg_to = handed) { return 404; }
rewrite ^/rewrite https://example.com/ permanent;
location = /limited { limit_body 1k; proxy_pass http://backend; }
location = /returned { return 308 https://example.com$request_uri; }
location /page { client_max_body_size 0; proxy_pass http://backend; rewrite ^/page/(.*) /$1 break; }
location = /handed { proxy_pass http://backend; }
location /directory/ { proxy_pass http://backend; }
location / { limit_body off; root html; }
--- upload
h1 POST /?to=308 2m
h1s POST /?to=308 2m
h1 expect POST /?to=308 2m
h1 chunked POST /?to=308 2m
h1 POST /?to=200 2m
h1 POST /?to=204 2m
h1 POST /rewrite 2m
h1 pipelined POST /?to=308 2m | POST /?to=200 2k
h1 POST /?to=page 2k
h1 POST /?to=page 2k Connection:close
h1 POST /?to=handed 2k
h1 POST /returned 2k
h1 POST /directory 2k
h1 POST /none 2k
h1 POST /limited 2k
h2 POST /?to=308 1m | POST /?to=200 1m | POST /?to=204 1m | POST /rewrite 1m | POST /?to=page 2k | POST /?to=handed 2k | POST /returned 2k | POST /limited 2k
h2 chunked POST /?to=308 1m | POST /?to=200 1m
h3 POST /?to=308 1m | POST /?to=200 1m | POST /?to=204 1m | POST /rewrite 1m | POST /?to=page 2k | POST /?to=handed 2k | POST /returned 2k | POST /limited 2k
h3 chunked POST /?to=308 1m | POST /?to=200 1m
--- answer
308 <308 Permanent Redirect> | open
308 <308 Permanent Redirect> | open
100 | 308 <308 Permanent Redirect> | open
308 <308 Permanent Redirect> | open
200 ok | open
204 | open
301 <301 Moved Permanently> | open
308 <308 Permanent Redirect> | 200 ok | open
403 length 2048 | open
403 length 2048 | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
308 <308 Permanent Redirect> | 200 ok | 204 | 301 <301 Moved Permanently> | 403 length 2048 | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large>
308 <308 Permanent Redirect> | 200 ok
308 <308 Permanent Redirect> | 200 ok | 204 | 301 <301 Moved Permanently> | 403 length 2048 | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large>
308 <308 Permanent Redirect> | 200 ok
--- commands
head -c 2k /dev/zero | curl -s -o /dev/null -w '%{http_code} %{redirect_url}\n' --data-binary @- http://127.0.0.1:$TLS_PORT/up
--- output
308 https://example.com/up
--- error_log eval
qr/\[error\] .*client intended to send too large body: 2048 bytes, client: .*"POST \/returned/
--- no_error_log eval
[qr/too large.*\?to=(308|20)/, '[alert]']
