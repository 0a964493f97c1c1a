# Uploads with Perl: upload.pl LWP|HTTP::Tiny; see uploads.py for what it reads and prints.

use strict;
use warnings;

use HTTP::Request;
use HTTP::Tiny;
use JSON::PP;
use LWP::UserAgent;

# A body that is made while it is sent, and may pause in the middle.
sub zeros {
    my ($length, $pause) = @_;
    my $left = $length;
    return sub {
        return undef if !$left;
        if ($pause && $left <= $length / 2) {
            sleep $pause;
            $pause = 0;
        }
        my $size = $left < 65536 ? $left : 65536;
        $left -= $size;
        return "\0" x $size;
    };
}

sub with_lwp {
    my ($url, $length, $declared, $pause, $timeout) = @_;
    my $agent = LWP::UserAgent->new(timeout => $timeout, ssl_opts => { verify_hostname => 0, SSL_verify_mode => 0 });
    my $zeros = zeros($length, $pause);
    my $request = HTTP::Request->new(POST => $url, [ $declared ? ('Content-Length' => $length) : () ], sub { $zeros->() // '' });
    my $answer = $agent->request($request);
    # Its own errors are answers with this field.
    return { error => $answer->decoded_content } if ($answer->header('Client-Warning') // '') eq 'Internal response';
    return { error => "body: " . $answer->header('X-Died') } if defined $answer->header('X-Died');
    return { error => "body: " . $answer->header('Client-Aborted') } if defined $answer->header('Client-Aborted');
    return { status => $answer->code, body => $answer->content };
}

sub with_tiny {
    my ($url, $length, $declared, $pause, $timeout) = @_;
    my $agent = HTTP::Tiny->new(timeout => $timeout, verify_SSL => 0, keep_alive => 0);
    my $answer = $agent->post($url, { content => zeros($length, $pause), headers => { $declared ? ('content-length' => $length) : () } });
    return { error => $answer->{content} } if $answer->{status} == 599;
    return { status => $answer->{status}, body => $answer->{content} };
}

$| = 1;
my ($library) = @ARGV;
my $post = $library eq 'LWP' ? \&with_lwp : \&with_tiny;
print encode_json({ version => $library eq 'LWP' ? $LWP::UserAgent::VERSION : $HTTP::Tiny::VERSION }), "\n";
while (my $line = <STDIN>) {
    my ($url, $length, $mode, $pause, $timeout) = split ' ', $line;
    my $answer = eval { $post->($url, $length, $mode eq 'declared', $pause, $timeout) } // { error => "$@" };
    $answer->{error} =~ s/\s+\z// if defined $answer->{error};
    print encode_json($answer), "\n";
}
