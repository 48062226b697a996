"""Judges histories of one key: is there an order of the operations that explains every answer?

An operation takes effect at one moment between its begin and its end (C1). One whose outcome nobody
knows, because the daemon was killed, may have taken effect at a moment before the next start was
over, or never. The judge walks along the begins and ends and keeps every state that the key may be
in, each with the operations under way that have taken effect in it (Lowe's just-in-time
linearization). Every write has a value of its own, so there are few.

A state is the number of a write, or None: the key is not there.
"""

import dataclasses
import itertools

ABSENT = None


@dataclasses.dataclass(eq=False)
class Op:
    """One operation of one key.

    `kind`: put, delete, read, create (a put if nothing is there), swap (a put if `expect` is there).
    `result`: of a read the state; of a create or swap whether it took place; None while unknown.
    """

    kind: str
    begin: float
    end: float
    value: object = None
    expect: object = None
    result: object = None
    unknown: bool = False
    who: str = ""

    def outcomes(self, state):
        """The states after it, if it takes effect in this one with the answer it gave."""
        if self.kind == "read":
            return [state] if state == self.result else []
        if self.kind == "put":
            return [self.value]
        if self.kind == "delete":
            return [ABSENT]
        fits = state is ABSENT if self.kind == "create" else state == self.expect
        if self.unknown:
            return [self.value if fits else state]
        if fits != self.result:
            return []
        return [self.value if fits else state]

    @property
    def observes(self):
        """Whether it changes nothing."""
        return self.kind == "read" or (self.kind in ("create", "swap") and self.result is False)


class NotLinearizable(AssertionError):
    """A history that no order explains."""


def check(ops, initial=ABSENT):
    """Raises NotLinearizable; returns the most states that were possible at once."""
    events = [(op.begin, 0, n, op) for n, op in enumerate(ops)]
    events += [(op.end, 1, n, op) for n, op in enumerate(ops)]
    pending, states, most = [], {(initial, frozenset())}, 1
    past = []
    for _, ends, _, op in sorted(events, key=lambda event: event[:3]):
        if not ends:
            pending.append(op)
            continue
        past.append(op)
        states = _close(states, pending, op)
        pending.remove(op)
        most = max(most, len(states))
        if not states:
            told = "\n  ".join(map(str, itertools.chain(past[-12:], pending)))
            raise NotLinearizable(f"no order explains {op}; the last to end and those under way:\n  {told}")
    return most


def _close(states, pending, op):
    """The states in which `op` has taken effect, or may be left out; it is forgotten in them."""
    seen, todo, closed = set(), list(states), set()
    while todo:
        state, done = todo.pop()
        # What only looks is let look as soon as it can: that hinders nobody.
        looked = [other for other in pending
                  if other not in done and other.observes and other.outcomes(state)]
        done = done.union(looked)
        if (state, done) in seen:
            continue
        seen.add((state, done))
        if op in done:
            closed.add((state, done - {op}))
            continue
        if op.unknown:
            closed.add((state, done))
        for other in pending:
            if other in done or other.observes:
                continue
            for after in other.outcomes(state):
                todo.append((after, done | {other}))
    return closed
