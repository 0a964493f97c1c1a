# A reload that fails leaves all as it was, also for a worker that is started after it.

use Test::Nginx::LimitBody 'no_plan';

master_on();

# Functions for the shell: a reload, one that fails with a line in the error log, a worker that is killed, what takes a worker's
# place, the status of an upload, and a drain in the log.
our $worker = <<'END';
logs=$(dirname "$PID_FILE")
conf=$logs/../conf/nginx.conf
pid() { curl -s http://127.0.0.1:$PORT/pid; }
reload() { kill -HUP $(cat "$PID_FILE"); }
fail() { reload; for _ in $(seq 200); do grep -q "$1" "$ERROR_LOG" && break; sleep 0.05; done; }
kill_worker() { kill -KILL $last; }
gone() { ! kill -0 "$1" 2>&-; }
next_worker() { last=$(pid); "$@"; for _ in $(seq 200); do [ "$(pid)" != "$last" ] && gone "$last" && break; sleep 0.05; done; }
status() { curl -sk -o /dev/null -w '%{http_code}\n' "$@" <t/failed_reload.t; }
drained() { timeout 10 sh -c 'until grep -q "^$2 " "$1"; do sleep 0.05; done' - "$logs/drain.log" "$1" && echo drained; }
unbindable="server { listen 192.0.2.1:80; }"
unbound='bind() to 192.0.2.1:80 failed'
END

run_tests();

__DATA__

=== TEST 1: a worker that takes the place of a killed one, after a failed reload to a configuration without limits
--- config
include ../html/limit.inc;
location = /pid { return 200 $pid; }
location / { proxy_pass http://backend; }
--- user_files
>>> limit.inc
limit_body 1k;
limit_body_drain idle=5s;
--- commands eval
$::worker . <<'END'
sed -i -e '/include .*limit.inc/d' -e "s/^http {/& $unbindable/" "$conf"
fail "$unbound"
next_worker kill_worker
status --data-binary @- http://127.0.0.1:$PORT/up
status -T - http://127.0.0.1:$PORT/up
status --http2 -T - https://127.0.0.1:$TLS_PORT/up
END
--- output
413
413
413


=== TEST 2: after one that fails while modules make the chains of filters
--- config
limit_body 1k;
limit_body_drain idle=5s;
location = /pid { return 200 $pid; }
location / { proxy_pass http://backend; }
location /drained { return 403; }
--- commands eval
$::worker . <<'END'
sed -i -e 's/^http {/& charset koi8-r; source_charset windows-1251;/' "$conf"
fail 'no "charset_map"'
next_worker kill_worker
status -T - http://127.0.0.1:$PORT/up
status -T - http://127.0.0.1:$PORT/drained
drained /drained
END
--- output
413
403
drained


=== TEST 3: after one that does not load the module
--- config
limit_body 1k;
limit_body_drain idle=5s;
location = /pid { return 200 $pid; }
location / { proxy_pass http://backend; }
location /drained { return 403; }
--- commands eval
$::worker . <<'END'
cp "$conf" "$conf.whole"
echo "pid $PID_FILE; error_log $ERROR_LOG; events { } http { $unbindable }" >"$conf"
fail "$unbound"
next_worker kill_worker
status --data-binary @- http://127.0.0.1:$PORT/up
status -T - http://127.0.0.1:$PORT/up
status --http2 -T - https://127.0.0.1:$TLS_PORT/up
status -T - http://127.0.0.1:$PORT/drained
drained /drained
cp "$conf.whole" "$conf"
next_worker reload
status -T - http://127.0.0.1:$PORT/up
END
--- output
413
413
413
403
drained
413


=== TEST 4: after one that alone loads the module
--- config
limit_body 1k;
location = /pid { return 200 $pid; }
location / { proxy_pass http://backend; }
--- commands eval
$::worker . <<'END'
cp "$conf" "$conf.whole"
echo "pid $PID_FILE; error_log $ERROR_LOG; events { }
http { server { listen $PORT; location = /pid { return 200 \$pid; } } }" >"$conf"
next_worker reload
sed -e "s/^http {/& $unbindable/" "$conf.whole" >"$conf"
fail "$unbound"
next_worker kill_worker
status http://127.0.0.1:$PORT/pid
cp "$conf.whole" "$conf"
next_worker reload
status -T - http://127.0.0.1:$PORT/up
END
--- output
200
413
--- no_error_log
exited on signal 11


=== TEST 5: raw connections, after one that fails while modules make the chain, and after one that does not load the module
--- skip_eval: 2: !$Test::Nginx::LimitBody::has_stream
--- stream
limit_session 1000;
limit_session_message "HTTP/1.1 413 too much\r\n\r\n";
server { listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3; proxy_pass 127.0.0.1:$TEST_NGINX_SERVER_PORT; }
--- config
location = /pid { return 200 $pid; }
location / { proxy_pass http://backend; }
--- commands eval
$::worker . <<'END'
status http://127.0.0.1:$PORT_3/up
sed -i -e 's/^stream {/& server { listen 127.0.0.1:1 ssl; return no; }/' "$conf"
fail 'emerg.*ssl'
next_worker kill_worker
status --data-binary @- http://127.0.0.1:$PORT_3/up
echo "pid $PID_FILE; error_log $ERROR_LOG; events { } http { $unbindable }" >"$conf"
fail "$unbound"
next_worker kill_worker
status --data-binary @- http://127.0.0.1:$PORT_3/up
END
--- output
200
413
413
