# Random sessions of raw connections: nothing of an answer is lost, and no upstream gets what it should not.

use strict;
use warnings;

use Test::More;

plan skip_all => 'nginx without stream' if !$ENV{TEST_STREAM_MODULES};
plan tests => 1;

my $count = $ENV{TEST_MEMORY} ? 20 : 100;
my $log = `"$ENV{TEST_PYTHON}" -m fuzz_session "$ENV{TEST_NGINX_BINARY}" "$ENV{TEST_STREAM_MODULES}" "$ENV{TEST_CERTIFICATE}" $count 2>&1`;
like($log, qr/^$count sessions: 0 wrong$/m, 'random sessions') or diag($log);
