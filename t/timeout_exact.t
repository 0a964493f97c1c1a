# Times by a clock that stands still until a client sets it: limit_body_timeout, exact to the second; and a client that is
# silent within its body.

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


=== TEST 2: over TLS nginx does not end its side while there may be more of the body, and does when the client is silent
--- main_config
env FAKETIME_TIMESTAMP_FILE;
env FAKETIME_FMT;
env FAKETIME_NO_CACHE;
--- config
limit_body 1k;
location / { proxy_pass http://backend; }
location = /status { stub_status; }
--- in_turn
--- script
h1s: clock 1800000100; head POST /large 32m; answer; send 33538048; read; open; send 16384; read; open; clock 1800000102; end
h1s tls1.2: clock 1800000200; head POST /tls12 32m; answer; send 33538048; read; open; send 16384; read; open; clock 1800000202; end
h1s: clock 1800000250; head POST /pause 32m; answer; send 16m; clock 1800000255; active 1; clock 1800000270; active 1; open; send 16m; close
h1s: clock 1800000300; head POST /closed 32m; answer; send 32m; close
h1s: clock 1800000400; head POST /small 1m; answer; send 1047576; read; open; send 1000; end
--- seen
413 <413 Request Entity Too Large> | open | open | closed
413 <413 Request Entity Too Large> | open | open | closed
413 <413 Request Entity Too Large> | open
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large> | open | closed
--- drained
/large 413 complete * yes
/tls12 413 complete * yes
/pause 413 complete * yes
/closed 413 complete * yes
/small 413 complete 1048576 yes
