# Test::Nginx::Socket with sections for uploads, over every version of HTTP:
#
#     --- upload      connections for t/lib/upload.py, one a line; see there
#     --- answer      what it prints, line by line
#     --- script      connections for t/lib/script.py, one a line, all at the same time; see t/lib/limit_body/script.py
#                     ("18 x" in front makes a line 18)
#     --- in_turn     has them run one after the other instead
#     --- seen        what it prints, line by line; "A or else B" is either, where versions of nginx differ and both are right
#     --- commands    shell commands, one a line, that find the ports as upload.py does
#     --- output      what they print, all together
#     --- output_like an expression that it matches
#     --- logged      lines of an access log, once they are written, in any order: request URI, status, and the
#                     module's variables; "*" is any number, "h3" in front marks a line for a request over HTTP/3
#     --- drained     the same for drains: request URI, status, how it ended, bytes, and whether the answer was
#                     acknowledged; "?" is "yes" or "no"
#     --- asked       what an upstream was asked, line by line, in any order: there are upstreams "kept" (HTTP, over kept
#                     connections), "fastcgi", "uwsgi" and "scgi" then, which read and answer as t/lib/upstream.py says
#     --- early       scripts of upstreams, one a line, as t/lib/early.py says; their names are early_tcp, early_tls (both on
#                     a port), early_unix, early_http2, early_fastcgi, early_uwsgi and early_scgi (on sockets in the directory
#                     $TEST_NGINX_EARLY). There are parameters for those that need some.
#     --- early_asked what each of their connections was asked, in any order, as t/lib/early.py has it
#     --- responses   the same as "logged" for upstreams that close early: request URI, status, and
#                     $limit_body_upstream_response, "-" if it is empty
#     --- example     a file of nginx-conf/, in the http block: its server takes the connections without TLS, the
#                     application is the backend, and each time of a limit_body_timeout is a second
#     --- stream      the stream block, for raw connections: nginx loads the module for those, too. Its servers listen on
#                     $TEST_NGINX_RAND_PORT_3 and _4, and upstreams may be scripts on _5 and _6.
#     --- stream_example  a file of nginx-conf/, in the stream block, with these ports
#     --- sessions    lines of its access log, once they are written, in any order: port, status, bytes that were sent to the
#                     client, and the module's variables; "-" where they are empty
#     --- body_files  how many files of bodies are left when all is over
#
# There is an upstream "backend": it takes any body, and answers "ok", below /length with the length it was declared,
# below /page with all that a proxied page is told of the body, and below /read when it has read it (in the access log).
#
# The server of `--- config` also listens with TLS, and for HTTP/2 and HTTP/3 where nginx has them. Lines with HTTP/3
# are skipped, and said to be, where it has not.

package Test::Nginx::LimitBody;

use strict;
use warnings;

use Test::Nginx::Socket -Base;
use Test::More ();
use Test::Nginx::Util qw($NginxVersion $RunTestHelper $CheckErrorLog $ServRoot $ServerPort
    add_block_preprocessor bail_out log_level no_long_string no_root_location);

# A port that connections may have on the client's side is taken now and then when nginx is to listen on it.
{
    my $any = \&Test::Nginx::Util::gen_rand_port;
    my ($first) = do { open my $range, '<', '/proc/sys/net/ipv4/ip_local_port_range'; $range ? <$range> =~ /^(\d+)/ : () };
    my $below = $first && $first > 10_000 ? $first : 32768;
    no warnings 'redefine';
    *Test::Nginx::Util::gen_rand_port = sub (;$$$) {
        my $port;
        for (1 .. 100) {
            $port = $any->(@_);
            last if !defined $port || $port + 4 < $below;
        }
        return $port;
    };
    if ($ServerPort >= $below) {
        Test::Nginx::Util::server_port(my $port = Test::Nginx::Util::gen_rand_port());
        Test::Nginx::Util::server_port_for_client($port);
    }
}

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use IPC::Open2;
use Time::HiRes qw(sleep time);

sub upload ($);
sub client ($$@);
sub read_example ($);
sub start_upstream (@);
sub start_early ($);
sub asked ($);
sub expected ($);
sub matched ($$);
sub with_ports ($@);
sub port_numbers ($);
sub is_logged ($$$);
sub logged ($$);

# For tests that set nginx's clocks, as TEST_NGINX_LD_PRELOAD.
our ($libfaketime) = glob '/usr/lib/*/faketime/libfaketime.so.1';

# For tests of raw connections: they need an nginx with stream.
our $has_stream = $ENV{TEST_STREAM_MODULES};

my $python = $ENV{TEST_PYTHON} || 'python3';
my $certificate = $ENV{TEST_CERTIFICATE} or bail_out("TEST_CERTIFICATE is not set: run the tests with \"make test\"");
$ENV{TEST_NGINX_CERTIFICATE} = $certificate;
my $client = dirname(__FILE__) . '/../../upload.py';
$ENV{PYTHONPATH} = abs_path(dirname(__FILE__) . '/../..');
$ENV{TEST_NGINX_SOCKET} = "/tmp/limit-body-$$.sock";
my $upstream = dirname(__FILE__) . '/../../upstream.py';
my $upstream_sockets = "/tmp/limit-body-$$.upstream";
my $early = dirname(__FILE__) . '/../../early.py';
my $early_sockets = $ENV{TEST_NGINX_EARLY} = "/tmp/limit-body-$$.early";
$ENV{TEST_NGINX_CONTROL} = "$ENV{TEST_CONTROLS}/ngx_http_control_module.so";
$ENV{TEST_NGINX_EXAMPLE} = "$ENV{TEST_CONTROLS}/require_length.so";

my $about = `$Test::Nginx::Util::NginxBinary -V 2>&1`;
our $has_http3 = $about =~ /--with-http_v3_module/;
our $is_openresty = $about =~ m{^nginx version: openresty/};
# Tengine's defaults are other ones.
my $as_nginx = $about =~ /^Tengine / ? 'lingering_close on; server_info off;' : '';

my $script_client = dirname(__FILE__) . '/../../script.py';
my $drain_format = '$request_uri $status $limit_body_drain $limit_body_drained $limit_body_acknowledged';
my $session_format = '$limit_session_status $limit_session_limit $limit_session_received';
my $log_format = '$request_uri $status $limit_body_status $limit_body_limit $limit_body_received $limit_body_at';

no_long_string();
no_root_location();
log_level('info');

# An example with the ports and paths of the tests in the place of its own, and a second in the place of longer times.
sub read_example ($) {
    my $file = dirname(__FILE__) . "/../../../../nginx-conf/$_[0]";
    open my $in, '<', $file or bail_out("$file: $!");
    my $example = do { local $/; <$in> };
    $example =~ s/\blisten 80;/listen 127.0.0.1:\$TEST_NGINX_SERVER_PORT;/g;
    $example =~ s/\blisten 127\.0\.0\.1:8414;/listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_8;/g;
    $example =~ s/\blisten 443 ssl;/listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_7 ssl;/g;
    $example =~ s/^ +http2 on;\n//mg and $example =~ s/ ssl;/ ssl http2;/g if $NginxVersion < 1.025001;
    $example =~ s/\bssl_certificate \S+;/ssl_certificate $certificate.pem;/g;
    $example =~ s/\bssl_certificate_key \S+;/ssl_certificate_key $certificate.key;/g;
    $example =~ s/\b127\.0\.0\.1:8000;/127.0.0.1:\$TEST_NGINX_RAND_PORT_9;/g;
    $example =~ s/\b127\.0\.0\.1:8001;/127.0.0.1:\$TEST_NGINX_RAND_PORT_8;/g;
    $example =~ s{/var/log/nginx/}{$ServRoot/logs/}g;
    $example =~ s{/etc/nginx/}{$ServRoot/html/}g;
    $example =~ s/\blisten 638(\d);/'listen 127.0.0.1:$TEST_NGINX_RAND_PORT_' . ($1 + 3) . ';'/ge;
    $example =~ s/\bserver 127\.0\.0\.1:6379;/server 127.0.0.1:\$TEST_NGINX_RAND_PORT_5;/g;
    $example =~ s/\blimit_body_timeout \K\d+[sm]\b/1s/g;
    return $example;
}

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('stream', ($block->stream // '') . read_example($block->stream_example))
        if defined $block->stream_example;
    if (defined $block->stream) {
        my $loads = join '', map { "load_module $_;\n" } split ' ', $ENV{TEST_STREAM_MODULES};
        $block->set_value('main_config', $loads . ($block->main_config // ''));
        my $log = !defined $block->sessions ? '' : <<"END";
log_format session '\$server_port \$status \$bytes_sent $session_format';
access_log logs/session.log session;
END
        $block->set_value('post_main_config', ($block->post_main_config // '') . "stream {\n$log" . $block->stream . "}\n");
    }

    $block->set_value('http_config', ($block->http_config // '') . read_example($block->example))
        if defined $block->example;
    $block->set_value('config', read_example($block->server_example) . ($block->config // ''))
        if defined $block->server_example;

    return if defined $block->must_die;

    my $http2 = $NginxVersion >= 1.025001 ? '' : ' http2';
    my $listen = "listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_1 ssl$http2;"
        . " listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_2$http2;"
        . " ssl_certificate $certificate.pem; ssl_certificate_key $certificate.key;"
        . " ssl_protocols TLSv1.2 TLSv1.3;";
    $listen .= ' http2 on;' if !$http2;
    $listen .= ' listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 quic; http3_hq on;' if $has_http3;

    my $kept = !defined $block->asked ? '' : <<"END";
upstream kept { server unix:$upstream_sockets/http; keepalive 4; }
upstream fastcgi { server unix:$upstream_sockets/fastcgi; }
upstream uwsgi { server unix:$upstream_sockets/uwsgi; }
upstream scgi { server unix:$upstream_sockets/scgi; }
proxy_http_version 1.1;
proxy_set_header Connection "";
END

    my @parameters = map {
        my $kind = $_;
        map { "${kind}_param $_ \$" . lc . ';' } qw(REQUEST_METHOD DOCUMENT_URI CONTENT_LENGTH);
    } qw(fastcgi uwsgi scgi);
    my $scripted = !defined $block->early ? '' : <<"END";
upstream early_tcp { server 127.0.0.1:\$TEST_NGINX_RAND_PORT_5; }
upstream early_tls { server 127.0.0.1:\$TEST_NGINX_RAND_PORT_6; }
upstream early_unix { server unix:$early_sockets/http; }
upstream early_http2 { server unix:$early_sockets/http2; }
upstream early_fastcgi { server unix:$early_sockets/fastcgi; }
upstream early_uwsgi { server unix:$early_sockets/uwsgi; }
upstream early_scgi { server unix:$early_sockets/scgi; }
@parameters
# nginx does not give back the sessions that it keeps when it ends.
proxy_ssl_session_reuse off;
log_format response '\$request_uri \$status \$limit_body_upstream_response';
access_log logs/response.log response;
END

    $block->set_value('config', "$listen\n" . ($block->config // ''));
    $block->set_value('http_config', <<"END" . ($block->http_config // ''));
$as_nginx
$kept
$scripted
log_format upload '$log_format';
access_log logs/upload.log upload;
log_format drain '$drain_format';
access_log logs/drain.log drain if=\$limit_body_drain;
upstream backend { server 127.0.0.1:\$TEST_NGINX_RAND_PORT_9; }
server {
    listen 127.0.0.1:\$TEST_NGINX_RAND_PORT_9;
    access_log off;
    limit_body off;
    client_max_body_size 0;
    location / { return 200 "ok\\n"; }
    location /page { return 200 "\$request_method, length \$http_content_length, \$http_transfer_encoding\\n"; }
    location /read { access_log logs/upload.log upload; proxy_pass http://backend/; }
    location /live/ { proxy_pass http://backend/; }
    location /length { return 200 "length \$http_content_length\\n"; }
}
END
});

# Test::Nginx has a limit of its own in each server, where it would be further in than one that a test sets for all servers.
my $write_config_file = \&Test::Nginx::Util::write_config_file;
{
    no warnings 'redefine';
    *Test::Nginx::Util::write_config_file = sub ($$$) {
        $write_config_file->(@_);
        my $path = "$ServRoot/conf/nginx.conf";
        open my $in, '<', $path or bail_out("$path: $!");
        my $text = do { local $/; <$in> };
        $text =~ s/^\s+client_max_body_size 30M;\n//m or bail_out("Test::Nginx has no limit of its own any more");
        open my $out, '>', $path or bail_out("$path: $!");
        print $out $text;
    };
}

my $run_socket_test = $RunTestHelper;

$RunTestHelper = sub {
    my ($block, $dry_run, $repeated) = @_;

    return $run_socket_test->(@_) if !grep { defined } $block->upload, $block->commands, $block->script, $block->early;

    # nginx writes it when the program that was started has ended already.
    my $until = time + ($ENV{TEST_PATIENCE} || 30);
    sleep 0.01 while !-s "$ServRoot/logs/nginx.pid" && time < $until;

    # Clients and scripted upstreams share their marks.
    local $ENV{TEST_MARKS} = defined $block->early ? $early_sockets : '';
    my @asked = expected($block->asked // '');
    my $upstream = defined $block->asked && start_upstream(@asked);
    my $early = defined $block->early && with_ports(\&start_early, $block->early);
    my @connections = grep { /\S/ } split /\n/, $block->upload // '';
    my @answers = split /\n/, $block->answer // '';
    my $name = $block->name;

    Test::More::is(scalar @connections, scalar @answers, "$name - one answer for each connection")
        if @connections != @answers;

    for my $i (0 .. $#connections) {
        my ($connection, $answer) = ($connections[$i], $answers[$i]);
        SKIP: {
            Test::More::skip("$name - $connection - nginx without HTTP/3", 1) if $connection =~ /^h3/ && !$has_http3;
            Test::More::is(with_ports(\&upload, $connection), $answer, "$name - $connection");
        }
    }

    if (defined $block->script) {
        my @scripts = map { /^(\d+) x (.*)/ ? ($2) x $1 : $_ } grep { /\S/ } split /\n/, $block->script;
        my @expected = split /\n/, $block->seen;
        my @order = defined $block->in_turn ? 'in-turn' : ();
        my @played = grep { $has_http3 || $scripts[$_] !~ /^h[3q]/ } 0 .. $#scripts;
        my @seen = split /\n/, with_ports(sub { client($script_client, join("\n", @scripts[@played]), @order) });
        for (@played) {
            my ($seen, @right) = (shift @seen, split / or else /, $expected[$_] // "");
            Test::More::is($seen, (grep { $_ eq $seen } @right)[0] // $expected[$_], "$name - $scripts[$_]");
        }
        SKIP: {
            Test::More::skip("$name - nginx without HTTP/3", @scripts - @played) if @scripts > @played;
        }
    }

    if (defined $block->commands) {
        my $output = with_ports(sub { scalar `( $_[0] ) 2>&1` }, $block->commands);
        Test::More::is($output, $block->output, "$name - output") if defined $block->output;
        Test::More::like($output, qr/${\$block->output_like}/, "$name - output") if defined $block->output_like;
    }

    if ($upstream) {
        my ($left, $missing) = matched(\@asked, [asked($upstream)]);
        Test::More::is($left, $missing, "$name - asked of the upstream: none missing, none too many");
    }

    is_logged($name, 'response.log', $block->responses) if defined $block->responses;
    if ($early) {
        my @expected = expected($block->early_asked // '');
        my ($left, $missing) = matched(\@expected, [asked($early)]);
        Test::More::is($left, $missing, "$name - asked of early upstreams: none missing, none too many")
            if defined $block->early_asked;
    }
    is_logged($name, 'session.log', with_ports(\&port_numbers, $block->sessions)) if defined $block->sessions;
    is_logged($name, 'upload.log', $block->logged) if defined $block->logged;
    is_logged($name, 'drain.log', $block->drained) if defined $block->drained;

    if (defined $block->body_files) {
        my @files = glob "$ServRoot/client_body_temp/*";
        Test::More::is(scalar @files, $block->body_files + 0, "$name - files of bodies left");
    }

    $CheckErrorLog->($block, undef, $dry_run, $repeated, 0);
};

# Calls something with the ports of the server that is up in its environment.
sub with_ports ($@) {
    my ($call, @arguments) = @_;
    my $ports = $Test::Nginx::Util::RandPorts;
    local $ENV{PORT} = $ServerPort;
    local $ENV{TLS_PORT} = $ports->{TEST_NGINX_RAND_PORT_1};
    local $ENV{H2C_PORT} = $ports->{TEST_NGINX_RAND_PORT_2};
    local @ENV{map { "PORT_$_" } 3 .. 6} = @$ports{map { "TEST_NGINX_RAND_PORT_$_" } 3 .. 6};
    local $ENV{ANY_PORT} = $ports->{TEST_NGINX_RAND_PORT_7};
    local $ENV{METRICS_PORT} = $ports->{TEST_NGINX_RAND_PORT_8};
    local $ENV{EARLY_PORT} = $ports->{TEST_NGINX_RAND_PORT_5};
    local $ENV{EARLY_TLS_PORT} = $ports->{TEST_NGINX_RAND_PORT_6};
    local $ENV{PID_FILE} = "$ServRoot/logs/nginx.pid";
    local $ENV{ERROR_LOG} = "$ServRoot/logs/error.log";
    return $call->(@arguments);
}

# Lines that begin with the number of a port among those of the test, with the port itself.
sub port_numbers ($) {
    return $_[0] =~ s/^(\d) /$ENV{"PORT_$1"} /mgr;
}

# Starts the upstream, which is to be asked this, and returns its process number and what to read from and write to.
sub start_upstream (@) {
    my $pid = open2(my $out, my $in, $python, $upstream, $upstream_sockets, scalar @_);
    (<$out> // '') eq "ready\n" or die 'the upstream does not start';
    return [$pid, $out, $in];
}

# Starts the scripted upstreams, and returns the same.
sub start_early ($) {
    my $pid = open2(my $out, my $in, $python, $early, $early_sockets, $ENV{EARLY_PORT}, $ENV{EARLY_TLS_PORT});
    print $in "$_[0]\nstart\n";
    $in->flush;
    (<$out> // '') eq "ready\n" or die 'the scripted upstreams do not start';
    return [$pid, $out, $in];
}

# Ends the upstream, and returns what it was asked.
sub asked ($) {
    my ($pid, $out, $in) = @{$_[0]};
    close $in;
    chomp(my @asked = <$out>);
    waitpid $pid, 0;
    return @asked;
}

END { system 'rm', '-rf', grep { -d } $upstream_sockets, $early_sockets }

# Runs one connection of the client, and returns what it prints.
sub upload ($) {
    return client($client, $_[0]);
}

# Runs a client with something on its standard input, and arguments, and returns what it prints.
sub client ($$@) {
    my ($program, $input, @arguments) = @_;
    my $pid = open2(my $out, my $in, $python, $program, @arguments);
    print $in "$input\n";
    close $in;
    my $answer = do { local $/; <$out> } // '';
    waitpid $pid, 0;
    $answer =~ s/\n$//;
    return $answer;
}

# Whether there is an upstream that can ask nginx for another TLS handshake, and nginx takes part in that: only with OpenSSL itself.
sub renegotiates () {
    return $about =~ /built with OpenSSL (?!.*compatible)/
        && system("'$python' -c 'from OpenSSL.SSL import Connection; Connection.renegotiate' 2>/dev/null") == 0;
}

# Tests that an access log has these lines, once they are written, and no others.
sub is_logged ($$$) {
    my ($name, $file, $lines) = @_;
    my @expected = expected($lines);
    my ($left, $missing) = matched(\@expected, [logged($file, scalar @expected)]);
    Test::More::is($left, $missing, "$name - $file: none missing, none too many");
}

# The lines that there are with this nginx.
sub expected ($) {
    return grep { /\S/ && (!s/^h3 // || $has_http3) } split /\n/, $_[0];
}

# What is left of lines when those that are expected are taken out of them, and those that were not there.
sub matched ($$) {
    my @lines = @{$_[1]};
    my @missing = grep {
        my $line = quotemeta =~ s/\\\*/\\d+/gr =~ s/\\\?$/(?:yes|no)/r;
        my ($found) = grep { $lines[$_] =~ /^$line$/ } 0 .. $#lines;
        splice @lines, $found, 1 if defined $found;
        !defined $found;
    } @{$_[0]};
    return join("\n", @lines), join("\n", @missing);
}

# An access log, once it has so many lines: on HTTP/1.x a line is written when the body has been drained.
sub logged ($$) {
    my ($name, $lines) = @_;
    my $until = time + ($ENV{TEST_PATIENCE} || 30);
    my @log;
    do {
        sleep 0.01;
        open my $file, '<', "$ServRoot/logs/$name" or die "no access log: $!";
        @log = <$file>;
    } while @log < $lines && time < $until;
    chomp @log;
    return @log;
}

1;
