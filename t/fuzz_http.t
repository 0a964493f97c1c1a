# limit_body against client_max_body_size, for a minute at most, with the same connections each time; "make fuzz-http" makes new ones.

use strict;
use warnings;

use Test::More tests => 1;

# The nginx with the module is the one under valgrind, and too slow to be compared with the other.
my $is_slow = ($ENV{TEST_MEMORY} // '') eq 'valgrind';
my $options = '--seed 7 --scripts 15000 --seconds 60' . ($is_slow ? ' --alerts-only' : '');
my $log = `"$ENV{TEST_PYTHON}" -m fuzz_http "$ENV{TEST_NGINX_BINARY}" "$ENV{TEST_NGINX_LOAD_MODULES}" $options 2>&1`;
is($?, 0, $is_slow ? 'no alerts' : 'the client and the upstream see the same') or diag($log);
note($log);
