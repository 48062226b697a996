"""Many clients, slow clients, a full disk: the daemon stays small, stays up and loses nothing."""

import contextlib
import hashlib
import os
import resource
import selectors
import socket
import threading
import time

import pytest
from crash.disks import loop_disk
from harness import bodies, paths, sigv4
from harness.daemon import Daemon, wait_until
from harness.raw import Connection, Raw, read_answer

pytestmark = pytest.mark.skipif(
    "CHAINRING_TEST_ENDPOINT" in os.environ, reason="tests of our own daemon")

CLIENTS = 1000
#: What a daemon may hold: its budget of body bytes in flight, and as much again for all the rest.
RSS_MAX = 1 << 30


@pytest.fixture
def daemon():
    """A daemon with a bucket `bkt`."""
    daemon = Daemon("limits").start()
    daemon.cli("bucket", "create", "/s3v/bkt")
    yield daemon
    daemon.close()


def raw_of(daemon):
    """A raw client of the first user."""
    return Raw("127.0.0.1", daemon.port, daemon.access_key, daemon.secret_key)


def test_a_thousand_uploads_at_once(daemon):
    """All connections send their bodies side by side; memory stays within its budget."""
    wanted = 4 * CLIENTS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < CLIENTS + 100:
        pytest.skip("too few file descriptors are allowed here")
    raw = raw_of(daemon)
    body = os.urandom(4 << 20 if paths.LONG else 2 << 20)
    etag = f'"{hashlib.md5(body).hexdigest()}"'
    selector = selectors.DefaultSelector()
    waiting = {}
    for n in range(CLIENTS):
        connection = socket.create_connection(raw.address, timeout=60)
        head = raw.build("PUT", f"/bkt/k{n}", headers={"content-length": str(len(body))},
                         payload=sigv4.UNSIGNED)
        connection.setblocking(False)
        waiting[connection] = [memoryview(head), memoryview(body)]
        selector.register(connection, selectors.EVENT_WRITE, n)
    peak, statuses = 0, {}
    deadline = time.monotonic() + 300
    while waiting or len(statuses) < CLIENTS:
        assert time.monotonic() < deadline, f"{len(statuses)} of {CLIENTS} done"
        for event, mask in selector.select(timeout=5):
            connection, n = event.fileobj, event.data
            if mask & selectors.EVENT_WRITE:
                pieces = waiting[connection]
                with contextlib.suppress(BlockingIOError):
                    # A little at a time, so that all of them are in the middle at once.
                    sent = connection.send(pieces[0][:65536])
                    pieces[0] = pieces[0][sent:]
                    if not pieces[0]:
                        pieces.pop(0)
                if not pieces:
                    del waiting[connection]
                    selector.modify(connection, selectors.EVENT_READ, n)
            else:
                selector.unregister(connection)
                connection.setblocking(True)
                connection.settimeout(60)
                answer = read_answer(connection, "PUT")
                statuses[n] = (answer.status, answer.header("etag"))
                connection.close()
        peak = max(peak, daemon.rss_bytes())
    print(f"peak RSS {peak >> 20} MiB with {CLIENTS} uploads of {len(body) >> 20} MiB")
    assert set(statuses.values()) == {(200, etag)}
    assert peak < RSS_MAX, peak
    for n in range(0, CLIENTS, 97):
        assert raw.request("GET", f"/bkt/k{n}").body == body


def test_s27_slow_clients(daemon):
    """Who sends a head or a body too slowly is cut off; everyone else is served meanwhile."""
    raw = raw_of(daemon)
    raw.request("PUT", "/bkt/there", body=b"x")
    put = raw.build("PUT", "/bkt/slow", body=b"x" * 100_000, payload=sigv4.UNSIGNED)
    head_end = put.index(b"\r\n\r\n") + 4
    found = {}

    def drip(name, first, rest, most):
        """Sends `first`, then a byte of `rest` each half second; how long until it is cut off?"""
        start = time.monotonic()
        with socket.create_connection(raw.address, timeout=most) as connection:
            connection.sendall(first)
            connection.settimeout(0.5)
            for at in range(len(rest)):
                if time.monotonic() - start > most:
                    break
                try:
                    received = connection.recv(1000)
                    # An error answer and then the end, or the end at once.
                    found[name] = (time.monotonic() - start, received[:12])
                    return
                except TimeoutError:
                    pass
                except OSError:
                    found[name] = (time.monotonic() - start, b"")
                    return
                with contextlib.suppress(OSError):
                    connection.sendall(rest[at : at + 1])
        found[name] = None

    threads = [
        threading.Thread(target=drip, args=("head", put[:40], b"x" * 1000, 60)),
        threading.Thread(target=drip, args=("body", put[: head_end + 10], put[head_end + 10 :], 90)),
    ]
    for thread in threads:
        thread.start()
    served, slowest = 0, 0.0
    while any(thread.is_alive() for thread in threads):
        start = time.monotonic()
        assert raw.request("GET", "/bkt/there").status == 200
        slowest = max(slowest, time.monotonic() - start)
        served += 1
        threads[0].join(0.05)
        threads[1].join(0.05)
    assert found["head"] and found["head"][0] < 30, found
    assert found["body"] and found["body"][0] < 80, found
    for name in ("head", "body"):
        assert not found[name][1].startswith(b"HTTP/1.1 200"), found
    assert raw.request("GET", "/bkt/slow").status == 404
    assert slowest < 2, slowest


def test_a_reader_that_does_not_read(daemon):
    """Many large GETs that nobody takes off the wire cost bounded memory."""
    raw = raw_of(daemon)
    body = os.urandom(16 << 20)
    assert raw.request("PUT", "/bkt/big", body=body, payload=sigv4.UNSIGNED).status == 200
    idle = []
    try:
        for _ in range(100):
            connection = socket.create_connection(raw.address, timeout=30)
            connection.sendall(raw.build("GET", "/bkt/big"))
            idle.append(connection)
        for _ in range(200):
            assert raw.request("HEAD", "/bkt/big").status == 200
        assert daemon.rss_bytes() < RSS_MAX
    finally:
        for connection in idle:
            connection.close()
    assert raw.request("GET", "/bkt/big").body == body


def fill_up(raw, connection, stored, refusals=20):
    """Writes keys until so many were refused; notes those that were not."""
    refused = 0
    for n in range(4000):
        key = f"k{n}"
        body = bodies.make(key, n, 1_000_000 if refused == 0 else 100_000)
        answer = connection.request("PUT", f"/bkt/{key}", body=body, payload=sigv4.UNSIGNED)
        if answer.status == 200:
            stored[key] = n
            continue
        assert (answer.status, answer.code) == (507, "InsufficientStorage"), answer
        assert raw.request("GET", f"/bkt/{key}").status == (200 if key in stored else 404)
        refused += 1
        if answer.header("connection") == "close":
            connection.close()
            connection = Connection(raw)
        if refused == refusals:
            return connection
    raise AssertionError("the disk never became full")


def test_d10_a_full_disk():
    """Writes are refused with a typed error and change nothing, nothing that was acknowledged is
    lost, reads, deletes and admin commands go on, and a restart on the full disk finds the same."""
    with loop_disk(512) as mount:
        daemon = Daemon("full", args=["--shards", "1"], data=mount / "data").start()
        try:
            daemon.cli("bucket", "create", "/s3v/bkt")
            raw = raw_of(daemon)
            answer = raw.request("POST", "/bkt/upload", query=[("uploads", None)])
            upload = ("uploadId", answer.xml().findtext("UploadId"))
            part = raw.request("PUT", "/bkt/upload", query=[("partNumber", "1"), upload], body=b"one")
            stored = {}
            connection = fill_up(raw, Connection(raw), stored)
            assert len(stored) > 50

            def check():
                for key, n in stored.items():
                    assert bodies.read(key, raw.request("GET", f"/bkt/{key}").body) == n
                listed = raw.request("GET", "/bkt", query=[("max-keys", "1000")]).xml()
                assert len(list(listed.iter("Contents"))) == len(stored)

            def refused(method, path, **how):
                answer = raw.request(method, path, payload=sigv4.UNSIGNED, **how)
                assert (answer.status, answer.code) == (507, "InsufficientStorage"), answer

            check()
            large = b"x" * 3_000_000
            # What is refused replaces nothing: no object, no part.
            refused("PUT", "/bkt/k0", body=large)
            refused("PUT", "/bkt/upload", query=[("partNumber", "1"), upload], body=large)
            answer = raw.request("GET", "/bkt/upload", query=[upload])
            assert [p.findtext("ETag") for p in answer.xml().iter("Part")] == [part.header("etag")]
            assert raw.request("DELETE", "/bkt/upload", query=[upload]).status == 204
            check()
            for key in list(stored)[:10]:
                assert raw.request("DELETE", f"/bkt/{key}").status == 204
                del stored[key]
            daemon.cli("bucket", "link", "/s3v/bkt", "/s3v/full-link")
            assert daemon.cli_json("status")["shards"][0]["state"] in ("full", "ok")
            check()
            daemon.kill()
            daemon.restart()
            check()
            assert raw.request("GET", f"/full-link/{next(iter(stored))}").status == 200
            daemon.terminate()
        finally:
            daemon.close()


def test_d8_d10_space_comes_back():
    """On a full disk deletes give room: writes work again soon, as often as one likes, what stayed
    is whole, and so after a restart."""
    with loop_disk(256) as mount:
        args = ["--shards", "1", "--segment-bytes", "16M"]
        daemon = Daemon("full-again", args=args, data=mount / "data").start()
        try:
            daemon.cli("bucket", "create", "/s3v/bkt")
            raw, stored = raw_of(daemon), {}
            connection = Connection(raw)
            for turn in range(2):
                connection = fill_up(raw, connection, stored, refusals=3)
                gone = [key for n, key in enumerate(stored) if n % 10]
                for key in gone:
                    assert raw.request("DELETE", f"/bkt/{key}").status == 204
                    del stored[key]

                def room():
                    body = bodies.make("room", turn, 1_000_000)
                    return raw.request("PUT", "/bkt/room", body=body, payload=sigv4.UNSIGNED).status == 200

                start = time.monotonic()
                wait_until("room for writes", room, seconds=60, every=0.2)
                print(f"{len(gone)} keys deleted, room after {time.monotonic() - start:.1f} s")
                stored["room"] = turn
                for key, n in stored.items():
                    assert bodies.read(key, raw.request("GET", f"/bkt/{key}").body) == n
            daemon.kill()
            daemon.restart()
            for key, n in stored.items():
                assert bodies.read(key, raw.request("GET", f"/bkt/{key}").body) == n
            assert daemon.terminate() == 0
        finally:
            daemon.close()


def test_idle_connections_are_cheap(daemon):
    """Two thousand open connections that say nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 4000:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4000, hard), hard))
    raw = raw_of(daemon)
    before = daemon.rss_bytes()
    idle = []
    try:
        for _ in range(2000):
            idle.append(socket.create_connection(raw.address, timeout=30))
        wait_until("served", lambda: raw.request("GET", "/bkt").status == 200)
        assert daemon.rss_bytes() - before < 256 << 20
    finally:
        for connection in idle:
            connection.close()
