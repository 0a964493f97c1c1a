# limit_body_timeout by a clock that stands still until a client sets it: exact to the second.

use Test::Nginx::LimitBody 'no_plan';

my $clock = "/tmp/limit-body-exact-$$";

# Seconds since 1970: without an "@" the clock stands still.
open my $file, '>', $clock or die "$clock: $!";
print $file '1800000000';
close $file;
END { unlink $clock }

$ENV{TEST_NGINX_LD_PRELOAD} = $Test::Nginx::LimitBody::libfaketime;
$ENV{FAKETIME_TIMESTAMP_FILE} = $clock;
$ENV{FAKETIME_FMT} = '%s';
$ENV{FAKETIME_NO_CACHE} = 1;

run_tests();

__DATA__

=== TEST 1: not before the time, and no later
--- main_config
env FAKETIME_TIMESTAMP_FILE;
env FAKETIME_FMT;
env FAKETIME_NO_CACHE;
--- config
limit_body_timeout 10s;
client_body_timeout 1h;
location / { proxy_pass http://backend; }
location /bought { limit_body_timeout 10s rate=1k max=20s; proxy_pass http://backend; }
--- in_turn
--- script
h1: head POST /time 1m Expect:100-continue; answer; send 1000; clock 1800000009; send 1; read; clock 1800000010; send 1; answer; close
h1: head POST /bought 1m Expect:100-continue; answer; send 4094; clock 1800000023; send 1; read; clock 1800000024; send 1; answer; close
h1: head POST /bought 1m Expect:100-continue; answer; send 100k; clock 1800000043; send 1; read; clock 1800000044; send 1; answer; close
--- seen
100 | 408 <408 Request Time-out>
100 | 408 <408 Request Time-out>
100 | 408 <408 Request Time-out>
--- error_log
client took too long to send body: 1002 bytes in 10.000s,
client took too long to send body: 4096 bytes in 14.000s,
client took too long to send body: 102402 bytes in 20.000s,
