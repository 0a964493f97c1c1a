# Bodies that are refused as they come.

use Test::Nginx::LimitBody 'no_plan';

run_tests();

__DATA__

=== TEST 1: a refusal with 400, which nginx would answer with a reset
--- config
limit_body 10;
limit_body_status 400;
client_header_buffer_size 4k;
location = /up { error_page 400 @bad; proxy_pass http://backend; }
location @bad { return 400 "too large\n"; }
location = /builtin { proxy_pass http://backend; }
--- upload
h1 chunked POST /up 64m
h1s chunked POST /up 64m
h1 chunked late-body POST /up 64m
h1s chunked late-body POST /up 64m
h1 chunked late-body POST /builtin 64m
h2 chunked POST /up 1m
h3 chunked POST /up 1m
--- answer
400 too large | closed
400 too large | closed
400 too large | closed
400 too large | closed
400 <400 Bad Request> | closed
400 too large
400 too large
--- no_error_log
[alert]
[crit]


=== TEST 2: buffered, in memory and in files
--- config
limit_body 100k;
client_body_buffer_size 16k;
location = /memory { client_body_buffer_size 1m; proxy_pass http://backend/length; }
location = /file { proxy_pass http://backend/length; }
location = /single { client_body_in_single_buffer on; proxy_pass http://backend/length; }
location = /clean { client_body_in_file_only clean; proxy_pass http://backend/length; }
--- upload
h1 chunked POST /memory 102400
h1 chunked POST /memory 102401
h1 chunked POST /file 102400
h1 chunked POST /file 102401
h1 chunked POST /file 8m
h1 chunked POST /single 102400
h1 chunked POST /single 102401
h1 chunked POST /clean 102400
h1 chunked POST /clean 8m
h2 chunked POST /memory 102400 | POST /memory 102401 | POST /file 102400 | POST /file 102401 | POST /clean 1m
h3 chunked POST /memory 102400 | POST /memory 102401 | POST /file 102400 | POST /file 102401 | POST /clean 1m
--- answer
200 length 102400 | open
413 <413 Request Entity Too Large> | closed
200 length 102400 | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 length 102400 | open
413 <413 Request Entity Too Large> | closed
200 length 102400 | open
413 <413 Request Entity Too Large> | closed
200 length 102400 | 413 <413 Request Entity Too Large> | 200 length 102400 | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large>
200 length 102400 | 413 <413 Request Entity Too Large> | 200 length 102400 | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large>
--- body_files: 0
--- no_error_log
[alert]
[crit]


=== TEST 3: client_body_in_file_only keeps the files of accepted bodies, not of refused ones
--- config
limit_body 100k;
client_body_buffer_size 16k;
client_body_in_file_only on;
location = /up { proxy_pass http://backend/length; }
--- upload
h1 chunked POST /up 100k
h1 chunked POST /up 8m
h2 chunked POST /up 1m
--- answer
200 length 102400 | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large>
--- body_files: 1
--- no_error_log
[alert]
[crit]


=== TEST 4: streamed to an upstream: that one is left in the lurch, the client gets the refusal
--- config
limit_body 100k;
location = /read {
    proxy_request_buffering off;
    proxy_http_version 1.1;
    proxy_pass http://backend;
}
--- upload
h1 chunked POST /read 100k
h1 chunked POST /read 8m
h1s chunked POST /read 8m
h2 chunked POST /read 100k | POST /read 1m
h3 chunked POST /read 100k | POST /read 1m
--- answer
200 ok | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 ok | 413 <413 Request Entity Too Large>
200 ok | 413 <413 Request Entity Too Large>
--- logged
/read 200 PASSED 102400 102400 body
/read 200 - - - -
/read 413 REJECTED 102400 * body
/read 400 - - - -
/read 413 REJECTED 102400 * body
/read 400 - - - -
/read 200 PASSED 102400 102400 body
/read 200 - - - -
/read 413 REJECTED 102400 * body
/read 400 - - - -
h3 /read 200 PASSED 102400 102400 body
h3 /read 200 - - - -
h3 /read 413 REJECTED 102400 * body
h3 /read 400 - - - -
--- no_error_log
[alert]
[crit]


=== TEST 5: where the upstream has answered already, its answer stands, as with nginx's own limit
--- config
proxy_request_buffering off;
proxy_http_version 1.1;
location = /ours { limit_body 10k; proxy_pass http://backend; }
location = /nginx { client_max_body_size 10k; proxy_pass http://backend; }
--- upload
h1 chunked late-body POST /ours 8k
h1 chunked late-body POST /nginx 8k
--- answer
200 ok | open
200 ok | open


=== TEST 6: a chunk that announces too much is refused before it comes
--- config
limit_body 1k;
location = /up { proxy_pass http://backend; }
--- raw_request eval
"POST /up HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3ff\r\n" . "x" x 1023 . "\r\n2\r\n"
--- error_code: 413
--- error_log
client intended to send too large body: 1025 bytes, limit: 1024
--- abort
--- ignore_response_body


=== TEST 7: a chunk that just fits is waited for
--- config
limit_body 1k;
location = /up { proxy_pass http://backend/length; }
--- raw_request eval
["POST /up HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3ff\r\n" . "x" x 1023 . "\r\n1\r\n",
 "x\r\n0\r\n\r\n"]
--- raw_request_middle_delay: 0.1
--- error_code: 200
--- response_body
length 1024


=== TEST 8: a declared length that lies is nginx's to refuse
--- config
limit_body 1k;
location = /up { proxy_pass http://backend; }
--- upload
h2 lying POST /up 8k
h3 lying POST /up 8k
--- answer eval
"400 <400 Bad Request>\n"
    . ($Test::Nginx::Util::NginxVersion < 1.027 ? "413 <413 Request Entity Too Large>\n" : "400 <400 Bad Request>\n")


=== TEST 9: a proxied page is told nothing of the body
--- config
limit_body 10k;
error_page 413 @page;
location = /buffered { client_body_buffer_size 4k; proxy_pass http://backend; }
location = /streamed { proxy_request_buffering off; proxy_http_version 1.1; proxy_pass http://backend/read; }
location @page { rewrite ^ /page break; client_max_body_size 1; proxy_pass http://backend; }
--- upload
h1 chunked POST /buffered 8m
h1 chunked POST /streamed 8m
h1s chunked POST /buffered 8m
h2 chunked POST /buffered 1m | POST /streamed 1m
h3 chunked POST /buffered 1m | POST /streamed 1m
--- answer
413 POST, length , | closed
413 POST, length , | closed
413 POST, length , | closed
413 POST, length , | 413 POST, length ,
413 POST, length , | 413 POST, length ,
--- no_error_log
[alert]
[crit]


=== TEST 10: a page in a location where nginx's own limit is lower than what has come
--- config
client_body_buffer_size 16k;
location = /up { limit_body 100k; error_page 413 /page.txt; proxy_pass http://backend; }
location = /page.txt { internal; client_max_body_size 1k; }
--- user_files
>>> page.txt
page
--- upload
h1 chunked POST /up 8m
h2 chunked POST /up 1m
h3 chunked POST /up 1m
--- answer
413 page | closed
413 page
413 page


=== TEST 11: modules that read the body in the rewrite phase meet the limit of the location
--- main_config
load_module $TEST_NGINX_CONTROL;
--- http_config
control_read_in rewrite;
--- config
limit_body 2k;
location = /up { limit_body 1k; proxy_pass http://backend/length; }
--- upload
h1 POST /up 1k
h1 POST /up 1025
h1 chunked POST /up 1k
h1 chunked POST /up 1025
h1 chunked POST /up 8m
h1s POST /up 8m
h2 POST /up 1k | POST /up 1025
h2 chunked POST /up 1k | POST /up 1025
h3 POST /up 1k | POST /up 1025
h3 chunked POST /up 1k | POST /up 1025
--- answer
200 length 1024 | open
413 <413 Request Entity Too Large> | closed
200 length 1024 | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 length 1024 | 413 <413 Request Entity Too Large>
200 length 1024 | 413 <413 Request Entity Too Large>
200 length 1024 | 413 <413 Request Entity Too Large>
200 length 1024 | 413 <413 Request Entity Too Large>


=== TEST 12: modules that read the body before there is a location meet both limits
--- main_config
load_module $TEST_NGINX_CONTROL;
--- http_config
control_read_in server_rewrite;
--- config
limit_body 4k;
location = /lower { limit_body 1k; proxy_pass http://backend/length; }
location = /same { proxy_pass http://backend/length; }
--- upload
h1 POST /lower 1k
h1 POST /lower 1025
h1 chunked POST /lower 1025
h1 POST /same 4k
h1 POST /same 4097
h1 chunked POST /same 8m
h2 POST /lower 1025 | POST /same 4k | POST /same 4097
h2 chunked POST /lower 1025 | POST /same 4k | POST /same 4097
h3 POST /lower 1025 | POST /same 4k | POST /same 4097
h3 chunked POST /lower 1025 | POST /same 4k | POST /same 4097
--- answer
200 length 1024 | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 length 4096 | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | 200 length 4096 | 413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large> | 200 length 4096 | 413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large> | 200 length 4096 | 413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large> | 200 length 4096 | 413 <413 Request Entity Too Large>


=== TEST 13: also where only the location has one
--- main_config
load_module $TEST_NGINX_CONTROL;
--- http_config
control_read_in server_rewrite;
--- config
location = /up { limit_body 1k; proxy_pass http://backend/length; }
--- upload
h1 POST /up 1k
h1 POST /up 1025
h1 chunked POST /up 1k
h1 chunked POST /up 1025
h2 POST /up 1025 | POST /up 1k
h2 chunked POST /up 1025 | POST /up 1k
h3 POST /up 1025 | POST /up 1k
h3 chunked POST /up 1025 | POST /up 1k
--- answer
200 length 1024 | open
413 <413 Request Entity Too Large> | closed
200 length 1024 | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | 200 length 1024
413 <413 Request Entity Too Large> | 200 length 1024
413 <413 Request Entity Too Large> | 200 length 1024
413 <413 Request Entity Too Large> | 200 length 1024


=== TEST 14: an error page that takes its time, while the client goes on sending
--- config
limit_body 10k;
client_body_buffer_size 1k;
location = /up { error_page 413 @page; proxy_pass http://backend; }
location = /buffered { client_body_buffer_size 16k; error_page 413 @page; proxy_pass http://backend; }
location @page {
    proxy_ignore_client_abort on;
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
    proxy_pass http://backend;
}
--- script
h1: head POST /up chunked; chunk 1k; pause 0.1; chunk 64k; chunk 64k; answer; chunk 64k; chunk 0; end
h1s: head POST /up chunked; chunk 1k; pause 0.1; chunk 64k; chunk 64k; answer; chunk 64k; chunk 0; end
h2c: uploads 1 /up 12000 chunked
h2c: uploads 1 /buffered 12000 chunked
--- seen
413 ok | closed
413 ok | closed
1 x 413
1 x 413
--- no_error_log
[alert]
[crit]


=== TEST 15: a body that ends with the piece for which it is refused, from a client that closes while its page is made
--- config
limit_body 10;
proxy_ignore_client_abort on;
location /up { error_page 413 /page?pause=1; proxy_pass http://kept; }
location /handed { error_page 413 =200 /page?pause=1; proxy_pass http://kept; }
location = /page { internal; proxy_pass http://kept; }
location = /next { proxy_pass http://kept; }
--- in_turn
--- script
h1: head POST /up chunked; pause 0.3; bytes 14\r\n01234567890123456789\r\n0\r\n\r\n; close
h1s: head POST /up chunked; pause 0.3; bytes 14\r\n01234567890123456789\r\n0\r\n\r\n; close
h1: head POST /handed chunked; pause 0.3; bytes 14\r\n01234567890123456789\r\n0\r\n\r\n; close
h1: head GET /next; answer
--- seen eval
"\n\n\n200 ok\n"
--- asked
GET /page?pause=1 none
GET /page?pause=1 none
GET /page?pause=1 none
GET /next none
--- no_error_log
[alert]
[emerg]


=== TEST 16: modules that discard the body before it is judged: its declared length is, also if all of it is gone by then
--- main_config
load_module $TEST_NGINX_CONTROL;
--- http_config
control_discard_in rewrite;
client_header_buffer_size 16k;
--- config
location = /up { limit_body 1k; proxy_pass http://kept; }
location = /after { limit_body 1k after_auth; proxy_pass http://kept; }
--- upload
h1 POST /up 1025
h1 POST /after 1025
h1s POST /up 8m
h1 GET /up
--- answer
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 ok | open
--- asked
GET /up none


=== TEST 17: a refusal that the module reading the body takes no notice of is answered, also where nothing may be drained
--- main_config
load_module $TEST_NGINX_CONTROL;
--- config
limit_body 1k;
limit_body_drain conns=1;
location / { proxy_pass http://backend; }
location /ignored { control_ignore; }
--- script
h1: bytes POST /ignored HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n800\r\n; answer; send 2k; bytes \r\n0\r\n\r\n; end; mark drained
h1: await drained; head POST /up 1m; answer; mark held; await answered; send 1m; end
h1: await held; bytes POST /ignored HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n800\r\n; answer; end; mark answered
--- seen
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
--- drained
/ignored 413 complete * yes
/up 413 complete 1048576 yes
/ignored 413 refused 0 ?
--- no_error_log
[alert]


=== TEST 18: a module that reads the body before there is a location may call the request internal, as Lua does
--- main_config
load_module $TEST_NGINX_CONTROL;
--- http_config
control_read_in server_rewrite;
control_internal;
--- config
limit_body 4k;
location = /lower { limit_body 1k; proxy_pass http://backend/length; }
location = /same { proxy_pass http://backend/length; }
--- upload
h1 POST /lower 1k
h1 POST /lower 1025
h1 chunked POST /lower 1025
h1 POST /same 4k
h1 POST /same 4097
h2 POST /lower 1025 | POST /same 4k | POST /same 4097
h2 chunked POST /lower 1025 | POST /same 4k | POST /same 4097
h3 chunked POST /lower 1025 | POST /same 4k | POST /same 4097
--- answer
200 length 1024 | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 length 4096 | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | 200 length 4096 | 413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large> | 200 length 4096 | 413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large> | 200 length 4096 | 413 <413 Request Entity Too Large>


=== TEST 19: modules that read the body for the page of an error meet the limit of the page, and that of the upload
--- main_config
load_module $TEST_NGINX_CONTROL;
--- http_config
control_read_in rewrite;
control_pages;
--- config
limit_body 4k;
error_page 403 404 /told;
location = /up { return 403; }
location = /lower { limit_body 1k; return 404; }
location = /higher { limit_body 1m; return 403; }
location = /nginx { client_max_body_size 1k; error_page 404 /large; return 404; }
location = /announced { limit_body 1k length=$http_x_length; return 403; }
location = /denied { limit_body 1m; deny all; error_page 403 /told; }
location = /late { limit_body 1k after_auth; deny all; error_page 403 /large; }
location = /invalid { limit_body $http_x_limit; return 403; }
location = /dry { limit_body 1k; limit_body_dry_run on; error_page 403 /dry/told; return 403; }
location = /told { proxy_pass http://backend/length; }
location = /large { client_max_body_size 2k; proxy_pass http://backend/length; }
location = /dry/told { limit_body 1k; limit_body_dry_run on; proxy_pass http://backend/length; }
--- upload
h1 POST /up 4k | POST /lower 1k | POST /announced 100 X-Length:2048
h1 POST /up 4097
h1 POST /lower 1025
h1 POST /higher 4097
h1 POST /nginx 1025
h1 POST /denied 4k | POST /late 1k
h1 POST /denied 4097
h1 POST /late 1025
h1 POST /invalid 1 X-Limit:zz
h1 POST /dry 8k
h1s POST /up 8m
h1 chunked POST /up 4k | POST /nginx 2k
h1 chunked POST /up 4097
h1 chunked POST /up 8m
h1 chunked POST /nginx 2049
h2 POST /up 4k | POST /up 4097 | POST /lower 1025
h2 chunked POST /up 4k | POST /up 4097 | POST /up 1m
h3 POST /up 4k | POST /up 4097 | POST /lower 1025
h3 chunked POST /up 4k | POST /up 4097 | POST /up 1m
--- answer
403 length 4096 | 404 length 1024 | 403 length 100 | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
403 length 4096 | 403 length 1024 | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
500 <500 Internal Server Error> | closed
403 length 8192 | open
413 <413 Request Entity Too Large> | closed
403 length 4096 | 404 length 2048 | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
403 length 4096 | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large>
403 length 4096 | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large>
403 length 4096 | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large>
403 length 4096 | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large>
--- no_error_log
[alert]
[crit]


=== TEST 20: such a request ends, too, if nginx gives up the page of its refusal, and a post_action follows
--- main_config
load_module $TEST_NGINX_CONTROL;
--- config
limit_body 1k;
location = /ignored { control_ignore; error_page 413 @gone; }
location @gone { post_action /after; return 408; }
location = /after { return 204; }
location = /status { limit_body off; stub_status; }
--- script
h1: bytes POST /ignored HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n800\r\n; send 2k; end; active 0
--- seen
closed
--- no_error_log
[alert]
[crit]
