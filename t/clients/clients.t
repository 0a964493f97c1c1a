# Whether the users of HTTP libraries and tools get to see status and whole body of a refused upload of 32 MiB. DRAIN=off in
# the environment: what they see where the drain is left to nginx.

use Test::Nginx::LimitBody 'no_plan';

my $clients = $ENV{TEST_CLIENTS} or die "run these tests with \"make clients\"\n";
my $upload = 'https://localhost:$TLS_PORT/up 33554432';
my $zeros = 'head -c 33554432 /dev/zero';
my $python = "$clients/python/bin/python t/clients/python.py";
my $has_http3 = $Test::Nginx::LimitBody::has_http3;
my ($node) = `node --version` =~ /^v(\d+)/;
my $drain = ($ENV{DRAIN} // '') eq 'off' ? 'limit_body_drain off;' : '';
my $blocks = '';

# A block that runs a program with both ways of sending a body.
sub uploads {
    my ($name, $program) = @_;
    block($name, map { ["$_", "$program $upload $_", '413 too large'] } qw(declared undeclared));
}

# A block of commands: what each is, the command, and what it prints.
sub block {
    my ($name, @commands) = @_;
    $blocks .= "=== $name\n--- config\nerror_page 413 \@too_large;\nlocation = /up { limit_body 1k; $drain proxy_pass http://backend; }\n"
        . "location \@too_large { return 413 \"too large\\n\"; }\n"
        . "--- commands\n" . join('', map { "printf '%s: ' '$_->[0]'; $_->[1] | xargs\n" } @commands)
        . "--- output\n" . join('', map { "$_->[0]: $_->[2]\n" } @commands);
}

uploads('httpx, HTTP/1.1', "$python httpx h1");
uploads('httpx, HTTP/2', "$python httpx h2");
uploads('niquests, HTTP/2', "$python niquests h2");
uploads('niquests, HTTP/3', "$python niquests h3") if $has_http3;
uploads('pycurl (a current libcurl), HTTP/1.1', "$python pycurl h1");
uploads('pycurl, HTTP/2', "$python pycurl h2");
uploads('pycurl, HTTP/3', "$python pycurl h3") if $has_http3;
uploads('Node.js http2', "node $clients/node.mjs http2");
if ($node >= 20) {
    uploads('undici, HTTP/2', "node --no-warnings $clients/node.mjs undici");
} else {
    print "# undici 7 is left out: it needs Node.js 20, this is $node\n";
}
uploads('Java HttpClient, HTTP/2', 'java t/clients/Upload.java');
uploads('Go net/http, HTTP/2', "$clients/upload-go");

block('curl, HTTP/2',
    ['declared', "$zeros | curl -sk --http2 -w %{http_code} --data-binary \@- https://localhost:\$TLS_PORT/up", 'too large 413'],
    ['undeclared', "$zeros | curl -sk --http2 -w %{http_code} -X POST -T - https://localhost:\$TLS_PORT/up", 'too large 413'],
    ['prior knowledge', "$zeros | curl -s --http2-prior-knowledge -w %{http_code} --data-binary \@- http://localhost:\$H2C_PORT/up",
        'too large 413']);

my $nghttp = "$zeros > $clients/zeros; nghttp -v -d $clients/zeros";
my $shown = "https://localhost:\$TLS_PORT/up 2>&1 | grep -ao ':status: [0-9]*\\|^too large'";
block('nghttp',
    ['declared', "$nghttp $shown", ':status: 413 too large'],
    ['undeclared', "$nghttp --no-content-length $shown", ':status: 413 too large']);

Test::Base::default_object()->spec_string($blocks);

run_tests();
