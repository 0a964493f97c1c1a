# Traffic over workers that are reloaded, killed and replaced, for a while; "make soak" is the long run.

use strict;
use warnings;

use Test::More tests => 1;

my $log = `"$ENV{TEST_PYTHON}" t/soak/soak.py "$ENV{TEST_NGINX_BINARY}" "$ENV{TEST_NGINX_LOAD_MODULES} $ENV{TEST_STREAM_MODULES}" "$ENV{TEST_CERTIFICATE}" 20 2 12 2>&1`;
is($?, 0, 'all requests are answered, and counted') or diag($log);
note($log);
