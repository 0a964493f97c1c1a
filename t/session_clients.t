# What real clients of raw connections tell their users: with the module, and beside that without.

use Test::Nginx::LimitBody;
use Test::More;

plan skip_all => 'nginx without stream' if !$Test::Nginx::LimitBody::has_stream;
plan 'no_plan';

# The error of a PostgreSQL server: its length and its fields, each of which ends with a NUL.
my $fields = "SFATAL\0VFATAL\0C53300\0Mtoo many connections, try later\0\0";
our $PsqlError = 'E' . pack('N', 4 + length $fields) . $fields;

run_tests();

__DATA__

=== TEST 1: redis-cli, which sends all before it reads
--- stream
limit_session_drain idle=60s;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; return "-ERR too busy, try later\r\n"; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4; limit_session_drain off; return "-ERR too busy, try later\r\n"; }
--- config
--- commands
head -c 20M /dev/zero | redis-cli -p $PORT_3 -x SET key
head -c 20M /dev/zero | redis-cli -p $PORT_4 -x SET key || echo nothing
--- output
ERR too busy, try later

nothing
--- error_log
: closed, response acknowledged
--- no_error_log
[alert]
[crit]


=== TEST 2: a mail that is too large for the server behind nginx
--- stream
limit_session 1m;
limit_session_message "552 5.3.4 message too big\r\n";
limit_session_drain idle=60s;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4; limit_session_drain off; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
--- config
--- commands
mail() { yes 'seventy characters make a line of a mail that is quite long in the end' | head -c $2 | $TEST_PYTHON t/lib/smtp.py $PORT_5 msmtp --host=127.0.0.1 --port=$1 --domain=localhost --from=me@example.com you@example.com; }
mail $PORT_3 100k && echo sent
mail $PORT_3 20M
mail $PORT_4 20M 2>&1 | sed 's/Connection reset by peer\|Broken pipe/broken/'
--- output
sent
msmtp: the server did not accept the mail
msmtp: server message: 552 5.3.4 message too big
msmtp: could not send mail
msmtp: network write error: broken
msmtp: could not send mail
--- error_log
: closed, response acknowledged
--- no_error_log
[alert]
[crit]


=== TEST 3: psql, which is answered before nginx has read what it sent
--- stream eval
qq{
limit_session_drain idle=60s;
server { listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_3; return "$::PsqlError"; }
}
--- config
--- commands
psql "host=127.0.0.1 port=$PORT_3 user=me dbname=it sslmode=disable gssencmode=disable" -c 'select 1' 2>&1 | grep -o 'FATAL: .*'
--- output
FATAL:  too many connections, try later
--- no_error_log
[alert]
[crit]
