# What the clients of raw connections read when nginx ends their sessions: with the module, and beside that without.

use Test::Nginx::LimitBody;
use Test::More;

plan skip_all => 'nginx without stream' if !$Test::Nginx::LimitBody::has_stream;
plan 'no_plan';

run_tests();

__DATA__

=== TEST 1: an answer that nginx gives at once is read, whatever the client has sent or goes on sending
--- stream
limit_session_drain idle=60s;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; return "busy\n"; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4; limit_session_drain off; return "busy\n"; }
--- config
--- script
tcp 3: signal STOP; send 100; signal CONT; end; close; logged drained
tcp 4: signal STOP; send 100; signal CONT; end
tcp 3: signal STOP; send 100; signal CONT; send 8m; end; close; logged drained 2
tcp 4: signal STOP; send 100; signal CONT; send 8m; end
--- in_turn
--- seen
busy | closed
busy | reset
busy | closed
unsent
--- error_log
drained 100 bytes of session
drained 8388708 bytes of session


=== TEST 2: the same over TLS: nothing is decrypted, and close_notify comes first
--- stream
limit_session_drain idle=60s;
ssl_certificate $TEST_NGINX_CERTIFICATE.pem;
ssl_certificate_key $TEST_NGINX_CERTIFICATE.key;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3 ssl; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4 ssl; limit_session_drain off; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_6; }
--- config
--- script
up 5: take 5; bytes early\n; close
up 6: take 5; bytes early\n; close
tls 3: send 5; line; send 8m; end; close; logged drained
tls 4: send 5; line; logged disconnected 2; send 8m; end
--- seen
connected
connected
early | closed
early | unsent
--- error_log
: closed, response acknowledged, client: 127.0.0.1, server: 127.0.0.1:
--- no_error_log
SSL_read() failed


=== TEST 3: an upstream that answers and closes
--- stream
limit_session_drain idle=60s;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4; limit_session_drain off; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_6; }
--- config
--- script
up 5: take 5; bytes early\n; close
up 6: take 5; bytes early\n; close
tcp 3: send 5; line; logged disconnected; send 8m; end; close; logged drained; mark over
tcp 4: await over; send 5; line; logged disconnected 2; send 8m; end
--- seen
connected
connected
early | closed
early | unsent
--- error_log
drained 8388608 bytes of session


=== TEST 4: access denied, too many connections, a preread buffer that is full, an upstream that is not there
--- stream
limit_session_drain idle=60s;
limit_conn_zone $binary_remote_addr zone=addresses:1m;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; deny all; return "never\n"; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4; limit_conn addresses 1; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
server { listen unix:$TEST_NGINX_SOCKET; proxy_pass 127.0.0.1:1; }
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_6;
    ssl_preread on;
    preread_buffer_size 32;
    proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5;
}
--- config
--- script
tcp 3: signal STOP; send 100; signal CONT; send 1m; end; close; logged drained
up 5: take 5; mark held; await conns; close
tcp 4: send 5; await conns; close
tcp 4: await held; send 1m; end; close; logged drained 2; mark conns
tcp 6: await conns; bytes \x16\x03\x01\x40\x00; send 1m; end; close; logged drained 3
--- seen
closed
connected

closed
closed
--- error_log eval
['access forbidden by rule', 'limiting connections by zone', 'preread buffer full', 'drained 1048676 bytes of session',
# What nginx has read ahead it has read, or only looked at, by version.
'drained 1048576 bytes of session', qr/drained 1048(?:581|549) bytes of session/]


=== TEST 5: a client that has ended its side: nothing is lost, and nothing is kept for it
--- stream
limit_session_drain idle=60s;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; return "busy\n"; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4; limit_session_drain off; return "busy\n"; }
--- config
location = /status { stub_status; }
--- script
tcp 3: signal STOP; send 100; shutdown; signal CONT; end; active 0
tcp 4: signal STOP; send 100; shutdown; signal CONT; end
tcp 3: signal STOP; shutdown; signal CONT; end; active 0
--- in_turn
--- seen
busy | closed
busy | reset
busy | closed
--- error_log
drained 100 bytes of session in 0.000s: closed
--- no_error_log
drained 0 bytes


=== TEST 6: a session that its client ends
--- stream
limit_session_drain idle=60s;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_6; }
--- config
--- script
up 5: rest; close
up 6: take 5; mark taken; rest; close
tcp 3: send 100k; shutdown; end; logged disconnected 2
tcp 4: send 5; await taken; reset; logged disconnected 2
--- seen
connected | 102400 numbers | closed
connected | 0 numbers | closed
closed

--- no_error_log
drained


=== TEST 7: a connection that is half closed is nobody's drain
--- stream
limit_session_drain idle=60s;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; proxy_half_close on; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4;
    proxy_half_close on;
    proxy_timeout 1s;
    proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_6;
}
--- config
--- script
up 5: bytes early\n; shutdown; rest; close
up 6: bytes early\n; shutdown; rest; close
tcp 3: end; send 1m; shutdown; logged disconnected
tcp 4: end; logged timed; send 1m; close; logged drained
--- seen
connected | 1048576 numbers | closed
connected | 0 numbers | closed
early | closed
early | closed
--- error_log
drained 1048576 bytes of session


=== TEST 8: PROXY protocol, with a header and without
--- stream
limit_session_drain idle=60s;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3 proxy_protocol; return "$proxy_protocol_addr\n"; }
--- config
--- script
tcp 3: proxied 192.0.2.1; line; send 1m; end; close; logged drained
tcp 3: bytes nonsense\r\n; send 1m; end; close; logged drained 2
--- in_turn
--- seen
192.0.2.1 | closed
closed
--- error_log
broken header
drained 1048576 bytes of session


=== TEST 9: a failure of TLS
--- stream
limit_session_drain idle=60s;
ssl_certificate $TEST_NGINX_CERTIFICATE.pem;
ssl_certificate_key $TEST_NGINX_CERTIFICATE.key;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3 ssl; return "busy\n"; }
--- config
--- script
tcp 3: bytes nonsense; send 1m; end; close; logged drained
--- seen
closed
--- error_log
SSL_do_handshake() failed
: closed, response acknowledged


=== TEST 10: a Unix socket, which the kernel cannot drop from
--- stream
limit_session_drain idle=60s;
server { listen unix:$TEST_NGINX_SOCKET; return "busy\n"; }
--- config
--- script
unix: signal STOP; bytes hello; signal CONT; send 8m; end; close; logged drained
--- seen
closed
--- error_log
drained 8388613 bytes of session
client: unix:, server: unix:


=== TEST 11: UDP is left alone
--- stream
limit_session 10;
limit_session_drain idle=60s;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3 udp; return "busy\n"; }
--- config
--- commands
"$TEST_PYTHON" -c 'import os, socket; s = socket.socket(type=socket.SOCK_DGRAM); s.settimeout(10); s.sendto(bytes(100), ("127.0.0.1", int(os.environ["PORT_3"]))); print(s.recv(10))'
--- output
b'busy\n'
--- no_error_log
drained


=== TEST 12: what is drained counts as a connection, until that ends
--- stream
limit_session_drain idle=60s;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; return "busy\n"; }
--- config
location = /status { stub_status; }
--- script
tcp 3: line; active 1; close; active 0
--- seen
busy
--- error_log
drained 0 bytes of session


=== TEST 13: how drains end
--- stream
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; limit_session_drain idle=1s; return "busy\n"; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4; limit_session_drain bytes=1k; return "busy\n"; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_5; limit_session_drain time=1s; return "busy\n"; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_6; limit_session_drain conns=1; return "busy\n"; }
--- config
--- script
tcp 3: end; logged timeout 2; send 1k; gone
tcp 4: end; send 1k; logged bytes; send 1; gone
tcp 5: end; flood 10
tcp 6: line; mark one; await two; reset
tcp 6: await one; end; logged refused; mark two
--- seen
busy | closed
busy | closed
busy | closed | unsent
busy
busy | closed
--- error_log eval
[qr/drained 0 bytes of session in 1\.\d+s: timeout/, qr/drained 1024 bytes of session in \d+\.\d+s: bytes/,
qr/drained [1-9]\d+ bytes of session in 1\.\d+s: timeout/, "drained 0 bytes of session in 0.000s: refused"]


=== TEST 14: a client that resets the connection
--- stream
limit_session_drain idle=60s;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; return "busy\n"; }
--- config
--- script
tcp 3: line; send 10; reset; logged drained
--- seen
busy
--- error_log eval
qr/drained 10 bytes of session in \S+s: (error|closed)/


=== TEST 15: descriptors are out: nginx closes as it does alone
--- skip_eval
3: ($Test::Nginx::Util::EventType // '') eq 'poll' # poll() itself fails with fewer descriptors than sockets
--- stream
limit_session_drain idle=60s;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; return "busy\n"; }
--- config
--- commands
pid=$(cat "$PID_FILE")
free=$(seq 0 1000 | grep -vxF "$(ls "/proc/$pid/fd")" | head -n 1)
prlimit --pid "$pid" --nofile=$((free + 1))
echo 'tcp 3: signal STOP; send 100; signal CONT; end; logged drained' | "$TEST_PYTHON" t/lib/script.py
--- output
busy | closed
--- error_log
drained 100 bytes of session in 0.000s: error,


=== TEST 16: a single process that has been reloaded closes an older connection as nginx alone does
--- skip_eval
2: ($Test::Nginx::Util::EventType // '') eq 'poll' || $Test::Nginx::LimitBody::is_openresty # alone, nginx crashes with an older connection; OpenResty exits
--- stream
limit_session_drain idle=60s;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
--- config
location = /status { stub_status; }
--- script
up 5: take 5; await reloaded; close
tcp 3: send 5; signal HUP; logged reconfiguring; mark reloaded; end; active 0; close
--- seen
connected
closed


=== TEST 17: an upstream that answers, and closes with something unread: its answer is read all the same
--- stream
limit_session_drain idle=60s;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
--- config
--- script
up 5: take 5; mark taken; await sent; bytes early\n; close; mark closed
tcp 3: send 100k; await taken; signal STOP; send 5; mark sent; await closed; signal CONT; line; logged disconnected; send 8m; end; close; logged drained
--- seen
connected
early | closed
--- error_log
drained 8388608 bytes of session
--- no_error_log
[alert]


=== TEST 18: that nginx comes to write first, and by itself reads nothing then, is for sure with epoll
--- skip_eval
6: ($Test::Nginx::Util::EventType // '') =~ /^(?:poll|select)$/ # which come to what is read first
--- stream
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; limit_session_drain idle=60s; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4; limit_session_drain off; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_6; }
--- config
--- script
up 5: take 5; mark taken; await sent; bytes early\n; close; mark closed
tcp 3: send 100k; await taken; signal STOP; send 5; mark sent; await closed; signal CONT; line; close; mark over
up 6: take 5; mark taken-2; await sent-2; bytes early\n; close; mark closed-2
tcp 4: await over; send 100k; await taken-2; signal STOP; send 5; mark sent-2; await closed-2; signal CONT; line; end
--- seen
connected
early
connected
no line | closed
--- error_log
upstream takes nothing more, reading what it has sent
--- no_error_log
[alert]


=== TEST 19: the same to a client over TLS, with an answer that is longer than a buffer of nginx
--- stream
limit_session_drain idle=60s;
ssl_certificate $TEST_NGINX_CERTIFICATE.pem;
ssl_certificate_key $TEST_NGINX_CERTIFICATE.key;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3 ssl; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
--- config
--- script
up 5: take 5; mark taken; await sent; send 60k; close; mark closed
tls 3: send 100k; await taken; signal STOP; send 5; mark sent; await closed; signal CONT; rest; close; logged drained
--- seen
connected
61440 numbers | closed
--- no_error_log
[alert]


=== TEST 20: the same from an upstream over TLS
--- stream
limit_session_drain idle=60s;
proxy_ssl on;
# nginx would keep one for good, and never give it back.
proxy_ssl_session_reuse off;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
--- config
--- script
ups 5: take 5; mark taken; await sent; bytes early\n; close; mark closed
tcp 3: send 100k; await taken; signal STOP; send 5; mark sent; await closed; signal CONT; end; close; logged drained
--- seen
connected
early | closed
--- no_error_log
[alert]


=== TEST 21: the same where nginx has read all of the answer, and the client has not taken it yet
--- stream
limit_session_drain idle=60s;
proxy_buffer_size 2m;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3 sndbuf=32k; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4 sndbuf=32k; proxy_half_close on; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_6; }
--- config
--- script
up 5: take 5; send 1m; shutdown; read; close; mark closed
tcp 3: send 10; await closed; send 1m; rest; send 1m; close; logged drained
up 6: take 5; send 1m; shutdown; read; close; mark closed-2
tcp 4: send 10; await closed-2; send 1m; rest; send 1m; close
--- seen
connected
1048576 numbers | closed
connected
1048576 numbers | closed
--- no_error_log
[alert]


=== TEST 22: the same where both sides have ended theirs: the session ends when the client has taken the answer
--- stream
limit_session_drain idle=60s;
proxy_buffer_size 2m;
proxy_half_close on;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3 sndbuf=32k; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
--- config
location = /status { stub_status; }
--- script
up 5: take 5; send 1m; shutdown; read; close; mark closed
tcp 3: send 12m; shutdown; await closed; rest; active 0
--- seen
connected
1048576 numbers | closed
--- error_log
upstream takes nothing more, reading what it has sent
--- no_error_log
[alert]


=== TEST 23: the same where the client ends its side before nginx has read all of the answer
--- stream
limit_session_drain idle=60s;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3 sndbuf=4k; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4 sndbuf=4k; proxy_half_close on; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_6; }
--- config
location = /status { stub_status; }
--- script
up 5: take 5; send 50k; close; mark closed
tcp 3 window=4k: send 10; await closed; send 100; read; send 100; read; shutdown; rest; active 0
up 6: take 5; send 50k; close; mark closed-2
tcp 4 window=4k: send 10; await closed-2; send 100; read; send 100; read; shutdown; rest; active 0
--- seen
connected
51200 numbers | closed
connected
51200 numbers | closed
--- no_error_log
[alert]


=== TEST 24: what is dropped before the client has taken the answer counts in bytes: a client that does not take it is not drained for ever
--- stream
limit_session_drain idle=60s bytes=64k;
limit_session_zone raw;
proxy_buffer_size 2m;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3 sndbuf=32k; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
--- config
location = /metrics { limit_body_metrics; }
--- script
up 5: take 5; send 1m; shutdown; read; close; mark closed; logged drained
tcp 3: send 10; await closed; flood 10
--- seen
connected
unsent
--- commands
curl -s http://127.0.0.1:$PORT/metrics | grep '^nginx_limit_session_drain.* [1-9]'
--- output
nginx_limit_session_drains_total{zone="raw",outcome="bytes"} 1
nginx_limit_session_drained_bytes_total{zone="raw"} 65536
--- error_log
drained 65536 bytes of session
: bytes, response not acknowledged
--- no_error_log
[alert]


=== TEST 25: and in time
--- stream
limit_session_drain idle=60s time=1s;
proxy_buffer_size 2m;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3 sndbuf=32k; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
--- config
--- script
up 5: take 5; send 1m; shutdown; read; close; mark closed; logged drained
tcp 3: send 10; await closed; flood 10
--- seen
connected
unsent
--- error_log eval
qr/drained [1-9]\d+ bytes of session in 1\.\d+s: timeout, response not acknowledged/
--- no_error_log
[alert]


=== TEST 26: a client that is slow to take the answer gets all of it, whatever the time, and its drain has all of its time
--- stream
limit_session_drain idle=60s time=4s;
proxy_buffer_size 2m;
ssl_certificate $TEST_NGINX_CERTIFICATE.pem;
ssl_certificate_key $TEST_NGINX_CERTIFICATE.key;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3 sndbuf=32k; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_4 sndbuf=32k ssl; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_6; }
--- config
--- script
up 5: take 5; send 1m; shutdown; read; close; mark closed
tcp 3 window=32k: send 10; await closed; send 1k; read; take 100k; pause 1.5; send 1k; read; take 200k; pause 1.5; send 1k; read; take 200k; pause 1.5; send 1k; read; rest; send 1m; close; logged drained
up 6: take 5; send 1m; shutdown; read; close; mark closed-2
tls 4 window=32k: send 10; await closed-2; send 1k; read; take 100k; pause 1.5; send 1k; read; take 200k; pause 1.5; send 1k; read; take 200k; pause 1.5; send 1k; read; rest; send 1m; close; logged drained
--- seen
connected
536576 bytes | closed
connected
536576 bytes | closed
--- error_log
drained 1050624 bytes of session
: closed, response acknowledged
--- no_error_log
[alert]


=== TEST 27: a client that closes before it has taken the answer: what was dropped is told and counted
--- stream
limit_session_drain idle=60s;
proxy_buffer_size 2m;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3 sndbuf=32k; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
--- config
--- script
up 5: take 5; send 1m; shutdown; read; close; mark closed
tcp 3: send 10; await closed; send 1k; read; send 1k; read; send 100k; read; close; logged drained
--- seen
connected

--- error_log eval
qr/drained 102400 bytes of session in \d\.\d+s: (?:closed|error), response not acknowledged/
--- no_error_log
[alert]


=== TEST 28: over TLS, an answer whose end nginx sends before the system says that there is room for it again
--- stream
limit_session_drain idle=60s;
proxy_buffer_size 2m;
ssl_certificate $TEST_NGINX_CERTIFICATE.pem;
ssl_certificate_key $TEST_NGINX_CERTIFICATE.key;
# The system says so when a third of this is free. Here nginx has less to send than that.
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3 sndbuf=200k ssl; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
--- config
--- script
up 5: take 5; send 490k; read; mark sent; await taken; send 1k; read; close; mark closed
tls 3 window=32k: send 10; await sent; take 60k; mark taken; await closed; rest; send 1m; close; logged drained
--- seen
connected
441344 bytes | closed
--- error_log
: closed, response acknowledged
--- no_error_log
[alert]


=== TEST 29: an upstream that begins to answer, asks for another TLS handshake, takes nothing more, and closes: the session ends
--- skip_eval: 3: !Test::Nginx::LimitBody::renegotiates()
--- stream
limit_session_drain idle=60s;
proxy_ssl on;
proxy_ssl_protocols TLSv1.2;
proxy_ssl_session_reuse off;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
--- config
location = /ready { return 204; }
--- commands
"$TEST_PYTHON" t/lib/renegotiate.py close 'tcp 3: bytes GET\r\n\r\n; line; send 1k; mark begun; rest'
--- output
HTTP/1.1 200 OK | 29 bytes | closed
--- no_error_log
[alert]


=== TEST 30: over TLS, a message that the system does not take whole does not end like one that it does
--- stream eval
'map "" $some { default "' . "x" x 1000 . "\"; }\n" . 'map "" $much { default "' . '$some' x 300 . "\"; }\n" . '
ssl_certificate $TEST_NGINX_CERTIFICATE.pem;
ssl_certificate_key $TEST_NGINX_CERTIFICATE.key;
limit_session 4;
limit_session_message $much;
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3 sndbuf=4k ssl; proxy_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
'
--- config
--- script
up 5: take 4; gone; mark ended
tls 3 window=4k: send 10; await ended; rest
--- seen
connected
16384 bytes | cut or else 0 bytes | cut
--- no_error_log
[alert]
