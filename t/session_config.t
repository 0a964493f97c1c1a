# What nginx -t says of the directives for raw connections: each line names the directive, its value where there is one, and the
# place.

use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

my @loads = split ' ', $ENV{TEST_STREAM_MODULES} // '';
plan skip_all => 'nginx without stream' if !@loads;

# nginx gives nothing back when it only tests.
$ENV{MEMORY_LEAKS} = 'no';

my $size = 'it must be "off" or a size';
my $large = 'it must be less than 2^63 bytes';
my $level = 'it must be "info", "notice", "warn" or "error"';
my $time = 'it must be a time of at least 1ms';
my $number = 'it must be a number from 1 to 4294967295, or "off"';

sub invalid { my ($name, $value, $expected) = @_; qq{invalid value "$value" in "$name" directive, $expected in } }
sub parameter { my ($text, $why) = @_; qq{invalid parameter "$text" in "limit_session_drain" directive, $why in } }
sub arguments { qq{invalid number of arguments in "$_[0]" directive in } }
sub duplicate { qq{"$_[0]" directive is duplicate in } }

my @errors = (
    ['limit_session;', arguments('limit_session')],
    ['limit_session 1k 2k;', arguments('limit_session')],
    ['limit_session on;', invalid('limit_session', 'on', $size)],
    ['limit_session "";', invalid('limit_session', '', $size)],
    ['limit_session 1kb;', invalid('limit_session', '1kb', $size)],
    ['limit_session -1;', invalid('limit_session', '-1', $size)],
    ['limit_session 9223372036854775808;', invalid('limit_session', '9223372036854775808', $large)],
    ['limit_session $no_such_variable;', 'unknown "no_such_variable" variable'],
    ['limit_session 1k; limit_session off;', duplicate('limit_session')],

    ['limit_session_message;', arguments('limit_session_message')],
    ['limit_session_message too much;', arguments('limit_session_message')],
    ['limit_session_message $no_such_variable;', 'unknown "no_such_variable" variable'],
    ['limit_session_message a; limit_session_message b;', duplicate('limit_session_message')],

    ['limit_session_log_level crit;', invalid('limit_session_log_level', 'crit', $level)],
    ['limit_session_log_level info; limit_session_log_level warn;', duplicate('limit_session_log_level')],

    ['limit_session_dry_run yes;', invalid('limit_session_dry_run', 'yes', 'it must be "on" or "off"')],
    ['limit_session_dry_run on; limit_session_dry_run off;', duplicate('limit_session_dry_run')],

    ['limit_session_zone $remote_addr;', invalid('limit_session_zone', '$remote_addr', 'it must not contain variables')],
    ['limit_session_zone zone=a;', invalid('limit_session_zone', 'zone=a', 'it must be a name without "zone="')],
    ['limit_session_zone a:1m;', invalid('limit_session_zone', 'a:1m', 'it must be a name without a size')],
    ['limit_session_zone "";', invalid('limit_session_zone', '', 'it must be 1 to 120 bytes long')],
    ['limit_session_zone ' . 'x' x 121 . ';', invalid('limit_session_zone', 'x' x 121, 'it must be 1 to 120 bytes long')],
    ['limit_session_zone a; limit_session_zone b;', duplicate('limit_session_zone')],

    ['limit_session_drain;', arguments('limit_session_drain')],
    ['limit_session_drain on;', qq{invalid parameter "on" in "limit_session_drain" directive in }],
    ['limit_session_drain off idle=1s;', qq{invalid parameter "off" in "limit_session_drain" directive in }],
    ['limit_session_drain idle=0;', parameter('idle=0', $time)],
    ['limit_session_drain idle=1q;', parameter('idle=1q', $time)],
    ['limit_session_drain time=;', parameter('time=', $time)],
    ['limit_session_drain rate=fast;', parameter('rate=fast', 'it must be a size')],
    ['limit_session_drain bytes=0;', parameter('bytes=0', 'it must be at least 1, or "off"')],
    ['limit_session_drain conns=0;', parameter('conns=0', $number)],
    ['limit_session_drain conns=4294967296;', parameter('conns=4294967296', $number)],
    ['limit_session_drain per_key=1;', qq{invalid parameter "per_key=1" in "limit_session_drain" directive in }],
    ['limit_session_drain idle=1s bytes=1k idle=2s;', parameter('idle=2s', 'it is duplicate')],
    ['limit_session_drain off; limit_session_drain idle=1s;', duplicate('limit_session_drain')],
);

my $without = 'has no effect: there is no "limit_session" for it';
my @warnings = (
    ['limit_session_message no;', qq{"limit_session_message" directive $without}],
    ['limit_session_log_level info;', qq{"limit_session_log_level" directive $without}],
    ['limit_session_dry_run on;', qq{"limit_session_dry_run" directive $without}],
    ['limit_session_dry_run ON;', qq{"limit_session_dry_run" directive $without}],
    ['limit_session_zone raw;', '"limit_session_zone" directive has no effect: there is no "limit_session" or "limit_session_drain"'],
    ['limit_session 1k; limit_session_message no; limit_session_log_level info; limit_session_dry_run on; limit_session_zone a;'],
    ['limit_session_drain idle=1s time=1m rate=0 bytes=off conns=off; limit_session_zone a;'],
    ['limit_session_dry_run OFF; limit_session off;'],
    ['limit_session_dry_run off; limit_session off;'],
);

# Tests a configuration with these directives in the third line of a stream block, and in a server of it.
sub said {
    my ($directives, $is_in_server) = @_;
    my $dir = tempdir(CLEANUP => 1);
    mkdir "$dir/logs";
    my ($around, $within) = $is_in_server ? ('', $directives) : ($directives, '');
    open my $out, '>', "$dir/nginx.conf" or die;
    print $out map { "load_module $_;" } @loads;
    print $out "pid nginx.pid; events { }\nstream {\n$around server { listen 127.0.0.1:1; $within return hello; }\n}\n";
    close $out;
    return scalar `PATH="\$PATH:/usr/sbin" "$ENV{TEST_NGINX_BINARY}" -t -p "$dir/" -e stderr -c nginx.conf 2>&1`;
}

for my $case (@errors) {
    my ($directives, $error) = @$case;
    for my $is_in_server (0, 1) {
        like(said($directives, $is_in_server), qr/\[emerg\] .*\Q$error\E/, $directives . ($is_in_server ? ' in a server' : ''));
    }
}
like(said('limit_session 1q;', 0), qr/nginx\.conf:3$/m, 'the line');

for my $case (@warnings) {
    my ($directives, $warning) = @$case;
    my $said = said($directives, 0);
    like($said, qr/test is successful/, "$directives starts");
    if ($warning) {
        like($said, qr/\[warn\] .*\Q$warning\E.*nginx\.conf:3/, "$directives warns");
    }
    else {
        unlike($said, qr/\[warn\]/, "$directives does not warn");
    }
}

done_testing();
