# limit_body ... after_auth: limits that depend on who the client is.

use Test::Nginx::LimitBody 'no_plan';

run_tests();

__DATA__

=== TEST 1: a limit from a variable that auth_request sets
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3;
    access_log off;
    location / {
        if ($http_x_user = "") { return 401; }
        add_header X-Upload-Limit $http_x_user;
        return 204;
    }
}
--- config
location = /up {
    auth_request /auth;
    auth_request_set $limit $upstream_http_x_upload_limit;
    limit_body $limit after_auth;
    proxy_pass http://backend/length;
}
location = /auth {
    internal;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_3;
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
}
--- upload
h1 POST /up 1k X-User:1k
h1 POST /up 1025 X-User:1k
h1 POST /up 4k X-User:4k
h1 POST /up 8m X-User:4k
h1 chunked POST /up 4k X-User:4k
h1 chunked POST /up 8m X-User:4k
h1 POST /up 8m
h2 POST /up 4k X-User:4k | POST /up 4097 X-User:4k | POST /up 4k
h2 chunked POST /up 4k X-User:4k | POST /up 4097 X-User:4k
h3 POST /up 4k X-User:4k | POST /up 4097 X-User:4k | POST /up 4k
h3 chunked POST /up 4k X-User:4k | POST /up 4097 X-User:4k
h1 POST /up 1 X-User:none
--- answer
200 length 1024 | open
413 <413 Request Entity Too Large> | closed
200 length 4096 | open
413 <413 Request Entity Too Large> | closed
200 length 4096 | open
413 <413 Request Entity Too Large> | closed
401 <401 Authorization Required> | open
200 length 4096 | 413 <413 Request Entity Too Large> | 401 <401 Authorization Required>
200 length 4096 | 413 <413 Request Entity Too Large>
200 length 4096 | 413 <413 Request Entity Too Large> | 401 <401 Authorization Required>
200 length 4096 | 413 <413 Request Entity Too Large>
500 <500 Internal Server Error> | closed
--- no_error_log
[alert]
[crit]


=== TEST 2: a map over such a variable: its value is not taken too early, and kept
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3;
    access_log off;
    location / { add_header X-Plan $http_x_user; return 204; }
}
map $plan $limit {
    default 1k;
    gold    4k;
}
--- config
location = /up {
    auth_request /auth;
    auth_request_set $plan $upstream_http_x_plan;
    limit_body $limit after_auth;
    proxy_pass http://backend/length;
}
location = /too_early {
    auth_request /auth;
    auth_request_set $plan $upstream_http_x_plan;
    limit_body $limit;
    proxy_pass http://backend/length;
}
location = /auth {
    internal;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_3;
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
}
--- upload
h1 POST /up 4k X-User:gold
h1 POST /up 4097 X-User:gold
h1 POST /up 1025 X-User:silver
h1 chunked POST /up 4k X-User:gold
h1 chunked POST /up 1025 X-User:silver
h1 POST /too_early 4k X-User:gold
--- answer
200 length 4096 | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 length 4096 | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
--- logged
/up 200 PASSED 4096 4096 header
/up 413 REJECTED 4096 0 header
/up 413 REJECTED 1024 0 header
/up 200 PASSED 4096 4096 body
/up 413 REJECTED 1024 * body
/too_early 413 REJECTED 1024 0 header


=== TEST 3: a token in a header, checked by a map, as a JWT's claim would be
--- http_config
map $http_authorization $claim_limit {
    default       "";
    "Bearer abc"  2k;
}
--- config
location = /up {
    client_max_body_size 1k;
    limit_body $claim_limit after_auth;
    auth_request /check;
    proxy_pass http://backend/length;
}
location = /check {
    internal;
    if ($claim_limit = "") { return 401; }
    return 204;
}
--- upload
h1 POST /up 2k Authorization:Bearer_abc
h1 POST /up 2049 Authorization:Bearer_abc
h1 POST /up 2k Authorization:Bearer_xyz
h1 POST /up 2k
--- answer
200 length 2048 | open
413 <413 Request Entity Too Large> | closed
401 <401 Authorization Required> | open
401 <401 Authorization Required> | open


=== TEST 4: unauthenticated requests get 401 with after_auth, 413 without
--- config
auth_basic "uploads";
auth_basic_user_file ../html/users;
location = /before { limit_body 1k; proxy_pass http://backend; }
location = /after { limit_body 1k after_auth; proxy_pass http://backend; }
--- user_files
>>> users
user:{PLAIN}secret
--- upload
h1 POST /before 8m
h1 POST /after 8m
h1 POST /before 8m Authorization:Basic_dXNlcjpzZWNyZXQ=
h1 POST /after 8m Authorization:Basic_dXNlcjpzZWNyZXQ=
h1 POST /after 1k Authorization:Basic_dXNlcjpzZWNyZXQ=
h2 POST /before 8m | POST /after 1m
h3 POST /before 8m | POST /after 1m
--- answer
413 <413 Request Entity Too Large> | closed
401 <401 Authorization Required> | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | 401 <401 Authorization Required>
413 <413 Request Entity Too Large> | 401 <401 Authorization Required>


=== TEST 5: no 100 Continue before the judgement
--- config
limit_body_drain idle=1s;
location = /up { auth_request /auth; limit_body 1k after_auth; proxy_pass http://backend; }
location = /auth { internal; return 204; }
--- upload
h1 expect POST /up 1k
h1 expect POST /up 1025
--- answer
100 | 200 ok | open
413 <413 Request Entity Too Large> | closed


=== TEST 6: the body is judged before mirror reads it, and before try_files looks further
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3;
    access_log logs/upload.log upload;
    location / { return 200; }
}
--- config
location = /up { limit_body 1k after_auth; mirror /mirror; proxy_pass http://backend; }
location = /mirror { internal; proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_3; }
location = /try { limit_body 1k after_auth; try_files /none @named; }
location @named { limit_body 4k after_auth; proxy_pass http://backend; }
--- upload
h1 POST /up 8m
h1 POST /try 2k
h1 POST /try 1k
h1 chunked POST /up 8m
--- answer
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
--- logged
/up 413 REJECTED 1024 0 header
/try 413 REJECTED 1024 0 header
/try 200 PASSED 4096 1024 header
/up 413 REJECTED 1024 * body


=== TEST 7: inherited
--- http_config
limit_body 1k after_auth;
--- config
auth_basic "uploads";
auth_basic_user_file ../html/users;
location = /up { proxy_pass http://backend; }
--- user_files
>>> users
user:{PLAIN}secret
--- upload
h1 POST /up 8m
h1 POST /up 8m Authorization:Basic_dXNlcjpzZWNyZXQ=
--- answer
401 <401 Authorization Required> | open
413 <413 Request Entity Too Large> | closed
