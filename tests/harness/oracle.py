"""What may be true after a crash.

For every name (a key, a link) the oracle keeps each operation that was sent: when it was sent, when
its acknowledgement came, and what it makes true. After a crash a value is allowed if an operation
made it that no *acknowledged* later operation replaced. "Later" is "sent after the other's
acknowledgement": of operations that overlapped either may have come last.
"""

import dataclasses
import itertools
import math
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

    def __str__(self):
        state = "in flight" if self.acknowledged == math.inf else f"acknowledged {self.acknowledged:.6f}"
        return f"{self.value!r} sent {self.sent:.6f} {state}"


def write_id():
    """A number that no other write of this run has."""
    return next(_numbers)


class Oracle:
    """The histories of all names since the last time that their values were known."""

    def __init__(self):
        self.histories = {}
        self.lock = threading.Lock()

    def send(self, name, value):
        """Notes that an operation is about to be sent."""
        operation = Operation(value, time.monotonic())
        with self.lock:
            self._history(name).append(operation)
        return operation

    @staticmethod
    def acknowledge(operation):
        """Notes that an operation was acknowledged."""
        operation.acknowledged = time.monotonic()

    def refuse(self, name, operation):
        """Notes that an operation was refused and must have changed nothing."""
        with self.lock:
            self.histories[name].remove(operation)

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
