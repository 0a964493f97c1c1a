"""What goes wrong around nginx, and in it: descriptors, connections or disk space run out; clients, upstreams and
workers vanish.

    faults.py NGINX MODULE DEBUG-MODULE CERTIFICATE [FAULT ...]

DEBUG-MODULE is a debug build with the feature "fault-injection". Each fault is a function below; its documentation says what
is asserted. After each of them the next requests are answered as ever, nothing drains any more, and nginx ends with nothing
left open. Needs root, for mounts and network namespaces of its own.
"""

import contextlib
import os
import re
import resource
import sys
import threading
import time
import urllib.request

from limit_body import marks, netns, script
from limit_body.nginx import Nginx, await_condition
from limit_body.ports import free_ports

MAIN = """
{load}
worker_processes {workers};
worker_shutdown_timeout 10s;
{main}
events {{ worker_connections {connections}; }}
http {{
    access_log {directory}/access.log;
    log_format drain '$request_uri $status $limit_body_drain $limit_body_drained';
    access_log {directory}/drain.log drain if=$limit_body_drain;
    client_body_timeout 5s;
    client_body_buffer_size 8k;
    ssl_certificate {certificate}.pem;
    ssl_certificate_key {certificate}.key;
    limit_body 1m;
    limit_body_zone uploads;
    limit_body_drain idle=2s conns=100;
    server {{ listen 127.0.0.1:{backend}; access_log off; limit_body off; client_max_body_size 0;
              location / {{ return 200 "ok\\n"; }} }}
    server {{
        listen {address}:{port};
        listen 127.0.0.1:{h2c_port};
        listen 127.0.0.1:{tls_port} ssl;
        http2 on;
        location / {{ proxy_pass http://127.0.0.1:{backend}; }}
        location = /metrics {{ limit_body_metrics; }}
        location = /status {{ stub_status; }}
        {locations}
    }}
}}
"""
CONTROL = "h1: head POST /up 1000; send 1000; answer; head POST /up 2m; send 2m; answer; end"
AS_EVER = ["200 ok", "413 <413 Request Entity Too Large>", "closed"]


class Failure(Exception):
    """Something that nobody should have noticed was noticed."""


def same(seen, expected, what):
    if isinstance(seen, list) and len(seen) == len(expected):
        differences = [pair for pair in zip(seen, expected) if pair[0] != pair[1]]
        seen, expected = [pair[0] for pair in differences[:5]], [pair[1] for pair in differences[:5]]
    if seen != expected:
        raise Failure(f"{what}:\n  {seen}\nnot\n  {expected}")


@contextlib.contextmanager
def nginx(allowed=(), address="127.0.0.1", module=None, main="", locations="", connections=200, workers=1,
          **options):
    """An nginx that is to be as ever in the end."""
    names = ("port", "tls_port", "h2c_port", "backend")
    ports = dict(zip(names, free_ports(len(names))))
    server = Nginx(arguments.nginx, MAIN, load=f"load_module {module or arguments.module};", main=main, locations=locations,
                   connections=connections, workers=workers, certificate=arguments.certificate, address=address, **ports,
                   **options)
    with server:
        server.start()
        for name in names:
            os.environ[name.upper()] = str(ports[name])
        os.environ["ERROR_LOG"] = str(server.log)
        try:
            yield server
        except TimeoutError as error:
            raise Failure(f"waited in vain for {error}; the error log ends with\n{server.logged()[-2000:]}") from error
        # nginx goes on to count connections of a worker that has crashed.
        as_ever(but_connections=module is not None)
        if not server.stop():
            raise Failure("nginx does not end")
        if serious := server.serious(but=allowed):
            raise Failure("in the error log:\n" + "\n".join(serious))


def as_ever(but_connections=False):
    """What is asked for next is answered as ever, and nothing is left of what was before."""
    same(play(CONTROL), [AS_EVER], "the next requests")
    await_condition(lambda: metric("draining_connections") == 0, "the end of all drains")
    await_condition(lambda: but_connections or "Active connections: 1 " in get("/status"), "the end of all connections")


def play(*lines):
    """What the clients of scripts see, all at the same time."""
    seen = script.play(lines)
    marks.clear()
    return seen


def get(path):
    return urllib.request.urlopen(f"http://127.0.0.1:{os.environ['PORT']}{path}", timeout=10).read().decode()


def metric(name, labels=""):
    return int(re.search(rf'^nginx_limit_body_{name}{{zone="uploads"{labels}}} (\d+)', get("/metrics"), re.M)[1])


def drains(server):
    return sorted((server.directory / "drain.log").read_text().splitlines())


def descriptors():
    """Connections are kept waiting when there are no descriptors left, until drains give theirs back. A body for which no
    file can be made gets 500, and its client reads that."""
    allowed, page = ("(24: Too many open files)",), "500 <500 Internal Server Error>"
    with nginx(allowed, main="worker_rlimit_nofile 40;") as server:
        hold = "h1: head POST /up 2m; answer; end"
        waiting = "h1: head POST /up 1000; send 1000; answer; close"
        seen = play(*[hold] * 40, *[waiting] * 10)
        same(seen[:40], [AS_EVER[1:]] * 40, "clients that hold their connections")
        # Some have their connection, but there is none to the upstream.
        same([words for words in seen[40:] if words not in (["200 ok"], [page])], [], "clients that wait")
        if "Too many open files" not in server.logged():
            raise Failure("there were descriptors enough")
    with nginx(allowed, main="user root;") as server:
        # As many as it has: none is left for a file, or for the upstream.
        worker = server.workers()[0]
        used = len(os.listdir(f"/proc/{worker}/fd"))
        soft, hard = resource.prlimit(worker, resource.RLIMIT_NOFILE)
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (used + 1, hard))
        seen = play("h1: head POST /up 500k; send 500k; answer; end")
        seen += play("h1: head POST /up chunked; chunk 500k; chunk 0; answer; end")
        seen += play("h2c: head POST /up 500k; send 500k; finish; answer; close")
        seen += play("h2c: head POST /up chunked; send 500k; finish; answer; close")
        seen += play("h1: head POST /up 2m; answer; send 2m; end")
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (soft, hard))
        same(seen, [[page, "closed"], [page, "closed"], [page], [page], AS_EVER[1:]], "clients")


def connections():
    """With few connections and many clients at once, each gets its answer, or is turned away before it has one."""
    with nginx(("worker_connections are not enough",), connections=30) as server:
        one = "h1: head POST /up 2m; send 1m; answer; send 1m; end"
        two = "h2c: head POST /up chunked; send 2m; finish; answer; close"
        three = "h1: head POST /up 1000; send 1000; answer; close"
        seen = play(*[one, two, three] * 40)
        # Its upstream is the same nginx.
        answers = re.compile(r"413 <|200 ok|50[02] <|unsent|no answer|ConnectionResetError|ConnectionRefusedError")
        odd = [words for words in seen if not answers.match(words[0]) or "silent" in words]
        same(odd, [], "clients that have seen anything else")
        if "worker_connections are not enough" not in server.logged():
            raise Failure("there were connections enough")


def disk():
    """A body for which there is no space gets 500, on every version of HTTP, and its client reads that; one that is refused
    gets 413; and when there is space again all is as ever."""
    mount = 'mkdir -p "$0/client_body" && mount -t tmpfs -o size=256k,mode=777 none "$0/client_body" && exec "$@"'
    with nginx(("(28: No space left on device)",), command=("unshare", "--mount", "sh", "-c", mount, "{directory}")):
        page = "500 <500 Internal Server Error>"
        seen = play("h1: head POST /up 900k; send 900k; answer; end")
        seen += play("h1s: head POST /up 900k; send 900k; answer; end")
        seen += play("h1: head POST /up chunked; chunk 300k; chunk 300k; chunk 0; answer; end")
        seen += play("h1: head POST /up chunked; chunk 900k; chunk 900k; chunk 0; answer; end")
        seen += play("h2c: head POST /up 900k; send 900k; finish; answer; close")
        seen += play("h2c: head POST /up chunked; send 900k; finish; answer; close")
        seen += play("h2: head POST /up 2m; send 2m; finish; answer; close")
        seen += play("h1: head POST /up 2m; send 2m; answer; end")
        same(seen, [[page, "closed"]] * 4 + [[page]] * 2 + [AS_EVER[1:2], AS_EVER[1:]], "clients")


def peers():
    """A client whose link goes down is waited for no longer than idle, and its slot is free then. An upstream whose link
    goes down costs a request 504, and its client reads that although it has all of its body still to send."""
    with netns.namespace() as namespace:
        with nginx(address="0.0.0.0", locations=f"""
                location = /slot {{ limit_body 1k; limit_body_drain idle=1s conns=1; limit_body_zone slot; }}
                location = /away {{ limit_body 0; proxy_pass http://{netns.THERE}:8000; proxy_request_buffering off;
                                    proxy_connect_timeout 1s; proxy_send_timeout 1s; proxy_read_timeout 1s; }}
                """) as server:
            with namespace.run(CLIENT, netns.HERE, server.values["port"]):
                namespace.cut()
                same(play("h1: head POST /slot 2k; answer; end")[0][0], AS_EVER[1], "a client beside it")
                await_condition(lambda: any("/slot 413 timeout" in line for line in drains(server)), "the end of the drain")
            same(play("h1: head POST /slot 2k; answer; send 2k; end"), [AS_EVER[1:]], "a client that wants the slot")
            await_condition(lambda: any("/slot 413 complete" in line for line in drains(server)), "the drain to its end")
            gateway = "504 <504 Gateway Time-out>"
            upload = "h1: head POST /away 64m; mark sent; send 64m; answer; close"
            with namespace.run(UPSTREAM, netns.THERE) as upstream:
                player = threading.Thread(target=lambda: seen.extend(play(upload)))
                seen = []
                player.start()
                same(upstream.stdout.readline(), "reads\n", "the upstream that is to vanish")
                namespace.cut()
                player.join()
            # nginx remembers that it was away.
            seen += play("h2c: head POST /away 300k; send 50k; answer; send 50k; close")
            same(seen, [[gateway], [gateway]], "clients of an upstream that is away")


# Those who vanish.
CLIENT = """
import socket, sys
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10)
connection.sendall(b"POST /slot HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Length: 100000\\r\\n\\r\\n")
connection.recv(1000)
print("answered", flush=True)
sys.stdin.readline()
"""
UPSTREAM = """
import socket, sys
listening = socket.create_server((sys.argv[1], 8000))
print("listens", flush=True)
connection, _ = listening.accept()
connection.recv(1000)
print("reads", flush=True)
sys.stdin.readline()
"""


def panic():
    """A panic ends one worker: the log has the place and the signal, the master starts another, requests of other workers go
    on, counts are still there, and what the dead worker was draining is not counted any more. Release builds have no way to
    ask for one."""
    location = ("location = /panic { add_header X-Panic $limit_body_panic always; proxy_pass http://127.0.0.1:1; }"
                " add_header X-Process $pid always; limit_body_drain idle=60s;")
    allowed = ("panicked at", "exited on signal 6")
    with nginx(allowed, module=arguments.debug_module, workers=2, locations=location) as server:
        clients = [script.script("h1: head POST /up 2m; answer") for _ in range(20)]
        for client, steps in clients:
            client.run(steps)
        by_worker = {}
        for client, _ in clients:
            by_worker.setdefault(int(client.worker), []).append(client)
        same(len(by_worker) <= 2, True, "two workers")
        victim, others = None, []
        before = set(server.workers())
        seen = play("h1: head POST /panic 10; send 10; answer; end")
        await_condition(lambda: "exited on signal 6" in server.logged(), "the end of the worker")
        victim = int(re.search(r"worker process (\d+) exited on signal 6", server.logged())[1])
        same(victim in before, True, "the worker that has died")
        same(seen[0][0] in ("no answer", "unsent", "ConnectionResetError"), True, f"the client: {seen}")
        same("panicked at src/variables.rs" in server.logged() and "$limit_body_panic is evaluated" in server.logged(), True,
             "the panic in the error log")
        await_condition(lambda: len(set(server.workers()) - {victim}) == 2, "another worker")
        others = by_worker.get((before - {victim}).pop(), [])
        await_condition(lambda: metric("draining_connections") == len(others), "the drains of the other worker")
        for client in others:
            client.run([["send", "2m"], ["end"]])
            same(client.seen, AS_EVER[1:], "a client of the other worker")
        same(metric("rejected_total", ',at="header"'), 20, "refusals counted")
    release = Nginx(arguments.nginx, MAIN, load=f"load_module {arguments.module};", main="", locations=location, workers=1,
                    connections=100, certificate=arguments.certificate, address="127.0.0.1", port=1, h2c_port=2, tls_port=3,
                    backend=4)
    with release:
        same('unknown "limit_body_panic" variable' in release.run("-t").stderr, True, "a release build")


FAULTS = [descriptors, connections, disk, peers, panic]


class arguments:
    """Those of the program."""

    nginx, module, debug_module, certificate, *names = sys.argv[1:]


def main():
    if os.geteuid() != 0:
        sys.exit("error: this needs root, for mounts and network namespaces of its own. Run the same make with sudo.")
    failed = 0
    for fault in FAULTS:
        if arguments.names and fault.__name__ not in arguments.names:
            continue
        began = time.monotonic()
        try:
            fault()
            print(f"ok      {fault.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
        except (Failure, TimeoutError, OSError, RuntimeError) as error:
            failed += 1
            print(f"FAILED  {fault.__name__}: {type(error).__name__}: {error}", flush=True)
    played = len(arguments.names or FAULTS)
    print(f"{failed} of {played} faults were not dealt with" if failed else f"{played} faults, all dealt with")
    sys.exit(failed > 0)


main()
