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
--- grep_error_log eval: qr/invalid value "10q"/
--- grep_error_log_out
invalid value "10q"
invalid value "10q"


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
