"""The judge of histories is judged first: it must refuse what it is there to refuse."""

import random

import pytest
from harness.register import NotLinearizable, Read, Write, check


def writes(*spans):
    return [Write(number, *span) for number, span in enumerate(spans, 1)]


def test_a_read_before_during_and_after_a_write():
    history = writes((10, 20))
    for begin, end, value, fine in [
        (1, 5, 0, True), (1, 5, 1, False),
        (11, 15, 0, True), (11, 15, 1, True),
        (21, 22, 1, True), (21, 22, 0, False),
        (5, 30, 0, True), (5, 30, 1, True),
    ]:
        read = [Read(begin, end, value, 1000)]
        if fine:
            check(history, read)
        else:
            with pytest.raises(NotLinearizable):
                check(history, read)


def test_time_does_not_run_backwards_between_reads():
    history = writes((10, 100))
    check(history, [Read(20, 30, 0, 1000), Read(40, 50, 1, 1000)])
    with pytest.raises(NotLinearizable):
        check(history, [Read(20, 30, 1, 1000), Read(40, 50, 0, 1000)])
    # They overlap: either order will do.
    check(history, [Read(20, 45, 1, 1000), Read(40, 50, 0, 1000)])


def test_an_unacknowledged_write_may_or_may_not_be_seen():
    history = [Write(1, 10, None)]
    check(history, [Read(20, 21, 0, 1000), Read(30, 31, 1, 1000)])
    with pytest.raises(NotLinearizable):
        check(history, [Read(20, 21, 1, 1000), Read(30, 31, 0, 1000)])


def test_random_correct_histories_pass_and_stale_reads_in_them_do_not():
    rng = random.Random(7)
    for _ in range(200):
        clock, history, reads = 0.0, [], []
        points = []
        for number in range(1, 30):
            begin = clock + rng.random()
            point = begin + rng.random()
            end = point + rng.random()
            history.append(Write(number, begin, end))
            points.append(point)
            clock = end
        for _ in range(100):
            begin = rng.uniform(0, clock)
            point = begin + rng.random() * 3
            end = point + rng.random()
            value = sum(1 for moment in points if moment <= point)
            reads.append(Read(begin, end, value % 8, 8))
        check(history, reads)
        last = history[-1]
        stale = Read(last.end + 0.1, last.end + 0.2, (last.number - 1) % 8, 8)
        with pytest.raises(NotLinearizable):
            check(history, [*reads, stale])
