"""A gRPC service that takes everything, of any size, and says when it is ready: grpc_service.py PORT"""

import concurrent.futures
import sys

import grpc


class Anything(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.stream_unary_rpc_method_handler(lambda messages, _: b"%d" % sum(map(len, messages)))


server = grpc.server(concurrent.futures.ThreadPoolExecutor(64), [Anything()], options=[("grpc.max_receive_message_length", -1)])
server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
server.start()
print("ready", flush=True)
server.wait_for_termination()
