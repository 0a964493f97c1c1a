# The same refusal reads the same, whatever it is made of and however it is sent: every form of page, every version of
# HTTP, declared and undeclared lengths, several statuses.

use Test::Nginx::LimitBody 'no_plan';

my @statuses = (413, 400, 507);
my %title = (
    413 => '<413 Request Entity Too Large>',
    400 => '<400 Bad Request>',
    507 => '<507 Insufficient Storage>',
);
my %page = (
    builtin => '',
    file    => 'error_page %d /page.txt;',
    named   => 'error_page %d @named;',
    proxied => 'error_page %d @proxied;',
);
my %body = (file => 'static', named => 'named', proxied => 'ok');

my $config = <<'END';
limit_body 1k;
client_header_buffer_size 4k;
location = /page.txt { internal; }
location @proxied { proxy_pass http://backend; proxy_pass_request_body off; proxy_set_header Content-Length ""; }
location = /other { limit_body 8m; proxy_pass http://backend; }
END
for my $status (@statuses) {
    for my $form (sort keys %page) {
        my $error_page = $page{$form} =~ s/%d/$status/r;
        $error_page =~ s/\@named/\@named$status/;
        $config .= "location = /$form/$status { limit_body_status $status; $error_page proxy_pass http://backend; }\n";
    }
    $config .= "location \@named$status { return $status named; }\n";
}

# The answer to a refused upload, as the client prints it.
sub answer {
    my ($form, $status) = @_;
    return "$status " . ($body{$form} // $title{$status});
}

my ($blocks, $n) = ('', 0);

sub block {
    my ($name, @lines) = @_;
    $n++;
    $blocks .= "=== TEST $n: $name\n--- config\n$config--- user_files\n>>> page.txt\nstatic\n"
        . "--- upload\n" . join('', map { "$_->[0]\n" } @lines)
        . "--- answer\n" . join('', map { "$_->[1]\n" } @lines)
        . "--- no_error_log\n[alert]\n[crit]\n";
}

for my $status (@statuses) {
    for my $form (sort keys %page) {
        my $answer = answer($form, $status);
        my $path = "/$form/$status";
        block("$form page, $status",
            # A connection: the client goes on sending after the answer has come, and still reads it.
            (map { ["$_ POST $path 8m", "$answer | closed"] }
                'h1.0', 'h1', 'h1s', 'h1 chunked', 'h1s chunked', 'h1 late-body', 'h1s late-body',
                'h1 chunked late-body', 'h1s chunked late-body'),
            # A stream: the server does not stop it, and the streams beside it go on.
            (map { ["$_ endings POST $path 1m | POST /other 1m | GET /other", "$answer | 200 ok | 200 ok"],
                   ["$_ chunked late-body endings POST $path 1m", $answer],
                   ["$_ chunked POST $path 1m | POST /other 1m | GET /other", "$answer | 200 ok | 200 ok"] }
                'h2', 'h2c', 'h3'),
        );
    }
}

Test::Base::default_object()->spec_string($blocks);

run_tests();
