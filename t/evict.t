# Drains where nginx is short of connections, or about to end.

use Test::Nginx::LimitBody 'no_plan';

master_on();
worker_connections(24);

run_tests();

__DATA__

=== TEST 1: a connection that nginx needs is taken from a drain, not from a request
--- config
limit_body 1k;
location / { proxy_pass http://backend; }
--- script
h1: head POST /drained 1m; answer; mark drained; end; mark evicted
h1: await drained; head POST /accepted 1000; send 500; mark begun; await evicted; pause 0.5; send 500; answer; close
18 x h1: await begun; bytes GET /ok HTTP/1.1\r\n; await evicted; close
--- seen
413 <413 Request Entity Too Large> | closed
200 ok
--- drained
/drained 413 evicted 0 ?
--- error_log
worker_connections are not enough, reusing connections


=== TEST 2: a reload lets a drain go on
--- config
limit_body 1k;
location / { proxy_pass http://backend; }
--- script
h1: head POST /reload 1m; answer; await 2; signal HUP; logged gracefully; send 1m; answer; end
h1s: head POST /reload/tls 1m; answer; mark 2; logged gracefully; send 1m; answer; end
--- seen
413 <413 Request Entity Too Large> | no answer | closed
413 <413 Request Entity Too Large> | no answer | closed
--- drained
/reload 413 complete 1048576 yes
/reload/tls 413 complete 1048576 yes


=== TEST 3: worker_shutdown_timeout ends it
--- main_config
worker_shutdown_timeout 1s;
--- config
limit_body 1k;
location / { proxy_pass http://backend; }
--- script
h1: head POST /shutdown 1m; answer; signal HUP; end
--- seen
413 <413 Request Entity Too Large> | closed
--- drained
/shutdown 413 evicted 0 yes


=== TEST 4: the same with streams: a connection on which nothing but drains goes on is taken, one with a request is not
--- config
limit_body 1k;
location / { proxy_pass http://backend; }
location = /accepted { limit_body 0; proxy_pass http://backend; }
--- script
h2: head POST /drained/1 1m; answer; head POST /drained/2 1m; answer; mark drained; end; mark evicted
h2: await drained; head POST /beside 1m; answer; head POST /accepted 1000; send 500; mark begun; await evicted; pause 0.5; send 500; finish; answer; stream 1; send 1m; finish; pause 0.2; close
18 x h1: await begun; bytes GET /ok HTTP/1.1\r\n; await evicted; close
--- seen
413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | 200 ok
--- drained
/drained/1 413 evicted 0 yes
/drained/2 413 evicted 0 yes
/beside 413 complete 1048576 yes
--- error_log
worker_connections are not enough, reusing connections


=== TEST 5: a stream of HTTP/3 is a connection to nginx
--- config
limit_body 1k;
location / { proxy_pass http://backend; }
--- script
h3: head POST /drained 1m; answer; mark begun; stop; mark evicted; close
18 x h1: await begun; bytes GET /ok HTTP/1.1\r\n; await evicted; close
--- seen
413 <413 Request Entity Too Large> | stopped: H3_NO_ERROR
--- drained
/drained 413 evicted 0 ?
--- error_log
worker_connections are not enough, reusing connections
--- skip_nginx: 24: < 1.25.0


=== TEST 6: a reload lets a drain go on, and tells the client to make its next requests elsewhere
--- config
limit_body 1k;
location / { proxy_pass http://backend; }
--- script
h2: head POST /reload 1m; answer; await 2; signal HUP; logged gracefully; goaway; send 1m; finish; end
h2c: head POST /reload/clear 1m; answer; mark 2; logged gracefully; send 1m; finish; end
--- seen
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
--- drained
/reload 413 complete 1048576 yes
/reload/clear 413 complete 1048576 yes


=== TEST 7: worker_shutdown_timeout ends streams too
--- main_config
worker_shutdown_timeout 1s;
--- config
limit_body 1k;
location / { proxy_pass http://backend; }
location = /accepted { limit_body 0; proxy_pass http://backend; }
--- script
h2: await begun; head POST /shutdown 1m; answer; signal HUP; end
h2: head POST /shutdown/beside 1m; answer; head POST /accepted 1000; send 500; pause 0.2; mark begun; end
--- seen
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
--- drained
/shutdown 413 evicted 0 yes
/shutdown/beside 413 evicted 0 yes


=== TEST 8: a mirror and a post_action go on when the drain beside them is ended
--- config
limit_body 1m;
limit_body_drain idle=6s;
location = /file { root html; mirror /mirror; mirror_request_body off; }
location = /mirror { internal; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_pass http://kept/mirror?pause=3; }
location = /post { post_action /after; return 403 "no\n"; }
location = /after { internal; proxy_pass http://kept/after?pause=3; }
location = /plain { limit_body 1k; proxy_pass http://backend; }
--- user_files
>>> file
--- script
h1: head POST /file 1m; answer; mark mirrored; gone
h1: await mirrored; head POST /post 1m; answer; mark posted; gone
h1: await posted; head POST /plain 1m; answer; mark begun; end; mark evicted
18 x h1: await begun; bytes GET /ok HTTP/1.1\r\n; await evicted; close
--- seen
405 <405 Not Allowed>
403 no
413 <413 Request Entity Too Large> | closed
--- asked
POST /mirror?pause=3 none
POST /after?pause=3 none
--- error_log
worker_connections are not enough, reusing connections
--- no_error_log
http request count is zero


=== TEST 9: a connection on which only drains go on is taken after one of its streams was given back
--- config
limit_body 1k;
location / { proxy_pass http://backend; }
location = /accepted { limit_body 0; proxy_pass http://backend; }
--- script
h2: head POST /drained/1 1m; answer; head POST /drained/2 1m; answer; reset; logged closed,; mark drained; end; mark evicted
h1: await drained; head POST /accepted 1000; send 500; mark begun; await evicted; pause 0.5; send 500; answer; close
18 x h1: await begun; bytes GET /ok HTTP/1.1\r\n; await evicted; close
--- seen
413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large> | closed
200 ok
--- drained
/drained/1 413 evicted 0 yes
/drained/2 413 closed 0 yes
--- error_log
worker_connections are not enough, reusing connections


=== TEST 10: and after the end of a request beside the drain that nginx came upon when it needed the connection
--- config
limit_body 1k;
location / { proxy_pass http://backend; }
location = /live { return 200 "live\n"; }
--- script
h2 window=0: head POST /drained 1m; open 10k; answer; head GET /live; mark begun; logged reusing; pause 0.5; open 10k; answer; mark free; end; mark evicted
22 x h1: await begun; bytes GET /ok HTTP/1.1\r\n; await evicted; close
4 x h1: await free; bytes GET /ok HTTP/1.1\r\n; await evicted; close
--- seen
413 <413 Request Entity Too Large> | 200 live | closed
--- drained
/drained 413 evicted 0 ?
--- error_log
worker_connections are not enough, reusing connections


=== TEST 11: and not before a post_action of one of its streams has ended
--- config
limit_body 1k;
location / { proxy_pass http://backend; }
location = /live { return 200 "live\n"; }
location = /posted { post_action /after; proxy_pass http://backend; }
location = /after { proxy_pass http://early_unix; }
--- early
/after: mark asked; await late; answer 200 done; close
--- script
h2: head POST /drained 1m; answer; head POST /posted 1m; answer; await asked; mark begun; logged reusing; pause 0.5; head GET /live; answer; mark late; pause 2; mark free; end; mark evicted
21 x h1: await begun; bytes GET /ok HTTP/1.1\r\n; await evicted; close
4 x h1: await free; bytes GET /ok HTTP/1.1\r\n; await evicted; close
--- seen
413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large> | 200 live | closed
--- drained
/drained 413 evicted 0 yes
/posted 413 evicted 0 yes
--- error_log
worker_connections are not enough, reusing connections


=== TEST 12: worker_shutdown_timeout ends a mirror and a post_action beside a drain, too
--- main_config
worker_shutdown_timeout 1s;
--- config
limit_body 1m;
location = /file { root html; mirror /mirror; mirror_request_body off; }
location = /mirror { internal; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_pass http://early_unix; }
location = /post { post_action /after; return 403 "no\n"; }
location = /after { internal; proxy_pass http://early_unix; }
--- early
/mirror: mark mirrored; await never
/after: mark posted; await never
--- user_files
>>> file
--- script
h1: head POST /file 1m; answer; end
h1: await mirrored; head POST /post 1m; answer; await posted; signal HUP; end
--- seen
405 <405 Not Allowed> | closed
403 no | closed
--- drained
/file 405 evicted 0 yes
/post 403 evicted 0 yes
--- no_error_log
prematurely closed


=== TEST 13: a worker that is about to end takes connections from drains, too, whether they began before or after it was told
--- config
limit_body 1k;
location / { proxy_pass http://backend; }
location = /accepted { limit_body 0; client_body_buffer_size 256; proxy_pass http://kept/up?pause=2; }
--- script
h2: head POST /first 1m; answer; mark first; end
h1: await first; head POST /second 1m; answer; mark second; logged buffered 14; signal HUP; logged gracefully; mark ending; end
h2c: await second; head POST /third chunked; send 500; mark begun; await ending; send 1k; answer; mark third; end
8 x h1: await begun; head POST /accepted 5k; send 4k; await third; send 1k; answer; close
6 x h1: await begun; head POST /accepted 5k; send 4k; await third; pause 3; close
--- seen eval
"413 <413 Request Entity Too Large> | closed\n" x 3 . "200 ok\n" x 8
--- asked eval
"POST /up?pause=2 5120\n" x 8
--- drained
/first 413 evicted 0 ?
/second 413 evicted 0 ?
/third 413 evicted * ?
--- error_log
worker_connections are not enough, reusing connections
--- no_error_log
[alert]


=== TEST 14: a reload lets a drain go on whose connection was to end anyway
--- config
limit_body 1k;
keepalive_requests 1;
location / { proxy_pass http://backend; }
--- script
h2: head POST /reload 1m; answer; signal HUP; logged gracefully; send 1m; finish; end
--- seen
413 <413 Request Entity Too Large> | closed
--- drained
/reload 413 complete 1048576 yes


=== TEST 15: a request over HTTP/3 does not end with the drain that nginx has ended for it on the same connection
--- config
limit_body 1k;
location / { proxy_pass http://backend; }
location = /following { proxy_pass http://early_unix; }
--- early
/following: answer 200 following
--- commands
"$TEST_PYTHON" t/lib/pressed.py "$PORT" "$TLS_PORT"
--- output
413
200
--- drained
/ 413 evicted 0 yes
--- no_error_log
[emerg]
exited on signal
--- skip_eval: 4: !$Test::Nginx::LimitBody::has_http3


=== TEST 16: worker_shutdown_timeout ends them over HTTP/3, too
--- main_config
worker_shutdown_timeout 1s;
--- config
limit_body 1m;
location = /file { root html; mirror /mirror; mirror_request_body off; }
location = /mirror { internal; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_pass http://early_unix; }
location = /post { post_action /after; return 403 "no\n"; }
location = /after { internal; proxy_pass http://early_unix; }
--- early
/mirror: mark mirrored; await never
/after: mark posted; await never
--- user_files
>>> file
--- script
h3: head POST /file 1m; answer; logged drained 2
h3: await mirrored; head POST /post 1m; answer; await posted; signal HUP; logged drained 2
--- seen
405 <405 Not Allowed>
403 no
--- no_error_log
prematurely closed
--- skip_eval: 3: !$Test::Nginx::LimitBody::has_http3
