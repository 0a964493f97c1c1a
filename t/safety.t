# What no client may be able to do with bodies that are refused, discarded or left unread: harm nginx, or anybody behind it.
# What counts is what the upstream was asked, and whether the next request that is none of the client's gets through.

use Test::Nginx::LimitBody 'no_plan';

run_tests();

__DATA__

=== TEST 1: an internal redirect of a request whose body is being discarded
--- http_config
limit_body 1m;
--- config
error_page 405 412 416 502 /page;
location = /page { return 200 "page\n"; }
location = /named/file { root html; try_files /file =404; error_page 416 @named; }
location @named { return 416 "named\n"; }
location = /rewritten/file { root html; try_files /file =404; error_page 416 /rewritten/page; }
location = /rewritten/page { rewrite ^ /page last; }
location = /memcached { set $memcached_key $uri; memcached_pass 127.0.0.1:1; }
location = /index/ { root html; index page.html; }
location = /index/page.html { return 200 "index\n"; }
location = /next { return 200 "next\n"; }
--- user_files
>>> file
static
>>> index/page.html
unseen
--- script
h1: head GET /file chunked Range:bytes=1000-; answer; pause 0.1; chunks 11000 1; chunk 0; head GET /next; answer
h1s: head GET /file chunked Range:bytes=1000-; answer; pause 0.1; chunks 11000 1; chunk 0; head GET /next; answer
h1: head GET /file 1m Range:bytes=1000-; answer; pause 0.1; send 1m; head GET /next; answer
h1s: head GET /file 1m Range:bytes=1000-; answer; pause 0.1; send 1m; head GET /next; answer
h1: head GET /named/file chunked Range:bytes=1000-; answer; pause 0.1; chunks 11000 1; chunk 0; head GET /next; answer
h1s: head GET /named/file chunked Range:bytes=1000-; answer; pause 0.1; chunks 11000 1; chunk 0; head GET /next; answer
h1: head GET /rewritten/file chunked Range:bytes=1000-; answer; pause 0.1; chunks 11000 1; chunk 0; head GET /next; answer
h1: head POST /file chunked; answer; pause 0.1; chunks 11000 1; chunk 0; head GET /next; answer
h1s: head POST /file chunked; answer; pause 0.1; chunks 11000 1; chunk 0; head GET /next; answer
h1: head GET /memcached chunked; answer; pause 0.1; chunks 11000 1; chunk 0; head GET /next; answer
h1s: head GET /memcached chunked; answer; pause 0.1; chunks 11000 1; chunk 0; head GET /next; answer
h1: head GET /index/ chunked; answer; pause 0.1; chunks 11000 1; chunk 0; head GET /next; answer
h1s: head GET /index/ chunked; answer; pause 0.1; chunks 11000 1; chunk 0; head GET /next; answer
h2: head GET /file chunked Range:bytes=1000-; answer; head GET /next; answer
h3: head GET /file chunked Range:bytes=1000-; answer; head GET /next; answer
--- seen
416 page | 200 next
416 page | 200 next
416 page | 200 next
416 page | 200 next
416 named | 200 next
416 named | 200 next
416 page | 200 next
405 page | 200 next
405 page | 200 next
502 page | 200 next
502 page | 200 next
200 index | 200 next
200 index | 200 next
416 page | 200 next
416 page | 200 next
--- no_error_log
[alert]
[emerg]


=== TEST 2: a subrequest that a redirect leads on: what is sent with its body is one request, with a length
--- http_config
limit_body 1m;
--- config
location /mirrored { mirror /mirror; proxy_pass http://kept; }
location = /mirror { internal; error_page 418 = @upstream; if ($request_method = POST) { return 418; } }
location @upstream { proxy_pass http://kept; }
location = /included { ssi on; ssi_types text/plain; proxy_pass http://kept/included?text=%3C!--%23include+virtual=%22/part%22--%3E; }
location = /part { internal; error_page 418 = @upstream; if ($http_x_part) { return 418; } proxy_pass http://kept; }
location = /added { add_after_body /tail; addition_types text/plain; proxy_pass http://kept; }
location = /tail { internal; error_page 418 = @upstream; if ($http_x_part) { return 418; } proxy_pass http://kept; }
location = /granted { auth_request /auth; proxy_pass http://kept; }
location = /auth { internal; error_page 418 = @auth; if ($http_x_part) { return 418; } proxy_pass http://kept; }
location @auth { proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_pass http://kept; }
location = /next { proxy_pass http://kept; }
--- in_turn
--- script
h1: head POST /mirrored 35; bytes GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n; answer; head GET /next; answer
h1: head POST /included 35 X-Part:1; bytes GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n; answer; head GET /next; answer
h1: head POST /added 35 X-Part:1; bytes GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n; answer; head GET /next; answer
h1: head POST /granted 35 X-Part:1; bytes GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n; answer; head GET /next; answer
h2: head POST /mirrored 35; send 35; finish; answer; head GET /next; answer
--- seen
200 ok | 200 ok
200 ok | 200 ok
200 ok\nok | 200 ok
200 ok | 200 ok
200 ok | 200 ok
--- asked
POST /mirrored 35
POST /mirror 35
GET /next none
POST /included?text=%3C!--%23include+virtual=%22/part%22--%3E 35
GET /part 35
GET /next none
POST /added 35
GET /tail 35
GET /next none
GET /auth none
POST /granted 35
GET /next none
POST /mirrored 35
POST /mirror 35
GET /next none
--- no_error_log
[alert]
[emerg]


=== TEST 3: the proxied page of another error: its upstream gets the whole body, or is promised none
--- config
limit_body 10;
deny all;
location = /inherited { limit_body 1m; error_page 403 /early/inherited; }
location = /early/inherited { allow all; proxy_pass http://kept; }
location = /off { limit_body off; error_page 403 /early/written; }
location = /early/written { allow all; limit_body 5; proxy_pass http://kept; }
location = /nginx { limit_body 1m; error_page 403 /early/nginx; }
location = /early/nginx { allow all; limit_body off; client_max_body_size 10; proxy_pass http://kept; }
location = /named { limit_body 1m; error_page 403 @named; }
location @named { allow all; rewrite ^ /early/named break; proxy_pass http://kept; }
location = /unbuffered { limit_body 1m; error_page 403 /early/unbuffered; }
location = /early/unbuffered { allow all; proxy_request_buffering off; proxy_pass http://kept; }
location = /room { limit_body 1m; error_page 403 /page/room; }
location = /page/room { allow all; limit_body 40; proxy_pass http://kept; }
location = /next { allow all; proxy_pass http://kept; }
--- in_turn
--- script
h1: head POST /inherited 40; send 40; answer; connect; head GET /next; answer
h1: head POST /inherited 40; send 40; answer; head GET /next; answer
h1: head POST /off 40; send 40; answer; connect; head GET /next; answer
h1: head POST /nginx 40; send 40; answer; connect; head GET /next; answer
h1: head POST /named 40; send 40; answer; connect; head GET /next; answer
h1s: head POST /unbuffered 40; send 40; answer; connect; head GET /next; answer
h1: head POST /inherited chunked; chunk 40; chunk 0; answer; connect; head GET /next; answer
h1: head POST /room 40; send 40; answer; connect; head GET /next; answer
h1: head POST /room 41; send 41; answer; connect; head GET /next; answer
h2: head POST /inherited 40; send 40; finish; answer
h1: head GET /next; answer
h3: head POST /inherited 40; send 40; finish; answer
h1: head GET /next; answer
--- seen
403 ok | 200 ok
403 ok | 200 ok
403 ok | 200 ok
403 ok | 200 ok
403 ok | 200 ok
403 ok | 200 ok
403 ok | 200 ok
403 ok | 200 ok
403 ok | 200 ok
403 ok
200 ok
403 ok
200 ok
--- asked
GET /early/inherited none
GET /next none
GET /early/inherited none
GET /next none
GET /early/written none
GET /next none
GET /early/nginx none
GET /next none
POST /early/named none
GET /next none
GET /early/unbuffered none
GET /next none
GET /early/inherited none
GET /next none
GET /page/room 40
GET /next none
GET /page/room none
GET /next none
GET /early/inherited none
GET /next none
h3 GET /early/inherited none
GET /next none
--- no_error_log
client intended to send too large
[alert]
[emerg]


=== TEST 4: the proxied page of a refusal is asked without a body and without a length
--- config
limit_body 10;
location = /up { error_page 413 /early/page; proxy_pass http://kept; }
location = /early/page { proxy_pass http://kept; }
location = /named { error_page 413 @page; proxy_pass http://kept; }
location @page { rewrite ^ /early/named break; proxy_pass http://kept; }
location = /unbuffered { error_page 413 @unbuffered; proxy_pass http://kept; }
location @unbuffered { rewrite ^ /early/unbuffered break; proxy_request_buffering off; proxy_pass http://kept; }
location = /fastcgi { set $asked $content_length; error_page 413 @fastcgi; proxy_pass http://kept; }
location @fastcgi {
    fastcgi_param REQUEST_METHOD $request_method;
    fastcgi_param DOCUMENT_URI $document_uri;
    fastcgi_param CONTENT_LENGTH $content_length;
    fastcgi_pass fastcgi;
}
location = /uwsgi { error_page 413 @uwsgi; proxy_pass http://kept; }
location @uwsgi {
    uwsgi_param REQUEST_METHOD $request_method;
    uwsgi_param DOCUMENT_URI $document_uri;
    uwsgi_param CONTENT_LENGTH $content_length;
    uwsgi_pass uwsgi;
}
location = /scgi { error_page 413 @scgi; proxy_pass http://kept; }
location @scgi {
    scgi_param REQUEST_METHOD $request_method;
    scgi_param DOCUMENT_URI $document_uri;
    scgi_pass scgi;
}
location = /next { proxy_pass http://kept; }
--- in_turn
--- script
h1: head POST /up 40; send 40; answer; end; connect; head GET /next; answer
h1: head POST /named 40; send 40; answer; end
h1s: head POST /unbuffered 40; send 40; answer; end
h1: head POST /up chunked; chunk 40; chunk 0; answer; end
h1: head POST /named chunked; chunk 5; pause 0.1; chunk 40; chunk 0; answer; end
h1: head POST /fastcgi 40; send 40; answer; end
h1: head POST /fastcgi chunked; chunk 40; chunk 0; answer; end
h1: head POST /uwsgi 40; send 40; answer; end
h1: head POST /uwsgi chunked; chunk 40; chunk 0; answer; end
h1: head POST /scgi 40; send 40; answer; end
h1: head POST /scgi chunked; chunk 40; chunk 0; answer; end
h2: head POST /named 40; send 40; finish; answer; head POST /fastcgi 40; send 40; finish; answer
h2: head POST /named chunked; send 40; finish; answer; head POST /uwsgi chunked; send 40; finish; answer
h1: head GET /next; answer
--- seen
413 ok | closed | 200 ok
413 ok | closed
413 ok | closed
413 ok | closed
413 ok | closed
413 ok | closed
413 ok | closed
413 ok | closed
413 ok | closed
413 ok | closed
413 ok | closed
413 ok | 413 ok
413 ok | 413 ok
200 ok
--- asked
GET /early/page none
GET /next none
POST /early/named none
POST /early/unbuffered none
GET /early/page none
POST /early/named none
fastcgi POST /fastcgi "" 0
fastcgi POST /fastcgi "" 0
uwsgi POST /uwsgi "" 0
uwsgi POST /uwsgi "" 0
scgi POST /scgi "0" 0
scgi POST /scgi "0" 0
POST /early/named none
fastcgi POST /fastcgi "" 0
POST /early/named none
uwsgi POST /uwsgi "" 0
GET /next none
--- no_error_log
[alert]
[emerg]


=== TEST 5: an error page that hands the request over: the application gets the whole body, or is not asked
--- http_config
limit_body 1m;
--- config
location = /file { root html; error_page 405 =200 /room; }
location = /room { proxy_pass http://kept; }
location = /narrow.txt { root html; error_page 405 =200 /narrow; }
location = /narrow { limit_body 10; proxy_pass http://kept; }
location = /own.txt { root html; error_page 405 = /own; }
location = /own { limit_body 10; proxy_pass http://kept; }
location = /named.txt { root html; error_page 405 = @named; }
location @named { client_max_body_size 10; proxy_pass http://kept; }
location = /denied { deny all; error_page 403 =200 /narrow; }
location = /next { proxy_pass http://kept; }
--- user_files
>>> file
static
>>> narrow.txt
static
>>> own.txt
static
>>> named.txt
static
--- in_turn
--- script
h1: head POST /file 40; send 40; answer; head GET /next; answer
h1: head POST /narrow.txt 40; send 40; answer; end; connect; head GET /next; answer
h1s: head POST /own.txt 40; send 40; answer; end
h1: head POST /named.txt 40; send 40; answer; end
h1: head POST /denied 40; send 40; answer; end
h2: head POST /file 40; send 40; finish; answer; head POST /narrow.txt 40; send 40; finish; answer
h1: head POST /file chunked; chunk 40; chunk 0; answer; head GET /next; answer
h1: head POST /narrow.txt chunked; chunk 40; chunk 0; answer; end; connect; head GET /next; answer
--- seen
200 ok | 200 ok
413 <413 Request Entity Too Large> | closed | 200 ok
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 ok | 413 <413 Request Entity Too Large>
200 ok | 200 ok
413 <413 Request Entity Too Large> | closed | 200 ok
--- asked
GET /room 40
GET /next none
GET /next none
GET /room 40
GET /room 40
GET /next none
GET /next none
--- no_error_log
[alert]
[emerg]


=== TEST 6: a drain that its budget ends does not end the request: a mirror and a post_action go on
--- http_config
limit_body 1m;
--- config
mirror_request_body off;
root html;
location = /bytes { mirror /mirror; limit_body_drain bytes=1k; }
location = /time { mirror /mirror; limit_body_drain time=400ms rate=0; }
location = /rate { mirror /mirror; limit_body_drain rate=1m; lingering_time 1s; }
location = /idle { mirror /mirror; limit_body_drain idle=300ms; }
location /conns/ { mirror /mirror; limit_body_drain conns=1; limit_body_zone conns; }
location = /refused { mirror /mirror; limit_body_drain bytes=1k; limit_body 10; proxy_pass http://kept; }
location = /mirror {
    internal;
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
    proxy_set_header Connection "";
    proxy_pass http://kept/mirror?pause=3;
}
location = /post { post_action /after; limit_body_drain bytes=1k; return 403 "no\n"; }
location = /post/refused { post_action /after; limit_body_drain bytes=1k; limit_body 10; proxy_pass http://kept; }
location = /after { internal; proxy_pass http://kept/after?pause=3; }
--- user_files
>>> bytes
>>> time
>>> rate
>>> idle
>>> conns/1
>>> conns/2
--- script
h1: head POST /bytes 1m; answer; send 10k each 1k every 0.02; gone
h1s: head POST /bytes 1m; answer; send 10k each 1k every 0.02; gone
h1: head POST /bytes chunked; answer; bytes fffff\r\n; send 10k each 1k every 0.02; gone
h1: head POST /time 1m; answer; send 20k each 1k every 0.04; gone
h1: head POST /rate 1m; answer; send 20k each 1k every 0.08; gone
h1: head POST /idle 1m; answer; send 1k; pause 0.7; send 5k each 1k every 0.02; gone
h1: head POST /conns/1 10k; answer; mark held; await refused; send 10k; close
h1: await held; head POST /conns/2 1m; answer; send 10k each 1k every 0.02; mark refused; gone
h1: head POST /refused chunked; chunk 5; pause 0.1; bytes fffff\r\n; answer; send 10k each 1k every 0.02; gone
h1: head POST /post 1m; answer; send 10k each 1k every 0.02; gone
h1s: head POST /post 1m; answer; send 10k each 1k every 0.02; gone
h1: head POST /post/refused 1m; answer; send 10k each 1k every 0.02; gone
--- seen
405 <405 Not Allowed>
405 <405 Not Allowed>
405 <405 Not Allowed>
405 <405 Not Allowed>
405 <405 Not Allowed>
405 <405 Not Allowed>
405 <405 Not Allowed>
405 <405 Not Allowed>
413 <413 Request Entity Too Large>
403 no
403 no
413 <413 Request Entity Too Large>
--- asked
POST /mirror?pause=3 none
POST /mirror?pause=3 none
POST /mirror?pause=3 none
POST /mirror?pause=3 none
POST /mirror?pause=3 none
POST /mirror?pause=3 none
POST /mirror?pause=3 none
POST /mirror?pause=3 none
POST /mirror?pause=3 none
POST /after?pause=3 none
POST /after?pause=3 none
POST /after?pause=3 none
--- drained
/bytes 405 bytes 1024 ?
/bytes 405 bytes 1024 ?
/bytes 405 bytes 1024 ?
/time 405 timeout * ?
/rate 405 slow * ?
/idle 405 timeout * ?
/conns/1 405 complete 10240 ?
/conns/2 405 refused 0 ?
/refused 413 bytes 1024 ?
/post 200 bytes 1024 ?
/post 200 bytes 1024 ?
/post/refused 413 bytes 1024 ?
--- no_error_log
[alert]
[emerg]


=== TEST 7: the subrequests of a refusal's page are asked without a body and without a length
--- config
limit_body 10;
location = /included { error_page 413 @included; proxy_pass http://kept; }
location @included { ssi on; ssi_types text/plain; return 413 '<!--#include virtual="/early/part" -->'; }
location = /early/part { internal; proxy_pass http://kept; }
location = /mirrored { error_page 413 @mirrored; proxy_pass http://kept; }
location @mirrored { mirror /early/mirror; rewrite ^ /early/page break; proxy_pass http://kept; }
location = /early/mirror { internal; proxy_pass http://kept; }
location = /granted { error_page 413 @granted; proxy_pass http://kept; }
location @granted { auth_request /early/auth; rewrite ^ /early/page break; proxy_pass http://kept; }
location = /early/auth { internal; proxy_pass http://kept; }
location = /next { proxy_pass http://kept; }
--- in_turn
--- script
h1: head POST /included 40; send 40; answer; end; connect; head GET /next; answer
h1: head POST /included chunked; chunk 40; chunk 0; answer; end; connect; head GET /next; answer
h1: head POST /mirrored 40; send 40; answer; end; connect; head GET /next; answer; head GET /next; answer
h1s: head POST /mirrored chunked; chunk 40; chunk 0; answer; end; connect; head GET /next; answer; head GET /next; answer
h1: head POST /granted 40; send 40; answer; end; connect; head GET /next; answer
h1: head POST /granted chunked; chunk 40; chunk 0; answer; end; connect; head GET /next; answer
h2: head POST /included 40; send 40; finish; answer; head POST /mirrored 40; send 40; finish; answer
h1: head GET /next; answer; head GET /next; answer
--- seen
413 ok | closed | 200 ok
413 ok | closed | 200 ok
413 ok | closed | 200 ok | 200 ok
413 ok | closed | 200 ok | 200 ok
413 ok | closed | 200 ok
413 ok | closed | 200 ok
413 ok | 413 ok
200 ok | 200 ok
--- asked
GET /early/part none
GET /next none
GET /early/part none
GET /next none
POST /early/mirror none
POST /early/page none
GET /next none
GET /next none
POST /early/mirror none
POST /early/page none
GET /next none
GET /next none
GET /early/auth none
POST /early/page none
GET /next none
GET /early/auth none
POST /early/page none
GET /next none
GET /early/part none
POST /early/mirror none
POST /early/page none
GET /next none
GET /next none
--- no_error_log
[alert]
[emerg]


=== TEST 8: a body that nginx discards, or has read in part, is promised to nobody that a redirect or a subrequest asks
--- config
limit_body 1m;
location = /file { root html; error_page 416 /page/range; }
location = /broken { error_page 400 /page/broken; proxy_pass http://kept; }
location = /unbuffered {
    proxy_request_buffering off;
    proxy_intercept_errors on;
    error_page 403 /page/unbuffered;
    proxy_pass http://kept/early/unbuffered?status=403&after=16;
}
location /page { proxy_pass http://kept; }
location = /next { proxy_pass http://kept; }
--- user_files
>>> file
a file
--- in_turn
--- script
h1: head GET /file 80 Range:bytes=1000-; send 16; answer; connect; head GET /next; answer
h1: head GET /file chunked Range:bytes=1000-; chunk 16; answer; connect; head GET /next; answer
h1: head POST /broken chunked; chunk 40; pause 0.3; bytes never a chunk\r\n; answer; connect; head GET /next; answer
h1: head POST /unbuffered 80; send 16; answer; connect; head GET /next; answer
h2: head POST /broken 60; send 20; finish; answer
h1: head GET /next; answer
--- seen
416 ok | 200 ok
416 ok | 200 ok
400 ok | 200 ok
403 ok | 200 ok
400 ok
200 ok
--- asked
GET /page/range none
GET /next none
GET /page/range none
GET /next none
GET /page/broken none
GET /next none
POST /early/unbuffered?status=403&after=16 16 of 80
GET /page/unbuffered none
GET /next none
GET /page/broken none
GET /next none
--- no_error_log
[alert]
[emerg]


=== TEST 9: nor to a post_action; and what was given up while its body was read is gone when its post_action is over
--- config
limit_body 1m;
client_body_timeout 300ms;
location = /late { post_action /after; proxy_pass http://kept; }
location = /late/off { post_action /after; limit_body off; limit_body_drain off; proxy_pass http://kept; }
location = /discarded { post_action /after; limit_body off; limit_body_drain off; return 403 "no\n"; }
location = /held { post_action /none; limit_body 10; error_page 413 /page?pause=1; }
location = /page { internal; proxy_pass http://kept; }
location = /after { internal; proxy_pass http://kept; }
location = /none { internal; return 204; }
location = /next { proxy_pass http://kept; }
--- in_turn
--- script
h1: head POST /late 40; send 16; gone; connect; head GET /next; answer
h1: head POST /late chunked; chunk 16; gone; connect; head GET /next; answer
h1: head POST /late/off 40; send 16; gone; connect; head GET /next; answer
h1: head POST /late/off chunked; chunk 16; gone; connect; head GET /next; answer
h1: head POST /discarded 40; send 16; answer; close; connect; head GET /next; answer
h1: head POST /discarded chunked; chunk 16; answer; close; connect; head GET /next; answer
h2: head POST /late 40; send 16; pause 1; close
h1: head GET /next; answer
h1: head POST /held 40; send 16; pause 0.3; close; logged error,
--- seen
200 ok
200 ok
200 ok
200 ok
403 no | 200 ok
403 no | 200 ok

200 ok

--- asked
POST /after none
GET /next none
POST /after none
GET /next none
POST /after none
GET /next none
POST /after none
GET /next none
POST /after none
GET /next none
POST /after none
GET /next none
POST /after none
GET /next none
GET /page?pause=1 none
cut: GET /page?pause=1
--- drained
/held 413 error * ?
--- no_error_log
[alert]
[emerg]


=== TEST 10: while the page of an error is made, nothing that its client sends, and no end, is a part of the body
--- config
limit_body_timeout 1s;
location ~ ^/(late|off)/(.*) {
    limit_body 1m;
    error_page 400 408 /page/$1-$2;
    proxy_pass http://backend;
    location ~ ^/off/(.*) { limit_body_drain off; error_page 400 408 /page/off-$1; proxy_pass http://backend; }
}
# A body that is longer than was declared is 413 over HTTP/3 before nginx 1.28.
location ~ ^/more/(.*) { client_max_body_size 1m; error_page 400 413 =400 /page/more-$1; proxy_pass http://backend; }
location /page/ { ssi on; ssi_types *; proxy_ignore_client_abort on; proxy_pass http://early_unix; }
location = /after { proxy_pass http://kept; }
location = /next { proxy_pass http://kept; }
--- early eval
CORE::join '', map { "/page/$_: mark $_; await sent-$_; send HTTP/1.1 200 OK\\r\\nContent-Length: 37\\r\\n\\r\\npage <!--#include virtual=\"/after\"-->; close\n" }
    map { ("late-$_", "off-$_", "more-$_") } qw(h1 tls h2 h3)
--- script
h1: head POST /late/h1 chunked; chunk 60; await late-h1; chunk 60; chunk 0; mark sent-late-h1; answer; connect; head GET /next; answer
h1s: head POST /late/tls 120; send 60; await late-tls; send 60; mark sent-late-tls; answer; connect; head GET /next; answer
h2: head POST /late/h2 chunked; send 60; await late-h2; send 60; finish; mark sent-late-h2; answer; head GET /next; answer
h3: head POST /late/h3 chunked; send 60; await late-h3; send 60; finish; mark sent-late-h3; answer; head GET /next; answer
h1: head POST /off/h1 chunked; chunk 60; await off-h1; chunk 60; chunk 0; mark sent-off-h1; answer; connect; head GET /next; answer
h1s: head POST /off/tls 120; send 60; await off-tls; send 60; mark sent-off-tls; answer; connect; head GET /next; answer
h2: head POST /off/h2 chunked; send 60; await off-h2; send 60; finish; mark sent-off-h2; answer; head GET /next; answer
h3: head POST /off/h3 chunked; send 60; await off-h3; send 60; finish; mark sent-off-h3; answer; head GET /next; answer
h1: head POST /more/h1 chunked; chunk 60; bytes x\r\n; await more-h1; chunk 0; mark sent-more-h1; answer; connect; head GET /next; answer
h1s: head POST /more/tls chunked; chunk 60; bytes x\r\n; await more-tls; chunk 0; mark sent-more-tls; answer; connect; head GET /next; answer
h2: head POST /more/h2 50; send 10; send 60; await more-h2; finish; mark sent-more-h2; answer; head GET /next; answer
h3: head POST /more/h3 50; send 10; send 60; await more-h3; finish; mark sent-more-h3; answer; head GET /next; answer
--- seen eval
("408 page ok | 200 ok\n" x 8) . ("400 page ok | 200 ok\n" x 4)
--- asked eval
("GET /after none\nGET /next none\n" x 9) . ("h3 GET /after none\nh3 GET /next none\n" x 3)
--- no_error_log
[alert]
[emerg]


=== TEST 11: nor is a body promised that an upstream was given as it came
--- config
limit_body 1m;
proxy_request_buffering off;
proxy_intercept_errors on;
location = /sent { proxy_pass http://early_unix; }
location = /failed { error_page 502 504 /page/failed; proxy_pass http://early_unix; }
location = /named { error_page 502 504 @named; proxy_pass http://early_unix; }
location = /intercepted { error_page 503 /page/intercepted; proxy_pass http://early_unix; }
location = /included { ssi on; ssi_types *; proxy_pass http://early_unix; }
location = /posted { post_action /page/posted; proxy_pass http://early_unix; }
location @named { proxy_pass http://kept; }
location /page/ { proxy_request_buffering on; proxy_pass http://kept; }
location = /next { proxy_pass http://kept; }
--- early eval
CORE::join '', map { $_ x 4 }
    "/sent: rest; send HTTP/1.1 200 OK\\r\\nX-Accel-Redirect: /page/sent\\r\\nContent-Length: 0\\r\\n\\r\\n; close\n",
    "/failed: rest; close\n",
    "/named: rest; close\n",
    "/intercepted: rest; answer 503 no; close\n",
    "/included: rest; send HTTP/1.1 200 OK\\r\\nContent-Length: 46\\r\\n\\r\\npage <!--#include virtual=\"/page/included\" -->; close\n",
    "/posted: rest; answer 200 posted; close\n"
--- in_turn
--- script eval
CORE::join '', map {
    ("h1: head POST /$_ 30k; send 30k; answer; head GET /next; answer\n",
     "h1s: head POST /$_ chunked; chunk 30k; chunk 0; answer; connect; head GET /next; answer\n",
     "h2: head POST /$_ 30k; send 30k; answer; head GET /next; answer\n",
     "h3: head POST /$_ 30k; send 30k; answer; head GET /next; answer\n")
} qw(sent failed named intercepted included posted)
--- seen eval
CORE::join '', map { "$_ | 200 ok\n" x 4 } '200 ok', '502 ok', '502 ok', '503 ok', '200 page ok', '200 posted'
--- asked eval
CORE::join '', map {
    ("$_ none\nGET /next none\n" x 3) . "h3 $_ none\nh3 GET /next none\n"
} 'GET /page/sent', 'GET /page/failed', 'POST /named', 'GET /page/intercepted', 'GET /page/included', 'POST /page/posted'
--- no_error_log
[alert]
[emerg]


=== TEST 12: nor one that nginx discards over HTTP/2 or HTTP/3, where it takes less note of that
--- http_config
limit_req_zone $server_port zone=delayed:1m rate=2r/s;
--- config
limit_body 1m;
location = /file { root html; error_page 416 /page/range; }
location = /memcached { set $memcached_key x; memcached_pass 127.0.0.1:1; error_page 404 502 504 = @page; }
location = /included.html { root html; ssi on; limit_body off; limit_body_drain off; }
location = /delayed { limit_req zone=delayed burst=9; ssi on; ssi_types *; alias html/included.html; }
location = /posted { post_action /page/posted; limit_body off; limit_body_drain off; return 403 "no\n"; }
location /page/ { proxy_pass http://kept; }
location @page { proxy_pass http://kept; }
location = /next { proxy_pass http://kept; }
--- user_files
>>> file
a file
>>> included.html
page <!--#include virtual="/page/included" -->
--- in_turn
--- script
h2: head GET /file 40 Range:bytes=1000-; answer; head GET /next; answer
h2: head GET /file 40 Range:bytes=1000-; send 40; answer; head GET /next; answer
h2: head GET /memcached 40; answer; head GET /next; answer
h2: head GET /included.html 40; answer; head GET /next; answer
h2: head GET /included.html 40; send 40; answer; head GET /next; answer
h2: head GET /delayed 40; send 40; answer; head GET /next; answer
h2: head GET /delayed 40; send 40; answer; head GET /next; answer
h2: head POST /posted 40; answer; head GET /next; answer
h2: head POST /posted 40; send 40; answer; head GET /next; answer
h3: head GET /included.html 40; answer; head GET /next; answer
h3: head GET /included.html 40; send 40; answer; head GET /next; answer
h3: head GET /delayed 40; send 40; answer; head GET /next; answer
h3: head POST /posted 40; answer; head GET /next; answer
h3: head POST /posted 40; send 40; answer; head GET /next; answer
--- seen
416 ok | 200 ok
416 ok | 200 ok
200 ok | 200 ok
200 page ok | 200 ok
200 page ok | 200 ok
200 page ok | 200 ok
200 page ok | 200 ok
403 no | 200 ok
403 no | 200 ok
200 page ok | 200 ok
200 page ok | 200 ok
200 page ok | 200 ok
403 no | 200 ok
403 no | 200 ok
--- asked
GET /page/range none
GET /next none
GET /page/range none
GET /next none
GET /memcached none
GET /next none
GET /page/included none
GET /next none
GET /page/included none
GET /next none
GET /page/included none
GET /next none
GET /page/included none
GET /next none
POST /page/posted none
GET /next none
POST /page/posted none
GET /next none
h3 GET /page/included none
h3 GET /next none
h3 GET /page/included none
h3 GET /next none
h3 GET /page/included none
h3 GET /next none
h3 POST /page/posted none
h3 GET /next none
h3 POST /page/posted none
h3 GET /next none
--- no_error_log
[alert]
[emerg]


=== TEST 13: nor the length of a body that turned out to be another
--- config
limit_body 1m;
location = /broken { error_page 400 413 /page; proxy_pass http://kept; }
location = /page { proxy_pass http://kept; }
location = /next { proxy_pass http://kept; }
--- in_turn
--- script
h2: head POST /broken 10; send 11; finish; answer
h1: head GET /next; answer
h2: head POST /broken 20000; send 20001; finish; answer
h1: head GET /next; answer
--- seen
400 ok
200 ok
400 ok
200 ok
--- asked
GET /page none
GET /next none
GET /page none
GET /next none
--- no_error_log
[alert]
[emerg]


=== TEST 14: a post_action that waits for its turn gets it while the client still sends
--- http_config
limit_req_zone $server_port zone=after:1m rate=1r/s;
--- config
limit_body 1k;
location / { post_action /after; return 403 "no\n"; }
location = /after { internal; limit_req zone=after burst=9; proxy_pass http://kept; }
--- script
h1: head POST /first 1m; answer; mark first; pause 1.5; send 1m; close
h1s: await first; head POST /second 1m; answer; pause 1.5; send 1m; close
h2: await first; head POST /third 1m; answer; pause 2.5; send 1m; finish; pause 0.5; close
--- seen
403 no
403 no
403 no
--- asked
POST /after none
POST /after none
POST /after none
--- no_error_log
[alert]
[emerg]


=== TEST 15: HTTP/1.1 over a stream of QUIC: the body is left to nginx
--- config
limit_body 1k;
error_page 413 /page;
location / { root html; }
location = /page { return 200 "page\n"; }
location = /chunked { proxy_pass http://backend; }
location = /slow { limit_body 1m; limit_body_timeout 1s; proxy_pass http://backend; }
location = /static { return 200 "static\n"; }
--- user_files
>>> index.html
index
--- script
hq: head POST / 5000; answer; head GET /; finish; answer
hq: head POST / 5000; send 5000; finish; answer; head GET /; finish; answer
hq: head POST /static 5000; send 1000; answer; head GET /; finish; answer
hq: head POST /chunked chunked; chunk 1000; chunk 1000; answer; head GET /; finish; answer
hq: head POST /slow 5000; send 5000; finish; answer; head GET /; finish; answer
hq: head POST /slow 5000; send 10; answer; head GET /; finish; answer
--- seen
413 page | 200 index
413 page | 200 index
413 page | 200 index
413 page | 200 index
200 ok | 200 index
408 <408 Request Time-out> | 200 index
--- no_error_log
[alert]
[emerg]


=== TEST 16: a client that has spent its budget before the answer comes keeps nobody busy
--- config
limit_body 1k;
limit_body_drain bytes=10k;
location / { root html; error_page 413 /page; }
location = /page { proxy_ignore_client_abort on; proxy_pass http://early_unix; }
--- early
/page: mark asked; await idle; answer 200 page
/page: mark asked; await idle; answer 200 page
/page: mark asked; await idle; answer 200 page
/page: mark asked; await idle; answer 200 page
--- script
h1: head POST / 1m; send 500k; await asked; pause 2; idle 1; mark idle; answer
h1s: head POST / 1m; send 500k; answer
h2: head POST / 1m; send 60k; answer
h3: head POST / 1m; send 60k; answer
--- seen
idle | 413 page
413 page
413 page
413 page
--- no_error_log
[alert]
[emerg]


=== TEST 17: what was stored of a body that has come to its end stays, although its stream has not ended
--- config
limit_body 1m;
client_body_buffer_size 1k;
location /put/ { root html; dav_methods PUT; create_full_put_path on; }
location /kept { client_body_in_file_only on; proxy_pass http://backend; }
# nginx has closed the file by then.
location /after { post_action /posted; proxy_pass http://backend; }
location /after/kept { post_action /posted; client_body_in_file_only on; proxy_pass http://backend; }
location = /posted { proxy_pass http://kept; }
--- script
h3: head PUT /put/file chunked; send 20000; trailers open; answer; head GET /put/file; answer
h3: head POST /kept chunked; send 20000; trailers open; answer; head GET /put/none; answer
h3: head POST /after chunked; send 20000; trailers open; answer; head GET /put/none; answer
h1: head POST /after 20000; send 20000; answer; head GET /put/none; answer
h1: head POST /after/kept 20000; send 20000; answer; head GET /put/none; answer
h2: head POST /after/kept 20000; send 20000; finish; answer; head GET /put/none; answer
--- seen
201 | 200 20000 bytes
200 ok | 404 <404 Not Found>
200 ok | 404 <404 Not Found>
200 ok | 404 <404 Not Found>
200 ok | 404 <404 Not Found>
200 ok | 404 <404 Not Found>
--- asked
h3 POST /posted none
POST /posted none
POST /posted none
POST /posted none
--- body_files eval
2 + ($ENV{TEST_NGINX_BINARY} && `$ENV{TEST_NGINX_BINARY} -V 2>&1` =~ /http_v3/ ? 1 : 0)
--- no_error_log
[alert]
[emerg]


=== TEST 18: no field that announces the body is left, wherever it stood
--- config
limit_body 1k;
error_page 413 /page;
location = /page { return 200 "[$http_content_length$http_transfer_encoding]\n"; }
--- script eval
CORE::join '', map {
    my $fields = 'X-Any: any\\r\\n' x $_;
    ("h1: bytes POST / HTTP/1.1\\r\\nHost: localhost\\r\\n${fields}Content-Length: 5000\\r\\n\\r\\n; answer\n",
     "h1: bytes POST / HTTP/1.1\\r\\nHost: localhost\\r\\n${fields}Content-Length: 5000\\r\\nX-Last: 1\\r\\n\\r\\n; answer\n")
} 17 .. 20, 38 .. 40
--- seen eval
"413 []\n" x 14
--- no_error_log
[alert]
[emerg]


=== TEST 19: what a subrequest without the body is not promised, the request's own upstream is
--- http_config
log_format length '$uri length $content_length $length';
limit_body 1m;
--- config
access_log logs/access.log length;
set $length $content_length;
fastcgi_param REQUEST_METHOD $request_method;
fastcgi_param DOCUMENT_URI $document_uri;
fastcgi_param CONTENT_LENGTH $content_length;
uwsgi_param REQUEST_METHOD $request_method;
uwsgi_param DOCUMENT_URI $document_uri;
uwsgi_param CONTENT_LENGTH $content_length;
scgi_param REQUEST_METHOD $request_method;
scgi_param DOCUMENT_URI $document_uri;
mirror_request_body off;
location = /fastcgi { mirror /mirror/fastcgi; fastcgi_pass fastcgi; }
location = /uwsgi { mirror /mirror/uwsgi; uwsgi_pass uwsgi; }
location = /scgi { mirror /mirror/scgi; scgi_pass scgi; }
location = /kept { mirror /mirror/kept; proxy_set_header Content-Length $content_length; proxy_pass http://kept; }
location = /if { mirror /mirror/if; set $of_length "of $content_length"; proxy_pass http://kept; }
location = /set { mirror /mirror/set; proxy_set_header Content-Length $length; proxy_pass http://kept; }
location = /mirror/fastcgi { internal; fastcgi_pass fastcgi; }
location = /mirror/uwsgi { internal; uwsgi_pass uwsgi; }
location = /mirror/scgi { internal; scgi_pass scgi; }
location = /mirror/kept { internal; proxy_set_header Content-Length $content_length; proxy_pass http://kept; }
location = /mirror/if { internal; if ($content_length != 40) { return 204; } proxy_pass http://kept; }
location = /mirror/set { internal; proxy_pass http://kept; }
location = /next { access_log off; proxy_pass http://kept; }
--- in_turn
--- script
h1: head POST /fastcgi 40; read; send 40; answer
h1: head POST /uwsgi 40; read; send 40; answer
h1: head POST /scgi 40; read; send 40; answer
h1: head POST /kept 35; read; bytes GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n; answer; head GET /next; answer
h1s: head POST /if 40; send 10; read; send 30; answer; head GET /next; answer
h1: head POST /set 40; send 10; read; send 30; answer; head GET /next; answer
h2: head POST /kept 40; send 10; read; send 30; finish; answer; head POST /uwsgi 40; send 40; finish; answer; head GET /next; answer
h3: head POST /kept 40; send 10; pause 0.1; send 30; finish; answer; head POST /uwsgi 40; send 40; finish; answer; head GET /next; answer
--- seen
200 ok
200 ok
200 ok
200 ok | 200 ok
200 ok | 200 ok
200 ok | 200 ok
200 ok | 200 ok | 200 ok
200 ok | 200 ok | 200 ok
--- asked
fastcgi POST /mirror/fastcgi "" 0
fastcgi POST /fastcgi "40" 40
uwsgi POST /mirror/uwsgi "" 0
uwsgi POST /uwsgi "40" 40
scgi POST /mirror/scgi "0" 0
scgi POST /scgi "40" 40
POST /mirror/kept none
POST /kept 35
GET /next none
POST /mirror/if none
POST /if 40
GET /next none
POST /mirror/set none
POST /set 40
GET /next none
POST /mirror/kept none
POST /kept 40
uwsgi POST /mirror/uwsgi "" 0
uwsgi POST /uwsgi "40" 40
GET /next none
h3 POST /mirror/kept none
h3 POST /kept 40
h3 uwsgi POST /mirror/uwsgi "" 0
h3 uwsgi POST /uwsgi "40" 40
h3 GET /next none
--- access_log
/fastcgi length 40 40
/uwsgi length 40 40
/scgi length 40 40
/kept length 35 35
/if length 40 40
/set length 40 40
--- no_access_log
length -
--- no_error_log
[alert]
[emerg]


=== TEST 20: auth_request has no body, and is promised none
--- http_config
proxy_cache_path $TEST_NGINX_SERVER_ROOT/cache keys_zone=auth:1m;
--- config
limit_body 1m;
fastcgi_param REQUEST_METHOD $request_method;
fastcgi_param DOCUMENT_URI $document_uri;
fastcgi_param CONTENT_LENGTH $content_length;
uwsgi_param REQUEST_METHOD $request_method;
uwsgi_param DOCUMENT_URI $document_uri;
uwsgi_param CONTENT_LENGTH $content_length;
location = /kept { auth_request /early/auth; proxy_pass http://kept; }
location = /early/auth { internal; proxy_pass http://kept; }
location = /fastcgi { auth_request /auth/fastcgi; fastcgi_pass fastcgi; }
location = /auth/fastcgi { internal; fastcgi_pass fastcgi; }
location = /uwsgi { auth_request /auth/uwsgi; uwsgi_pass uwsgi; }
location = /auth/uwsgi { internal; uwsgi_pass uwsgi; }
location = /set { auth_request /auth/set; auth_request_set $length $content_length; proxy_set_header Content-Length $length; proxy_pass http://kept; }
location = /auth/set { internal; proxy_cache auth; proxy_cache_valid 1h; proxy_cache_key auth; proxy_pass http://kept; }
location = /next { proxy_pass http://kept; }
--- in_turn
--- script
h1: head POST /kept 35; read; bytes GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n; answer; head GET /next; answer
h1s: head POST /kept 40; send 40; answer; head GET /next; answer
h1: head POST /kept chunked; chunk 40; chunk 0; answer; head GET /next; answer
h1: head POST /fastcgi 40; send 40; answer
h1: head POST /uwsgi 40; send 40; answer
h1: head POST /uwsgi chunked; chunk 40; chunk 0; answer
h1: head POST /set 40; send 40; answer; head POST /set 40; send 40; answer; head GET /next; answer
h2: head POST /kept 40; send 40; finish; answer; head POST /fastcgi 40; send 40; finish; answer; head GET /next; answer
h3: head POST /kept 40; send 40; finish; answer; head POST /fastcgi 40; send 40; finish; answer; head GET /next; answer
--- seen
200 ok | 200 ok
200 ok | 200 ok
200 ok | 200 ok
200 ok
200 ok
200 ok
200 ok | 200 ok | 200 ok
200 ok | 200 ok | 200 ok
200 ok | 200 ok | 200 ok
--- asked
GET /early/auth none
POST /kept 35
GET /next none
GET /early/auth none
POST /kept 40
GET /next none
GET /early/auth none
POST /kept 40
GET /next none
fastcgi POST /auth/fastcgi "" 0
fastcgi POST /fastcgi "40" 40
uwsgi POST /auth/uwsgi "" 0
uwsgi POST /uwsgi "40" 40
uwsgi POST /auth/uwsgi "" 0
uwsgi POST /uwsgi "40" 40
GET /auth/set none
POST /set 40
POST /set 40
GET /next none
GET /early/auth none
POST /kept 40
fastcgi POST /auth/fastcgi "" 0
fastcgi POST /fastcgi "40" 40
GET /next none
h3 GET /early/auth none
h3 POST /kept 40
h3 fastcgi POST /auth/fastcgi "" 0
h3 fastcgi POST /fastcgi "40" 40
h3 GET /next none
--- no_error_log
[alert]
[emerg]


=== TEST 21: a clone of a request, which begins at its content, is promised no body that another upstream was given
--- http_config
proxy_cache_path $TEST_NGINX_SERVER_ROOT/cache keys_zone=cache:1m;
--- config
limit_body 1m;
proxy_request_buffering off;
proxy_cache cache;
proxy_cache_valid 200 1s;
proxy_cache_use_stale updating;
proxy_cache_background_update on;
location /early/ { proxy_pass http://kept; }
location = /early/off { limit_body off; limit_body_drain off; proxy_pass http://kept; }
location = /next { proxy_cache off; proxy_pass http://kept; }
--- in_turn
--- script
h1: head GET /early/h1; answer; pause 2.1; head GET /early/h1 200; send 10; answer; connect; head GET /next; answer
h1s: head GET /early/off; answer; pause 2.1; head GET /early/off 200; answer; connect; head GET /next; answer
h1: head GET /early/chunked; answer; pause 2.1; head GET /early/chunked chunked; chunk 10; answer; connect; head GET /next; answer
h2: head GET /early/h2; answer; pause 2.1; head GET /early/h2 200; send 10; answer; head GET /next; answer
h3: head GET /early/h3; answer; pause 2.1; head GET /early/h3 200; send 10; answer; head GET /next; answer
--- seen
200 ok | 200 ok | 200 ok
200 ok | 200 ok | 200 ok
200 ok | 200 ok | 200 ok
200 ok | 200 ok | 200 ok
200 ok | 200 ok | 200 ok
--- asked
GET /early/h1 none
GET /early/h1 none
GET /next none
GET /early/off none
GET /early/off none
GET /next none
GET /early/chunked none
GET /early/chunked none
GET /next none
GET /early/h2 none
GET /early/h2 none
GET /next none
h3 GET /early/h3 none
h3 GET /early/h3 none
h3 GET /next none
--- no_error_log
[alert]
[emerg]


=== TEST 22: nor is one slice promised the body that another has had
--- skip_eval: 7: `$Test::Nginx::Util::NginxBinary -V 2>&1` !~ /--with-http_slice_module/
--- http_config
log_format slice '$uri $http_range length $http_content_length';
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_3;
    access_log logs/access.log slice;
    location / { root html; }
}
--- config
limit_body 1m;
location = /file {
    slice 10;
    access_log off;
    proxy_set_header Range $slice_range;
    proxy_request_buffering off;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_3;
}
--- user_files
>>> file
0123456789abcdefghijklmnopqrs
--- script
h1: head GET /file 200; read; send 200; answer
--- seen
200 0123456789abcdefghijklmnopqrs
--- access_log
/file bytes=0-9 length 200
/file bytes=10-19 length -
/file bytes=20-29 length -
--- no_error_log
[alert]
[emerg]


=== TEST 23: what an upstream has failed to do with a body that it was given as it came, nobody else does without the body
--- config
limit_body 1m;
proxy_request_buffering off;
proxy_intercept_errors on;
error_page 302 307 404 500 502 503 504 = @other;
location /unbound { proxy_bind 192.0.2.1; proxy_pass http://127.0.0.1:1; }
location /closed { proxy_pass http://early_unix; }
location /said { proxy_pass http://early_unix; }
location /none { proxy_pass http://127.0.0.1:1; }
location /handed { proxy_pass http://early_unix; }
location /missed { error_page 401 = @memcached; proxy_pass http://early_unix; }
location /denied { error_page 401 = @login; proxy_pass http://early_unix; }
location /elsewhere { proxy_pass http://early_unix; }
location /not-found { proxy_pass http://early_unix; }
location /page { error_page 503 = @page; proxy_pass http://early_unix; }
location /again { recursive_error_pages on; proxy_pass http://early_unix; }
location /sorry { recursive_error_pages on; error_page 502 = @sorry; proxy_pass http://early_unix; }
location @other { recursive_error_pages off; proxy_pass http://kept; }
location @sorry { error_page 502 =200 /text; recursive_error_pages on; proxy_pass http://kept; }
location = /text { root html; }
location /named { proxy_pass http://early_unix; }
location /malformed { error_page 400 = @other; proxy_pass http://early_unix; }
location @login { proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_pass http://kept; }
location @memcached { proxy_pass_request_body off; set $memcached_key key; memcached_pass 127.0.0.1:1; }
location @page { return 200 page; }
location = /next { proxy_pass http://kept; }
--- user_files
>>> text
text
--- early eval
CORE::join '', map { $_ x 4 }
    "/closed: rest; close\n",
    "/said: rest; answer 503 no; close\n",
    "/handed: rest; send HTTP/1.1 200 OK\\r\\nX-Accel-Redirect: \@other\\r\\nContent-Length: 0\\r\\n\\r\\n; close\n",
    "/missed: rest; answer 401 no; close\n",
    "/denied: rest; answer 401 no; close\n",
    "/elsewhere: rest; answer 302 no; close\n",
    "/not-found: rest; answer 404 no; close\n",
    "/page: rest; answer 503 no; close\n",
    "/again: rest; close\n",
    "/sorry: rest; close\n",
    "/named: rest; send HTTP/1.1 503 Busy\\r\\nX-Accel-Redirect: \@other\\r\\nContent-Length: 0\\r\\n\\r\\n; close\n"
--- in_turn
--- script eval
CORE::join '', "h1: bytes POST /malformed HTTP/1.1\\r\\nHost: localhost\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\nno; answer\n", (map { "h1: head POST /$_ 30k; send 30k; answer; connect; head GET /next; answer\n" } qw(none unbound)), map {
    ("h1: head POST /$_ 30k; send 30k; answer; head GET /next; answer\n",
     "h1s: head PUT /$_ chunked; chunk 30k; chunk 0; answer; connect; head GET /next; answer\n",
     "h2: head POST /$_ 30k; send 30k; answer; head GET /next; answer\n",
     "h2: head POST /$_ chunked; send 30k; finish; answer; head GET /next; answer\n")
} qw(closed said not-found elsewhere missed again sorry handed denied page named)
--- seen eval
CORE::join '', "502 <502 Bad Gateway>\n", "502 <502 Bad Gateway> | 200 ok\n" x 2, map { "$_ | 200 ok\n" x 4 } ('502 <502 Bad Gateway>') x 4, '405 <405 Not Allowed>', '502 <502 Bad Gateway>', '200 text', '200 ok', '200 ok', '200 page', '502 <502 Bad Gateway>'
--- asked eval
CORE::join '', ("GET /next none\n") x 30,
    (map { my $target = $_; map { "$_ $target none\nGET /next none\n" } 'POST', 'PUT', 'POST', 'POST' } '/handed', '/denied'), ("GET /next none\n") x 8
--- no_error_log
[alert]
[emerg]


=== TEST 24: a request behind a body that nginx still discards when its post_action begins is answered, where there is no drain, too
--- config
limit_body 1m;
location = /drained { post_action /posted; deny all; }
location = /off { limit_body_drain off; post_action /posted; deny all; }
location = /dry { limit_body_dry_run on; post_action /posted; deny all; }
location = /none { limit_body off; limit_body_drain off; post_action /posted; return 200 "none\n"; }
location = /posted { proxy_pass http://kept; }
location = /next { proxy_pass http://kept; }
--- in_turn
--- script eval
CORE::join '', map {
    ("h1: head POST /$_ 2000; send 1000; read; answer; send 1000; head GET /next; answer\n",
     "h1s: head POST /$_ chunked; chunk 1000; answer; chunk 1000; chunk 0; head GET /next; answer\n")
} qw(drained off dry none)
--- seen eval
"403 <403 Forbidden> | 200 ok\n" x 6 . "200 none | 200 ok\n" x 2
--- asked eval
"POST /posted none\nGET /next none\n" x 8
--- no_error_log
[alert]
[emerg]


=== TEST 25: a request that nginx gives up while its upstream is asked ends when its post_action is over, and its connection, too
--- config
limit_body 1m;
limit_body_drain idle=1m time=1h rate=0;
# In seconds, rounded down: what comes of a body that nginx discards by itself is too late at once.
lingering_time 400ms;
memcached_read_timeout 60s;
set $memcached_key key;
location = /one { post_action /posted; memcached_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
location = /two { post_action /static; memcached_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_6; }
location = /static { internal; post_action /posted; return 204; }
location = /posted { internal; proxy_pass http://kept; }
location = /status { stub_status; }
--- script
up 5: line; mark 1; await over
up 6: line; mark 2; await over
h1: head GET /one 2000; await 1; send 1000; read; send 1000; gone; mark 3
h1: head GET /two 2000; await 2; send 1000; read; send 1000; gone; await 3; active 0; mark over
--- seen
connected | get key
connected | get key
--- asked
GET /posted 2000
GET /posted none
--- no_error_log
[alert]
[emerg]


=== TEST 26: nor is such a request freed too early if nginx gives it up because the body does not come
--- config
limit_body 1m;
limit_body_drain idle=100ms;
lingering_timeout 100ms;
memcached_read_timeout 60s;
set $memcached_key key;
location = /one { post_action /posted; memcached_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
location = /two { post_action /static; memcached_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_6; }
location = /static { internal; return 204; }
location = /posted { internal; proxy_pass http://kept/posted?pause=0.5; }
location = /status { stub_status; }
--- script
up 5: line; await over
up 6: line; await over
h1: head GET /one 2000; gone; mark 1
h1: head GET /two 2000; send 1000; gone; await 1; active 0; mark over
--- seen
connected | get key
connected | get key


--- asked
GET /posted?pause=0.5 none
--- no_error_log
[alert]
[emerg]


=== TEST 27: what nginx has begun to discard and has left is no body for a post_action, and no request
--- config
limit_body 1m;
lingering_time 1s;
memcached_read_timeout 60s;
set $memcached_key key;
location = /one { post_action /posted; memcached_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
location = /two { post_action /posted; memcached_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_6; }
location = /posted { internal; proxy_pass http://kept; }
location / { proxy_pass http://kept; }
--- script
up 5: line; mark 1; await over
up 6: line; mark 2; await past
h1: head GET /one 2000; send 500; await 1; pause 1.1; send 500; gone; mark over
h1: bytes GET /two HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n123456; await 2; pause 1.1; bytes GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n; gone; mark past
--- seen
connected | get key
connected | get key
--- asked
GET /posted none
GET /posted none
--- no_error_log
[alert]
[emerg]


=== TEST 28: a filter that replaces the response of an upstream: the post_action of its page goes on to its end
--- http_config
proxy_cache_path $TEST_NGINX_SERVER_ROOT/cache keys_zone=z:1m;
--- config
limit_body 1m;
location = /cached { proxy_cache z; proxy_cache_valid 200 1m; proxy_pass http://kept; error_page 412 /page; }
location = /page { internal; post_action /posted; return 200 page; }
location = /posted { internal; proxy_pass http://kept/posted?pause=0.3; }
location = /status { stub_status; }
--- in_turn
--- script
h1: head GET /cached If-Match:no; answer; gone; active 0
h1: head GET /cached 100 If-Match:no; send 100; answer; gone; active 0
--- seen
412 page
412 page
--- asked
GET /cached none
GET /posted?pause=0.3 none
GET /cached 100
GET /posted?pause=0.3 100
--- no_error_log
[alert]
[emerg]


=== TEST 29: a client that ends its side within a body that nginx discards, while an upstream is asked
--- config
limit_body 1m;
limit_body_drain idle=1s;
lingering_timeout 100ms;
memcached_read_timeout 60s;
set $memcached_key key;
location = /one { post_action /static; memcached_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
location = /two { post_action /posted; memcached_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_6; }
location = /static { internal; root html; try_files /page =404; }
location = /posted { internal; proxy_pass http://kept/posted?pause=0.5; }
location = /status { stub_status; }
--- user_files
>>> page
page
--- script
up 5: line; mark 1; await over
up 6: line; mark 2; await over
h1: head GET /one 2000; await 1; send 500; read; shutdown; mark 3
h1: head GET /two 2000; await 2; send 500; read; shutdown; await 3; active 0; mark over
--- seen
connected | get key
connected | get key


--- asked
GET /posted?pause=0.5 none
--- no_error_log
[alert]
[emerg]


=== TEST 30: a drain that is refused a slot leaves no body for a post_action
--- config
limit_body 1m;
limit_body_drain idle=60s conns=1;
location = /plain { deny all; }
location = /deny { post_action /posted; deny all; }
location = /posted { internal; proxy_pass http://kept; }
--- in_turn
--- script
h2: head POST /plain 500; answer; head POST /deny 500; answer; logged refused,; close
h3: head POST /plain 500; answer; head POST /deny 500; answer; logged refused, 2; close
--- seen
403 <403 Forbidden> | 403 <403 Forbidden>
403 <403 Forbidden> | 403 <403 Forbidden>
--- asked
POST /posted none
h3 POST /posted none
--- no_error_log
[alert]
[emerg]


=== TEST 31: a body that nginx has discarded to its end before a redirect is announced to nobody; nor is one whose length is refused
--- config
limit_body 1m;
error_page 400 = /other;
location = /missed { memcached_pass 127.0.0.1:$TEST_NGINX_RAND_PORT_5; set $memcached_key key; error_page 404 = /other; }
location = /other { internal; proxy_set_header Content-Length $content_length; proxy_pass http://kept; }
location = /next { proxy_pass http://kept; }
--- script
up 5: line; bytes END\r\n; await over
h1: bytes GET /missed HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n12345; answer; head GET /next; answer; mark over
h1: bytes POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5, 5\r\n\r\n; answer; connect; head GET /next; answer
h1: bytes POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n; answer; connect; head GET /next; answer
--- seen
connected | get key
200 ok | 200 ok
200 ok | 200 ok
200 ok | 200 ok
--- asked
GET /other none
GET /next none
GET /other none
GET /next none
GET /other none
GET /next none
--- no_error_log
[alert]
[emerg]


=== TEST 32: nor is one that a module has discarded before the upstream is asked
--- main_config
load_module $TEST_NGINX_CONTROL;
--- http_config
limit_body 1m;
control_discard_in rewrite;
--- config
location = /default { proxy_pass http://kept; }
location = /length { proxy_set_header Content-Length $content_length; proxy_pass http://kept; }
location = /unbuffered { proxy_request_buffering off; proxy_pass http://kept; }
location = /next { proxy_pass http://kept; }
--- script eval
join '', map { (
    "h1: head POST /$_ 5; send 5; answer; connect; head GET /next; answer\n",
    "h1: head POST /$_ 30k; send 30k; answer; connect; head GET /next; answer\n",
    "h1s: head POST /$_ chunked; chunk 30k; chunk 0; answer; connect; head GET /next; answer\n",
    "h2: head POST /$_ 30k; send 30k; answer; head GET /next; answer\n",
    "h2: head POST /$_ chunked; send 30k; finish; answer; head GET /next; answer\n"
) } qw(default length unbuffered)
--- seen eval
"200 ok | 200 ok\n" x 15
--- asked eval
join '', map { "POST /$_ none\nGET /next none\n" x 5 } qw(default length unbuffered)
--- in_turn
--- no_error_log
[alert]
[emerg]


=== TEST 33: an upload that was empty was given to nobody, and another may have it
--- config
limit_body 1m;
proxy_request_buffering off;
proxy_intercept_errors on;
error_page 503 = @other;
location = /said { proxy_pass http://early_unix; }
location @other { proxy_pass http://kept; }
location = /next { proxy_pass http://kept; }
--- early
/said: answer 503 no; close
/said: await ended; answer 503 no; close
--- in_turn
--- script
h2: head POST /said chunked content-length:0; answer; finish; head GET /next; answer
h2: head POST /said chunked; finish; mark ended; answer; head GET /next; answer
--- seen
200 ok | 200 ok
200 ok | 200 ok
--- asked
POST /said none
GET /next none
POST /said none
GET /next none
--- no_error_log
[alert]
[emerg]


=== TEST 34: a post_action is told no length of a body that the drain of an early answer has taken
--- http_config
limit_body 1m;
--- config
location = /denied { deny all; post_action /posted; }
location = /posted { proxy_set_header Content-Length $http_content_length; proxy_pass http://kept; }
location = /next { proxy_pass http://kept; }
--- script
h1: head POST /denied 5000; send 100; answer; connect; head GET /next; answer
h2: head POST /denied 5000; send 100; answer; head GET /next; answer
--- in_turn
--- seen
403 <403 Forbidden> | 200 ok
403 <403 Forbidden> | 200 ok
--- asked
POST /posted none
POST /posted none
GET /next none
GET /next none
--- no_error_log
[alert]
[emerg]


=== TEST 35: nor does anybody get an upload without its body when the page of an error fails
--- config
limit_body 1m;
recursive_error_pages on;
proxy_intercept_errors on;
location = /said { proxy_request_buffering off; error_page 503 @page; proxy_pass http://early_unix; }
location = /denied { deny all; error_page 403 @page; }
location @page { error_page 502 = @other; proxy_pass http://127.0.0.1:1; }
location = /refused { limit_body 1k; error_page 413 @page; proxy_pass http://kept; }
location = /refused/late { limit_body 1k; error_page 403 @page; return 403; }
location = /slow { limit_body_timeout 1s; error_page 408 @page; proxy_pass http://kept; }
location @other { proxy_pass http://kept; }
location = /next { proxy_pass http://kept; }
--- early eval
"/said: rest; answer 503 no; close\n" x 4
--- script
h1: head POST /said 30k; send 30k; answer; connect; head GET /next; answer
h1: head POST /said chunked; chunk 30k; chunk 0; answer; connect; head GET /next; answer
h2: head POST /said 30k; send 30k; answer; head GET /next; answer
h2: head POST /said chunked; send 30k; finish; answer; head GET /next; answer
h1: head POST /denied chunked; chunk 5; chunk 0; answer; connect; head GET /next; answer
h2: head POST /denied chunked; send 500; finish; answer; head GET /next; answer
h1: head POST /refused 30k; send 30k; answer; connect; head GET /next; answer
h1: head POST /refused chunked; chunk 30k; chunk 0; answer; connect; head GET /next; answer
h2: head POST /refused 30k; send 30k; answer; head GET /next; answer
h2: head POST /refused chunked; send 30k; finish; answer; head GET /next; answer
h1: head POST /refused/late 30k; send 30k; answer; connect; head GET /next; answer
h2: head POST /refused/late 30k; send 30k; answer; head GET /next; answer
h1: head POST /slow 30k; send 1k; answer; connect; head GET /next; answer
h2: head POST /slow 30k; send 1k; answer; head GET /next; answer
--- in_turn
--- seen eval
"502 <502 Bad Gateway> | 200 ok\n" x 14
--- asked eval
"GET /next none\n" x 14
--- error_log
body is gone behind an error, no other location gets the request
--- no_error_log
[alert]
[emerg]


=== TEST 36: nor when all of it has come before its upstream is found to be down
--- config
limit_body 1m;
proxy_request_buffering off;
error_page 502 504 = @other;
resolver 127.0.0.1:$TEST_NGINX_RAND_PORT_5 ipv6=off;
location /proxied { proxy_pass http://await-sent$arg_n.example:1; }
location /grpc { grpc_pass grpc://await-sent$arg_n.example:1; }
location @other { proxy_pass http://kept; }
location = /next { proxy_pass http://kept; }
--- early
--- in_turn
--- script eval
my $n = 0;
CORE::join '', map { my $target = $_; map {
    my ($proto, $length) = split ' ';
    my $end = $proto eq 'h2' ? 'finish; ' : '';
    map {
        ++$n;
        "$proto: head POST /$target?n=$n " . ($length // $_) . "; await asked-sent$n; send $_; ${end}mark sent$n; answer; " .
            ($proto eq 'h1' ? 'connect; ' : '') . "head GET /next; answer\n"
    } qw(10 40k)
} 'h1', 'h2', 'h2 chunked' } qw(proxied grpc)
--- seen eval
"502 <502 Bad Gateway> | 200 ok\n" x 12
--- asked eval
"GET /next none\n" x 12
--- no_error_log
[alert]
[emerg]


=== TEST 37: no upstream, and no file, gets more of a body than its declared length
--- config
limit_body 10;
location = /passed { proxy_request_buffering off; proxy_pass http://early_tcp; }
location = /free { limit_body off; proxy_request_buffering off; proxy_pass http://early_tcp; }
location = /whole { proxy_pass http://backend/length; }
location = /next { proxy_pass http://kept; }
--- early
/passed: rest; mark passed; await more; quiet; answer 200 no; close
/free: rest; mark free; await more-2; quiet; answer 200 no; close
--- in_turn
--- script
h3: head POST /passed 5; send 5; await passed; frame 33 30k; finish; head GET /next; answer; mark more; stream 1; answer
h3: head POST /free 5; send 5; await free; frame 33 30k; finish; head GET /next; answer; mark more-2; stream 1; answer
h3: head POST /whole 5; send 5; frame 33 30k; finish; head GET /next; answer; stream 1; answer
--- seen eval
"200 ok | 400 <400 Bad Request> or else 200 ok | 200 no\n" x 2
. "200 ok | 400 <400 Bad Request> or else 200 ok | 200 length 5\n"
--- asked eval
"GET /next none\n" x 3
--- early_asked
h3 tcp /passed
h3 tcp /free
--- skip_nginx: 7: < 1.25.0
--- no_error_log
[alert]
[emerg]


=== TEST 38: nor does anybody get an upload without its body when the answer to it is in a cache
--- http_config
proxy_cache_path $TEST_NGINX_SERVER_ROOT/cache keys_zone=cache:1m;
--- config
limit_body 1m;
proxy_request_buffering off;
proxy_intercept_errors on;
error_page 404 = @other;
location = /cached {
    proxy_cache cache;
    proxy_cache_key $uri;
    proxy_cache_methods POST;
    proxy_cache_valid 404 1h;
    proxy_pass http://early_unix;
}
location @other { proxy_pass http://kept; }
location = /next { proxy_pass http://kept; }
--- early
/cached: rest; answer 404 no; close
--- in_turn
--- script
h1: head POST /cached 30k; send 30k; answer; head GET /next; answer
h1: head POST /cached 30k; send 30k; answer; connect; head GET /next; answer
h2: head POST /cached 30k; send 30k; answer; head GET /next; answer
h2: head POST /cached chunked; send 30k; finish; answer; head GET /next; answer
--- seen eval
"502 <502 Bad Gateway> | 200 ok\n" x 4
--- asked eval
"GET /next none\n" x 4
--- no_error_log
[alert]
[emerg]


=== TEST 39: a refusal is sent behind an answer with a limited rate, and a post_action that has stopped its timer
--- config
limit_body 10;
location = /slow { limit_rate 1m; post_action /failed; root html; }
location = /failed { return 404; }
location / { proxy_pass http://127.0.0.1:1; }
--- user_files eval
">>> slow\n" . "x" x 199_999 . "\n"
--- in_turn
--- script
h1: head GET /slow; answer; head POST / 30k; answer; close
h1: head GET /slow; answer; head POST / chunked; chunk 30k; answer; close
--- seen eval
"200 200000 bytes | 413 <413 Request Entity Too Large>\n" x 2
--- no_error_log
[alert]
[emerg]


=== TEST 40: nobody gets an upload empty that nginx could not store, or ask an upstream for, or that another upstream wants empty
--- http_config
proxy_cache_path $TEST_NGINX_SERVER_ROOT/cache keys_zone=cache:1m;
large_client_header_buffers 4 80k;
--- config
limit_body 1m;
error_page 500 502 503 504 = @other;
# In the place of each directory for its files there is a file.
client_body_temp_path $TEST_NGINX_SERVER_ROOT/html/body 1;
client_body_buffer_size 1k;
location = /stored { proxy_pass http://kept; }
location = /handed { limit_body off; proxy_pass http://kept; }
location = /put { dav_methods PUT; }
location = /big { uwsgi_pass 127.0.0.1:1; uwsgi_request_buffering off; }
location = /nowhere {
    proxy_request_buffering off;
    proxy_cache $arg_zone;
    proxy_cache_methods POST;
    proxy_pass http://kept;
}
location = /if { error_page 502 = @if; proxy_request_buffering off; proxy_pass http://127.0.0.1:1; }
location = /except { error_page 502 = @except; proxy_request_buffering off; proxy_pass http://127.0.0.1:1; }
location @if { fastcgi_pass_request_body off; fastcgi_pass 127.0.0.1:1; if ($request_method = POST) { proxy_pass http://kept; } }
location @except { fastcgi_pass_request_body off; fastcgi_pass 127.0.0.1:1; limit_except GET { proxy_pass http://kept; } }
location = /variable { error_page 502 = @variable; proxy_request_buffering off; proxy_pass http://127.0.0.1:1; }
set $kept kept;
set $memcached_key key;
location @variable { memcached_pass 127.0.0.1:1; limit_except GET { proxy_pass http://$kept; } }
location = /two { error_page 502 = @two; proxy_request_buffering off; proxy_pass http://127.0.0.1:1; }
location @two { fastcgi_pass_request_body off; fastcgi_pass 127.0.0.1:1; proxy_pass http://kept; }
location = /cors { error_page 502 = @cors; proxy_request_buffering off; proxy_pass http://127.0.0.1:1; }
location @cors {
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
    proxy_pass http://kept;
    if ($request_method = POST) { add_header Access-Control-Allow-Origin *; }
}
location = /line { error_page 400 = @other; proxy_http_version 1.1; proxy_request_buffering off; proxy_pass http://early_tcp; }
location = /small { client_body_in_file_only on; proxy_pass http://kept; }
location = /stream {
    client_max_body_size 1k;
    limit_body_dry_run on;
    error_page 413 = @other;
    proxy_http_version 1.1;
    proxy_request_buffering off;
    proxy_pass http://kept;
}
location = /short { error_page 400 = @other; proxy_request_buffering off; proxy_pass http://early_tcp; }
location = /page { client_max_body_size 1k; limit_body_dry_run on; error_page 413 = @other; proxy_pass http://kept; }
location @other { proxy_pass http://kept; }
location = /next { proxy_pass http://kept; }
--- user_files eval
CORE::join '', map { ">>> body/$_\n" } 0 .. 9
--- early
/line: send HTTP/1.1 200 OK\r\nX-Header: not all\r\n; mark sent; await never
/short: mark asked; await never
--- in_turn
--- script eval
my $long = 'X-Long:' . 'x' x 70_000;
CORE::join '', (map {
    ("h1: head $_ 30k; send 30k; answer; connect; head GET /next; answer\n",
     "h1: head $_ chunked; chunk 30k; chunk 0; answer; connect; head GET /next; answer\n",
     "h2: head $_ 30k; send 30k; answer; head GET /next; answer\n",
     "h2: head $_ chunked; send 30k; finish; answer; head GET /next; answer\n",
     "h3: head $_ 30k; send 30k; answer; head GET /next; answer\n",
     "h3: head $_ chunked; send 30k; finish; answer; head GET /next; answer\n")
} 'POST /stored', 'POST /handed', 'PUT /put', 'POST /nowhere?zone=none'),
(map { ("h1: head $_ 30k; send 30k; answer; connect; head GET /next; answer\n", "h2: head $_ 30k; send 30k; answer; head GET /next; answer\n") } 'POST /if', 'POST /except', 'POST /variable', 'POST /two', 'POST /cors'),
"h1: head POST /line chunked; chunk 1k; await sent; read; bytes no; answer; connect; head GET /next; answer\n",
"h1: head POST /page chunked; chunk 30k; chunk 0; answer; connect; head GET /next; answer\n",
"h1: bytes POST /stream HTTP/1.1\\r\\nHost: localhost\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n7530\\r\\nx; answer; connect; head GET /next; answer\n",
"h1: head POST /small 10; send 10; answer; connect; head GET /next; answer\n",
"h2: head POST /short 10; await asked; finish; answer; head GET /next; answer\n",
"h1: head POST /big 30k $long; send 30k; answer; connect; head GET /next; answer\n",
"h2: head POST /big 30k $long; send 30k; answer; head GET /next; answer\n"
--- seen eval
"502 <502 Bad Gateway> | 200 ok\n" x 32 . "200 ok | 200 ok\n" x 2 . "502 <502 Bad Gateway> | 200 ok\n" . "200 ok | 200 ok\n" x 3 . "502 <502 Bad Gateway> | 200 ok\n" x 3
--- asked eval
"POST /cors none\n" x 2 . "POST /page none\nPOST /stream none\nPOST /small 10\n" . "GET /next none\n" x 33 . "h3 GET /next none\n" x 8
--- error_log
uwsgi request is too big
--- no_error_log
[emerg]


=== TEST 41: nor does anybody get an upload without its body that does not come to its end, buffered or not
--- config
limit_body 1m;
proxy_http_version 1.1;
location = /buffered { error_page 400 = @other; proxy_pass http://backend; }
location = /stored { error_page 400 = @other; client_body_buffer_size 1k; proxy_pass http://backend; }
location = /unbuffered { error_page 400 = @other; proxy_request_buffering off; proxy_pass http://backend; }
location = /off { error_page 400 = @other; limit_body off; limit_body_drain off; proxy_pass http://backend; }
location = /status { error_page 400 @other; proxy_pass http://backend; }
location = /get { error_page 400 = /page; proxy_pass http://backend; }
location = /page { proxy_pass http://kept; }
location = /return { error_page 400 = @return; proxy_pass http://backend; }
location @return { return 200 "page\n"; }
location @other { proxy_pass http://kept; }
location = /next { proxy_pass http://kept; }
--- in_turn
--- script eval
CORE::join '', (map {
    ("h1: bytes POST /$_ HTTP/1.1\\r\\nHost: localhost\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\nno; answer; connect; head GET /next; answer\n",
     "h1: head POST /$_ chunked; chunk 5000; read; bytes no; answer; connect; head GET /next; answer\n",
     "h2: head POST /$_ 5000; send 2000; finish; answer; head GET /next; answer\n",
     "h2: head POST /$_ 5000; send 5001; finish; answer; head GET /next; answer\n",
     "h3: head POST /$_ 5000; send 2000; finish; answer; head GET /next; answer\n")
} qw(buffered stored off status get return)),
    "h1: bytes POST /unbuffered HTTP/1.1\\r\\nHost: localhost\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\nno; answer; connect; head GET /next; answer\n"
--- seen eval
CORE::join '', ("502 <502 Bad Gateway> | 200 ok\n") x 15, ("400 ok | 200 ok\n") x 5, ("200 ok | 200 ok\n") x 5, ("200 page | 200 ok\n") x 5,
    "502 <502 Bad Gateway> | 200 ok\n"
--- asked eval
CORE::join '', ("GET /next none\n") x 25, ("h3 GET /next none\n") x 6, map { ("$_\n") x 4, "h3 $_\n" } 'POST /status none', 'GET /page none'
--- error_log
body is gone behind an error, no other location gets the request
--- no_error_log
[alert]
[emerg]


=== TEST 42: a request keeps its body when a module gives it the header of a subrequest without one
--- main_config
load_module $TEST_NGINX_CONTROL;
--- http_config
control_copy;
--- config
limit_body 1m;
proxy_http_version 1.1;
location = /auth { auth_request /check; proxy_pass http://kept; }
location = /tried { auth_request /try; proxy_pass http://kept; }
location = /page { auth_request /fail; proxy_pass http://kept; }
location = /mirror { mirror /check; mirror_request_body off; proxy_pass http://kept; }
location = /mirror-page { mirror /fail; mirror_request_body off; proxy_pass http://kept; }
location = /unbuffered { mirror /check; mirror_request_body off; proxy_request_buffering off; proxy_pass http://kept; }
location = /check { internal; proxy_pass http://kept; }
location = /try { internal; try_files /none @checked; }
location = /fail { internal; error_page 502 = @checked; proxy_pass http://127.0.0.1:1; }
location @checked { proxy_pass http://kept; }
location = /next { proxy_pass http://kept; }
--- in_turn
--- script eval
# Of a body in chunks nginx counts the length where the copy goes, if it is being read by then.
CORE::join '', map {
    my $path = $_;
    ("h1: head POST /$path 40; pause 0.2; send 40; answer; head GET /next; answer\n",
     "h2: head POST /$path 40; pause 0.2; send 40; finish; answer; head GET /next; answer\n",
     "h2: head POST /$path chunked; pause 0.2; send 40; finish; answer; head GET /next; answer\n",
     $path =~ /mirror/ ? () : "h1: head POST /$path chunked; pause 0.2; chunk 40; chunk 0; answer; head GET /next; answer\n")
} qw(auth tried page mirror mirror-page unbuffered)
--- seen eval
"200 ok | 200 ok\n" x 22
--- asked eval
CORE::join '', map {
    my ($path, $method, $subrequest, @lengths) = @$_;
    map { ("$method /$subrequest none\n", "POST /$path $_\n", "GET /next none\n") } @lengths
} [qw(auth GET check), (40) x 4], [qw(tried GET try), (40) x 4], [qw(page GET fail), (40) x 4],
    [qw(mirror POST check), (40) x 3], [qw(mirror-page POST fail), (40) x 3], [qw(unbuffered POST check), 40, 40, ('chunked 40') x 2]
--- no_error_log
[alert]
[emerg]


=== TEST 43: a module may add fields to a subrequest when its request has lost those of its body, wherever they stood
--- main_config
load_module $TEST_NGINX_CONTROL;
--- http_config
control_clear;
--- config
limit_body 1k;
error_page 413 @page;
location = /up { mirror /mirror; mirror_request_body off; proxy_pass http://backend; }
location = /late { error_page 413 /page?late; mirror /mirror; mirror_request_body off; proxy_pass http://backend; }
location = /mirror { internal; control_hold; }
location @page { control_page; }
location = /page { internal; control_page; }
--- in_turn
--- script eval
# Host is the first, and "Cleared" and "Gone" are taken out.
sub fields { CORE::join ' ', map { "X$_:1" } @_ }
CORE::join '', "h1: head POST /late Gone:1 chunked; pause 0.2; chunk 5000; answer\n",
    map { "h1: head POST /up $_; pause 0.2; chunk 5000; answer\n" }
    'chunked', 'chunked ' . fields(1 .. 17), 'chunked ' . fields(1 .. 18), 'chunked ' . fields(1 .. 40),
    fields(1 .. 17) . ' chunked', fields(1 .. 18) . ' chunked', fields(1 .. 19) . ' chunked', fields(1 .. 40) . ' chunked ' . fields(41, 42),
    'chunked ' . fields(1 .. 17) . ' Cleared:1', fields(1 .. 17) . ' chunked Cleared:1',
    'chunked ' . fields(1 .. 5) . ' Cleared:1 ' . fields(6 .. 17), fields(1 .. 5) . ' Cleared:1 ' . fields(6 .. 17) . ' chunked',
    'chunked ' . fields(1 .. 17) . ' Gone:1', 'chunked ' . fields(1 .. 5) . ' Gone:1 ' . fields(6 .. 40)
--- seen eval
CORE::join '', map { CORE::join(' ', '413', (map { "X$_" } 1 .. $_)) . "\n" } 0, 0, 17, 18, 40, 17, 18, 19, 42, (17) x 5, 40
--- no_error_log
[alert]
[emerg]


=== TEST 44: a subrequest has an empty body in the place of one that it must not have, as nginx has it behind auth_request
--- main_config
load_module $TEST_NGINX_CONTROL;
--- config
limit_body 1m;
location = /up { auth_request /auth; proxy_pass http://backend; }
location = /auth { internal; control_body; }
--- upload
h1 POST /up 5 | POST /up 64k
h1 chunked POST /up 5 | POST /up 64k
h2 POST /up 5 | POST /up 64k
h2 chunked POST /up 5 | POST /up 64k
h3 POST /up 5 | POST /up 64k
h3 chunked POST /up 5 | POST /up 64k
--- answer
200 ok | 200 ok | open
200 ok | 200 ok | open
200 ok | 200 ok
200 ok | 200 ok
200 ok | 200 ok
200 ok | 200 ok


=== TEST 45: where an answer is cut off before a post_action, no other answer is taken for the rest of it
--- config
limit_body 1m;
proxy_http_version 1.1;
proxy_buffering off;
location = /cut { post_action /posted; proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_5; }
location = /posted { internal; return 204; }
--- script
up 5: line; bytes HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n; await begun; bytes no; await over; close
h1: head POST /cut 5; send 5; header; mark begun; end; mark over
--- seen
connected | POST /cut HTTP/1.1
closed
--- no_error_log
[alert]
[emerg]
