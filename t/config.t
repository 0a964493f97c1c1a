# What nginx -t says of a bad configuration: each line names the directive, its value where there is one, and the place.

use Test::Nginx::LimitBody 'no_plan';

# nginx gives nothing back when it does not start.
$ENV{MEMORY_LEAKS} = 'no';

my $size = 'it must be "off" or a size';
my $large = 'it must be less than 2^63 bytes';
my $status = 'it must be a status from 400 to 599 other than 408, 444, 494 to 497 and 499';
my $level = 'it must be "info", "notice", "warn" or "error"';
my $time = 'it must be a time of at least 1ms';
my $flag = 'it must be "on" or "off"';

sub invalid { my ($name, $value, $expected) = @_; qq{invalid value "$value" in "$name" directive, $expected in } }
sub parameter { my ($text, $why) = @_; qq{invalid parameter "$text" in "limit_body_drain" directive, $why in } }
sub timeout_parameter { my ($text, $why) = @_; qq{invalid parameter "$text" in "limit_body_timeout" directive, $why in } }
sub arguments { qq{invalid number of arguments in "$_[0]" directive in } }
sub duplicate { qq{"$_[0]" directive is duplicate in } }
sub misplaced { qq{"$_[0]" directive is not allowed here in } }

my @cases = (
    ['limit_body;', arguments('limit_body')],
    ['limit_body 1k after_auth declared 2k;', qq{invalid parameter "2k" in "limit_body" directive in }],
    ['limit_body 1k after_auth declared length=$http_a 2k;', arguments('limit_body')],
    ['limit_body 1k after_auth=;', qq{invalid parameter "after_auth=" in "limit_body" directive in }],
    ['limit_body 1k length;', qq{invalid parameter "length" in "limit_body" directive in }],
    ['limit_body 1k length=;', qq{invalid parameter "length=" in "limit_body" directive, it must contain a variable in }],
    ['limit_body 1k length=1m;', qq{invalid parameter "length=1m" in "limit_body" directive, it must contain a variable in }],
    ['limit_body 1k length=$http_a length=$http_b;', qq{invalid parameter "length=\$http_b" in "limit_body" directive, it is duplicate in }],
    ['limit_body 1k length=$no_such_variable;', 'unknown "no_such_variable" variable'],
    ['limit_body off length=$http_a;', qq{invalid parameter "length=\$http_a" in "limit_body" directive in }],
    ['limit_body 1k after_auth 2k;', qq{invalid parameter "2k" in "limit_body" directive in }],
    ['limit_body 1k 2k;', qq{invalid parameter "2k" in "limit_body" directive in }],
    ['limit_body 1k before_auth;', qq{invalid parameter "before_auth" in "limit_body" directive in }],
    ['limit_body off after_auth;', qq{invalid parameter "after_auth" in "limit_body" directive in }],
    ['limit_body off declared;', qq{invalid parameter "declared" in "limit_body" directive in }],
    ['limit_body 1q after_auth;', invalid('limit_body', '1q', $size)],
    ['limit_body "";', invalid('limit_body', '', $size)],
    ['limit_body on;', invalid('limit_body', 'on', $size)],
    ['limit_body 1kb;', invalid('limit_body', '1kb', $size)],
    ['limit_body 1.5m;', invalid('limit_body', '1.5m', $size)],
    ['limit_body -1;', invalid('limit_body', '-1', $size)],
    ['limit_body k;', invalid('limit_body', 'k', $size)],
    ['limit_body 1t;', invalid('limit_body', '1t', $size)],
    ["limit_body '1 k';", invalid('limit_body', '1 k', $size)],
    ['limit_body größe;', invalid('limit_body', 'größe', $size)],
    ['limit_body 9223372036854775808;', invalid('limit_body', '9223372036854775808', $large)],
    ['limit_body 18446744073709551617;', invalid('limit_body', '18446744073709551617', $large)],
    ['limit_body 8589934592g;', invalid('limit_body', '8589934592g', $large)],
    ['limit_body 1k; limit_body 2k;', duplicate('limit_body')],
    ['limit_body off; limit_body 2k;', duplicate('limit_body')],
    ['limit_body $no_such_variable;', 'unknown "no_such_variable" variable'],
    ['limit_body $;', 'invalid variable name in '],
    ['if ($uri) { limit_body 1k; }', misplaced('limit_body')],
    ['limit_except GET { limit_body 1k; }', misplaced('limit_body')],

    ['limit_body_status;', arguments('limit_body_status')],
    ['limit_body_status 413 429;', arguments('limit_body_status')],
    ['limit_body_status 399;', invalid('limit_body_status', '399', $status)],
    ['limit_body_status 600;', invalid('limit_body_status', '600', $status)],
    ['limit_body_status 0;', invalid('limit_body_status', '0', $status)],
    ['limit_body_status -413;', invalid('limit_body_status', '-413', $status)],
    ['limit_body_status +413;', invalid('limit_body_status', '+413', $status)],
    ['limit_body_status 65949;', invalid('limit_body_status', '65949', $status)],
    ['limit_body_status 4294967709;', invalid('limit_body_status', '4294967709', $status)],
    ['limit_body_status 408;', invalid('limit_body_status', '408', $status)],
    ['limit_body_status 444;', invalid('limit_body_status', '444', $status)],
    ['limit_body_status 494;', invalid('limit_body_status', '494', $status)],
    ['limit_body_status 495;', invalid('limit_body_status', '495', $status)],
    ['limit_body_status 496;', invalid('limit_body_status', '496', $status)],
    ['limit_body_status 497;', invalid('limit_body_status', '497', $status)],
    ['limit_body_status 499;', invalid('limit_body_status', '499', $status)],
    ['limit_body_status $no_such_variable;', 'unknown "no_such_variable" variable'],
    ['limit_body_status teapot;', invalid('limit_body_status', 'teapot', $status)],
    ['limit_body_status "";', invalid('limit_body_status', '', $status)],
    ['limit_body_status 413; limit_body_status 413;', duplicate('limit_body_status')],
    ['if ($uri) { limit_body_status 413; }', misplaced('limit_body_status')],

    ['limit_body_zone;', arguments('limit_body_zone')],
    ['limit_body_zone a b;', arguments('limit_body_zone')],
    ['limit_body_zone "";', invalid('limit_body_zone', '', 'it must be 1 to 120 bytes long')],
    ['limit_body_zone ' . 'x' x 121 . ';', invalid('limit_body_zone', 'x' x 121, 'it must be 1 to 120 bytes long')],
    ['limit_body_zone $host;', invalid('limit_body_zone', '$host', 'it must not contain variables')],
    ["limit_body_zone a\0b;", 'it must not contain NUL in '],
    ['limit_body_zone uploads:10m;', invalid('limit_body_zone', 'uploads:10m', 'it must be a name without a size')],
    ['limit_body_zone zone=uploads;', invalid('limit_body_zone', 'zone=uploads', 'it must be a name without "zone="')],
    ['limit_body_zone zone=uploads:10m;', invalid('limit_body_zone', 'zone=uploads:10m', 'it must be a name without "zone="')],
    ['limit_body_zone :1048576;', invalid('limit_body_zone', ':1048576', 'it must be a name without a size')],
    ["limit_body_zone a\xff;", 'invalid value "a\\xff" in "limit_body_zone" directive, it must be UTF-8 in '],
    ['limit_body_zone uploads:10m;', qq{invalid value "uploads:10m" in "limit_body_zone" directive, }],
    ['limit_body_zone a; limit_body_zone b;', duplicate('limit_body_zone')],
    ['if ($uri) { limit_body_zone a; }', misplaced('limit_body_zone')],

    ['location /m { limit_body_metrics xml; }', qq{invalid parameter "xml" in "limit_body_metrics" directive in }],
    ['location /m { limit_body_metrics ""; }', qq{invalid parameter "" in "limit_body_metrics" directive in }],
    ['location /m { limit_body_metrics JSON; }', qq{invalid parameter "JSON" in "limit_body_metrics" directive in }],
    ['location /m { limit_body_metrics json json; }', arguments('limit_body_metrics')],
    ['location /m { limit_body_metrics; limit_body_metrics json; }', duplicate('limit_body_metrics')],

    ['limit_body_drain;', arguments('limit_body_drain')],
    ['limit_body_drain on;', qq{invalid parameter "on" in "limit_body_drain" directive in }],
    ['limit_body_drain off idle=1s;', qq{invalid parameter "off" in "limit_body_drain" directive in }],
    ['limit_body_drain idle;', parameter('idle', $time)],
    ['limit_body_drain idle=0;', parameter('idle=0', $time)],
    ['limit_body_drain idle=1q;', parameter('idle=1q', $time)],
    ['limit_body_drain time=;', parameter('time=', $time)],
    ['limit_body_drain rate=fast;', parameter('rate=fast', 'it must be a size')],
    ['limit_body_drain bytes=9223372036854775808;', parameter('bytes=9223372036854775808', $large)],
    ['limit_body_drain bytes=0;', parameter('bytes=0', 'it must be at least 1, or "off"')],
    ['limit_body_drain conns=0;', parameter('conns=0', 'it must be a number from 1 to 4294967295, or "off"')],
    ['limit_body_drain conns=4294967296;', parameter('conns=4294967296', 'it must be a number from 1 to 4294967295, or "off"')],
    ['limit_body_drain per_key=0;', parameter('per_key=0', 'it must be a number from 1 to 4294967295, or "off"')],
    ['limit_body_drain per_key=$arg_n;', parameter('per_key=$arg_n', 'it must be a number from 1 to 4294967295, or "off"')],
    ['limit_body_drain per_key=1 key=;', parameter('key=', 'it must not be empty')],
    ['limit_body_drain per_key=1 key=$arg_a key=$arg_a;', parameter('key=$arg_a', 'it is duplicate')],
    ['limit_body_drain per_key=1 key=$no_such_variable;', 'unknown "no_such_variable" variable'],
    ['limit_body_drain idle=1s bytes=1k idle=2s;', parameter('idle=2s', 'it is duplicate')],
    ['limit_body_drain off; limit_body_drain idle=1s;', duplicate('limit_body_drain')],
    ['if ($uri) { limit_body_drain off; }', misplaced('limit_body_drain')],

    ['limit_body_log_level;', arguments('limit_body_log_level')],
    ['limit_body_log_level info warn;', arguments('limit_body_log_level')],
    ['limit_body_log_level crit;', invalid('limit_body_log_level', 'crit', $level)],
    ['limit_body_log_level ERROR;', invalid('limit_body_log_level', 'ERROR', $level)],
    ['limit_body_log_level "";', invalid('limit_body_log_level', '', $level)],
    ['limit_body_log_level info; limit_body_log_level warn;', duplicate('limit_body_log_level')],
    ['if ($uri) { limit_body_log_level info; }', misplaced('limit_body_log_level')],

    ['limit_body_dry_run;', arguments('limit_body_dry_run')],
    ['limit_body_dry_run on off;', arguments('limit_body_dry_run')],
    ['limit_body_dry_run yes;', invalid('limit_body_dry_run', 'yes', $flag)],
    ['limit_body_dry_run "";', invalid('limit_body_dry_run', '', $flag)],
    ['limit_body_dry_run 1;', invalid('limit_body_dry_run', '1', $flag)],
    ['limit_body_dry_run on; limit_body_dry_run on;', duplicate('limit_body_dry_run')],
    ['if ($uri) { limit_body_dry_run on; }', misplaced('limit_body_dry_run')],

    ['limit_body_timeout;', arguments('limit_body_timeout')],
    ['limit_body_timeout 1s rate=1k max=2s 3s;', arguments('limit_body_timeout')],
    ['limit_body_timeout on;', invalid('limit_body_timeout', 'on', 'it must be "off" or a time of at least 1ms')],
    ['limit_body_timeout 0;', invalid('limit_body_timeout', '0', 'it must be "off" or a time of at least 1ms')],
    ['limit_body_timeout $arg_t;', invalid('limit_body_timeout', '$arg_t', 'it must be "off" or a time of at least 1ms')],
    ['limit_body_timeout off rate=1k;', invalid('limit_body_timeout', 'off', 'it must be "off" or a time of at least 1ms')],
    ['limit_body_timeout 1s 2s;', qq{invalid parameter "2s" in "limit_body_timeout" directive in }],
    ['limit_body_timeout 1s rate=0;', timeout_parameter('rate=0', 'it must be at least 1')],
    ['limit_body_timeout 1s rate=fast;', timeout_parameter('rate=fast', 'it must be a size')],
    ['limit_body_timeout 1s rate=9223372036854775808;', timeout_parameter('rate=9223372036854775808', $large)],
    ['limit_body_timeout 1s rate=1k rate=2k;', timeout_parameter('rate=2k', 'it is duplicate')],
    ['limit_body_timeout 1s max=2s;', timeout_parameter('max=2s', 'it must follow "rate"')],
    ['limit_body_timeout 1s max=2s rate=1k;', timeout_parameter('max=2s', 'it must follow "rate"')],
    ['limit_body_timeout 1s rate=1k max=0;', timeout_parameter('max=0', $time)],
    ['limit_body_timeout 2s rate=1k max=1s;', timeout_parameter('max=1s', 'it must not be less than the time before it')],
    ['limit_body_timeout 1s; limit_body_timeout 1s;', duplicate('limit_body_timeout')],
    ['if ($uri) { limit_body_timeout 1s; }', misplaced('limit_body_timeout')],

    ['limit_body_upstream_response;', arguments('limit_body_upstream_response')],
    ['limit_body_upstream_response on off;', arguments('limit_body_upstream_response')],
    ['limit_body_upstream_response always;', invalid('limit_body_upstream_response', 'always', $flag)],
    ['limit_body_upstream_response on; limit_body_upstream_response off;', duplicate('limit_body_upstream_response')],
    ['if ($uri) { limit_body_upstream_response on; }', misplaced('limit_body_upstream_response')],
);

my $n = 0;
my $blocks = join '', map {
    my ($directive, $error) = @$_;
    $n++;
    <<"END";
=== TEST $n: $directive
--- config
location / { $directive }
--- must_die
--- suppress_stderr
--- error_log eval
qr{\\[emerg\\] .*\Q$error\E}
--- no_error_log
[alert]
END
} @cases;

for my $directive (qw(limit_body limit_body_status limit_body_log_level limit_body_dry_run limit_body_drain
    limit_body_timeout limit_body_upstream_response)) {
    for my $context ('post_main_config', 'upstream') {
        $n++;
        my $place = $context eq 'upstream'
            ? "--- http_config\nupstream u { server 127.0.0.1:1; $directive off; }\n" : "--- post_main_config\n$directive off;\n";
        $blocks .= "=== TEST $n: $directive in $context\n$place--- config\nlocation / { }\n--- must_die\n"
            . "--- suppress_stderr\n--- error_log\n[emerg]\n\"$directive\" directive is not allowed here in\n";
    }
}

# What has no effect where it stands is said, and no reason not to start.
sub idle { qr{\[warn\] .*"$_[0]" directive .* in \S+$_[1]} }

my @warnings = (
    ['limit_body_status 429; location / { return 200; }', idle('limit_body_status', 'block.inc:1')],
    ['location / { return 200; } location /up { limit_body_log_level info; }', idle('limit_body_log_level', 'block.inc:1')],
    ["location / {\n    return 200;\n    limit_body_dry_run on;\n}", idle('limit_body_dry_run', 'block.inc:3')],
    ['location / { return 200; } limit_body_zone uploads;', idle('limit_body_zone', 'block.inc:1')],
    ['limit_body 1k; location / { limit_body off; limit_body_status 429; return 200; }', idle('limit_body_status', 'block.inc:1')],
    ['location / { return 200; } location /up { location /up/on { limit_body 1k; } } location /down { limit_body_status 429; }',
     idle('limit_body_status', 'block.inc:1')],
    ["location / {\n    return 200;\n    limit_body_dry_run ON;\n}", idle('limit_body_dry_run', 'block.inc:3')],
    ['limit_body_upstream_response on; location / { return 200; }', idle('limit_body_upstream_response', 'block.inc:1')],

    ['limit_body_upstream_response on; location / { return 200; } location /app { proxy_pass http://backend; }'],
    ['limit_body_upstream_response off; location / { return 200; }'],
    ['limit_body_upstream_response OFF; limit_body_dry_run Off; location / { return 200; }'],
    ['limit_body 1k; limit_body_dry_run On; location / { return 200; }'],
    ['limit_body 1k; limit_body_status 429; location / { return 200; }'],
    ['limit_body_status 429; limit_body_zone uploads; location / { return 200; } location /up { limit_body 1k; }'],
    ['limit_body 1k; location / { limit_body_dry_run on; limit_body_zone uploads; limit_body_log_level info; return 200; }'],
    ['location / { limit_body_status 429; location /up { limit_body 1k; } return 200; }'],
    ['limit_body_zone uploads; limit_body_drain conns=5; location / { return 200; }'],
    ['limit_body_timeout 1s; limit_body_zone uploads; limit_body_log_level info; limit_body_dry_run on; location / { return 200; }'],
    ['limit_body_zone off; limit_body off; limit_body_dry_run off; location / { return 200; }'],
);

for my $warning (@warnings) {
    my ($directives, $warned) = @$warning;
    my $name = $directives =~ s/\s+/ /gr;
    my $logged = $warned ? "--- suppress_stderr\n--- error_log eval\nqr{$warned}\n" : "--- no_error_log\n[warn]\n";
    $n++;
    $blocks .= "=== TEST $n: " . ($warned ? 'warned of' : 'not warned of') . ": $name\n--- config\ninclude ../html/block.inc;\n"
        . "--- user_files\n>>> block.inc\n$directives\n--- upload\nh1 GET /\n--- answer\n200 | open\n$logged";
}

Test::Base::default_object()->spec_string($blocks);

run_tests();
