# limit_body against client_max_body_size, for a minute at most, with the same connections each time; "make fuzz-http" makes new ones.

use strict;
use warnings;

use Test::More tests => 1;

my $log = `"$ENV{TEST_PYTHON}" t/lib/fuzz-http.py "$ENV{TEST_NGINX_BINARY}" "$ENV{TEST_NGINX_LOAD_MODULES}" --seed 7 --scripts 15000 --seconds 60 2>&1`;
is($?, 0, 'the client and the upstream see the same') or diag($log);
note($log);
