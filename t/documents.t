# What the documents show is true: configurations pass "nginx -t", commands print what stands below them, links lead somewhere.

use strict;
use warnings;

# A hundred of "nginx -t", which gives nothing back.
$ENV{MEMORY_WATCHED} = 'no';

exec $ENV{TEST_PYTHON} || 'python3', 't/documents/check.py', $ENV{TEST_NGINX_BINARY}, $ENV{TEST_NGINX_LOAD_MODULES} // '',
    $ENV{TEST_CERTIFICATE};
