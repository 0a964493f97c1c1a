# A reload that fails leaves all as it was, also for a worker that is started after it.

use Test::Nginx::LimitBody 'no_plan';

master_on();

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
--- commands
conf=$(dirname "$PID_FILE")/../conf/nginx.conf
sed -i -e '/include .*limit.inc/d' -e 's/^http {/http { server { listen 192.0.2.1:80; }/' "$conf"
kill -HUP $(cat "$PID_FILE")
until grep -q 'bind() to 192.0.2.1:80 failed' "$ERROR_LOG"; do sleep 0.05; done
worker=$(curl -s http://127.0.0.1:$PORT/pid)
kill -KILL $worker
until [ "$(curl -s http://127.0.0.1:$PORT/pid)" != "$worker" ]; do sleep 0.05; done
curl -s -o /dev/null -w '%{http_code}\n' --data-binary @t/failed_reload.t http://127.0.0.1:$PORT/up
curl -s -o /dev/null -w '%{http_code}\n' -H Transfer-Encoding:chunked --data-binary @t/failed_reload.t http://127.0.0.1:$PORT/up
curl -sk --http2 -o /dev/null -w '%{http_code}\n' -T - https://127.0.0.1:$TLS_PORT/up <t/failed_reload.t
--- output
413
413
413
