# The drain against nginx's own, for a while; "make fuzz-drain" is the long run.

use strict;
use warnings;

use Test::More tests => 1;

my $log = `"$ENV{TEST_PYTHON}" -m fuzz_drain "$ENV{TEST_NGINX_BINARY}" "$ENV{TEST_NGINX_LOAD_MODULES}" "$ENV{TEST_CERTIFICATE}" 1000 2>&1`;
# With valgrind a client may be slower than the 400 ms for which nginx waits: what it sees is left to chance.
my $is_as_wanted = ($ENV{TEST_MEMORY} // '') eq 'valgrind' ? $log =~ / 0 alerts;/ : $? == 0;
ok($is_as_wanted, 'the client sees the same') or diag($log);
note($log);
