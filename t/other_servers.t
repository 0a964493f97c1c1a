# Servers that look like nginx and are none are refused by their names, by "make build" and by their own configure.

use strict;
use warnings;

use Cwd qw(getcwd);
use File::Temp qw(tempdir);
use Test::More;

my $project = getcwd();

# What tells them from nginx, as their sources have it.
my %servers = (
    Angie => ['angie.h', '#define NGX_ANGIE_SIGN     "Angie"'],
    freenginx => ['nginx.h', '#define NGINX_NAME         "freenginx"'],
);

sub refused {
    my ($server, $how, $command) = @_;
    my $output = `$command 2>&1`;
    isnt($?, 0, "$how refuses $server");
    my @errors = $output =~ /^(error: .*\n)/mg;
    is(@errors, 1, "$how of $server: one line") or diag($output);
    like($errors[0], qr/^error: $server is not supported: ./, "$how of $server: its name");
}

for my $server (sort keys %servers) {
    my ($header, $line) = @{$servers{$server}};
    my $dir = tempdir(CLEANUP => 1);
    system('cp', '-R', $ENV{NGINX_SOURCE_DIR}, "$dir/src") == 0 or die 'cp failed';
    system('chmod', '-R', 'u+w', "$dir/src");
    open my $out, '>>', "$dir/src/src/core/$header" or die "$header: $!";
    print $out "$line\n";
    close $out;

    refused($server, 'make build', "build/nginx/build.sh $dir/built $dir/src");
    my $configure = -x "$dir/src/configure" ? './configure' : 'auto/configure';
    SKIP: {
        skip('there is no C compiler', 3) if system('command -v cc >/dev/null');
        refused($server, 'configure', "cd $dir/src && $configure --builddir=$dir/objs --add-module=$project");
    }
}

done_testing();
