# Drains with an event method that tells of what is ready again and again: poll, and select is like it.

BEGIN { $ENV{TEST_NGINX_EVENT_TYPE} = 'poll' }

use Test::Nginx::LimitBody;
use Test::More;

plan skip_all => 'nginx without the event method poll' if `$Test::Nginx::Util::NginxBinary -V 2>&1` !~ /--with-poll_module/;
plan 'no_plan';

run_tests();

__DATA__

=== TEST 1: a client that has taken an answer larger than its socket, and is silent, keeps nobody busy
--- config
limit_body 1m;
limit_body_drain idle=60s;
location = /big { root html; }
location = /mirrored { root html; mirror /mirror; mirror_request_body off; }
location = /mirror { internal; proxy_pass http://early_unix; proxy_pass_request_body off; proxy_set_header Content-Length ""; }
--- user_files eval
[["big", "b" x 20_000_000], ["mirrored", "b" x 20_000_000]]
--- early
/mirror: await idle; answer 200 mirror
--- in_turn
--- script
h1: head GET /big 500k; answer; idle 1; send 500k; head GET /big; answer; close
h1s: head GET /big 500k; answer; idle 1; send 500k; head GET /big; answer; close
h1: head GET /mirrored 500k; answer; idle 1; mark idle; send 500k; head GET /big; answer; close
--- seen
200 20000000 bytes | idle | 200 20000000 bytes
200 20000000 bytes | idle | 200 20000000 bytes
200 20000000 bytes | idle | 200 20000000 bytes
--- no_error_log
[alert]
[emerg]


=== TEST 2: a client that is gone when nginx refuses its method takes its connection along
--- config
listen unix:$TEST_NGINX_SOCKET;
location = /status { stub_status; }
limit_body_drain idle=60s;
--- script
unix: signal STOP; bytes TRACE / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n0123456789; close; signal CONT; active 0
--- seen
--- error_log
drained 0 bytes of request body
--- no_error_log
[alert]
