# What a client can hold while bodies are dropped: streams, slots, credit, disk space, and what other modules count.

use Test::Nginx::LimitBody 'no_plan';

worker_connections(512);

run_tests();

__DATA__

=== TEST 1: frames of types that mean nothing are no part of a body over HTTP/3, and no error (RFC 9114, section 9)
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
