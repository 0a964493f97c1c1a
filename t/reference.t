# What docs/limit_body.md says beside the rules that other tests are about.

use Test::Nginx::LimitBody 'no_plan';

run_tests();

__DATA__

=== TEST 1: variables about the drain are set where no limit applies
--- config
location / { limit_body_drain idle=30s; return 403; }
location /small { limit_body_drain idle=30s; proxy_pass http://backend; }
--- script
h1: head POST /early 1m; answer; send 1m; close
h1: head POST /early/none; answer; close
h1: head POST /small 1k; send 1k; answer; close
--- seen
403 <403 Forbidden>
403 <403 Forbidden>
200 ok
--- drained
/early 403 complete 1048576 ?
--- logged
/early 403 - - - -
/early/none 403 - - - -
/small 200 - - - -


=== TEST 2: over HTTP/2 and HTTP/3, complete also means that the client has ended its stream before the declared length
--- config
limit_body 1k;
location / { proxy_pass http://backend; }
--- script
h2: head POST /early 1m; answer; send 1k; finish; pause 0.2; close
h3: head POST /early/quic 1m; answer; send 1k; finish; pause 0.2; close
--- seen
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large>
--- drained
/early 413 complete 1024 ?
h3 /early/quic 413 complete 1024 ?


=== TEST 3: a zone counts drains where there is no limit, and no uploads
--- config
location = /metrics { limit_body_metrics; }
limit_body_drain idle=30s;
limit_body_zone uploads;
location / { proxy_pass http://backend; }
location /early { return 403; }
--- script
h1: head POST / 1k; send 1k; answer; close
h1: head POST /early 1m; answer; send 1m; close
--- seen
200 ok
403 <403 Forbidden>
--- commands
"$TEST_PYTHON" t/lib/metrics.py uploads 0 1 | grep -E '^(requests|drains)'
--- output
drains_total outcome=complete 1


=== TEST 4: passed means within the limit, whatever the answer is
--- config
location = /metrics { access_log off; limit_body_metrics; }
limit_body 1m;
limit_body_zone uploads;
location /denied { deny all; }
location /failed { proxy_pass http://127.0.0.1:1; }
--- upload
h1 POST /denied 1k
h1 POST /failed 1k
--- answer
403 <403 Forbidden> | open
502 <502 Bad Gateway> | open
--- commands
"$TEST_PYTHON" t/lib/metrics.py uploads 2 | grep ^requests
--- output
requests_total status=passed 2
--- logged
/denied 403 PASSED 1048576 * header
/failed 502 PASSED 1048576 1024 header


=== TEST 5: units are powers of 1024, in lower or upper case
--- config
location /k { limit_body 2K; proxy_pass http://backend; }
location /m { limit_body 1M; proxy_pass http://backend; }
location /g { limit_body 1G; proxy_pass http://backend; }
--- upload
h1 POST /k 2048
h1 POST /k 2049
h1 POST /m 1048576
h1 POST /m 1048577
h1 POST /g 1k
--- answer
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
413 <413 Request Entity Too Large> | closed
200 ok | open
--- logged
/k 200 PASSED 2048 2048 header
/k 413 REJECTED 2048 0 header
/m 200 PASSED 1048576 1048576 header
/m 413 REJECTED 1048576 0 header
/g 200 PASSED 1073741824 1024 header


=== TEST 6: limit_body_status needs an error_page of its own
--- config
limit_body 1k;
limit_body_status 422;
error_page 413 @page;
location / { proxy_pass http://backend; }
location /own { error_page 422 @page; proxy_pass http://backend; }
location @page { return 200 "page\n"; }
--- upload
h1 POST / 2k
h1 POST /own 2k
--- answer
422 | closed
422 page | closed


=== TEST 7: a time of less than nginx's default lingering_time ends a drain at that time
--- config
limit_body 1k;
limit_body_drain time=1s;
location / { proxy_pass http://backend; }
--- script
h1: head POST / 1m; answer; send 40 each 1 every 0.1; end
--- seen
413 <413 Request Entity Too Large> | unsent
--- drained
/ 413 timeout * yes


=== TEST 8: without after_auth, $remote_user is what the client says it is
--- http_config
map $remote_user $limit { default 1k; alice 1m; }
--- config
auth_basic x;
auth_basic_user_file ../html/htpasswd;
location / { limit_body $limit; proxy_pass http://backend; }
location /after { limit_body $limit after_auth; proxy_pass http://backend; }
--- user_files
>>> htpasswd
alice:{PLAIN}a
--- upload
h1 POST / 2k Authorization:Basic_YWxpY2U6Yg==
h1 POST / 2k Authorization:Basic_Ym9iOmI=
h1 POST /after 2k Authorization:Basic_Ym9iOmI=
h1 POST /after 2k Authorization:Basic_YWxpY2U6YQ==
--- answer
401 <401 Authorization Required> | open
413 <413 Request Entity Too Large> | closed
401 <401 Authorization Required> | open
200 ok | open


=== TEST 9: counts end with nginx
--- config
location = /metrics { access_log off; limit_body_metrics; }
limit_body 1m;
limit_body_zone uploads;
location / { proxy_pass http://backend; }
--- upload
h1 POST / 1k
--- answer
200 ok | open
--- commands
"$TEST_PYTHON" t/lib/metrics.py uploads 1 | grep -c ^requests
kill -QUIT $(cat $PID_FILE)
while [ -e $PID_FILE ]; do sleep 0.05; done
$TEST_NGINX_BINARY -e $ERROR_LOG -p $TEST_NGINX_SERVER_ROOT/ -c $TEST_NGINX_SERVER_ROOT/conf/nginx.conf
"$TEST_PYTHON" t/lib/metrics.py uploads 0 | grep -c ^requests
--- output
1
0
