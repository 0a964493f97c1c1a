# What a refusal looks like: status, log level, dry run.

use Test::Nginx::LimitBody 'no_plan';

run_tests();

__DATA__

=== TEST 1: a status of one's own, and the client reads it to the end of a large upload
--- config
limit_body 1k;
location = /400 { limit_body_status 400; }
location = /403 { limit_body_status 403; }
location = /429 { limit_body_status 429; }
location = /507 { limit_body_status 507; }
location = /413 { limit_body_status 413; }
location = /599 { limit_body_status 599; }
--- upload
h1 POST /400 16m
h1 POST /403 16m
h1 POST /429 16m
h1 POST /507 16m
h1 POST /413 16m
h1 POST /599 16m
h1s POST /400 16m
h1s POST /403 16m
h2 POST /400 1m | POST /403 1m | POST /429 1m | POST /507 1m
h3 POST /400 1m | POST /403 1m | POST /429 1m | POST /507 1m
--- answer
400 <400 Bad Request> | closed
403 <403 Forbidden> | closed
429 <429 Too Many Requests> | closed
507 <507 Insufficient Storage> | closed
413 <413 Request Entity Too Large> | closed
599 | closed
400 <400 Bad Request> | closed
403 <403 Forbidden> | closed
400 <400 Bad Request> | 403 <403 Forbidden> | 429 <429 Too Many Requests> | 507 <507 Insufficient Storage>
400 <400 Bad Request> | 403 <403 Forbidden> | 429 <429 Too Many Requests> | 507 <507 Insufficient Storage>
--- no_error_log
[alert]
[crit]


=== TEST 2: the status is inherited
--- http_config
limit_body_status 429;
--- config
limit_body 1k;
location /inherited { }
location /overridden { limit_body_status 403; }
--- upload
h1 POST /inherited 2k
h1 POST /overridden 2k
--- answer
429 <429 Too Many Requests> | closed
403 <403 Forbidden> | closed


=== TEST 3: nothing after the body is taken for a request, whatever the status
--- config
limit_body 1k;
limit_body_status 403;
location = / { proxy_pass http://backend; }
location = /ok { return 200 "ok\n"; }
--- upload
h1 pipelined POST / 2k | GET /ok
h1 pipelined chunked POST / 2k | GET /ok
--- answer
403 <403 Forbidden> | closed without an answer
403 <403 Forbidden> | closed without an answer
--- logged
/ 403 REJECTED 1024 0 header
/ 403 REJECTED 1024 * body


=== TEST 4: error is the default level
--- config
limit_body 1k;
location / { }
--- upload
h1 POST / 2k
--- answer
413 <413 Request Entity Too Large> | closed
--- grep_error_log eval: qr/\[\w+\] .*client intended.*?1024/
--- grep_error_log_out eval: qr/^\[error\] [^\n]*client intended to send too large body: 2048 bytes, limit: 1024\n$/


=== TEST 5: other levels
--- config
limit_body 1k;
location = /info { limit_body_log_level info; }
location = /notice { limit_body_log_level notice; }
location = /warn { limit_body_log_level warn; }
location = /error { limit_body_log_level error; }
--- upload
h1 POST /info 2k
h1 POST /notice 2k
h1 POST /warn 2k
h1 POST /error 2k
--- answer
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
--- error_log eval
[qr/\[info\] .*client intended.*"POST \/info/, qr/\[notice\] .*client intended.*"POST \/notice/,
 qr/\[warn\] .*client intended.*"POST \/warn/, qr/\[error\] .*client intended.*"POST \/error/]


=== TEST 6: a dry run reports, one level milder, and lets through
--- config
limit_body 1k;
limit_body_dry_run on;
location = /error { proxy_pass http://backend/length; }
location = /warn { limit_body_log_level warn; proxy_pass http://backend/length; }
location = /notice { limit_body_log_level notice; proxy_pass http://backend/length; }
location = /info { limit_body_log_level info; proxy_pass http://backend/length; }
location = /off { limit_body_dry_run off; proxy_pass http://backend/length; }
--- upload
h1 POST /error 1k
h1 POST /error 2k
h1 POST /warn 2k
h1 POST /notice 2k
h1 POST /info 2k
h1 chunked POST /error 2k
h2 POST /error 2k | POST /error 1k
h1 POST /off 2k
--- answer
200 length 1024 | open
200 length 2048 | open
200 length 2048 | open
200 length 2048 | open
200 length 2048 | open
200 length 2048 | open
200 length 2048 | 200 length 1024
413 <413 Request Entity Too Large> | closed
--- logged
/error 200 PASSED 1024 1024 header
/error 200 REJECTED_DRY_RUN 1024 2048 header
/warn 200 REJECTED_DRY_RUN 1024 2048 header
/notice 200 REJECTED_DRY_RUN 1024 2048 header
/info 200 REJECTED_DRY_RUN 1024 2048 header
/error 200 REJECTED_DRY_RUN 1024 2048 body
/error 200 REJECTED_DRY_RUN 1024 2048 header
/error 200 PASSED 1024 1024 header
/off 413 REJECTED 1024 0 header
--- error_log eval
[qr/\[warn\] .*client intended to send too large body: 2048 bytes, limit: 1024, dry run, .*"POST \/error/,
 qr/\[notice\] .*, dry run, .*"POST \/warn/, qr/\[info\] .*, dry run, .*"POST \/notice/,
 qr/\[info\] .*, dry run, .*"POST \/info/]


=== TEST 7: in a dry run a value that is no size is reported, and lets through
--- config
limit_body $http_x_limit;
limit_body_dry_run on;
location = /up { proxy_pass http://backend; }
--- upload
h1 POST /up 1m X-Limit:10q
h1 chunked POST /up 1m X-Limit:10q
--- answer
200 ok | open
200 ok | open
--- logged
/up 200 REJECTED_DRY_RUN - 1048576 header
/up 200 REJECTED_DRY_RUN - 1048576 body
--- grep_error_log eval: qr/\[\w+\] \S+ \S+ invalid value "10q" .*?, dry run/
--- grep_error_log_out eval
qr/^(\[\w+\] \S+ \S+ invalid value "10q" of "\$http_x_limit" in "limit_body", it must be [^\n]*, dry run\n){2}$/


=== TEST 8: in a dry run nginx's own limit holds as it would without the module
--- config
limit_body 4k;
limit_body_dry_run on;
client_body_buffer_size 16k;
location = /up { client_max_body_size 2k; proxy_pass http://backend; }
--- upload
h1 POST /up 2k
h1 POST /up 2049
h1 chunked POST /up 2049
--- answer
200 ok | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed


=== TEST 9: headers of one's own on a refusal
--- config
limit_body 1k;
add_header X-Limit $limit_body_limit always;
location / { }
--- request eval
"POST /\n" . "x" x 2048
--- error_code: 413
--- response_headers
X-Limit: 1024


=== TEST 10: a status from a variable
--- http_config
map $http_x_code $code {
    default  413;
    later    429;
    never    403;
    odd      $http_x_odd;
}
--- config
limit_body 1k;
limit_body_status $code;
location = /up { proxy_pass http://backend; }
location = /page { error_page 429 @page; proxy_pass http://backend; }
location @page { return 429 "later\n"; }
location = /text { limit_body_status 4$arg_end; proxy_pass http://backend; }
--- upload
h1 POST /up 8m
h1 POST /up 8m X-Code:later
h1s POST /up 8m X-Code:never
h1 chunked POST /up 8m X-Code:later
h1 POST /page 8m X-Code:later
h1 POST /text?end=29 8m
h1 POST /up 1k X-Code:later
h2 POST /up 1m | POST /up 1m X-Code:later
h3 POST /up 1m | POST /up 1m X-Code:later
--- answer
413 <413 Request Entity Too Large> | closed
429 <429 Too Many Requests> | closed
403 <403 Forbidden> | closed
429 <429 Too Many Requests> | closed
429 later | closed
429 <429 Too Many Requests> | closed
200 ok | open
413 <413 Request Entity Too Large> | 429 <429 Too Many Requests>
413 <413 Request Entity Too Large> | 429 <429 Too Many Requests>
--- no_error_log
[alert]
[crit]
invalid value


=== TEST 11: a variable's value that is no status gives 500, with one line that names it, where an upload is refused
--- config
limit_body 1k;
limit_body_status $http_x_code;
location = /up { proxy_pass http://backend; }
location = /page { error_page 500 @page; proxy_pass http://backend; }
location @page { return 500 "wrong\n"; }
--- upload
h1 POST /up 8m X-Code:teapot
h1 POST /up 8m X-Code:399
h1 POST /up 8m X-Code:600
h1 POST /up 8m X-Code:444
h1 POST /up 8m X-Code:497
h1 POST /up 8m X-Code:499
h1 POST /page 8m X-Code:4130
h1 chunked POST /up 8m X-Code:-413
h2 POST /up 1m X-Code:teapot
h1 POST /up 1k X-Code:teapot
h1 GET /up X-Code:teapot
--- answer
500 <500 Internal Server Error> | closed
500 <500 Internal Server Error> | closed
500 <500 Internal Server Error> | closed
500 <500 Internal Server Error> | closed
500 <500 Internal Server Error> | closed
500 <500 Internal Server Error> | closed
500 wrong | closed
500 <500 Internal Server Error> | closed
500 <500 Internal Server Error>
200 ok | open
200 ok | open
--- logged
/up 500 REJECTED 1024 0 header
/up 500 REJECTED 1024 0 header
/up 500 REJECTED 1024 0 header
/up 500 REJECTED 1024 0 header
/up 500 REJECTED 1024 0 header
/up 500 REJECTED 1024 0 header
/page 500 REJECTED 1024 0 header
/up 500 REJECTED 1024 * body
/up 500 REJECTED 1024 0 header
/up 200 PASSED 1024 1024 header
/up 200 - - - -
--- grep_error_log eval: qr/\[\w+\] \S+ \S+ invalid value "[^"]*" of "[^"]*" in "limit_body_status", it must be .*? and 499/
--- grep_error_log_out eval
qr/^(\[error\] \S+ \S+ invalid value "[^"]*" of "\$http_x_code" in "limit_body_status", it must be a status from 400 to 599 other than 408, 444, 494 to 497 and 499\n){9}$/
--- no_error_log
[alert]
[crit]


=== TEST 12: a body that declares no length is refused where one has to be declared
--- config
limit_body_drain idle=5s;
limit_body 1k declared;
location = /up { proxy_pass http://backend/length; }
location = /page { error_page 411 @page; proxy_pass http://backend; }
location = /file { error_page 411 /page.txt; proxy_pass http://backend; }
location = /streamed { proxy_request_buffering off; proxy_http_version 1.1; proxy_pass http://backend/length; }
location = /off { limit_body 1k; proxy_pass http://backend/length; }
location @page { return 411 "how long\n"; }
location = /page.txt { internal; }
--- user_files
>>> page.txt
page
--- upload
h1 POST /up 1k
h1 POST /up 1025
h1 POST /up 0
h1 GET /up
h1 chunked POST /up 10
h1 chunked POST /up 16m
h1s chunked POST /up 16m
h1 chunked expect POST /up 10
h1 chunked POST /page 16m
h1 chunked POST /file 16m
h1 chunked POST /streamed 10
h1 chunked POST /off 10
h2 chunked POST /up 10 | POST /page 1m | POST /off 10
h2 POST /up 10 | GET /up | POST /up 1025
h3 chunked POST /up 10 | POST /page 1m | POST /off 10
h3 POST /up 10 | GET /up | POST /up 1025
--- answer
200 length 1024 | open
413 <413 Request Entity Too Large> | closed
200 length 0 | open
200 length | open
411 <411 Length Required> | closed
411 <411 Length Required> | closed
411 <411 Length Required> | closed
411 <411 Length Required> | closed
411 how long | closed
411 page | closed
411 <411 Length Required> | closed
200 length 10 | open
411 <411 Length Required> | 411 how long | 200 length 10
200 length 10 | 200 length | 413 <413 Request Entity Too Large>
411 <411 Length Required> | 411 how long | 200 length 10
200 length 10 | 200 length | 413 <413 Request Entity Too Large>
--- logged
/up 200 PASSED 1024 1024 header
/up 413 REJECTED 1024 0 header
/up 200 - - - -
/up 200 - - - -
/up 411 REJECTED 1024 0 header
/up 411 REJECTED 1024 0 header
/up 411 REJECTED 1024 0 header
/up 411 REJECTED 1024 0 header
/page 411 REJECTED 1024 0 header
/file 411 REJECTED 1024 0 header
/streamed 411 REJECTED 1024 0 header
/off 200 PASSED 1024 10 body
/up 411 REJECTED 1024 0 header
/page 411 REJECTED 1024 0 header
/off 200 PASSED 1024 10 body
/up 200 PASSED 1024 10 header
/up 200 - - - -
/up 413 REJECTED 1024 0 header
h3 /up 411 REJECTED 1024 0 header
h3 /page 411 REJECTED 1024 0 header
h3 /off 200 PASSED 1024 10 body
h3 /up 200 PASSED 1024 10 header
h3 /up 200 - - - -
h3 /up 413 REJECTED 1024 0 header
--- no_error_log
[alert]
[crit]


=== TEST 13: the same when access has been granted
--- config
auth_basic "uploads";
auth_basic_user_file ../html/users;
location = /up { limit_body 1k after_auth declared; proxy_pass http://backend; }
location = /order { limit_body 1k declared after_auth; proxy_pass http://backend; }
--- user_files
>>> users
user:{PLAIN}secret
--- upload
h1 chunked POST /up 10
h1 chunked POST /up 10 Authorization:Basic_dXNlcjpzZWNyZXQ=
h1 POST /up 1025 Authorization:Basic_dXNlcjpzZWNyZXQ=
h1 POST /up 1k Authorization:Basic_dXNlcjpzZWNyZXQ=
h1 chunked POST /order 10
h1 chunked POST /order 10 Authorization:Basic_dXNlcjpzZWNyZXQ=
--- answer
401 <401 Authorization Required> | open
411 <411 Length Required> | closed
413 <413 Request Entity Too Large> | closed
200 ok | open
401 <401 Authorization Required> | open
411 <411 Length Required> | closed


=== TEST 14: a dry run of that reports, and lets through
--- config
limit_body 1k declared;
limit_body_dry_run on;
location = /up { proxy_pass http://backend/length; }
--- upload
h1 chunked POST /up 10
h2 chunked POST /up 10
--- answer
200 length 10 | open
200 length 10
--- logged
/up 200 REJECTED_DRY_RUN 1024 10 header
/up 200 REJECTED_DRY_RUN 1024 10 header
--- error_log
, dry run


=== TEST 15: a dry run drains nothing, unless it is told to
--- config
limit_body 1k;
limit_body_dry_run on;
lingering_timeout 1s;
location /403 { return 403 "no\n"; }
location /denied { deny all; }
location /told { limit_body_drain idle=30s; deny all; }
--- script
h1: head POST /403 1m; answer; send 500k; end
h1: head POST /denied 1m; answer; send 500k; end
h1: head POST /denied 1m; answer; send 1m; close
h1: head POST /told 1m; answer; send 500k; pause 3; send 524k; close
h2: head POST /denied 1m; answer; stop
--- seen
403 no | closed
403 <403 Forbidden> | closed
403 <403 Forbidden>
403 <403 Forbidden>
403 <403 Forbidden> | stopped: NO_ERROR
--- drained
/told 403 complete 1048576 ?


=== TEST 16: a dry run tries the innermost limit, beside nginx's own
--- http_config
limit_body 1k;
limit_body_dry_run on;
--- config
location = /inner { client_max_body_size 4k; proxy_pass http://backend; }
location = /same { limit_body 2k; client_max_body_size 8k; proxy_pass http://backend; }
location = /http { proxy_pass http://backend; }
location = /return { return 200 "ok\n"; }
--- upload
h1 POST /return 2k
h1 POST /inner 2k
h1 POST /inner 4097
h1 chunked POST /inner 2k
h1 POST /same 4k
h1 POST /same 8193
h1 POST /http 2k
h1 POST /http 1048577
--- answer
200 ok | open
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
--- error_log
client intended to send too large body: 4096 bytes, limit: 2048, dry run
client intended to send too large body: 2048 bytes, limit: 1024, dry run
--- logged
/return 200 REJECTED_DRY_RUN 1024 * header
/inner 200 PASSED 4096 2048 header
/inner 413 REJECTED_DRY_RUN 4096 0 header
/inner 200 PASSED 4096 2048 body
/same 200 REJECTED_DRY_RUN 2048 4096 header
/same 413 REJECTED_DRY_RUN 2048 0 header
/http 200 REJECTED_DRY_RUN 1024 2048 header
/http 413 REJECTED_DRY_RUN 1024 0 header
--- no_error_log
2048 bytes, limit: 4096
limit: 8192


=== TEST 17: limit_req counts uploads that are refused
--- http_config
limit_req_zone $binary_remote_addr zone=one:64k rate=1r/m;
limit_req_zone $binary_remote_addr zone=two:64k rate=1r/m;
limit_req_zone $binary_remote_addr zone=three:64k rate=1r/m;
--- config
limit_body 1k;
location = /up { limit_req zone=one burst=2 nodelay; proxy_pass http://backend; }
location = /status { limit_req zone=two burst=1 nodelay; limit_req_status 429; proxy_pass http://backend; }
location = /after { limit_req zone=three burst=1 nodelay; limit_body 1k after_auth; proxy_pass http://backend; }
--- upload
h1 POST /up 1m
h1 POST /up 1m
h2 POST /up 1m
h1 POST /up 1m
h1 POST /up 10
h1s POST /status 1m
h1 POST /status 1m
h1 POST /status 1m
h1 POST /after 1m
h1 POST /after 1m
h1 POST /after 1m
--- answer
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large>
503 <503 Service Temporarily Unavailable> | open
503 <503 Service Temporarily Unavailable> | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
429 <429 Too Many Requests> | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
503 <503 Service Temporarily Unavailable> | open


=== TEST 18: limit_conn does not count uploads that are being drained
--- http_config
limit_conn_zone $binary_remote_addr zone=clients:64k;
--- config
limit_body 1k;
location = /up { limit_conn clients 1; proxy_pass http://backend; }
--- script
h1: head POST /up 1m; answer; mark refused; await accepted; send 1m; end
h1s: await refused; head POST /up 1m; answer; mark again; await accepted; send 1m; end
h1: await again; head POST /up 10; send 10; answer; mark accepted; close
--- seen
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 ok
