# What is left of many drained sessions of raw connections. REFUSALS=100000 in the environment makes it more.

use Test::Nginx::LimitBody;
use Test::More;

plan skip_all => 'nginx without stream' if !$Test::Nginx::LimitBody::has_stream;
plan 'no_plan';

# Where memory is watched otherwise, what a process holds says nothing.
$ENV{REFUSALS} //= $ENV{TEST_MEMORY} ? 500 : 5000;
add_block_preprocessor(sub { my $block = shift; $block->set_value('output', $block->output =~ s/COUNT/$ENV{REFUSALS}/r) });

run_tests();

__DATA__

=== TEST 1: nothing
--- stream
limit_session_drain idle=5s conns=1000;
error_log logs/quiet.log crit;
ssl_certificate $TEST_NGINX_CERTIFICATE.pem;
ssl_certificate_key $TEST_NGINX_CERTIFICATE.key;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3 backlog=4096; return "busy\n"; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4 ssl; return "busy\n"; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_6; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_3; }
--- config
error_log logs/quiet.log crit;
location = /status { stub_status; }
--- commands
"$TEST_PYTHON" t/lib/refusals.py sessions "$REFUSALS"
--- output
refused: COUNT, file descriptors: +0, connections: +0, memory: steady
--- no_error_log
[alert]
