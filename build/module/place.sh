#!/bin/sh
# Puts a module that cargo has built where it is expected, and sees to it that nginx loads it:
#
#     build/module/place.sh BUILT MODULE NGINX
#
# where BUILT is the directory that cargo has built in.

set -eu

built=$1 module=$2 nginx=$3

# Not in its place: an nginx that runs has it mapped.
cp "$built/lib$(basename "$module")" "$module.new"
mv "$module.new" "$module"
"$(dirname "$0")/loads.sh" "$nginx" "$module"
