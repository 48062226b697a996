"""What a core keeps in memory of what it read, and how connections come to cores."""

import os
import socket
import threading

import pytest
from harness.daemon import wait_until
from harness.observed import Observed

pytestmark = pytest.mark.skipif(
    "CHAINRING_TEST_ENDPOINT" in os.environ, reason="tests of our own daemon")

LARGE = 3 * 1024 * 1024 + 17
HITS, MISSES = "chainring_cache_hits_total", "chainring_cache_misses_total"


@pytest.fixture(scope="module")
def server():
    # One core: which one a connection comes to must not matter to what is found in the cache.
    server = Observed("--cores", "1", "--cache-size", "64M")
    yield server
    server.close()


class Reads:
    """What the cache was asked since this was made."""

    def __init__(self, server):
        self.server, self.before = server, self._now(server)

    @staticmethod
    def _now(server):
        return server.value(HITS), server.value(MISSES)

    def since(self):
        """Hits and misses."""
        now = self._now(self.server)
        return tuple(int(after - before) for after, before in zip(now, self.before))


def body(version, size):
    return (b"%d;" % version * size)[:size]


@pytest.mark.parametrize("size", [1, 4096, LARGE])
def test_what_was_read_is_not_read_again(server, size):
    name, client = server.create_linked(), server.client()
    client.put_object(Bucket=name, Key="k", Body=body(1, size))
    for _ in range(2):
        reads = Reads(server)
        assert client.get_object(Bucket=name, Key="k")["Body"].read() == body(1, size)
        client.head_object(Bucket=name, Key="k")
        part = client.get_object(Bucket=name, Key="k", Range="bytes=0-0")
        assert part["Body"].read() == b"1"
    hits, misses = reads.since()
    assert misses == 0 and hits >= 3
    source = f"{name}-source"
    reads = Reads(server)
    server.daemon.cli("bucket", "link", f"/vol1/{source}", f"/s3v/{source}-again")
    again = client.get_object(Bucket=f"{source}-again", Key="k")
    assert again["Body"].read() == body(1, size)
    assert reads.since()[1] == 0, "by another name it is the same object"


@pytest.mark.parametrize("size", [4096, LARGE])
def test_nobody_gets_what_was_there_before(server, size):
    name, client = server.create_direct(), server.client()
    for version in range(5):
        client.put_object(Bucket=name, Key="k", Body=body(version, size),
                          ContentType=f"text/{version}", Metadata={"version": str(version)})
        for _ in range(2):
            found = client.get_object(Bucket=name, Key="k")
            assert found["Body"].read() == body(version, size)
            assert found["Metadata"] == {"version": str(version)}
            assert found["ContentType"] == f"text/{version}"
    client.put_object_tagging(Bucket=name, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    assert client.get_object(Bucket=name, Key="k")["TagCount"] == 1
    client.delete_object(Bucket=name, Key="k")
    with pytest.raises(client.exceptions.NoSuchKey):
        client.get_object(Bucket=name, Key="k")


def test_headers_that_are_kept_are_overridden_for_one_request_only(server):
    name, client = server.create_direct(), server.client()
    client.put_object(Bucket=name, Key="k", Body=b"x", ContentType="text/plain",
                      CacheControl="no-store")
    for kind in ["text/plain", "image/png", "text/plain"]:
        other = {} if kind == "text/plain" else {"ResponseContentType": kind}
        found = client.get_object(Bucket=name, Key="k", **other)
        assert (found["ContentType"], found["CacheControl"]) == (kind, "no-store")


def test_the_cache_stays_within_its_size(server):
    name, client = server.create_direct(), server.client()
    for number in range(40):
        client.put_object(Bucket=name, Key=str(number), Body=body(number, LARGE))
    for number in range(40):
        client.get_object(Bucket=name, Key=str(number))["Body"].read()
    assert 32 * 2**20 < server.value("chainring_cache_bytes") <= 64 * 2**20


def test_a_cache_of_no_size_keeps_nothing():
    server = Observed("--cores", "1", "--cache-size", "0")
    try:
        name, client = server.create_direct(), server.client()
        client.put_object(Bucket=name, Key="k", Body=b"x" * 4096)
        for _ in range(3):
            assert client.get_object(Bucket=name, Key="k")["Body"].read() == b"x" * 4096
        assert server.value("chainring_cache_items") == 0
        assert server.value(HITS) == 0
    finally:
        server.close()


def test_connections_are_spread_over_the_cores():
    server = Observed("--cores", "2")
    try:
        for count in [8, 32]:
            held = []
            threads = [threading.Thread(target=lambda: held.append(
                socket.create_connection((server.host, server.port)))) for _ in range(count)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

            def counts():
                found = server.samples()["chainring_s3_connections"]
                found = [int(value) for _, value in found]
                return found if sum(found) >= count else None
            least, most = sorted(wait_until(f"{count} connections", counts))
            assert most <= 1.5 * least, (least, most)
            for connection in held:
                connection.close()
            wait_until("their end", lambda: server.value("chainring_s3_connections") <= 1)
    finally:
        server.close()
