# The state of a request, and its refusal, outlive internal redirects.

use Test::Nginx::LimitBody 'no_plan';

run_tests();

__DATA__

=== TEST 1: try_files and a named location with a limit of its own
--- config
limit_body 8k;
location = /same { try_files /nothing @same; }
location @same { proxy_pass http://backend; }
location = /lower { try_files /nothing @lower; }
location @lower { limit_body 1k; proxy_pass http://backend; }
--- upload
h1 POST /same 8k
h1 POST /same 9k
h1 POST /lower 1k
h1 POST /lower 2k
h1 POST /lower 9k
h2 POST /same 8k | POST /same 9k | POST /lower 1k | POST /lower 2k
h3 POST /same 8k | POST /same 9k | POST /lower 1k | POST /lower 2k
--- answer
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 ok | 413 <413 Request Entity Too Large> | 200 ok | 413 <413 Request Entity Too Large>
200 ok | 413 <413 Request Entity Too Large> | 200 ok | 413 <413 Request Entity Too Large>


=== TEST 2: the state is found after the contexts are gone
--- config
limit_body 8k;
location = /up { try_files /nothing @named; }
location @named { proxy_pass http://backend; }
--- upload
h1 POST /up 2k
h1 chunked POST /up 2k
h1 chunked POST /up 9k
--- answer
200 ok | open
200 ok | open
413 <413 Request Entity Too Large> | closed
--- logged
/up 200 PASSED 8192 2048 header
/up 200 PASSED 8192 2048 body
/up 413 REJECTED 8192 * body


=== TEST 3: a dry run reports once, not once more for each redirect
--- config
limit_body 1k;
limit_body_dry_run on;
location = /up { try_files /nothing @named; }
location @named { proxy_pass http://backend; }
--- upload
h1 POST /up 2k
--- answer
200 ok | open
--- logged
/up 200 REJECTED_DRY_RUN 1024 2048 header
--- grep_error_log eval: qr/too large body: \d+ bytes/
--- grep_error_log_out
too large body: 2048 bytes


=== TEST 4: X-Accel-Redirect after the body was read: not judged again, by us or by nginx
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3;
    access_log off;
    location / { add_header X-Accel-Redirect $http_x_to; return 200; }
}
--- config
location = /up { limit_body 8k; proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_3; }
location = /ours { internal; limit_body 1k; return 200 "ours\n"; }
location = /nginx { internal; client_max_body_size 1k; return 200 "nginx\n"; }
location = /proxied { internal; client_max_body_size 1k; proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/ok; }
location = /ok { access_log off; return 200 "$request_method length $http_content_length\n"; }
--- upload
h1 POST /up 2k X-To:/ours
h1 POST /up 2k X-To:/nginx
h1 POST /up 2k X-To:/proxied
h1 chunked POST /up 2k X-To:/nginx
h2 POST /up 2k X-To:/ours | POST /up 2k X-To:/nginx
h3 POST /up 2k X-To:/ours | POST /up 2k X-To:/nginx
--- answer
200 ours | open
200 nginx | open
200 GET length 2048 | open
200 nginx | open
200 ours | 200 nginx
200 ours | 200 nginx
--- logged
/up 200 PASSED 8192 2048 header
/up 200 PASSED 8192 2048 header
/up 200 PASSED 8192 2048 header
/up 200 PASSED 8192 2048 body
/up 200 PASSED 8192 2048 header
/up 200 PASSED 8192 2048 header
h3 /up 200 PASSED 8192 2048 header
h3 /up 200 PASSED 8192 2048 header


=== TEST 5: rewrite leads to the limit of where it leads
--- config
limit_body 8k;
location /a { rewrite ^ /b last; }
location /b { limit_body 1k; proxy_pass http://backend; }
--- upload
h1 POST /a 1k
h1 POST /a 2k
--- answer
200 ok | open
413 <413 Request Entity Too Large> | closed


=== TEST 6: what a rewrite leads to decides, not where it comes from; return has the limit of its location
--- config
location = /rewrite { limit_body 1; rewrite ^ /b last; }
location = /return { limit_body 1; return 200 "returned\n"; }
location = /b { limit_body 1k; proxy_pass http://backend; }
--- upload
h1 POST /rewrite 1k
h1 POST /rewrite 2k
h1 POST /return 1
h1 POST /return 2k
--- answer
200 ok | open
413 <413 Request Entity Too Large> | closed
200 returned | open
413 <413 Request Entity Too Large> | closed


=== TEST 7: a limit holds where the body is read, whatever another location has made of it
--- config
location = /announced { limit_body 10m length=$http_x_length; try_files /nothing @nginx; }
location = /dry { limit_body 10m declared; limit_body_dry_run on; try_files /nothing @nginx; }
location = /zero { limit_body 0 length=$http_x_length; try_files /nothing @lower; }
location @nginx { client_max_body_size 1k; proxy_pass http://backend; }
location @lower { limit_body 1k; proxy_pass http://backend; }
--- upload
h1 chunked POST /announced 9k
h1 chunked POST /announced 9k X-Length:1
h1 chunked POST /announced 1k X-Length:1
h1 chunked POST /dry 9k
h1 chunked POST /dry 1k
h1 chunked POST /zero 9k X-Length:1
h2 chunked POST /announced 9k X-Length:1 | POST /dry 9k | POST /zero 9k X-Length:1
h3 chunked POST /announced 9k X-Length:1 | POST /dry 9k | POST /zero 9k X-Length:1
--- answer
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large>


=== TEST 8: the same text of a limit is evaluated in each location
--- config
limit_body $max;
location = /lower { set $max 9k; try_files /nothing @lower; }
location @lower { set $max 1k; proxy_pass http://backend; }
location = /higher { set $max 9k; try_files /nothing @higher; }
location @higher { set $max 90k; proxy_pass http://backend; }
--- upload
h1 POST /lower 1k
h1 POST /lower 2k
h1 chunked POST /lower 2k
h1 POST /higher 9k
h1 chunked POST /higher 10k
h2 POST /lower 2k | POST /higher 9k
--- answer
200 ok | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 ok | open
200 ok | open
413 <413 Request Entity Too Large> | 200 ok
--- logged
/lower 200 PASSED 1024 1024 header
/lower 413 REJECTED 1024 0 header
/lower 413 REJECTED 1024 * body
/higher 200 PASSED 92160 9216 header
/higher 200 PASSED 92160 10240 body
/lower 413 REJECTED 1024 0 header
/higher 200 PASSED 92160 9216 header


=== TEST 9: a value that is no size is logged once, however many locations have it
--- config
set $max none;
limit_body $max;
limit_body_dry_run on;
location = /up { try_files /nothing @named; }
location @named { proxy_pass http://backend; }
--- upload
h1 POST /up 2k
--- answer
200 ok | open
--- grep_error_log eval: qr/invalid value|too large body/
--- grep_error_log_out
invalid value


=== TEST 10: what was read of a body is told when the upstream has it, and the request goes on elsewhere
--- config
limit_body 1m;
proxy_http_version 1.1;
proxy_request_buffering off;
location = /up { proxy_pass http://early_tcp; }
location = /file { internal; return 200 file; }
--- early
*: rest; send HTTP/1.1 200 OK\r\nX-Accel-Redirect: /file\r\nContent-Length: 0\r\n\r\n; close
*: rest; send HTTP/1.1 200 OK\r\nX-Accel-Redirect: /file\r\nContent-Length: 0\r\n\r\n; close
--- upload
h1 POST /up 100k
h1 chunked POST /up 100k
--- answer
200 file | open
200 file | open
--- logged
/up 200 PASSED 1048576 102400 header
/up 200 PASSED 1048576 102400 body
