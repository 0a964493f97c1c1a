# Subrequests of a request with a body are never refused themselves.

use Test::Nginx::LimitBody 'no_plan';

run_tests();

__DATA__

=== TEST 1: auth_request
--- config
limit_body 8m;
location = /up { auth_request /auth; proxy_pass http://backend; }
location = /auth {
    internal;
    limit_body 1k;
    proxy_pass http://backend;
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
}
--- upload
h1 POST /up 2k
h1 POST /up 16m
h2 POST /up 2k | POST /up 9m
h3 POST /up 2k | POST /up 9m
--- answer
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | 413 <413 Request Entity Too Large>
200 ok | 413 <413 Request Entity Too Large>
--- no_error_log
[alert]
[crit]


=== TEST 2: auth_request to a location that knows only client_max_body_size
--- config
location = /up { limit_body 8m; auth_request /auth; proxy_pass http://backend/length; }
location = /auth { client_max_body_size 1k; rewrite ^ /auth2 last; }
location = /auth2 { client_max_body_size 1k; return 204; }
--- upload
h1 POST /up 2k
h1 chunked POST /up 2k
h2 POST /up 2k
h3 POST /up 2k
--- answer
200 length 2048 | open
200 length 2048 | open
200 length 2048
200 length 2048
--- logged
/up 200 PASSED 8388608 2048 header
/up 200 PASSED 8388608 2048 body
/up 200 PASSED 8388608 2048 header
h3 /up 200 PASSED 8388608 2048 header


=== TEST 3: mirror sends the body on
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3;
    limit_body 8m;
    location / { proxy_pass http://backend; }
}
--- config
location = /up { limit_body 8m; mirror /mirror; proxy_pass http://backend; }
location = /mirror { internal; client_max_body_size 1k; proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_3/mirrored; }
--- upload
h1 POST /up 2k
--- answer
200 ok | open
--- logged
/mirrored 200 PASSED 8388608 2048 header
/up 200 PASSED 8388608 2048 header


=== TEST 4: server side includes
--- config
limit_body 8m;
location = /up { proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/page; ssi on; ssi_types text/plain; }
location = /page { limit_body off; access_log off; return 200 '<!--#include virtual="/part" --> and <!--#include virtual="/small" -->'; }
location = /part { internal; client_max_body_size 1k; return 200 "part"; }
location = /small { internal; limit_body 1k; return 200 "small"; }
--- upload
h1 POST /up 2k
h1 chunked POST /up 2k
h2 POST /up 2k
h3 POST /up 2k
--- answer
200 part and small | open
200 part and small | open
200 part and small
200 part and small
--- no_error_log
too large body
[alert]
[crit]


=== TEST 5: of a request whose body is not read
--- config
location = /page.txt { limit_body 8m; ssi on; ssi_types text/plain; }
location = /ours.txt { internal; limit_body 1k; }
location = /nginx.txt { internal; client_max_body_size 1k; }
--- user_files
>>> ours.txt
small
>>> nginx.txt
too
>>> page.txt
<!--#include virtual="/ours.txt" -->and <!--#include virtual="/nginx.txt" -->
--- upload
h1 GET /page.txt 2k
h2 GET /page.txt 2k
h3 GET /page.txt 2k
--- answer
200 small\nand too | open
200 small\nand too
200 small\nand too


=== TEST 6: of a request with a body that is longer than a word of 32 bits can tell
--- config
client_body_timeout 2s;
limit_body_drain idle=1s;
limit_body 8g;
proxy_request_buffering off;
proxy_http_version 1.1;
location /granted { auth_request /asked; proxy_pass http://backend/length; }
location /mirrored { mirror /asked; mirror_request_body off; proxy_pass http://backend/length; }
location /read { mirror /copied; proxy_request_buffering on; proxy_pass http://backend; }
location = /asked { internal; proxy_pass http://backend; proxy_pass_request_body off; proxy_set_header Content-Length ""; }
location = /copied { internal; proxy_pass http://backend; }
--- script
h1: head POST /granted/1 4294967295; answer; close
h1: head POST /granted/2 4294967296; answer; close
h1: head POST /granted/3 8589934592; answer; close
h1: head POST /granted/4 8589934593; answer; end
h1: head POST /granted/5 9223372036854775807; answer; end
h1: head POST /mirrored/1 4294967295; answer; close
h1: head POST /mirrored/2 4294967296; answer; close
h1: head POST /mirrored/3 8589934592; answer; close
h1: head POST /mirrored/4 8589934593; answer; end
h1: head POST /read/1 4294967295; end
h1: head POST /read/2 4294967297; end
h1: head POST /read/3 8589934593; answer; end
h2: head POST /granted/1 4294967295; answer; head POST /granted/2 4294967296; answer; head POST /granted/4 8589934593; answer; close
h3: head POST /granted/1 4294967295; answer; head POST /granted/2 4294967296; answer; head POST /granted/4 8589934593; answer; close
h2: head POST /mirrored/1 4294967295; answer; head POST /mirrored/2 4294967296; answer; head POST /mirrored/4 8589934593; answer; close
h2: head POST /read/1 4294967295; stop; head POST /read/2 4294967297; stop; close
--- seen
200 length 4294967295
200 length 4294967296
200 length 8589934592
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 length 4294967295
200 length 4294967296
200 length 8589934592
413 <413 Request Entity Too Large> | closed
closed
closed
413 <413 Request Entity Too Large> | closed
200 length 4294967295 | 200 length 4294967296 | 413 <413 Request Entity Too Large>
200 length 4294967295 | 200 length 4294967296 | 413 <413 Request Entity Too Large>
200 length 4294967295 | 200 length 4294967296 | 413 <413 Request Entity Too Large>
stopped: PROTOCOL_ERROR | stopped: PROTOCOL_ERROR
--- no_error_log
[alert]
[crit]
