# What the clients of raw connections see with the event method select: all that they see with the method that nginx takes itself.

BEGIN { $ENV{TEST_NGINX_EVENT_TYPE} = 'select' }

use Test::Nginx::LimitBody;
use Test::More;

plan skip_all => 'nginx without stream' if !$Test::Nginx::LimitBody::has_stream;
plan skip_all => 'nginx without the event method select' if `$Test::Nginx::Util::NginxBinary -V 2>&1` !~ /--with-select_module/;
plan 'no_plan';

spec_file('t/session.t');
run_tests();
