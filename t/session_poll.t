# What the clients of raw connections see with the event method poll: all that they see with the method that nginx takes itself.

BEGIN { $ENV{TEST_NGINX_EVENT_TYPE} = 'poll' }

use Test::Nginx::LimitBody;
use Test::More;

plan skip_all => 'nginx without stream' if !$Test::Nginx::LimitBody::has_stream;
plan skip_all => 'nginx without the event method poll' if `$Test::Nginx::Util::NginxBinary -V 2>&1` !~ /--with-poll_module/;
plan 'no_plan';

spec_file('t/session.t');
run_tests();
