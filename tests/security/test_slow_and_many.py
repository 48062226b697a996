"""Clients that are slow, many or huge (S26, S27): memory and the latency of others stay bounded.

Every test prints what it measured; what it asserts is generous, because the machine may be busy.
docs/security.md quotes the figures.
"""

import contextlib
import os
import resource
import socket
import threading
import time

import pytest
from harness import sigv4
from harness.daemon import Daemon, wait_until
from harness.raw import Connection, Raw, read_answer

MIB = 1 << 20


@pytest.fixture
def server():
    """A daemon of the test's own, so that its memory is what the test made it."""
    with Daemon("many") as daemon:
        daemon.cli("bucket", "create", "/s3v/bkt")
        daemon.server_raw = Raw("127.0.0.1", daemon.port, daemon.access_key, daemon.secret_key)
        daemon.daemon = daemon
        assert daemon.server_raw.request("PUT", "/bkt/there", body=b"x" * 4096).status == 200
        yield daemon


@pytest.fixture
def raw(server):
    """Its first user."""
    return server.server_raw


def descriptors(wanted):
    """Lets this process have so many open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < wanted:
        pytest.skip("too few file descriptors are allowed here")


class Watch(threading.Thread):
    """A well-behaved client beside the others: reads and writes, new connections and a kept one, and
    notes how long each takes and how large the daemon is."""

    def __init__(self, server, raw):
        super().__init__()
        self.server, self.raw = server, raw
        self.before = self.peak = server.rss_bytes()
        self.seconds, self.failed = [], []
        self.done = threading.Event()

    def run(self):
        kept = Connection(self.raw)
        while not self.done.wait(0.02):
            start = time.monotonic()
            try:
                n = len(self.seconds)
                if n % 3 == 0:
                    assert self.raw.request("GET", "/bkt/there").status == 200
                elif n % 3 == 1:
                    assert kept.request("PUT", f"/bkt/beside{n % 50}", body=b"y" * 2000).status == 200
                else:
                    assert kept.request("GET", "/bkt/there").status == 200
            except Exception as error:
                self.failed.append(repr(error))
                return
            self.seconds.append(time.monotonic() - start)
            self.peak = max(self.peak, self.server.rss_bytes())

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        self.done.set()
        self.join()
        if kind is None:
            assert not self.failed, self.failed

    def report(self, what):
        """Prints and returns the median and the longest of the latencies, and what memory grew by."""
        ordered = sorted(self.seconds)
        median, longest = ordered[len(ordered) // 2], ordered[-1]
        grown = self.peak - self.before
        print(f"\n{what}: {len(ordered)} requests beside, median {median * 1e3:.1f} ms, longest "
              f"{longest * 1e3:.0f} ms; memory +{grown / MIB:.0f} MiB to {self.peak / MIB:.0f} MiB")
        return median, longest, grown


def connect(raw, n=0):
    """A connection from one of several addresses, because one address may not have them all."""
    connection = socket.socket()
    connection.settimeout(60)
    connection.bind((f"127.0.0.{1 + n % 8}", 0))
    connection.connect(raw.address)
    return connection


def close_all(connections):
    """Closes connections without waiting for anything."""
    for connection in connections:
        with contextlib.suppress(OSError):
            connection.close()


def ended(connection, seconds):
    """Whether the server ends a connection within a time, with or without an answer."""
    connection.settimeout(seconds)
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


def test_s27_ten_thousand_idle_connections(server, raw):
    descriptors(10_500)
    idle = []
    try:
        with Watch(server, raw) as watch:
            for n in range(10_000):
                idle.append(connect(raw, n))
            # Each is served when it speaks, the first and the last alike.
            for connection in (idle[0], idle[5000], idle[-1]):
                connection.sendall(raw.build("GET", "/bkt/there"))
                assert read_answer(connection).status == 200
            wait_until("some requests beside them", lambda: len(watch.seconds) > 100 or watch.failed)
        _, longest, grown = watch.report("10,000 idle connections")
        assert grown < 400 * MIB and longest < 5
    finally:
        close_all(idle)
    wait_until("served afterwards", lambda: raw.request("GET", "/bkt/there").status == 200)


def test_s27_slow_clients_of_every_kind(server, raw):
    """Heads, bodies and documents that hardly come, and answers that nobody reads, all at once."""
    descriptors(4000)
    big = os.urandom(16 * MIB)
    assert raw.request("PUT", "/bkt/big", body=big, payload=sigv4.UNSIGNED).status == 200
    put = raw.build("PUT", "/bkt/slow", headers={"content-length": str(8 * MIB)}, payload=sigv4.UNSIGNED)
    stranger = (f"POST /bkt?delete HTTP/1.1\r\nHost: {raw.host}\r\nContent-Length: {2 * MIB}\r\n"
                "x-amz-content-sha256: UNSIGNED-PAYLOAD\r\n\r\n").encode()
    heads, bodies, documents, readers = [], [], [], []
    all_of_them = (heads, bodies, documents, readers)
    try:
        with Watch(server, raw) as watch:
            start = time.monotonic()
            for n in range(400):
                for kind, sent in ((heads, put[:60]), (bodies, put + b"x" * 10)):
                    kind.append(connect(raw, n))
                    kind[-1].sendall(sent)
            for n in range(100):
                readers.append(connect(raw, n))
                readers[-1].sendall(raw.build("GET", "/bkt/big"))
                # Nearly a whole document each, of somebody without credentials, as far as the
                # daemon takes it.
                documents.append(connect(raw, n))
                documents[-1].setblocking(False)
            pending = {c: memoryview(stranger + b" " * (2 * MIB - 100)) for c in documents}
            while pending and time.monotonic() - start < 20:
                for connection, data in list(pending.items()):
                    try:
                        sent = connection.send(data[:MIB])
                    except BlockingIOError:
                        continue
                    except OSError:
                        del pending[connection]
                        continue
                    pending[connection] = data[sent:]
                    if not pending[connection]:
                        del pending[connection]
                time.sleep(0.01)
            drips = threading.Event()

            def drip():
                while not drips.wait(0.5):
                    for kind in (heads, bodies):
                        for connection in kind:
                            with contextlib.suppress(OSError):
                                connection.send(b"x")

            dripping = threading.Thread(target=drip)
            dripping.start()
            try:
                for connection in heads:
                    assert ended(connection, max(0.1, 25 - (time.monotonic() - start)))
                heads_took = time.monotonic() - start
                for connection in bodies:
                    assert ended(connection, max(0.1, 70 - (time.monotonic() - start)))
                bodies_took = time.monotonic() - start
            finally:
                drips.set()
                dripping.join()
        print(f"\nall slow heads were cut off after {heads_took:.0f} s, all slow bodies after {bodies_took:.0f} s")
        _, longest, grown = watch.report("1,000 slow clients")
        assert grown < 1024 * MIB and longest < 5
    finally:
        for kind in all_of_them:
            close_all(kind)
    assert raw.request("GET", "/bkt/slow").status == 404
    assert raw.request("GET", "/bkt/big").body == big


def test_s26_documents_of_strangers_share_a_budget(server, raw):
    """What is read of somebody before it is known whether he may do anything is little in all."""
    descriptors(2000)
    head = (f"POST /bkt?delete HTTP/1.1\r\nHost: {raw.host}\r\nContent-Length: {2 * MIB}\r\n"
            "x-amz-content-sha256: UNSIGNED-PAYLOAD\r\n\r\n").encode()
    connections = []
    try:
        with Watch(server, raw) as watch:
            pending = {}
            for n in range(400):
                connection = connect(raw, n)
                connection.setblocking(False)
                connections.append(connection)
                pending[connection] = memoryview(head + b" " * (2 * MIB - 50))
            start = time.monotonic()
            while pending and time.monotonic() - start < 6:
                for connection, data in list(pending.items()):
                    with contextlib.suppress(BlockingIOError):
                        data = data[connection.send(data[:MIB]):]
                        pending[connection] = data
                        if not data:
                            del pending[connection]
                time.sleep(0.005)
        _, longest, grown = watch.report("400 documents of strangers, 2 MiB each")
        # Without a budget all 800 MiB of them would be in memory.
        assert grown < 200 * MIB and longest < 5
    finally:
        close_all(connections)


OVERSIZED = {
    "a line without end": b"GET /" + b"a" * 100_000,
    "a header without end": b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 100_000,
    "too many headers": b"GET / HTTP/1.1\r\nHost: h\r\n" + b"a: b\r\n" * 200 + b"\r\n",
    "many bytes of headers": b"GET / HTTP/1.1\r\nHost: h\r\n" + (b"a: " + b"b" * 1000 + b"\r\n") * 60 + b"\r\n",
    "a key that is too long": b"GET /bkt/" + b"k" * 5000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
    "a query that is long": b"GET /bkt?prefix=" + b"k" * 20_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
    "a thousand parameters": b"GET /bkt?" + b"&".join(b"x%d=1" % n for n in range(3000)) + b" HTTP/1.1\r\nHost: h\r\n\r\n",
    "a length beyond all": b"PUT /bkt/k HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551615\r\n\r\n",
    "a chunk beyond all": b"PUT /bkt/k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
    "a chunk's extension": b"PUT /bkt/k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"x" * 100_000,
    "zeros": b"\0" * 100_000,
}


def test_s26_oversized_everything(server, raw):
    """A hundred of each at once: refused without a word about the server, in bounded memory."""
    with Watch(server, raw) as watch:
        for what, data in OVERSIZED.items():
            connections = []
            for n in range(100):
                connections.append(connect(raw, n))
                with contextlib.suppress(OSError):
                    connections[-1].sendall(data)
            for connection in connections[::10]:
                connection.settimeout(20)
                with contextlib.suppress(ConnectionResetError):
                    try:
                        received = connection.recv(4096)
                    except TimeoutError:
                        pytest.fail(f"no answer to {what}")
                    assert received[:9] in (b"HTTP/1.1 ", b""), (what, received)
                    assert received[9:10] in (b"4", b"5", b"") and received[9:12] != b"500", (what, received)
            close_all(connections)
        # Chunks of the framing inside: a line, a size and a trailer that do not end.
        for frame in (b"x" * 100_000, b"0" * 50_000 + b"1\r\na\r\n", b"7fffffffffffffff\r\n" + b"x" * 1000,
                      b"1\r\na\r\n0\r\nx-amz-checksum-crc32:" + b"A" * 100_000):
            data = raw.stream("/bkt/k", b"a", sigv4.UNSIGNED_CHUNKS_TRAILER,
                              trailer=[("x-amz-checksum-crc32", "6LdC")], edit_frames=lambda _, f=frame: [f])
            assert raw.send(data, "PUT").status in (400, 403), frame[:20]
        # Heads that stay below the limit and never end.
        connections = []
        for n in range(500):
            connections.append(connect(raw, n))
            connections[-1].sendall(b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 32_000)
        time.sleep(0.5)
        close_all(connections)
    _, longest, grown = watch.report("oversized requests")
    assert grown < 200 * MIB and longest < 5
    assert raw.request("GET", "/bkt/k").status == 404


def test_s26_oversized_admin_frames(server):
    """A frame that says it has four gigabytes is refused by its head."""
    head = b"CHNR\x01%c\0\0\x01\0\0\0%s\0\0%s"
    for kind, opcode, length in [(1, b"\1\0", 0xFFFFFFFF), (1, b"\1\0", 1 << 24), (3, b"\1\4", 0x7FFFFFFF),
                                 (5, b"\1\4", 5), (6, b"\1\4", 1)]:
        frame = head % (kind, opcode, length.to_bytes(4, "little"))
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect(str(server.admin_socket))
            connection.sendall(frame)
            assert b"over the limit" in connection.recv(4096), kind
            assert ended(connection, 10)
    assert server.cli_result("status").returncode == 0
