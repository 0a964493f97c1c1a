# What the documents show is true: configurations pass "nginx -t", commands print what stands below them, links lead somewhere.

use strict;
use warnings;

exec $ENV{TEST_PYTHON} || 'python3', 't/documents/check.py', $ENV{TEST_NGINX_BINARY}, $ENV{TEST_NGINX_LOAD_MODULES} // '',
    $ENV{TEST_CERTIFICATE};
