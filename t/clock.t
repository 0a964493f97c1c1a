# The time of day is set while a body is drained: nothing goes by it.

use Test::Nginx::LimitBody 'no_plan';

my $clock = "/tmp/limit-body-clock-$$";

sub set_clock { open my $file, '>', $clock or die "$clock: $!"; print $file $_[0] }
set_clock('+0');
END { unlink $clock }

$ENV{TEST_NGINX_LD_PRELOAD} = $Test::Nginx::LimitBody::libfaketime;
$ENV{FAKETIME_TIMESTAMP_FILE} = $clock;
$ENV{FAKETIME_NO_CACHE} = 1;
$ENV{FAKETIME_DONT_FAKE_MONOTONIC} = 1;

run_tests();

__DATA__

=== TEST 1: forward: a client that sends goes on
--- main_config
env FAKETIME_TIMESTAMP_FILE;
env FAKETIME_NO_CACHE;
env FAKETIME_DONT_FAKE_MONOTONIC;
--- config
limit_body 1k;
location / { proxy_pass http://backend; }
--- script
h1: head POST /forward 1m; answer; send 100k; pause 0.5; mark begun; await set; send 924k; end
h1s: head POST /forward/tls 1m; answer; send 100k; pause 0.5; await begun; clock +2h; mark set; send 924k; end
h1: head POST /forward/chunked chunked; chunk 2k; answer; chunk 100k; await set; chunk 500k; chunk 0; end
--- seen
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
--- drained
/forward 413 complete 1048576 yes
/forward/tls 413 complete 1048576 yes
/forward/chunked 413 complete * yes


=== TEST 2: back: one that drips has no more time for it
--- main_config
env FAKETIME_TIMESTAMP_FILE;
env FAKETIME_NO_CACHE;
env FAKETIME_DONT_FAKE_MONOTONIC;
--- config
limit_body 1k;
lingering_time 2s;
location / { proxy_pass http://backend; }
--- script
h1: clock +4h; head POST /back 1m; answer; send 5 each 1 every 0.1; clock +0h; send 100 each 1 every 0.1; end
--- seen
413 <413 Request Entity Too Large> | unsent
--- drained
/back 413 slow * yes
