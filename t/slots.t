# How many drains there may be at once, over several workers.

use Test::Nginx::LimitBody 'no_plan';

master_on();
workers(3);

run_tests();

__DATA__

=== TEST 1: conns counts over all workers, but not what one had that was killed
--- config
limit_body 1k;
limit_body_drain conns=2;
add_header X-Process $pid always;
location / { proxy_pass http://backend; }
--- script
h1: head POST /1 1m; answer; mark 1; await refused; kill; end; mark killed
h1s: head POST /2 1m; answer; mark 2; await killed; kill; end; mark free
h1: await 1; await 2; head POST /3 1m; answer; end; mark 3
h1: await 3; head POST /4 1m; answer; end; mark 4
h1: await 4; head POST /5 1m; answer; end; mark 5
h1: await 5; head POST /6 1m; answer; end; mark 6
h1: await 6; head POST /7 1m; answer; end; mark refused
h1: await free; head POST /8 1m; answer; mark 8; await 9; send 1m; end
h1: await free; head POST /9 1m; answer; mark 9; await 8; send 1m; end
--- seen
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
--- drained
/3 413 refused 0 ?
/4 413 refused 0 ?
/5 413 refused 0 ?
/6 413 refused 0 ?
/7 413 refused 0 ?
/8 413 complete 1048576 yes
/9 413 complete 1048576 yes
