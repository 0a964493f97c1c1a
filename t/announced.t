# limit_body ... length=value: a length that is announced elsewhere than in Content-Length.

use Test::Nginx::LimitBody 'no_plan';

run_tests();

__DATA__

=== TEST 1: it is judged like a declared length, beside Content-Length, and the body still as it comes
--- config
limit_body_drain idle=5s;
limit_body 1k length=$http_x_length;
location = /up { proxy_pass http://backend/length; }
location = /other { limit_body 1k; proxy_pass http://backend/length; }
--- upload
h1 POST /up 10 X-Length:1024 | POST /up 10 X-Length:1025
h1 POST /up 1025 X-Length:1
h1 chunked POST /up 1k X-Length:1024
h1 chunked POST /up 1025 X-Length:10
h1 chunked POST /up 16m X-Length:1024
h1 chunked POST /up 16m X-Length:16777216
h1s chunked expect POST /up 16m X-Length:16777216
h1 POST /up 10 | POST /other 10 X-Length:1025
h2 POST /up 10 X-Length:1024 | POST /up 10 X-Length:1025 | POST /up 1025 X-Length:1
h2 chunked POST /up 10 X-Length:1024 | POST /up 1m X-Length:1025 | POST /up 1025 X-Length:10
h3 POST /up 10 X-Length:1024 | POST /up 10 X-Length:1025 | POST /up 1025 X-Length:1
h3 chunked POST /up 10 X-Length:1024 | POST /up 1m X-Length:1025 | POST /up 1025 X-Length:10
--- answer
200 length 10 | 413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 length 1024 | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 length 10 | 200 length 10 | open
200 length 10 | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large>
200 length 10 | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large>
200 length 10 | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large>
200 length 10 | 413 <413 Request Entity Too Large> | 413 <413 Request Entity Too Large>
--- logged
/up 200 PASSED 1024 10 header
/up 413 REJECTED 1024 0 header
/up 413 REJECTED 1024 0 header
/up 200 PASSED 1024 1024 header
/up 413 REJECTED 1024 * body
/up 413 REJECTED 1024 * body
/up 413 REJECTED 1024 0 header
/up 413 REJECTED 1024 0 header
/up 200 PASSED 1024 10 header
/other 200 PASSED 1024 10 header
/up 200 PASSED 1024 10 header
/up 413 REJECTED 1024 0 header
/up 413 REJECTED 1024 0 header
/up 200 PASSED 1024 10 header
/up 413 REJECTED 1024 * header
/up 413 REJECTED 1024 * body
h3 /up 200 PASSED 1024 10 header
h3 /up 413 REJECTED 1024 * header
h3 /up 413 REJECTED 1024 * header
h3 /up 200 PASSED 1024 10 header
h3 /up 413 REJECTED 1024 * header
h3 /up 413 REJECTED 1024 * body
--- error_log
client intended to send too large body: 16777216 bytes, limit: 1024
--- no_error_log
[alert]
[crit]


=== TEST 2: a request without a body that announces one is refused, and its connection is kept if nginx would keep it
--- config
limit_body 1k length=$http_upload_length;
location = /files { proxy_pass http://backend/length; }
location = /kept { limit_body_status 422; proxy_pass http://backend/length; }
location = /returned { return 201; }
location = /file { error_page 405 =201 /page.txt; }
location = /page.txt { internal; }
--- user_files
>>> file
file
>>> page.txt
page
--- upload
h1 POST /kept 0 Upload-Length:1025 | POST /kept 0 Upload-Length:1024 | GET /kept | GET /kept Upload-Length:1025 | POST /kept 10 | POST /kept 10 Upload-Length:1025
h1 POST /files 0 Upload-Length:1025
h1 POST /returned 0 Upload-Length:1024 | POST /returned 0 Upload-Length:1025
h1 POST /file 0 Upload-Length:1024 | POST /file 0 Upload-Length:1025
h2 POST /files 0 Upload-Length:1025 | POST /files 0 Upload-Length:1024 | GET /files
h3 POST /files 0 Upload-Length:1025 | POST /files 0 Upload-Length:1024 | GET /files
--- answer
422 | 200 length 0 | 200 length | 422 | 200 length 10 | 422 | closed
413 <413 Request Entity Too Large> | closed
201 | 413 <413 Request Entity Too Large> | closed
201 page | 413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | 200 length 0 | 200 length
413 <413 Request Entity Too Large> | 200 length 0 | 200 length
--- logged
/kept 422 REJECTED 1024 0 header
/kept 200 PASSED 1024 0 header
/kept 200 - - - -
/kept 422 REJECTED 1024 0 header
/kept 200 PASSED 1024 10 header
/kept 422 REJECTED 1024 0 header
/files 413 REJECTED 1024 0 header
/returned 201 PASSED 1024 0 header
/returned 413 REJECTED 1024 0 header
/file 201 PASSED 1024 0 header
/file 413 REJECTED 1024 0 header
/files 413 REJECTED 1024 0 header
/files 200 PASSED 1024 0 header
/files 200 - - - -
h3 /files 413 REJECTED 1024 0 header
h3 /files 200 PASSED 1024 0 header
h3 /files 200 - - - -
--- no_error_log
[alert]
[crit]


=== TEST 3: what is no number is as none, and what is too large a number is too large
--- config
limit_body 1k length=$http_x_length;
location = /up { proxy_pass http://backend/length; }
location = /unlimited { limit_body 0 length=$http_x_length; proxy_pass http://backend/length; }
--- upload
h1 POST /up 10 X-Length:2k | POST /up 10 X-Length:-2000 | POST /up 10 X-Length:+2000 | POST /up 10 X-Length:0x2000 | POST /up 10 X-Length:2000.0 | POST /up 10 X-Length:many | POST /up 10 X-Length:0
h1 POST /up 10 X-Length:9223372036854775807
h1 POST /up 10 X-Length:9223372036854775808
h1 POST /up 10 X-Length:99999999999999999999999999999999
h1 POST /up 10 X-Length:0000000000000000000000000000000000001025
h1 POST /up 10 X-Length:0000000000000000000000000000000000000010
h1 POST /unlimited 10 X-Length:9223372036854775808
--- answer
200 length 10 | 200 length 10 | 200 length 10 | 200 length 10 | 200 length 10 | 200 length 10 | 200 length 10 | open
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
413 <413 Request Entity Too Large> | closed
200 length 10 | open
200 length 10 | open
--- error_log
too large body: 9223372036854775807 bytes, limit: 1024
too large body: 1025 bytes, limit: 1024
--- no_error_log
[alert]
[crit]


=== TEST 4: beside other arguments, inherited with them, with a limit from a variable, and in a dry run
--- http_config
map $http_x_plan $plan { large 2k; bad wrong; default 1k; }
--- config
limit_body 1k declared length=$http_x_length;
location = /declared { proxy_pass http://backend/length; }
location = /inner { client_max_body_size 2k; proxy_pass http://backend/length; }
location = /own { limit_body 1k; proxy_pass http://backend/length; }
location = /plan { limit_body $plan length=$http_x_length; proxy_pass http://backend/length; }
location = /dry { limit_body_dry_run on; proxy_pass http://backend/length; }
--- upload
h1 chunked POST /declared 10
h1 chunked POST /declared 10 X-Length:10
h1 chunked POST /declared 2k X-Length:10
h1 chunked POST /declared 10 X-Length:many
h1 POST /inner 10 X-Length:2048 | POST /inner 10 X-Length:2049
h1 POST /own 10 X-Length:2048
h1 POST /plan 10 X-Length:2048 X-Plan:large | POST /plan 10 X-Length:2048
h1 POST /plan 0 X-Plan:bad | POST /plan 0 X-Length:10 X-Plan:bad
h1 POST /dry 10 X-Length:2048 | POST /dry 0 X-Length:2048
h1 chunked POST /dry 2k X-Length:2048
--- answer
411 <411 Length Required> | closed
200 length 10 | open
413 <413 Request Entity Too Large> | closed
411 <411 Length Required> | closed
200 length 10 | 413 <413 Request Entity Too Large> | closed
200 length 10 | open
200 length 10 | 413 <413 Request Entity Too Large> | closed
200 length 0 | 500 <500 Internal Server Error> | closed
200 length 10 | 200 length 0 | open
200 length 2048 | open
--- logged
/declared 411 REJECTED 1024 0 header
/declared 200 PASSED 1024 10 header
/declared 413 REJECTED 1024 * body
/declared 411 REJECTED 1024 0 header
/inner 200 PASSED 2048 10 header
/inner 413 REJECTED 2048 0 header
/own 200 PASSED 1024 10 header
/plan 200 PASSED 2048 10 header
/plan 413 REJECTED 1024 0 header
/plan 200 - - - -
/plan 500 REJECTED - 0 header
/dry 200 REJECTED_DRY_RUN 1024 10 header
/dry 200 REJECTED_DRY_RUN 1024 0 header
/dry 200 REJECTED_DRY_RUN 1024 2048 header
--- error_log
too large body: 2048 bytes, limit: 1024, dry run
invalid value "wrong" of "$plan" in "limit_body"
--- no_error_log
[alert]
[crit]


=== TEST 5: judged when access has been granted, also without a body
--- config
auth_basic "uploads";
auth_basic_user_file ../html/users;
location = /up { limit_body 1k after_auth length=$http_x_length; proxy_pass http://backend/length; }
--- user_files
>>> users
user:{PLAIN}secret
--- upload
h1 POST /up 0 X-Length:1025 | POST /up 0 X-Length:10 Authorization:Basic_dXNlcjpzZWNyZXQ= | POST /up 0 X-Length:1025 Authorization:Basic_dXNlcjpzZWNyZXQ=
h1 POST /up 10 X-Length:1025 | POST /up 10 X-Length:1025 Authorization:Basic_dXNlcjpzZWNyZXQ=
--- answer
401 <401 Authorization Required> | 200 length 0 | 413 <413 Request Entity Too Large> | closed
401 <401 Authorization Required> | 413 <413 Request Entity Too Large> | closed
--- logged
/up 401 - - - -
/up 200 PASSED 1024 0 header
/up 413 REJECTED 1024 0 header
/up 401 - - - -
/up 413 REJECTED 1024 0 header
--- no_error_log
[alert]
[crit]


=== TEST 6: a redirect to another location, subrequests, and the page of an error
--- config
location = /first { limit_body 1k length=$http_x_length; try_files /none /second; }
location = /second { internal; limit_body 10 length=$http_x_length; limit_body_status 422; proxy_pass http://backend/length; }
location = /mirrored { limit_body 1k length=$http_x_length; mirror /mirror; proxy_pass http://backend/length; }
location = /mirror { internal; limit_body 1 length=$http_x_length; proxy_pass http://backend; }
location = /denied { error_page 403 /page; deny all; }
location = /page { limit_body 10 length=$http_x_length; proxy_pass http://backend/length; }
--- upload
h1 POST /first 0 X-Length:10 | POST /first 0 X-Length:11 | POST /first 0 X-Length:1025
h1 POST /first 5 X-Length:10 | POST /first 5 X-Length:11
h1 POST /mirrored 10 X-Length:1024 | POST /mirrored 10 X-Length:1025
h1 POST /denied 5 X-Length:11 | POST /denied 0 X-Length:11
--- answer
200 length 0 | 422 | 413 <413 Request Entity Too Large> | closed
200 length 5 | 422 | closed
200 length 10 | 413 <413 Request Entity Too Large> | closed
403 length 5 | 403 length 0 | open
--- no_error_log
[alert]
[crit]
