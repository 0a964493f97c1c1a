# client_body_early_read (nginx 1.31.5 and later): the body is read before there is a location. nginx asks no module
# before it begins to, so a client that waits for 100 Continue gets it.

use Test::Nginx::LimitBody 'no_plan';

run_tests();

__DATA__

=== TEST 1: the limit of the server holds while the body is read, that of the location after that
--- skip_nginx: 14: < 1.31.5
--- config
client_body_early_read $http_x_early;
limit_body 4k;
location = /lower { limit_body 1k; proxy_pass http://backend/length; }
location = /same { proxy_pass http://backend/length; }
--- upload
h1 POST /lower 1k X-Early:1
h1 POST /lower 1025 X-Early:1
h1 chunked POST /lower 1025 X-Early:1
h1 POST /same 4k X-Early:1
h1 POST /same 4097 X-Early:1
h1 expect POST /same 4097 X-Early:1
h1 chunked POST /same 8m X-Early:1
h1s POST /same 8m X-Early:1
h1s chunked POST /same 8m X-Early:1
h2 POST /lower 1025 X-Early:1 | POST /same 4k X-Early:1 | POST /same 4097 X-Early:1
h2 chunked POST /lower 1025 X-Early:1 | POST /same 4k X-Early:1 | POST /same 4097 X-Early:1
h3 POST /lower 1025 X-Early:1 | POST /same 4k X-Early:1 | POST /same 4097 X-Early:1
h3 chunked POST /lower 1025 X-Early:1 | POST /same 4k X-Early:1 | POST /same 4097 X-Early:1
h1 POST /same 4097
--- answer
200 length 1024 | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 length 4096 | open
413 <413 Request Entity Too Large> | closed
100 | 413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | 200 length 4096 | 413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large> | 200 length 4096 | 413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large> | 200 length 4096 | 413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large> | 200 length 4096 | 413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large> | closed


=== TEST 2: also where only the location has one
--- skip_nginx: 8: < 1.31.5
--- config
client_body_early_read 1;
location = /up { limit_body 1k; proxy_pass http://backend/length; }
location = /page { limit_body 1k; error_page 413 @too_large; proxy_pass http://backend/length; }
location @too_large { return 413 "too large\n"; }
--- upload
h1 POST /up 1k
h1 POST /up 1025
h1 chunked POST /up 1025
h1 chunked POST /page 1025
h2 POST /up 1025 | POST /up 1k | POST /page 1025
h2 chunked POST /up 1025 | POST /up 1k | POST /page 1025
h3 POST /up 1025 | POST /up 1k | POST /page 1025
h3 chunked POST /up 1025 | POST /up 1k | POST /page 1025
--- answer
200 length 1024 | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 too large | closed
413 <413 Request Entity Too Large> | 200 length 1024 | 413 too large
413 <413 Request Entity Too Large> | 200 length 1024 | 413 too large
413 <413 Request Entity Too Large> | 200 length 1024 | 413 too large
413 <413 Request Entity Too Large> | 200 length 1024 | 413 too large


=== TEST 3: also behind rewrite, which is no redirect
--- skip_nginx: 14: < 1.31.5
--- config
client_body_early_read 1;
limit_body 1m;
location /break/ { limit_body 1k; rewrite ^/break(/.*)$ $1 break; proxy_pass http://backend; }
location /last/ { rewrite ^/last(/.*)$ $1 last; }
location /nginx/ { client_max_body_size 1k; rewrite ^/nginx(/.*)$ $1 break; proxy_pass http://backend; }
location /granted/ { limit_body 1k after_auth; rewrite ^/granted(/.*)$ $1 break; proxy_pass http://backend; }
location /return/ { limit_body 1k; rewrite ^/return(/.*)$ $1; return 200 "returned\n"; }
location /length { limit_body 1k; proxy_pass http://backend; }
# A body that was read before a redirect is not judged again.
location /named/ { limit_body 10k; rewrite ^/named(/.*)$ $1; error_page 418 = @named; return 418; }
location @named { limit_body 1k; proxy_pass http://backend; }
--- upload
h1 POST /break/length 1k
h1 POST /break/length 1025
h1 chunked POST /break/length 1025
h1 POST /last/length 1k
h1 POST /last/length 1025
h1 chunked POST /last/length 1025
h1 POST /nginx/length 1025
h1s chunked POST /granted/length 1025
h1 POST /return/length 1k
h1 POST /return/length 1025
h1 POST /named/length 1025
h2 POST /break/length 1025 | POST /last/length 1k | POST /last/length 1025 | POST /nginx/length 1025
h2 chunked POST /break/length 1025 | POST /last/length 1k | POST /last/length 1025 | POST /nginx/length 1025
h3 POST /break/length 1025 | POST /last/length 1k | POST /last/length 1025 | POST /nginx/length 1025
--- answer
200 length 1024 | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 length 1024 | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 returned | open
413 <413 Request Entity Too Large> | closed
200 length 1025 | open
413 <413 Request Entity Too Large> | 200 length 1024 | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large> | 200 length 1024 | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large> | 200 length 1024 | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large>
