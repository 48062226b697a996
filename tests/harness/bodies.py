"""Bodies that say who wrote them, so that anything torn, mixed or stale is seen for what it is."""

import hashlib
import json


def make(key, write, size):
    """The body of one write: a line that names it, then bytes that follow from that line."""
    line = json.dumps({"key": key, "write": write, "size": size}).encode() + b"\n"
    rest = max(0, size - len(line))
    return line + hashlib.shake_128(line).digest(rest)


def read(key, body):
    """The write that made a body, or an AssertionError that tells what is wrong with it."""
    line, mark, _ = body.partition(b"\n")
    assert mark, f"{key}: {len(body)} bytes without a first line: {body[:80]!r}"
    said = json.loads(line)
    assert said["key"] == key, f"{key}: holds the body of {said['key']}"
    whole = make(key, said["write"], said["size"])
    if body != whole:
        at = next((n for n, (a, b) in enumerate(zip(body, whole)) if a != b), min(len(body), len(whole)))
        raise AssertionError(
            f"{key}: write {said['write']} is torn: {len(body)} bytes of {len(whole)}, "
            f"wrong from byte {at}")
    return said["write"]
