#!/bin/sh
# Makes a self-signed certificate for localhost, and for the servers' address on a link (t/lib/limit_body/link.py):
# build/test/certificate.sh DIR leaves localhost.pem and localhost.key there.

set -eu

mkdir -p "$1"
openssl x509 -in "$1/localhost.pem" -noout -checkip 192.0.2.1 2>/dev/null | grep -q 'does match' ||
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost,IP:127.0.0.1,IP:192.0.2.1 \
        -keyout "$1/localhost.key" -out "$1/localhost.pem" 2>/dev/null
