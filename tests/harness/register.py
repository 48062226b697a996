"""Judges histories of a register that one writer sets to 1, 2, 3 ... and many readers read.

Such a history is linearizable if each read can be given the number of a write so that a read never
answers less than what was acknowledged before it began, never more than what was begun before it
ended, and never less than a read that had ended before it began. A read may not know the exact
number, only a set of numbers that it could be; then the least possible ones are tried, which is
enough because every rule but the upper bound asks for "not less".
"""

import bisect
from dataclasses import dataclass


@dataclass
class Write:
    """The setting of the register to `number`; `end` is None while nobody knows how it ended."""

    number: int
    begin: float
    end: float | None = None


@dataclass
class Read:
    """A read that answered something which the numbers `residue + k * modulus` would answer."""

    begin: float
    end: float
    residue: int
    modulus: int
    who: str = ""


class NotLinearizable(AssertionError):
    """A read that no order of the operations explains."""


def _least(at_least, residue, modulus):
    """The least number of the class that is not below `at_least`."""
    return at_least + (residue - at_least) % modulus


def check(writes, reads, initial=0):
    """Raises NotLinearizable, or returns how many reads had a choice of more than one number."""
    writes = sorted(writes, key=lambda write: write.number)
    begins = [write.begin for write in writes]
    assert begins == sorted(begins), "one writer, one write after the other"
    acknowledged = sorted((write.end, write.number) for write in writes if write.end is not None)
    ends = [end for end, _ in acknowledged]
    finished = []  # (end, number) of reads, numbers growing with ends
    ambiguous = 0
    for read in sorted(reads, key=lambda each: each.begin):
        at = bisect.bisect_left(ends, read.begin)
        floor = acknowledged[at - 1][1] if at else initial
        at = bisect.bisect_left(finished, (read.begin, -1))
        if at:
            floor = max(floor, finished[at - 1][1])
        at = bisect.bisect_right(begins, read.end)
        ceiling = writes[at - 1].number if at else initial
        number = _least(floor, read.residue, read.modulus)
        if number > ceiling:
            raise NotLinearizable(
                f"{read} answers nothing between {floor} (acknowledged or seen before it began) "
                f"and {ceiling} (begun before it ended)")
        ambiguous += number + read.modulus <= ceiling
        _remember(finished, read.end, number)
    return ambiguous


def _remember(finished, end, number):
    """Keeps, for each end, the greatest number of reads that had ended by then."""
    at = bisect.bisect_left(finished, (end, -1))
    if at and finished[at - 1][1] >= number:
        return
    later = at
    while later < len(finished) and finished[later][1] <= number:
        later += 1
    finished[at:later] = [(end, number)]
