"""An nginx of one's own: in a directory that goes with it, on free ports, for tests that play with the server itself."""

import contextlib
import functools
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

from limit_body.waiting import await_condition

# So that what was started ends as well.
signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))

# Where nginx goes on although something is wrong.
SERIOUS = re.compile(r"\[(?:emerg|alert|crit)\]|panicked at|open socket #\d+ left|exited on signal")


@functools.cache
def about(program):
    """What an nginx says of itself, with "-V"."""
    return subprocess.run([program, "-V"], capture_output=True, text=True).stderr


def version(program):
    return tuple(int(number) for number in re.search(r"nginx/([\d.]+)", about(program))[1].split("."))


def http2(program):
    """How this nginx is told to speak HTTP/2: what stands behind "listen", and a directive."""
    return (" http2", "") if version(program) < (1, 25, 1) else ("", "http2 on;")


def with_http2(program, text):
    """A configuration that has "http2 on", as this nginx takes it."""
    parameter, _ = http2(program)
    if not parameter or "http2 on;" not in text:
        return text
    return text.replace("http2 on;", "").replace(" ssl;", f" ssl{parameter};")


def loads(modules):
    """How an nginx loads these modules; and how without the project's own, for a control."""
    lines = [f"load_module {module};" for module in modules.split()]
    return "\n".join(lines), "\n".join(line for line in lines if "limit_session" not in line)


def has_http3(program):
    return "--with-http_v3_module" in about(program)


def write(directory, configuration):
    """Writes the configuration of an nginx that lives in a directory: a "pid", an "error_log" and paths for temporary files are
    added."""
    paths = "".join(f"{name}_temp_path {name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    text = re.sub(r"^http \{$", lambda http: f"http {{\n{paths}", configuration, count=1, flags=re.M)
    main = f"pid {directory}/nginx.pid;\n" + ("" if "error_log" in text else "error_log error.log info;\n")
    pathlib.Path(directory, "nginx.conf").write_text(main + text)


def starting(program, directory):
    """The command that starts it."""
    return [program, "-p", f"{directory}/", "-c", "nginx.conf", "-e", "error.log"]


class Nginx:
    """nginx with a configuration, in which {directory} is where it lives; see write(). Master and workers, unless the
    configuration says something else. With a COMMAND, that starts it."""

    def __init__(self, program, configuration, environment=(), command=(), **values):
        self.program = program
        self.home = tempfile.TemporaryDirectory(prefix="limit-body-")
        self.directory = pathlib.Path(self.home.name)
        # The workers are somebody else.
        self.directory.chmod(0o755)
        self.log = self.directory / "error.log"
        self.values = {"directory": self.directory, **values}
        self.environment = {**os.environ, **dict(environment)}
        self.command = [*(word.format(**self.values) for word in command), *starting(program, self.directory)]
        self.configure(configuration)

    def configure(self, configuration):
        """Writes another configuration, for the next start or reload."""
        write(self.directory, configuration.format(**self.values))

    def run(self, *arguments, **options):
        """Runs the program once, as with "-t", with this configuration."""
        return subprocess.run([*self.command, *arguments], env=self.environment, capture_output=True, text=True, **options)

    def start(self):
        started = self.run()
        if started.returncode:
            raise RuntimeError(f"nginx does not start:\n{started.stderr}")
        self.master = await_condition(self.read_pid, "the file with nginx's process number")
        await_condition(self.workers, "a worker")

    def read_pid(self):
        with contextlib.suppress(FileNotFoundError, ValueError):
            return int((self.directory / "nginx.pid").read_text())

    def workers(self, master=None):
        """The process numbers of the workers, also of those that are about to end."""
        master = master or self.master
        with contextlib.suppress(FileNotFoundError):
            return [int(pid) for pid in pathlib.Path(f"/proc/{master}/task/{master}/children").read_text().split()]
        return []

    def signal(self, name, pid=None):
        os.kill(pid or self.master, signal.Signals[f"SIG{name}"])

    def reload(self):
        """Reloads the configuration, and waits until the workers before are gone or have lingering connections only."""
        before = set(self.workers())
        self.signal("HUP")
        await_condition(lambda: set(self.workers()) - before, "new workers")

    def is_running(self):
        return os.path.exists(f"/proc/{self.master}")

    def stop(self, how="QUIT"):
        """Ends nginx; whether it did."""
        with contextlib.suppress(ProcessLookupError):
            self.signal(how)
        try:
            await_condition(lambda: not self.is_running(), "the end of nginx")
            return True
        except TimeoutError:
            for pid in [*self.workers(), self.master]:
                with contextlib.suppress(ProcessLookupError):
                    self.signal("KILL", pid)
            return False

    def logged(self, start=0):
        """What is in the error log, from an offset on."""
        if not self.log.exists():
            return ""
        with open(self.log, errors="replace") as file:
            file.seek(start)
            return file.read()

    def serious(self, start=0, but=()):
        """The lines of the error log that must not be, but for those with one of these texts."""
        return [line for line in self.logged(start).splitlines()
                if SERIOUS.search(line) and not any(text in line for text in but)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if hasattr(self, "master") and self.is_running():
            self.stop("TERM")
        self.home.cleanup()
