# Drains of raw connections where nginx is short of connections, or about to end.

use Test::Nginx::LimitBody;
use Test::More;

plan skip_all => 'nginx without stream' if !$Test::Nginx::LimitBody::has_stream;
plan 'no_plan';

master_on();
worker_connections(24);

run_tests();

__DATA__

=== TEST 1: a connection that nginx needs is taken from a drain
--- stream
limit_session_drain idle=30s;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; return "busy\n"; }
--- config
location / { proxy_pass http://backend; }
--- script
tcp 3: end; mark drained; logged evicted
18 x h1: await drained; bytes GET /ok HTTP/1.1\r\n; logged evicted; close
--- seen
busy | closed
--- error_log
worker_connections are not enough, reusing connections
drained 0 bytes of session


=== TEST 2: a reload lets a drain go on
--- stream
limit_session_drain idle=30s;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; return "busy\n"; }
--- config
--- script
tcp 3: line; signal HUP; logged gracefully; send 1m; end; close; logged drained
--- seen
busy | closed
--- error_log
drained 1048576 bytes of session


=== TEST 3: worker_shutdown_timeout ends it
--- main_config
worker_shutdown_timeout 1s;
--- stream
limit_session_drain idle=30s;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; return "busy\n"; }
--- config
--- script
tcp 3: line; signal HUP; logged evicted; send 1; gone
--- seen
busy
--- error_log
drained 0 bytes of session


=== TEST 4: a drain that begins when worker_shutdown_timeout ends the session, with the upstream's connection first
--- main_config
worker_shutdown_timeout 1s;
--- stream
limit_session_drain idle=30s;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
--- config
location = /ok { return 200 ok; }
location = /status { stub_status; }
--- script
h1: head GET /ok; answer; mark first; await second; close; active 1; mark freed
h1: await first; head GET /ok; answer; mark second; await freed; close; active 0; mark turned
up 5: take 5; mark taken; rest
tcp 3: await turned; send 5; await taken; signal HUP; logged drained; send 1; gone
--- seen
200 ok
200 ok
connected | 0 numbers | closed

--- error_log eval
['shutdown timeout', qr/drained 0 bytes of session in 1\.\d+s: timeout/]
