"""The oracle itself: a judge that lets anything pass proves nothing."""

import pytest
from harness import bodies
from harness.oracle import ABSENT, Operation, Oracle


def judge(*operations):
    """An oracle with a given history of the name `k`."""
    oracle = Oracle()
    oracle.histories["k"] = [Operation(ABSENT, -1, -1), *operations]
    return oracle


def test_what_is_acknowledged_must_be_there():
    oracle = judge(Operation("a", 1, 2))
    assert oracle.allowed("k") == ["a"]
    with pytest.raises(AssertionError, match="found None"):
        oracle.settle("k", ABSENT)


def test_what_is_in_flight_may_be_there():
    assert judge(Operation("a", 1, 2), Operation("b", 3)).allowed("k") == ["a", "b"]


def test_what_was_replaced_may_not_come_back():
    oracle = judge(Operation("a", 1, 2), Operation("b", 3, 4), Operation(ABSENT, 5, 6))
    assert oracle.allowed("k") == [ABSENT]


def test_of_two_that_overlap_either_may_be_last():
    assert judge(Operation("a", 1, 4), Operation("b", 2, 3)).allowed("k") == ["a", "b"]


def test_one_in_flight_before_an_acknowledged_one_may_be_last():
    assert judge(Operation("a", 1), Operation("b", 2, 3)).allowed("k") == ["a", "b"]


def test_what_was_seen_to_be_lost_stays_lost():
    oracle = judge(Operation("a", 1))
    oracle.settle("k", ABSENT)
    assert oracle.allowed("k") == [ABSENT]


def test_bodies():
    for size in (0, 1, 100, 70_000):
        body = bodies.make("k", 7, size)
        assert bodies.read("k", body) == 7
        assert len(body) >= size
    body = bodies.make("k", 7, 70_000)
    other = bodies.make("k", 8, 70_000)
    for wrong in (body[:-1], body + b"x", body[:35_000] + other[35_000:], b"", other[:10]):
        with pytest.raises(Exception):
            bodies.read("k", wrong)
    with pytest.raises(AssertionError, match="holds the body of"):
        bodies.read("other", body)
