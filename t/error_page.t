# error_page is nginx's own; here it works for a refusal on every version of HTTP.

use Test::Nginx::LimitBody 'no_plan';

run_tests();

__DATA__

=== TEST 1: a static file
--- config
limit_body 1k;
error_page 413 /413.txt;
location = /up { }
location = /413.txt { internal; }
--- user_files
>>> 413.txt
too large
--- upload
h1 POST /up 16m
h1.0 POST /up 16m
h1s POST /up 16m
h2 POST /up 1m | POST /up 2k
h2c POST /up 1m
h3 POST /up 1m | POST /up 2k
--- answer
413 too large | closed
413 too large | closed
413 too large | closed
413 too large | 413 too large
413 too large
413 too large | 413 too large
--- no_error_log
[alert]
[crit]


=== TEST 2: a named location that returns
--- config
limit_body 1k;
error_page 413 @refused;
location = /up { }
location @refused { return 413 "at most $limit_body_limit bytes\n"; }
--- upload
h1 POST /up 16m
h1.0 POST /up 16m
h1s POST /up 16m
h2 POST /up 1m | POST /up 2k
h2c POST /up 1m
h3 POST /up 1m | POST /up 2k
--- answer
413 at most 1024 bytes | closed
413 at most 1024 bytes | closed
413 at most 1024 bytes | closed
413 at most 1024 bytes | 413 at most 1024 bytes
413 at most 1024 bytes
413 at most 1024 bytes | 413 at most 1024 bytes


=== TEST 3: a proxied page; the body does not go with it
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3;
    access_log off;
    location / { return 200 "page for $request_method, length $http_content_length\n"; }
}
--- config
limit_body 1k;
error_page 413 @page;
location = /up { }
location @page {
    proxy_method GET;
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_3;
}
--- upload
h1 POST /up 16m
h1.0 POST /up 16m
h1s POST /up 16m
h2 POST /up 1m | POST /up 2k
h2c POST /up 1m
h3 POST /up 1m | POST /up 2k
--- answer
413 page for GET, length | closed
413 page for GET, length | closed
413 page for GET, length | closed
413 page for GET, length | 413 page for GET, length
413 page for GET, length
413 page for GET, length | 413 page for GET, length


=== TEST 4: another status, by return in a location with a URI
--- config
limit_body 1k;
error_page 413 =422 /refused;
location = /up { }
location = /refused { internal; return 422 "unprocessable\n"; }
--- upload
h1 POST /up 16m
h1s POST /up 16m
h2 POST /up 1m
h2c POST /up 1m
h3 POST /up 1m
--- answer
422 unprocessable | closed
422 unprocessable | closed
422 unprocessable
422 unprocessable
422 unprocessable


=== TEST 5: a redirect elsewhere
--- config
limit_body 1k;
error_page 413 =303 https://example.com/too-large;
location = /up { }
--- upload
h1 POST /up 16m
h2 POST /up 1m
h3 POST /up 1m
--- answer
303 <303 See Other> | closed
303 <303 See Other>
303 <303 See Other>


=== TEST 6: the page's location may have a lower limit, ours or nginx's: there is one refusal
--- config
error_page 413 /page;
location = /up { limit_body 8k; }
location = /page { client_max_body_size 1k; return 413 "page\n"; }
location = /up2 { limit_body 8k; error_page 413 @page; }
location @page { limit_body 1k; return 413 "named\n"; }
--- upload
h1 POST /up 16k
h2 POST /up 16k
h3 POST /up 16k
h1 POST /up2 9k
h1 POST /up2 16k
h2 POST /up2 16k
h3 POST /up2 16k
--- answer
413 page | closed
413 page
413 page
413 named | closed
413 named | closed
413 named
413 named
--- logged
/up 413 REJECTED 8192 0 header
/up 413 REJECTED 8192 0 header
h3 /up 413 REJECTED 8192 0 header
/up2 413 REJECTED 8192 0 header
/up2 413 REJECTED 8192 0 header
/up2 413 REJECTED 8192 0 header
h3 /up2 413 REJECTED 8192 0 header
--- grep_error_log eval: qr/client intended to send too large body/
--- grep_error_log_out eval
my $line = "client intended to send too large body\n";
`$ENV{TEST_NGINX_BINARY} -V 2>&1` =~ /http_v3/ ? $line x 7 : $line x 5


=== TEST 7: for a status of one's own
--- config
limit_body 1k;
limit_body_status 429;
error_page 429 @slow_down;
location = /up { }
location @slow_down { return 429 "slow down\n"; }
--- upload
h1 POST /up 16m
h2 POST /up 1m
h3 POST /up 1m
--- answer
429 slow down | closed
429 slow down
429 slow down


=== TEST 8: for a value that is no size
--- config
limit_body $http_x_limit;
error_page 500 @wrong;
location = /up { }
location @wrong { return 500 "try later\n"; }
--- upload
h1 POST /up 16m X-Limit:10q
h2 POST /up 1m X-Limit:10q
h3 POST /up 1m X-Limit:10q
--- answer
500 try later | closed
500 try later
500 try later


=== TEST 9: the page of another error keeps its status, and an oversized body goes no further
--- config
limit_body 8m;
location = /forbidden { deny all; error_page 403 /forbidden_page; }
location = /forbidden_page {
    limit_body 1k;
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
    proxy_pass http://backend;
}
--- upload
h1 POST /forbidden 2k
h2 POST /forbidden 2k
h3 POST /forbidden 2k
--- answer
403 ok | open
403 ok
403 ok


=== TEST 10: a refused body that came with its header stays refused in the page's location
--- config
limit_body 10;
error_page 413 @page;
location = /up { }
location @page { limit_body 1k; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_pass http://backend; }
--- upload
h1 POST /up 11
h1 POST /up 512
--- answer
413 ok | closed
413 ok | closed
--- logged
/up 413 REJECTED 10 0 header
/up 413 REJECTED 10 0 header


=== TEST 11: another error keeps its status, whatever limit its page has, and the upload is still what it was judged to be
--- config
location /up {
    limit_body 10m;
    deny all;
    error_page 403 /page;
    location = /up/named { error_page 403 @page; }
    location = /up/file { error_page 403 /page.txt; }
    location = /up/lower { error_page 403 /lower; }
    location = /up/lower/file { error_page 403 /lower.txt; }
    location = /up/404 { error_page 403 =404 /lower; }
    location = /up/over { error_page 403 =200 /app; }
    location = /up/own { error_page 403 = @app; }
    location = /up/login { error_page 403 = @login; }
}
location = /app { limit_body 1m; proxy_pass http://backend; }
location @app { limit_body 1m; proxy_pass http://backend; }
location @login { limit_body 1m; return 302 /login; }
location = /page { return 200 "page\n"; }
location @page { return 403 "named\n"; }
location = /page.txt { internal; }
location = /lower { limit_body 1m; return 200 "lower\n"; }
location = /lower.txt { internal; limit_body 1m; }
--- user_files
>>> page.txt
file
>>> lower.txt
lower file
--- upload
h1 POST /up/uri 5m Connection:close
h1s POST /up/uri 5m Connection:close
h1 POST /up/named 5m Connection:close
h1 POST /up/file 5m Connection:close
h1 POST /up/lower 5m Connection:close
h1 POST /up/lower/file 5m Connection:close
h1 POST /up/404 5m Connection:close
h1 chunked POST /up/lower 5m Connection:close
h1 chunked POST /up/lower/file 5m Connection:close
h1 POST /up/over 5m
h1 POST /up/own 5m
h1 POST /up/over 512k
h1 POST /up/login 5m Connection:close
h2 POST /up/uri 2m | POST /up/named 2m | POST /up/lower/file 2m | POST /up/own 2m
h3 POST /up/uri 2m | POST /up/named 2m | POST /up/lower/file 2m | POST /up/own 2m
--- answer
403 page | closed
403 page | closed
403 named | closed
403 file | closed
403 lower | closed
403 lower file | closed
404 lower | closed
403 lower | closed
403 lower file | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 ok | open
302 <302 Found> | closed
403 page | 403 named | 403 lower file | 413 <413 Request Entity Too Large>
403 page | 403 named | 403 lower file | 413 <413 Request Entity Too Large>
--- logged
/up/uri 403 PASSED 10485760 * header
/up/uri 403 PASSED 10485760 * header
/up/named 403 PASSED 10485760 * header
/up/file 403 PASSED 10485760 * header
/up/lower 403 PASSED 10485760 * header
/up/lower/file 403 PASSED 10485760 * header
/up/404 404 PASSED 10485760 * header
/up/lower 403 - - - -
/up/lower/file 403 - - - -
/up/over 413 REJECTED 1048576 0 header
/up/own 413 REJECTED 1048576 0 header
/up/over 200 PASSED 1048576 524288 header
/up/login 302 PASSED 10485760 * header
/up/uri 403 PASSED 10485760 * header
/up/named 403 PASSED 10485760 * header
/up/lower/file 403 PASSED 10485760 * header
/up/own 413 REJECTED 1048576 0 header
h3 /up/uri 403 PASSED 10485760 * header
h3 /up/named 403 PASSED 10485760 * header
h3 /up/lower/file 403 PASSED 10485760 * header
h3 /up/own 413 REJECTED 1048576 0 header
--- no_error_log
[alert]
[crit]


=== TEST 12: a page is told nothing of the body
--- config
limit_body 10;
client_body_buffer_size 1k;
error_page 413 @page;
location = /up { proxy_pass http://backend; }
location = /streamed { proxy_request_buffering off; proxy_http_version 1.1; proxy_pass http://backend/read; }
location = /return { return 200 "ok\n"; }
location @page { return 413 "length [$content_length], body [$request_body]\n"; }
--- upload
h1 POST /up 100
h1 POST /up 1m
h1 POST /return 1m
h1s chunked POST /up 1m
h1 chunked POST /streamed 1m
h2 POST /up 1m | POST /return 1m
h2 chunked POST /up 1m
h3 POST /up 1m | POST /return 1m
h3 chunked POST /up 1m
--- answer
413 length [], body [] | closed
413 length [], body [] | closed
413 length [], body [] | closed
413 length [], body [] | closed
413 length [], body [] | closed
413 length [], body [] | 413 length [], body []
413 length [], body []
413 length [], body [] | 413 length [], body []
413 length [], body []
--- no_error_log
[alert]
[crit]


=== TEST 13: the page of an error that the rewrite phase answers gets no body that was over the limit, whatever its own is
--- config
location /up { limit_body 1k; error_page 403 /page; return 403; }
location = /page { internal; limit_body off; proxy_pass http://backend/length; }
--- upload
h1 POST /up 1k
h1 POST /up 2k
h1s POST /up 2m
h1 chunked POST /up 2k
h2 POST /up 1k | POST /up 2k
h3 POST /up 1k | POST /up 2k
--- answer
403 length 1024 | open
403 length | open
403 length | open
403 length | open
403 length 1024 | 403 length
403 length 1024 | 403 length


=== TEST 14: an upload counts for the location that it was sent to alone: the page's limit says nothing of it
--- config
location = /none { error_page 403 /page; return 403; }
location = /denied { error_page 403 /page; deny all; }
location = /undrained { limit_body 1k; limit_body_drain off; error_page 403 /page; return 403; }
location = /announced { limit_body 1k length=$http_x_length; error_page 403 /page; return 403; }
location = /page { internal; limit_body 10 length=$http_x_length; return 403 "page\n"; }
--- upload
h1 POST /none 20 | POST /denied 20 | POST /undrained 20 | POST /undrained 2k
h1 POST /none 0 X-Length:20 | POST /denied 0 X-Length:20 | POST /announced 0 X-Length:20 | POST /announced 0 X-Length:2048
h2 POST /none 20 | POST /denied 20 | POST /undrained 20 | POST /undrained 2k
h3 POST /none 20 | POST /denied 20 | POST /undrained 20 | POST /undrained 2k
--- answer
403 page | 403 page | 403 page | 403 page | open
403 page | 403 page | 403 page | 403 page | open
403 page | 403 page | 403 page | 403 page
403 page | 403 page | 403 page | 403 page
--- logged
/none 403 - - - -
/denied 403 - - - -
/undrained 403 PASSED 1024 * header
/undrained 403 REJECTED 1024 * header
/none 403 - - - -
/denied 403 - - - -
/announced 403 PASSED 1024 0 header
/announced 403 REJECTED 1024 0 header
/none 403 - - - -
/denied 403 - - - -
/undrained 403 PASSED 1024 * header
/undrained 403 REJECTED 1024 * header
h3 /none 403 - - - -
h3 /denied 403 - - - -
h3 /undrained 403 PASSED 1024 * header
h3 /undrained 403 REJECTED 1024 * header
--- no_error_log
[alert]
[crit]


=== TEST 15: with after_auth, the page of a request without access gets no body either that is over the limit of the upload
--- config
location = /up { limit_body 1k after_auth; deny all; error_page 403 /page; }
location = /page { internal; limit_body 10m; proxy_pass http://backend/length; }
--- upload
h1 POST /up 1k
h1 POST /up 2k
h1s POST /up 2m
h1 chunked POST /up 2k
h2 POST /up 1k | POST /up 2k
h3 POST /up 1k | POST /up 2k
--- answer
403 length 1024 | open
403 length | open
403 length | open
403 length | open
403 length 1024 | 403 length
403 length 1024 | 403 length


=== TEST 16: a request that only announces a body keeps its connection behind the page of an error, also where that is a file
--- config
location = /up { limit_body 1k length=$http_x_length; error_page 403 /page.txt; return 403; }
--- user_files
>>> page.txt
page
--- upload
h1 GET /up 0 X-Length:2048 | GET /up 0 X-Length:1024
--- answer
403 page | 403 page | open
--- logged
/up 403 REJECTED 1024 0 header
/up 403 PASSED 1024 0 header


=== TEST 17: a body that was judged behind an "if" is judged, and not for a location that it was handed to
--- config
location = /handed { set $most 4m; limit_body $most; try_files /none @handed; }
location @handed { set $most 1k; limit_body $most; error_page 403 /page; return 403; }
location = /up {
    limit_body $arg_limit;
    if ($http_x) { set $dummy 1; }
    deny all;
    error_page 403 /page;
}
location = /page { internal; client_max_body_size 0; proxy_pass http://backend/length; }
--- upload
h1 POST /up?limit=4m 2m | POST /up?limit=4m 2m X:1
h1 POST /up?limit=4m 5m X:1
h1 POST /handed 1k | POST /handed 2m
--- answer
403 length 2097152 | 403 length 2097152 | open
413 <413 Request Entity Too Large> | closed
403 length 1024 | 403 length | open
