# Random clients on random configurations, for a minute; "make fuzz-conf" makes others. Each worker, upstream and connection has
# to come through as with nginx alone.

use strict;
use warnings;

use Test::More tests => 1;

# valgrind is too slow for what has to be done in seconds; an nginx with AddressSanitizer is watched by the fuzzer itself.
SKIP: {
    skip("too slow to be watched", 1) if ($ENV{TEST_MEMORY} // '') eq 'valgrind';
    my $asan = ($ENV{TEST_MEMORY} // '') eq 'asan';
    my $nginx = $asan ? "$ENV{MEMORY_NGINX}" : $ENV{TEST_NGINX_BINARY};
    my $options = '--seed 7 --configs 2000 --seconds 60' . ($asan ? ' --asan' : '');
    my $log = `"$ENV{TEST_PYTHON}" -m fuzz_conf "$nginx" "$ENV{TEST_NGINX_LOAD_MODULES}" "$ENV{TEST_CERTIFICATE}" $options 2>&1`;
    is($?, 0, 'nothing is wrong that is not with nginx alone') or diag($log);
    note($log);
}
