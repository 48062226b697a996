"""What may be true after a crash.

For every name (a key, a link) the oracle keeps each operation that was sent: when it was sent, when
its acknowledgement came, and what it makes true. After a crash a value is allowed if an operation
made it that no *acknowledged* later operation replaced. "Later" is "sent after the other's
acknowledgement": of operations that overlapped either may have come last.

With a file, every line of it is on the device before the oracle goes on: an operation before it is
sent, an acknowledgement before it counts. So the file alone can judge a store, whatever became of
the process that wrote it.
"""

import dataclasses
import itertools
import json
import math
import os
import threading
import time

_numbers = itertools.count(1)

#: The value of a name that is not there.
ABSENT = None


@dataclasses.dataclass
class Operation:
    """One change of one name."""

    value: object
    sent: float
    acknowledged: float = math.inf
    number: int = 0

    def __str__(self):
        state = "in flight" if self.acknowledged == math.inf else f"acknowledged {self.acknowledged:.6f}"
        return f"{self.value!r} sent {self.sent:.6f} {state}"


def write_id():
    """A number that no other write of this run has."""
    return next(_numbers)


class Oracle:
    """The histories of all names since the last time that their values were known."""

    def __init__(self, path=None):
        self.histories = {}
        self.lock = threading.Lock()
        self.count = itertools.count(1)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_DSYNC
        self.file = None if path is None else os.open(path, flags, 0o600)

    def _note(self, *line):
        if self.file is not None:
            # One write, which O_APPEND keeps together.
            os.write(self.file, json.dumps(line).encode() + b"\n")

    def close(self):
        """Closes the file."""
        if self.file is not None:
            os.close(self.file)
            self.file = None

    @classmethod
    def read(cls, path):
        """The oracle that wrote a file."""
        oracle, open_ = cls(), {}
        with open(path, encoding="utf-8") as file:
            for line in file:
                if not line.endswith("\n"):
                    break
                what, number, moment, *rest = json.loads(line)
                if what == "send":
                    name, value = rest
                    open_[number] = Operation(value, moment, number=number)
                    oracle._history(name).append(open_[number])
                elif what == "ack":
                    open_[number].acknowledged = moment
                elif what == "refuse":
                    oracle._history(rest[0]).remove(open_[number])
                else:
                    name, value = rest
                    oracle.histories[name] = [Operation(value, moment, moment)]
        return oracle

    def send(self, name, value):
        """Notes that an operation is about to be sent."""
        operation = Operation(value, time.monotonic(), number=next(self.count))
        with self.lock:
            self._history(name).append(operation)
        self._note("send", operation.number, operation.sent, name, value)
        return operation

    def acknowledge(self, operation):
        """Notes that an operation was acknowledged."""
        operation.acknowledged = time.monotonic()
        self._note("ack", operation.number, operation.acknowledged)

    def refuse(self, name, operation):
        """Notes that an operation was refused and must have changed nothing."""
        with self.lock:
            self.histories[name].remove(operation)
        self._note("refuse", operation.number, time.monotonic(), name)

    def _history(self, name):
        return self.histories.setdefault(name, [Operation(ABSENT, -1.0, -1.0)])

    def allowed(self, name):
        """The values that a name may have."""
        history = self._history(name)
        return [
            one.value for one in history
            if not any(other.acknowledged < math.inf and other.sent > one.acknowledged
                       for other in history)
        ]

    def settle(self, name, value):
        """Checks a value that was seen; from now on it is the only one allowed."""
        allowed = self.allowed(name)
        if value not in allowed:
            told = "\n  ".join(str(operation) for operation in self._history(name))
            raise AssertionError(f"{name}: found {value!r}, allowed {allowed!r}; history:\n  {told}")
        moment = time.monotonic()
        self.histories[name] = [Operation(value, moment, moment)]
        self._note("settle", 0, moment, name, value)
