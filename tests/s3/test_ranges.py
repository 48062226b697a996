"""Range requests."""

import os

import pytest
from harness.expect import refused

SIZE = 3 * (1 << 20) + 123
BODY = os.urandom(SIZE)


@pytest.fixture
def big(s3, bucket):
    """An object of several extents."""
    s3.put_object(Bucket=bucket, Key="big", Body=BODY)
    return bucket


@pytest.mark.parametrize("spec, first, last", [
    ("0-0", 0, 0), ("0-", 0, SIZE - 1), (f"{SIZE - 1}-", SIZE - 1, SIZE - 1), ("-1", SIZE - 1, SIZE - 1),
    ("-5000", SIZE - 5000, SIZE - 1), (f"-{SIZE}", 0, SIZE - 1), (f"-{SIZE + 9}", 0, SIZE - 1),
    ("100-199", 100, 199), ("65535-65536", 65535, 65536), ("1048575-1048576", 1048575, 1048576),
    ("1000000-2200000", 1000000, 2200000), (f"7-{SIZE + 50}", 7, SIZE - 1),
    (f"7-{2**63 - 1}", 7, SIZE - 1),
])
def test_range(s3, big, spec, first, last):
    got = s3.get_object(Bucket=big, Key="big", Range=f"bytes={spec}")
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert got["ContentRange"] == f"bytes {first}-{last}/{SIZE}"
    assert got["ContentLength"] == last - first + 1
    assert got["Body"].read() == BODY[first : last + 1]


@pytest.mark.parametrize("spec", [f"{SIZE}-", f"{SIZE}-{SIZE + 5}", f"{2**63 - 1}-", "-0"])
def test_range_outside(s3, big, spec):
    with refused(416, "InvalidRange"):
        s3.get_object(Bucket=big, Key="big", Range=f"bytes={spec}")


@pytest.mark.parametrize("value", ["bytes=9-3", "bytes=", "bytes=x-y", "lines=1-2", "bytes 1-2",
                                   "bytes=1-2,5-6"])
def test_a_range_without_sense_is_ignored(server, raw, big, value):
    if not server.ours:
        pytest.skip("servers differ")
    got = raw.request("GET", f"/{big}/big", headers={"range": value})
    assert (got.status, got.body == BODY) == (200, True)


def test_range_of_an_empty_object(server, raw, bucket):
    raw.request("PUT", f"/{bucket}/empty")
    for value in ("bytes=0-", "bytes=0-10"):
        answer = raw.request("GET", f"/{bucket}/empty", headers={"range": value})
        assert answer.status == 416, (value, answer)


def test_head_with_a_range(s3, big):
    got = s3.head_object(Bucket=big, Key="big", Range="bytes=10-19")
    assert got["ContentLength"] == 10
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206


def test_every_border_of_an_object(raw, big):
    """Slices that begin and end on both sides of each 64 KiB border."""
    for border in range(65536, SIZE, 65536):
        for first, last in [(border - 1, border), (border, border), (border - 3, border + 65540)]:
            last = min(last, SIZE - 1)
            got = raw.request("GET", f"/{big}/big", headers={"range": f"bytes={first}-{last}"})
            assert got.body == BODY[first : last + 1], (first, last)
