# What a client can hold while bodies are dropped: streams, slots, credit, disk space, and what other modules count.

use Test::Nginx::LimitBody 'no_plan';

worker_connections(512);

run_tests();

__DATA__

=== TEST 1: of one connection, half of its streams drain at once; what is refused beyond that leaves room for other requests
--- config
limit_body 1k;
location / { proxy_pass http://backend; }
--- script
h2: requests 128 POST /up 1m; requests 64 GET /; requests 64 GET /; close
h3: requests 128 POST /up/quic 1m; requests 64 GET /; requests 64 GET /; close
--- seen
128 x 413 | 64 x 200 | 64 x 200
128 x 413 | 64 x 200 | 64 x 200
--- drained eval
"/up 413 refused 0 ?\n" x 64 . "/up 413 closed 0 ?\n" x 64
. "h3 /up/quic 413 refused 0 ?\n" x 64 . "h3 /up/quic 413 closed 0 ?\n" x 64
--- no_error_log
concurrent streams exceeded
[alert]


=== TEST 2: the share goes by http2_max_concurrent_streams, and is given back
--- config
limit_body 1k;
http2_max_concurrent_streams 5;
location / { proxy_pass http://backend; }
--- script
h2: requests 5 POST /first 1m; stream 1; reset; stream 2; send 1m; finish; logged complete,; requests 3 POST /second 1m; close
--- seen
5 x 413 | 3 x 413
--- drained
/first 413 closed 0 ?
/first 413 complete 1048576 ?
/first 413 refused 0 ?
/first 413 refused 0 ?
/first 413 refused 0 ?
/second 413 closed 0 ?
/second 413 closed 0 ?
/second 413 refused 0 ?


=== TEST 3: a connection for one stream at a time drains that one
--- config
limit_body 1k;
http2_max_concurrent_streams 1;
location / { proxy_pass http://backend; }
--- script
h2: head POST /one 1m; answer; send 1m; finish; logged complete,; head GET /; answer; close
--- seen
413 <413 Request Entity Too Large> | 200 ok
--- drained
/one 413 complete 1048576 ?


=== TEST 4: the same by http3_max_concurrent_streams
--- config
limit_body 1k;
http3_max_concurrent_streams 5;
location / { proxy_pass http://backend; }
--- script
h3: requests 5 POST /first 1m; stream 1; reset; stream 2; send 1m; finish; logged complete,; requests 3 POST /second 1m; close
--- seen
5 x 413 | 3 x 413
--- drained
/first 413 closed 0 ?
/first 413 complete 1048576 ?
/first 413 refused 0 ?
/first 413 refused 0 ?
/first 413 refused 0 ?
/second 413 closed 0 ?
/second 413 closed 0 ?
/second 413 refused 0 ?
--- skip_nginx: 5: < 1.25.0


=== TEST 5: a client that does not take its answer holds no slot when the time is up
--- http_config
limit_body_zone uploads;
--- config
limit_body_drain time=10s conns=1;
location / { limit_body 1k; proxy_pass http://backend; }
location = /metrics { limit_body off; limit_body_metrics; }
--- script
h2 window=0: head POST /held 1m; mark held; await next; open 10k; answer; close
h2: await held; metric draining_connections 1; metric draining_connections 0; head POST /next 2k; answer; send 2k; finish; logged complete,; mark next
--- seen
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large>
--- drained
/held 413 timeout 0 ?
/next 413 complete 2048 ?


=== TEST 6: nor does one over HTTP/1.x when its body is over
--- http_config
limit_body_zone uploads;
--- config
limit_body_drain conns=1;
location / { limit_body 1k; error_page 413 /slow; }
location = /slow { internal; limit_rate 16; try_files /page.txt =404; }
location = /metrics { limit_body off; limit_body_metrics; }
--- user_files eval
">>> page.txt\n" . "x" x 4096
--- script
h1: head POST /held 1m; metric draining_connections 1; send 1m; mark sent; await next; close
h1: await sent; metric draining_connections 0; head POST /next 2k; metric draining_connections 1; send 2k; metric draining_connections 0; mark next; close
--- seen


--- drained
/held 413 complete 1048576 ?
/next 413 complete 2048 ?


=== TEST 7: bytes: a client that keeps to its window keeps its connection, and what is dropped is exact
--- config
limit_body 1k;
limit_body_drain bytes=1m;
location / { proxy_pass http://backend; }
--- script
h2: head POST /blind 1g; answer; blind 64m; stop; head GET /; answer; close
h2: head POST /seeing 1g; answer; send 64m; stop; head GET /; answer; close
h2: head POST /pieces 1g; answer; send 2m each 1000 every 0; stop; head GET /; answer; close
h2: head POST /more 2k; answer; send 2k; send 64m; stop; head GET /; answer; close
h3: head POST /quic 1g; answer; send 4m; stop; head GET /; answer; close
--- seen
413 <413 Request Entity Too Large> | stopped: NO_ERROR | 200 ok
413 <413 Request Entity Too Large> | stopped: NO_ERROR | 200 ok
413 <413 Request Entity Too Large> | stopped: NO_ERROR | 200 ok
413 <413 Request Entity Too Large> | stopped: NO_ERROR | 200 ok
413 <413 Request Entity Too Large> | stopped: H3_NO_ERROR | 200 ok
--- drained
/blind 413 bytes 1048576 ?
/seeing 413 bytes 1048576 ?
/pieces 413 bytes 1048576 ?
/more 413 bytes 1048576 ?
h3 /quic 413 bytes 1048576 ?
--- no_error_log
flood


=== TEST 8: a client that does not is closed as a flood, as with nginx alone, and pays for nothing with what was dropped
--- config
limit_body 1k;
limit_body_drain bytes=16m;
location / { proxy_pass http://backend; }
--- script
h2c: head POST /up 1g; answer; ignore 64m
--- seen
413 <413 Request Entity Too Large> | closed
--- error_log
http2 flood detected


=== TEST 9: what was sent before the client could know that its time is up is no flood
--- config
limit_body 1k;
limit_body_drain time=1s;
location / { proxy_pass http://backend; }
--- script
h2: head POST /up 1g; answer; logged timeout,; blind 64m; stop; head GET /; answer; close
--- seen
413 <413 Request Entity Too Large> | stopped: NO_ERROR | 200 ok
--- drained
/up 413 timeout 0 ?
--- no_error_log
flood


=== TEST 10: the file of a body that is refused in mid-stream takes no space any more
--- config
limit_body 1m;
client_body_buffer_size 8k;
location / { proxy_pass http://backend; }
--- script
h1: head POST /up chunked; chunk 1m; chunk 1; answer; freed; close; mark 1
h1s: await 1; head POST /up/tls chunked; chunk 1m; chunk 1; answer; freed; close; mark 2
h2: await 2; head POST /up/2 chunked; send 2m; answer; freed; close; mark 3
h3: await 3; head POST /up/quic chunked; send 2m; answer; freed; close
--- seen
413 <413 Request Entity Too Large> | freed
413 <413 Request Entity Too Large> | freed
413 <413 Request Entity Too Large> | freed
413 <413 Request Entity Too Large> | freed
--- error_log
a client request body is buffered to a temporary file


=== TEST 11: limit_conn does not count what drains, counts what does not, and loses no count
--- http_config
limit_conn_zone $binary_remote_addr zone=addresses:1m;
limit_conn_zone $server_name zone=servers:1m;
--- config
limit_body_drain idle=20s;
location / { limit_conn addresses 3; limit_conn servers 3; proxy_pass http://backend; }
location = /denied { limit_conn addresses 3; limit_conn servers 3; deny all; }
--- script
h2: requests 3 POST /denied 1m; requests 1 GET /; requests 3 POST /denied 1m; requests 1 GET /; mark denied; await counted; close
h2: await denied; head POST /1 1m; head POST /2 1m; head POST /3 1m; requests 1 GET /; stream 1; send 1m; finish; answer; requests 1 GET /; close; mark counted
h3: await counted; requests 3 POST /denied 1m; requests 1 GET /; close
--- seen
3 x 403 | 1 x 200 | 3 x 403 | 1 x 200
1 x 503 | 200 ok | 1 x 200
3 x 403 | 1 x 200


=== TEST 12: frames of types that mean nothing are no part of a body over HTTP/3, and no error (RFC 9114, section 9)
--- config
limit_body 1k;
location / { proxy_pass http://backend; }
--- script
h3: head POST /empty 10k; answer; frame 64; send 10k; frame 33; finish; logged complete, 5; close
h3: head POST /filled 10k; answer; frame 64 7; send 5k; frame 33 5; pause 0.1; send 5k; frame 95 1; finish; logged complete, 5; close
h3: head POST /large 10k; answer; frame 33 100k; send 10k; frame 64 100k; finish; logged complete, 5; close
h3: head POST /last 10k; answer; send 10k; frame 33 5; pause 0.2; finish; logged complete, 5; close
h3: head POST /midstream chunked; send 2k; answer; frame 33 5; send 2k; frame 33 5; finish; logged complete, 5; close
--- seen
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large>
413 <413 Request Entity Too Large>
--- drained
h3 /empty 413 complete 10240 ?
h3 /filled 413 complete 10240 ?
h3 /large 413 complete 10240 ?
h3 /last 413 complete 10240 ?
h3 /midstream 413 complete * ?
--- skip_nginx: 6: < 1.25.0


=== TEST 13: limit_conn counts a request whose body never comes until all of its answer is sent, and no longer
--- http_config
limit_body_zone uploads;
limit_conn_zone $binary_remote_addr zone=addresses:1m;
--- config
limit_body_drain idle=20s;
location / { limit_conn addresses 3; root html; }
location = /metrics { limit_body_metrics; }
--- user_files
>>> page
page
--- script
h2 window=0: head GET /page chunked; head GET /page chunked; head GET /page chunked; mark made; await counted; open 10k; answer; stream 2; open 10k; answer; stream 1; open 10k; answer; mark sent; await done; close
h2: await made; metric draining_connections 3; requests 1 GET /page; mark counted; await sent; requests 3 GET /page; mark done; close
--- seen
200 page | 200 page | 200 page
1 x 503 | 3 x 200
--- no_error_log
[alert]
[emerg]
