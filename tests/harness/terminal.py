"""A command on a terminal of its own: what a person would see and could type."""

import os
import pty
import select
import subprocess
import time


class Terminal:
    """A process whose standard input, output and error are one terminal."""

    def __init__(self, command, env=None, cwd=None, stdout=None):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=stdout or slave, stderr=slave, cwd=cwd,
            env={**os.environ, "TERM": "xterm", **(env or {})}, start_new_session=True)
        os.close(slave)
        self.seen = ""
        #: What was seen before this is looked at no more.
        self.at = 0

    def type(self, text):
        """Types a text."""
        os.write(self.master, text.encode())

    def until(self, text, seconds=60):
        """Reads until this text is seen, after what was waited for before."""
        deadline = time.monotonic() + seconds
        while (found := self.seen.find(text, self.at)) < 0:
            if not self._read(deadline):
                raise AssertionError(f"{text!r} was not seen in {self.seen[self.at:]!r}")
        self.at = found + len(text)

    def end(self, seconds=60):
        """Reads to the end; returns the exit status and all that was seen."""
        deadline = time.monotonic() + seconds
        while self._read(deadline):
            pass
        return self.process.wait(timeout=seconds), self.seen

    def _read(self, deadline):
        ready = select.select([self.master], [], [], max(0, deadline - time.monotonic()))[0]
        try:
            data = os.read(self.master, 65536) if ready else b""
        except OSError:  # The other side is closed.
            data = b""
        self.seen += data.decode(errors="replace")
        return bool(data)

    def close(self):
        """Ends the process if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
