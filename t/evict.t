# Drains where nginx is short of connections, or about to end.

use Test::Nginx::LimitBody 'no_plan';

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
h1: await begun; bytes GET /ok HTTP/1.1\r\n; await evicted; close
h1: await begun; bytes GET /ok HTTP/1.1\r\n; await evicted; close
h1: await begun; bytes GET /ok HTTP/1.1\r\n; await evicted; close
h1: await begun; bytes GET /ok HTTP/1.1\r\n; await evicted; close
h1: await begun; bytes GET /ok HTTP/1.1\r\n; await evicted; close
h1: await begun; bytes GET /ok HTTP/1.1\r\n; await evicted; close
h1: await begun; bytes GET /ok HTTP/1.1\r\n; await evicted; close
h1: await begun; bytes GET /ok HTTP/1.1\r\n; await evicted; close
h1: await begun; bytes GET /ok HTTP/1.1\r\n; await evicted; close
h1: await begun; bytes GET /ok HTTP/1.1\r\n; await evicted; close
h1: await begun; bytes GET /ok HTTP/1.1\r\n; await evicted; close
h1: await begun; bytes GET /ok HTTP/1.1\r\n; await evicted; close
h1: await begun; bytes GET /ok HTTP/1.1\r\n; await evicted; close
h1: await begun; bytes GET /ok HTTP/1.1\r\n; await evicted; close
h1: await begun; bytes GET /ok HTTP/1.1\r\n; await evicted; close
h1: await begun; bytes GET /ok HTTP/1.1\r\n; await evicted; close
h1: await begun; bytes GET /ok HTTP/1.1\r\n; await evicted; close
h1: await begun; bytes GET /ok HTTP/1.1\r\n; await evicted; close
--- seen
413 <413 Request Entity Too Large> | closed
200 ok
--- drained
/drained 413 evicted 0 yes
--- no_error_log
[alert]
worker_connections are not enough while
