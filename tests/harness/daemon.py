"""Starts, watches, kills and restarts `chainringd`.

A daemon belongs to the test that starts it: its own data directory, its own ports, and it is only
ever signalled through the process handle. Readiness is observed, never waited for by the clock.
"""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from . import paths

ACCESS_KEY = "CHAINRINGTESTKEY0001"
SECRET_KEY = "test/secret+of/the+first/user/0123456789"
READY_SECONDS = 60

#: Daemons of this process that were started and not yet closed; the report of a failed test prints
#: the tail of their logs.
RUNNING = []


class DaemonError(Exception):
    """The daemon did not do what the harness needs of it."""


class CliError(Exception):
    """`chainring` ended with a status other than 0."""

    def __init__(self, args, done):
        super().__init__(f"chainring {' '.join(args)}: status {done.returncode}: {done.stderr.strip()}")
        self.status = done.returncode
        self.stderr = done.stderr
        self.code = done.stderr.split(maxsplit=1)[0] if done.stderr.strip() else ""


def free_port():
    """A TCP port of the loopback interface that nobody listens on.

    Below the range that the system takes the ports of outgoing connections from: a daemon that is
    killed and started again must find its port as it left it.
    """
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def wait_until(what, condition, seconds=READY_SECONDS, every=0.01):
    """Polls `condition` until it holds; a deadline turns a hang into an error."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise DaemonError(f"{what}: not within {seconds} s")
        time.sleep(every)


class Daemon:
    """One `chainringd` on a data directory that outlives its process."""

    def __init__(self, name="daemon", args=(), data=None, env=None):
        self.folder = paths.scratch(name)
        self.data = Path(data) if data else self.folder / "data"
        # A socket's path may have 107 bytes at most, which a deep checkout would exceed.
        self.runtime = Path(tempfile.mkdtemp(prefix="chainring-"))
        self.admin_socket = self.runtime / "admin.sock"
        self.log = self.folder / "daemon.log"
        self.port = free_port()
        self.extra_args = list(args)
        self.extra_env = dict(env or {})
        self.access_key, self.secret_key = ACCESS_KEY, SECRET_KEY
        self.process = None
        #: What the CLI last said while the daemon was not ready.
        self.said = ""

    # -- life -------------------------------------------------------------------------------

    def command(self):
        """The command line of the daemon."""
        return [
            str(paths.BINARIES / "chainringd"),
            "--data-dir", str(self.data),
            "--s3-listen", f"127.0.0.1:{self.port}",
            "--admin-socket", str(self.admin_socket),
            *self.extra_args,
        ]

    def spawn(self):
        """Starts the process and does not wait for it to serve."""
        env = {
            **os.environ,
            "CHAINRING_ACCESS_KEY": self.access_key,
            "CHAINRING_SECRET_KEY": self.secret_key,
            **self.extra_env,
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=env, cwd=self.folder,
                # Python ignores SIGXFSZ, and so shall the daemon: a file that may not grow is a
                # failed write then.
                restore_signals=False,
            )
        if self not in RUNNING:
            RUNNING.append(self)
        return self

    def start(self):
        """Starts the process and returns once both of its doors are open."""
        self.spawn()
        try:
            wait_until("daemon ready", self._ready)
        except DaemonError as error:
            # A process that hangs must not outlive the attempt.
            if self.process.poll() is None:
                self.kill()
            raise DaemonError(f"{error}\n{self.said}\n{self.log_tail()}") from None
        return self

    def _ready(self):
        status = self.process.poll()
        if status is not None:
            raise DaemonError(f"daemon ended with status {status}")
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        status = self.cli_result("status")
        self.said = status.stderr
        return status.returncode == 0

    def alive(self):
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """`kill -9`, and waits until the process is gone."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def terminate(self, seconds=60):
        """`SIGTERM`; returns the exit status after the daemon has drained."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=seconds)

    def restart(self):
        """Starts again after a kill or a stop."""
        assert not self.alive()
        return self.start()

    def close(self, keep=False):
        """Ends the process and removes the folders; `keep` leaves them for an autopsy."""
        if self.alive():
            self.kill()
        if self in RUNNING:
            RUNNING.remove(self)
        shutil.rmtree(self.runtime, ignore_errors=True)
        if keep:
            print(f"kept: {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, error, trace):
        if kind is not None:
            print(self.log_tail())
        self.close(keep=kind is not None)

    # -- looking at it ----------------------------------------------------------------------

    @property
    def endpoint(self):
        """The URL for S3 clients."""
        return f"http://127.0.0.1:{self.port}"

    def log_tail(self, lines=80):
        """The last lines that the daemon printed."""
        if not self.log.exists():
            return "(the daemon printed nothing)"
        text = self.log.read_text(errors="replace").splitlines()
        return "\n".join([f"--- log of {self.folder.name} ---", *text[-lines:], "--- end of log ---"])

    def rss_bytes(self):
        """Resident memory of the process."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise DaemonError("no VmRSS")

    # -- the admin CLI ----------------------------------------------------------------------

    def cli_result(self, *args, input=None):
        """Runs `chainring` and returns what happened, whatever it was."""
        return subprocess.run(
            [str(paths.BINARIES / "chainring"), *args],
            env={**os.environ, "CHAINRING_ADMIN_SOCKET": str(self.admin_socket)},
            capture_output=True, text=True, timeout=60, input=input,
        )

    def cli(self, *args):
        """Runs `chainring`; raises [`CliError`] unless it succeeds."""
        done = self.cli_result(*args)
        if done.returncode != 0:
            raise CliError(args, done)
        return done.stdout

    def cli_json(self, *args):
        """Runs `chainring ... --json` and parses the answer."""
        return json.loads(self.cli(*args, "--json"))
