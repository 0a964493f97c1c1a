# Drains of raw connections where the system gives a worker few descriptors, fewer than nginx has connections.

use Test::Nginx::LimitBody;
use Test::More;

plan skip_all => 'nginx without stream' if !$Test::Nginx::LimitBody::has_stream;
plan 'no_plan';

master_on();
worker_connections(512);

run_tests();

__DATA__

=== TEST 1: drains leave others descriptors, however few there are
--- main_config
worker_rlimit_nofile 64;
--- stream
limit_session_drain idle=60s;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_4; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4; limit_session_drain off; return "early\n"; }
--- config
--- commands
"$TEST_PYTHON" -c '
import socket
clients, answers = [], []
for _ in range(100):
    clients.append(socket.create_connection(("127.0.0.1", '$PORT_3')))
    answers.append(clients[-1].recv(100))
print(answers.count(b"early\n"))
'
--- output
100
--- no_error_log
Too many open files
