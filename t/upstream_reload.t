# Upstreams that close early, while nginx is reloaded.

use Test::Nginx::LimitBody 'no_plan';

master_on();

$ENV{TEST_NGINX_LD_PRELOAD} = "$ENV{TEST_CONTROLS}/gate.so";
$ENV{TEST_GATE} = "$ENV{TEST_NGINX_EARLY}/gate";

run_tests();

__DATA__

=== TEST 1: a response that the old worker is reading
--- http_config
limit_body 64m;
client_body_buffer_size 16k;
--- config
location / { proxy_pass http://early_unix; }
location /stream { proxy_request_buffering off; proxy_http_version 1.1; proxy_pass http://early_unix; }
--- early
/interrupted: held; begin 403 200k; deaf; go; await 1; finish
/stream: held; begin 403 200k; deaf; go; await 2; finish
/begun: begin 200 200k; await 3; rest; finish
--- script
h1: head POST /interrupted 16m; send 16m; header; signal HUP; logged shutting 1; mark 1; answer; end
h1: head POST /stream 16m; send 1m; header; signal HUP; logged shutting 2; mark 2; answer; send 15m; end
h1: head POST /begun 16m; send 16m; header; signal HUP; logged shutting 3; mark 3; answer; end
--- in_turn
--- seen
403 204800 numbers | closed
403 204800 numbers | closed
200 204800 numbers | closed
--- responses
/interrupted 403 saved
/stream 403 saved
/begun 200 -
--- no_error_log
[alert]
[crit]
