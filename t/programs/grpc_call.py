"""A call with a large message, as a client of grpcio makes it: grpc_call.py ADDRESS CERTIFICATE BYTES"""

import pathlib
import sys

import grpc

address, certificate, length = sys.argv[1:]
credentials = grpc.ssl_channel_credentials(pathlib.Path(certificate).read_bytes())
with grpc.secure_channel(address, credentials) as channel:
    try:
        channel.unary_unary("/example.Files/Store")(bytes(int(length)))
    except grpc.RpcError as error:
        sys.exit(f"{error.code()}: {error.details()}")
