# The example for raw connections in nginx-conf/ does what it says.

use Test::Nginx::LimitBody;
use Test::More;

plan skip_all => 'nginx without stream' if !$Test::Nginx::LimitBody::has_stream;
plan 'no_plan';

run_tests();

__DATA__

=== TEST 1: raw-connections.conf
--- stream_example chomp
raw-connections.conf
--- config
--- script
up 5: take 6; bytes +PONG\r\n; rest; close
tcp 3: send 6; line; shutdown; end
tcp 4: send 1m; end; close; logged drained
--- seen
connected | 0 numbers | closed
+PONG | closed
-ERR down for maintenance | closed
