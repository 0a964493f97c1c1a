# What goes wrong without the module: a client that sends all of its body before it reads is reset, and never sees the
# answer. Were a control to stop failing, the tests below could not see a reset any more, and would prove nothing.

use Test::Nginx::LimitBody 'no_plan';

run_tests();

__DATA__

=== TEST 1: closing at once after the answer resets the client
--- main_config
load_module $TEST_NGINX_CONTROL;
--- config
location /close { client_max_body_size 0; control_close; }
--- upload
h1 POST /close 64m
h1s POST /close 64m
--- answer
reset
reset


=== TEST 2: answering and finalizing with 413 resets the client, and logs a second answer
--- main_config
load_module $TEST_NGINX_CONTROL;
--- config
location /double { client_max_body_size 0; control_double; }
--- upload
h1 POST /double 64m
h1s POST /double 64m
--- answer
reset
reset
--- error_log
header already sent
[alert]


=== TEST 3: with limit_body the client reads status and whole body, and the connection ends properly
--- config
limit_body 1m;
location /refused { error_page 413 @refused; }
location @refused { return 413 "too large\n"; }
--- upload
h1 POST /refused 64m
h1s POST /refused 64m
--- answer
413 too large | closed
413 too large | closed
--- error_log
client intended to send too large body: 67108864 bytes, limit: 1048576
--- no_error_log
[alert]
[crit]
