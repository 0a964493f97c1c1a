# How many bytes the client of a raw connection may send, what its upstream gets of them, and what the client is told.

use Test::Nginx::LimitBody;
use Test::More;

plan skip_all => 'nginx without stream' if !$Test::Nginx::LimitBody::has_stream;
plan 'no_plan';

run_tests();

__DATA__

=== TEST 1: as much as the limit gets to the upstream, and the session goes on
--- stream
limit_session 1000;
limit_session_message "too much\n";
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
--- config
--- script
up 5: take 999; bytes go on\n; take 1; bytes done\n; rest; close
tcp 3: send 999; line; send 1; line; shutdown; end
--- seen
connected | 0 numbers | closed
go on | done | closed
--- sessions
3 200 11 PASSED 1000 1000
--- no_error_log
client sent too much
drained


=== TEST 2: one byte more does not: the client is told, and the upstream has what is within the limit
--- stream
limit_session 1000;
limit_session_message "too much: more than $limit_session_limit\n";
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4; limit_session off; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_6; }
--- config
--- script
up 5: take 999; bytes go on\n; rest; close
up 6: rest; close
tcp 3: send 999; line; send 2; end; close; logged drained
tcp 4: send 100k; shutdown; end
--- seen
connected | 1 bytes | closed
connected | 102400 numbers | closed
go on | too much: more than 1000 | closed
closed
--- sessions
3 200 31 REJECTED 1000 1001
4 200 0 - - -
--- error_log
client sent too much: 1001 bytes, limit: 1000
drained 0 bytes of session


=== TEST 3: all at once, and much more, over TCP and TLS
--- stream
limit_session 100k;
limit_session_message "too much\n";
ssl_certificate $TEST_NGINX_CERTIFICATE.pem;
ssl_certificate_key $TEST_NGINX_CERTIFICATE.key;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4 ssl; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_6; }
--- config
--- script
up 5: rest; close
up 6: rest; close
tcp 3: send 1m; end; close; logged drained
tls 4: send 1m; end; close; logged drained 2
--- seen
connected | 102400 numbers | closed
connected | 102400 numbers | closed
too much | closed
too much | closed
--- sessions
3 200 9 REJECTED 102400 *
4 200 9 REJECTED 102400 *


=== TEST 4: what nginx has read ahead counts, and what it adds itself does not
--- stream
limit_session 1000;
ssl_certificate $TEST_NGINX_CERTIFICATE.pem;
ssl_certificate_key $TEST_NGINX_CERTIFICATE.key;
ssl_preread on;
proxy_protocol on;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4 ssl; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_6; }
--- config
--- script
up 5: header; rest; close
up 6: header; rest; close
tcp 3: send 1001; end; close; logged drained
tls 4: send 1001; end; close; logged drained 2
--- seen
connected | 1000 numbers | closed
connected | 1000 numbers | closed
closed
closed
--- sessions
3 200 0 REJECTED 1000 1001
4 200 0 REJECTED 1000 1001


=== TEST 5: limits by variable: a size, none, and what is no size
--- stream
map $server_port $limit { $TEST_NGINX_RAND_PORT_3 1k; $TEST_NGINX_RAND_PORT_4 ""; default "1 kB"; }
limit_session $limit;
limit_session_message "no\n";
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_6; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
--- config
--- script
tcp 3: send 1025; end; close; logged drained; mark 3
tcp 4: await 3; send 100k; shutdown; end; mark 4
tcp 6: await 4; send 10; end; close; logged drained 2
up 5: rest; close; again; rest; close; again; rest; close
--- seen
no | closed
closed
no | closed
connected | 1024 numbers | closed | connected | 102400 numbers | closed | connected | 0 numbers | closed
--- sessions
3 200 3 REJECTED 1024 1025
4 200 0 PASSED 0 102400
6 200 3 REJECTED - 10
--- error_log
invalid value "1 kB" of "$limit" in "limit_session", it must be a number of bytes, or end in "k", "m" or "g"


=== TEST 6: a dry run changes nothing
--- stream
limit_session 1000;
limit_session_dry_run on;
limit_session_message "too much\n";
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4; limit_session no$remote_port; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_6; }
--- config
--- script
up 5: take 5; bytes early\n; rest; close
up 6: rest; close
tcp 3: send 5; line; send 102395; shutdown; end
tcp 4: send 100k; shutdown; end
--- seen
connected | 102395 bytes | closed
connected | 102400 numbers | closed
early | closed
closed
--- sessions
3 200 6 REJECTED_DRY_RUN 1000 102400
4 200 0 REJECTED_DRY_RUN - 102400
--- error_log eval
[qr/\[warn\] .*client sent too much: \d+ bytes, limit: 1000, dry run/, qr/\[warn\] .*in "limit_session", .*, dry run/]
--- no_error_log
drained


=== TEST 7: the level of the line, no message, no drain
--- stream
limit_session 1000;
limit_session_log_level info;
limit_session_drain off;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
--- config
--- script
up 5: rest; close
tcp 3: send 1001; end
--- seen
connected | 1000 numbers | closed
closed
--- sessions
3 200 0 REJECTED 1000 1001
--- error_log eval
qr/\[info\] .*client sent too much: 1001 bytes, limit: 1000/
--- no_error_log
drained


=== TEST 8: the message follows what the upstream has sent
--- stream
limit_session 10;
limit_session_message "too much\n";
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
--- config
--- script
up 5: bytes hello\n; take 10; bytes more\n; mark more; rest; close
tcp 3: line; send 10; line; await more; send 1m; end; close; logged drained
--- seen
connected | 0 numbers | closed
hello | more | too much | closed
--- error_log eval
qr/drained \d+ bytes of session/


=== TEST 9: a client that sends nothing, as a health check, is not judged, whatever the limit and the upstream's PROXY header
--- stream
map $server_port $limit { $TEST_NGINX_RAND_PORT_3 10; default nonsense; }
limit_session $limit;
limit_session_zone raw;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4; proxy_protocol on; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_6; }
--- config
location = /metrics { limit_body_metrics; }
--- script
up 5: bytes hello\n; mark here; rest; close
up 6: header; bytes hello\n; mark there; rest; close
tcp 3: connect; await here; line; close; logged disconnected
tcp 4: connect; await there; line; close; logged disconnected 2
--- seen
connected | 0 numbers | closed
connected | 0 numbers | closed
hello
hello
--- sessions
3 200 6 - - -
4 200 6 - - -
--- commands
curl -s http://127.0.0.1:$PORT/metrics | grep '^nginx_limit_session_sessions'
--- output
nginx_limit_session_sessions_total{zone="raw",status="passed"} 0
nginx_limit_session_sessions_total{zone="raw",status="rejected"} 0
nginx_limit_session_sessions_total{zone="raw",status="rejected_dry_run"} 0
--- no_error_log
invalid value


=== TEST 10: what is dropped while the client takes the last answer of an upstream is the drain's, and not limited
--- stream
limit_session 1000;
proxy_buffer_size 2m;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3 sndbuf=32k; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
--- config
--- script
up 5: take 5; send 1m; shutdown; read; close; mark closed
tcp 3 window=32k: send 10; await closed; send 100; read; send 100; read; send 100k; read; rest; send 1m; close; logged drained
--- seen
connected
1048576 numbers | closed
--- sessions
3 200 1048576 PASSED 1000 210
--- error_log
drained 1150976 bytes of session
--- no_error_log
client sent too much


=== TEST 11: a connection that pass gives to another server is limited and drained there, and HTTP refused there
--- skip_nginx: 6: < 1.25.5
--- stream
limit_session_message "too much\n";
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; limit_session 1; pass 127.0.0.1:$TEST_NGINX_RAND_PORT_4; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4; limit_session 1000; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_6; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_5; limit_session 1; pass 127.0.0.1:$TEST_NGINX_SERVER_PORT; }
--- config
location = /up { limit_body 1k; proxy_pass http://backend; }
--- script
up 6: rest; close
tcp 3: send 1m; end; close; logged drained
--- seen
connected | 1000 numbers | closed
too much | closed
--- sessions
4 200 9 REJECTED 1000 16384
--- commands
head -c 8388608 /dev/zero | curl -s -T - -w '%{http_code}\n' -o $ROOT/page http://127.0.0.1:$PORT_5/up
--- output
413
