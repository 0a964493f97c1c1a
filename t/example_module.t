# The example of how crates/nginx is used: a module beside ours, made of the same layer.

use Test::Nginx::LimitBody 'no_plan';

run_tests();

__DATA__

=== TEST 1: it decides in its locations, ours in its own, each with its own state
--- main_config
load_module $TEST_NGINX_EXAMPLE;
--- config
limit_body 1k;
location / { proxy_pass http://backend/length; }
location /length { require_length on; proxy_pass http://backend/length; }
location /length/off { require_length off; proxy_pass http://backend/length; }
--- upload
h1 POST /any 10
h1 chunked POST /any 10
h1 POST /length 10
h1 chunked POST /length 10
h1 chunked POST /length 16m
h1 POST /length 2k
h1 chunked POST /length/off 10
h2 POST /length 10 | POST /any 2k
h2 chunked POST /length 10 | POST /any 10
--- answer
200 length 10 | open
200 length 10 | open
200 length 10 | open
411 <411 Length Required> | open
411 <411 Length Required> | open
413 <413 Request Entity Too Large> | closed
200 length 10 | open
200 length 10 | 413 <413 Request Entity Too Large>
411 <411 Length Required> | 200 length 10
--- no_error_log
[alert]
[crit]
