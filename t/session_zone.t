# How many drains of raw connections there may be, and what of raw connections is counted.

use Test::Nginx::LimitBody;
use Test::More;

plan skip_all => 'nginx without stream' if !$Test::Nginx::LimitBody::has_stream;
plan 'no_plan';

master_on();
workers(2);

run_tests();

__DATA__

=== TEST 1: bounds hold over all workers, and what is counted is shown
--- stream
limit_session 10;
limit_session_zone raw;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; limit_session_drain idle=30s conns=2; return "busy\n"; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
--- config
location = /metrics { limit_body_metrics; }
location = /json { limit_body_metrics json; }
limit_body_zone raw;
limit_body 1k;
--- script
tcp 3: line; mark one; await refused; close; logged drained 2
tcp 3: await one; line; mark two; await refused; close; logged drained 2
tcp 3: await two; end; logged refused; mark refused; close
up 5: rest; close; again; rest; close
tcp 4: await refused; logged drained 3; send 5; shutdown; end; send 1; gone
tcp 4: await refused; logged drained 3; logged disconnected; send 11; end; close; logged drained 4
--- seen
busy
busy
busy | closed
connected | 5 numbers | closed | connected | 10 numbers | closed
closed | unsent
closed
--- commands
until curl -s http://127.0.0.1:$PORT/metrics | grep -q '^nginx_limit_session_drains_total.*closed"} 3'; do sleep 0.1; done
curl -s http://127.0.0.1:$PORT/metrics | grep '^nginx_limit_session.* [1-9]' | grep -v acknowledged
curl -s http://127.0.0.1:$PORT/metrics | grep '^nginx_limit_session_draining'
curl -s http://127.0.0.1:$PORT/json | sed -n '/session_zones/,$p' | grep -v acknowledged
--- output
nginx_limit_session_sessions_total{zone="raw",status="passed"} 1
nginx_limit_session_sessions_total{zone="raw",status="rejected"} 1
nginx_limit_session_drains_total{zone="raw",outcome="closed"} 3
nginx_limit_session_drains_total{zone="raw",outcome="refused"} 1
nginx_limit_session_draining_connections{zone="raw"} 0
"session_zones": {
"raw": {
  "sessions": {"passed": 1, "rejected": 1, "rejected_dry_run": 0},
  "drains": {"complete": 0, "closed": 3, "timeout": 0, "slow": 0, "bytes": 0, "refused": 1, "evicted": 0, "error": 0},
  "drained_bytes": 0,
  "draining_connections": 0}}}
