"""A call with a large message, as a client of grpcio makes it: grpc_call.py ADDRESS CERTIFICATE"""

import pathlib
import sys

import grpc

credentials = grpc.ssl_channel_credentials(pathlib.Path(sys.argv[2]).read_bytes())
with grpc.secure_channel(sys.argv[1], credentials) as channel:
    try:
        channel.unary_unary("/example.Files/Store")(bytes(33 << 20), timeout=60)
    except grpc.RpcError as error:
        sys.exit(f"{error.code()}: {error.details()}")
