# What "make install" installs nginx loads, without debug information unless that is asked for; "make uninstall" removes that and
# nothing else.

use strict;
use warnings;

use File::Find qw(find);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Test::More;

# nginx gives nothing back when it only tests.
$ENV{MEMORY_LEAKS} = 'no';

my $nginx = $ENV{TEST_NGINX_BINARY};
my @built = grep { /limit_/ } $ENV{TEST_NGINX_LOAD_MODULES}, split ' ', $ENV{TEST_STREAM_MODULES} // '';
my ($about) = `$nginx -V 2>&1` =~ /^configure arguments: (.*)/m;
my ($prefix) = ($about =~ /--prefix=(\S+)/, '/usr/local/nginx');
my ($modules, $conf) = map {
    my ($option, $default) = @$_;
    my ($path) = ($about =~ /--$option=(\S+)/, $default);
    $path =~ m{^/} ? $path : "$prefix/$path";
} ['modules-path', 'modules'], ['conf-path', 'conf/nginx.conf'];

my $root = tempdir(CLEANUP => 1);
my $man = "$root/usr/share/man/man5/ngx_http_limit_body_module.5";
my @names = map { m{([^/]+)$} } @built;
my @installed = sort $man, map { "$root$modules/$_" } @names;
my @debug = map { "$root$modules/.debug/$_.debug" } @names;

sub run { my $command = "@_ 2>&1"; my $output = `$command`; is($?, 0, "$_[0] succeeds") or diag($output); $output }
sub install { run("DEBUG_INFO=$_[0] build/module/install.sh install $nginx $root @built") }
sub uninstall { run("build/module/install.sh uninstall $nginx $root") }
sub files { my @files; find(sub { push @files, $File::Find::name if -f }, $root); return [sort @files] }
sub loads { run("build/module/loads.sh $nginx $root$modules/$_") for @names }

# Whether a module, or what is beside it, has line tables. A module of a distribution has none: its are in a package of their own.
sub has_debug_info {
    my $sections = `readelf -SW $_[0]`;
    $? == 0 or die "readelf failed on $_[0]";
    return $sections =~ /\s\.debug_line\s/ ? 'yes' : 'no';
}

# The lines of code that gdb finds for an installed module.
sub gdb_finds { scalar `gdb -nx -batch -ex 'info line before_access' $root$modules/$names[0] 2>&1` =~ /^Line \d+ of / }

my $output = install('no');
is_deeply(files(), \@installed, 'the modules and the man page are installed');
like($output, qr/^ +load_module \S+$_;/m, "it says how to load $_") for @names;
is(has_debug_info("$root$modules/$_"), 'no', "$_ has no debug information") for @names;
loads();

install('yes');
is_deeply(files(), [sort @installed, @debug], 'debug information is installed where it is asked for');
is(has_debug_info($debug[$_]), has_debug_info($built[$_]), "all that $names[$_] was built with") for 0 .. $#names;
loads();
SKIP: {
    skip('there is no gdb', 1) if system('command -v gdb >/dev/null');
    skip('the modules were built without debug information', 1) if has_debug_info($built[0]) eq 'no';
    ok(gdb_finds(), 'gdb finds it');
}

install('no');
is_deeply(files(), \@installed, 'debug information that is none of this build is removed');

install('yes');
my $other = "$root$modules/another.so";
for my $file ($other, "$root$conf") {
    make_path($file =~ s{/[^/]+$}{}r);
    open my $out, '>', $file or die "$file: $!";
    print $out "load_module modules/$names[0];\n# load_module modules/$names[-1];\n";
}
$output = uninstall();
is_deeply(files(), [sort $other, "$root$conf"], 'what was installed is removed, and nothing else');
like($output, qr/^removed \Q$_\E$/m, "it says that it has removed $_") for @installed, @debug;
like($output, qr/^warning: .*\n\Q$root$conf\E:1:load_module modules\/$names[0];\n\z/m, 'it warns of lines that load a module');

unlink "$root$conf" or die "$conf: $!";
is(uninstall(), "Nothing to remove: neither ngx_http_limit_body_module.so nor ngx_stream_limit_session_module.so is in "
    . "$root$modules\n", 'it says that there is nothing to remove');

done_testing();
