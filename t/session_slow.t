# Raw connections of clients that are slower than a drain's rate, which they may be for 30 seconds.

use Test::Nginx::LimitBody;
use Test::More;

plan skip_all => 'nginx without stream' if !$Test::Nginx::LimitBody::has_stream;
plan 'no_plan';

run_tests();

__DATA__

=== TEST 1: who sends less than the rate is drained for 30 seconds, and who may send as little as they like goes on
--- stream
limit_session_drain idle=60s;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; return "busy\n"; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4; limit_session_drain rate=0; return "busy\n"; }
--- config
--- script
tcp 3: line; send 1; pause 20; send 1; logged slow; send 1; gone
tcp 4: line; send 1; pause 20; send 1; logged slow; send 1; end; close
--- seen
busy
busy | closed
--- error_log eval
[qr/drained 2 bytes of session in 3\d\.\d+s: slow, response acknowledged/, qr/drained 3 bytes of session in \d\d\.\d+s: closed/]
