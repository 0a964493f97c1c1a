# Time goes on where a clock of 32 bits, as nginx has it where a word has no more, begins anew.

use Test::Nginx::LimitBody 'no_plan';

# nginx starts 3 seconds before. The library lets all clocks count from 1970.
my $round = 2 ** 32 / 1000;
$ENV{TEST_NGINX_LD_PRELOAD} = $Test::Nginx::LimitBody::libfaketime;
$ENV{FAKETIME} = sprintf '+%d', $round * (1 + int(time / $round)) - 3 - time;

run_tests();

__DATA__

=== TEST 1: a client that drips has no more time for it
--- main_config
env FAKETIME;
--- config
limit_body 1k;
lingering_time 4s;
location / { proxy_pass http://backend; }
--- script
h1: head POST /drip 1m; answer; send 100 each 1 every 0.1; end
--- seen
413 <413 Request Entity Too Large> | unsent
--- drained
/drip 413 slow * yes
