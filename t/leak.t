# What is left of many refused uploads. REFUSALS=100000 in the environment makes it more.

use Test::Nginx::LimitBody 'no_plan';

# Where memory is watched otherwise, what a process holds says nothing.
$ENV{REFUSALS} //= $ENV{TEST_MEMORY} ? 500 : 5000;
add_block_preprocessor(sub { my $block = shift; $block->set_value('output', $block->output =~ s/COUNT/$ENV{REFUSALS}/r) });

run_tests();

__DATA__

=== TEST 1: nothing
--- config
limit_body 1k;
limit_body_drain conns=1000;
error_log logs/quiet.log crit;
location / { proxy_pass http://backend; }
location = /status { stub_status; }
--- commands
"$TEST_PYTHON" t/lib/refusals.py connections "$REFUSALS"
--- output
refused: COUNT, file descriptors: +0, connections: +0, memory: steady
--- no_error_log
[alert]


=== TEST 2: nor of streams
--- config
limit_body 1k;
limit_body_drain conns=10000;
keepalive_requests 100000;
error_log logs/quiet.log crit;
location / { proxy_pass http://backend; }
location = /status { stub_status; }
--- commands
"$TEST_PYTHON" t/lib/refusals.py streams "$REFUSALS"
--- output
refused: COUNT, file descriptors: +0, connections: +0, memory: steady
--- no_error_log
[alert]
