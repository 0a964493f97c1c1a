"""Uploads that are refused, and what they cost the worker:

    drain-client.py PORT TLS_PORT WORKER plain|tls|chunked|chunked-read|tls-chunked|tls-chunked-read|memory MEBIBYTES CONNECTIONS

Prints CPU seconds per GB, GB per second, and the milliseconds until the answer; or bytes of memory per connection.
"""

import os
import resource
import select
import socket
import ssl
import sys
import time

port, tls_port, worker, what, mebibytes, connections = sys.argv[1:]
port, tls_port, mebibytes, connections = int(port), int(tls_port), int(mebibytes), int(connections)

HEADER = "POST {} HTTP/1.1\r\nHost: localhost\r\n{}\r\n\r\n"
CHUNK = b"10000\r\n" + bytes(65536) + b"\r\n"


def cpu():
    fields = open(f"/proc/{worker}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory():
    return next(int(line.split()[1]) * 1024 for line in open(f"/proc/{worker}/status") if line.startswith("VmRSS"))


def upload():
    size, chunked = mebibytes << 20, "chunked" in what
    connection = socket.create_connection(("127.0.0.1", tls_port if what.startswith("tls") else port), 60)
    if what.startswith("tls"):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = context.wrap_socket(connection)
    piece = CHUNK * 16 if chunked else bytes(1 << 20)

    used, began, first = cpu(), time.monotonic(), None
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
    # What reads a body refuses it in mid-stream, what does not answers with another error.
    target, status = ("/read", b"413") if what.endswith("read") else ("/", b"404" if chunked else b"413")
    connection.sendall(HEADER.format(target, length).encode())
    for _ in range(mebibytes):
        # In small pieces until the answer comes, so as not to miss it.
        start = 0
        while start < len(piece):
            end = len(piece) if first is not None else start + 16384
            connection.sendall(piece[start:end])
            start = end
            if first is None and select.select([connection], [], [], 0)[0]:
                first = time.monotonic() - began
    if chunked:
        connection.sendall(b"0\r\n\r\n")
    answer = b""
    while b"</html>" not in answer:
        answer += connection.recv(65536)
    took = time.monotonic() - began
    if not answer.startswith(b"HTTP/1.1 " + status):
        sys.exit(f"answered with {answer[:40]}")
    connection.close()
    print((cpu() - used) / (size / 1e9), size / 1e9 / took, 1000 * (first or took))


def crowd():
    resource.setrlimit(resource.RLIMIT_NOFILE, (connections + 100, connections + 100))
    header = HEADER.format("/", "Content-Length: 1000000").encode()

    def drain(number):
        opened = []
        for i in range(number):
            # Sources of their own: an address has no more than some 28,000 ports.
            connection = socket.socket()
            connection.bind((f"127.0.{1 + i // 20000}.1", 0))
            connection.connect(("127.0.0.1", port))
            connection.sendall(header + bytes(1000))
            opened.append(connection)
        for connection in opened:
            connection.recv(65536)
        return opened

    # What the first connections need is there to stay.
    for connection in drain(100):
        connection.close()
    before = memory()
    opened = drain(connections)
    time.sleep(1)
    print(round((memory() - before) / len(opened)))


crowd() if what == "memory" else upload()
