"""Room comes back: overwritten for ever on a small disk, killed while it is made, and what it costs."""

import contextlib
import http.client
import os
import random
import threading
import time

import pytest
from crash.disks import loop_disk
from harness import bodies, paths, sigv4
from harness.daemon import Daemon, wait_until
from harness.raw import Connection, Raw

pytestmark = pytest.mark.skipif(
    "CHAINRING_TEST_ENDPOINT" in os.environ, reason="tests of our own daemon")

MIB = 1 << 20
#: The disk, and the share of it that is alive.
DISK_MIB = 2048 if paths.LONG else 512
CLIENTS = 8
SIZE = 32_768


class Writer(threading.Thread):
    """Overwrites keys of its own, in random order, and remembers what was acknowledged."""

    def __init__(self, raw, number, keys, stop):
        super().__init__()
        self.raw, self.number, self.keys, self.stop = raw, number, keys, stop
        self.stored, self.times, self.refused, self.bytes = {}, [], [], 0
        self.random = random.Random(number)

    def name_of(self, n):
        return f"w{self.number}/k{n}"

    def put(self, connection, n, version):
        key = self.name_of(n)
        body = bodies.make(key, version, SIZE)
        began = time.monotonic()
        answer = connection.request("PUT", f"/bkt/{key}", body=body, payload=sigv4.UNSIGNED)
        self.times.append(time.monotonic() - began)
        if answer.status == 200:
            self.stored[key] = version
            self.bytes += len(body)
        else:
            self.refused.append((answer.status, answer.code))

    def run(self):
        connection, version = Connection(self.raw), 1
        for n in range(self.keys):
            self.put(connection, n, version)
        while not self.stop():
            version += 1
            self.put(connection, self.random.randrange(self.keys), version)
        connection.close()


def started(name, mount, *args):
    daemon = Daemon(name, args=["--cores", "2", "--shards", "2", "--segment-bytes", "8M", *args],
                    data=mount / "data")
    daemon.start()
    daemon.cli("bucket", "create", "/s3v/bkt")
    return daemon


def raw_of(daemon):
    return Raw("127.0.0.1", daemon.port, daemon.access_key, daemon.secret_key)


def check(raw, stored):
    connection = Connection(raw)
    for key, version in stored.items():
        answer = connection.request("GET", f"/bkt/{key}")
        assert answer.status == 200, (key, answer)
        assert bodies.read(key, answer.body) == version, key
    connection.close()


def written(pid):
    """Bytes that a process has had written to devices."""
    with open(f"/proc/{pid}/io", encoding="ascii") as lines:
        return int(dict(line.split(": ") for line in lines.read().splitlines())["write_bytes"])


def test_d8_a_disk_four_fifths_alive_is_overwritten_for_ever():
    """Nobody is refused, the bytes written stay in proportion, and so do the waits."""
    with loop_disk(DISK_MIB) as mount, contextlib.closing(started("churn", mount)) as daemon:
        raw = raw_of(daemon)
        # Of what is left beside two spares and the current segment of each log.
        keys = int((DISK_MIB - 64) * MIB * 0.75 / SIZE / CLIENTS)
        alive = keys * CLIENTS * SIZE
        target = alive * (8 if paths.LONG else 2.5)
        writers = []

        def enough():
            return sum(writer.bytes for writer in writers) >= target

        writers += [Writer(raw, n, keys, enough) for n in range(CLIENTS)]
        before, began = written(daemon.process.pid), time.monotonic()
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        seconds = time.monotonic() - began
        refused = [reason for writer in writers for reason in writer.refused]
        stored = {key: version for writer in writers for key, version in writer.stored.items()}
        times = sorted(t for writer in writers for t in writer.times)
        body = sum(writer.bytes for writer in writers)
        amplification = (written(daemon.process.pid) - before) / body
        quantiles = [times[int(len(times) * q)] * 1000 for q in (0.5, 0.99, 0.999)]
        print(f"\n{alive / DISK_MIB / MIB:.0%} of {DISK_MIB} MiB alive, {body / MIB:.0f} MiB of bodies in "
              f"{seconds:.0f} s, {len(times) / seconds:.0f} PUT/s; p50 {quantiles[0]:.1f} ms, "
              f"p99 {quantiles[1]:.1f}, p99.9 {quantiles[2]:.1f}; "
              f"{amplification:.2f} bytes written per byte")
        assert not refused, (len(refused), refused[:5])
        assert len(stored) == keys * CLIENTS
        check(raw, stored)
        assert amplification < 12 and quantiles[2] < 5000
        # And after a kill.
        daemon.kill()
        daemon.restart()
        check(raw_of(daemon), stored)


def test_d8_deleted_bytes_come_back():
    """A store that was filled and emptied takes little room a moment later."""
    with loop_disk(512) as mount, contextlib.closing(started("emptied", mount)) as daemon:
        raw = raw_of(daemon)
        connection = Connection(raw)
        for n in range(60):
            body = bodies.make(f"k{n}", n, 4 * MIB)
            answer = connection.request("PUT", f"/bkt/k{n}", body=body, payload=sigv4.UNSIGNED)
            assert answer.status == 200, answer
        for n in range(1, 60):
            assert connection.request("DELETE", f"/bkt/k{n}").status == 204
        connection.close()

        def bytes_of_logs():
            files = (mount / "data").glob("shard-*/seg-*")
            return sum(file.stat().st_blocks * 512 for file in files)

        wait_until("freed", lambda: bytes_of_logs() < 110 * MIB, seconds=60, every=0.2)
        check(raw, {"k0": 0})
        daemon.kill()
        daemon.restart()
        check(raw_of(daemon), {"k0": 0})
        assert raw_of(daemon).request("GET", "/bkt/k1").status == 404


def test_d8_long_reads_end_although_what_they_read_is_freed():
    with loop_disk(512) as mount, contextlib.closing(started("reader", mount)) as daemon:
        raw = raw_of(daemon)
        body = bodies.make("large", 1, 64 * MIB)
        put = raw.request("PUT", "/bkt/large", body=body, payload=sigv4.UNSIGNED)
        assert put.status == 200, put
        slow = Connection(raw)
        slow.socket.sendall(raw.build("GET", "/bkt/large"))
        reader = http.client.HTTPResponse(slow.socket, method="GET")
        reader.begin()
        got = reader.read(MIB)
        assert raw.request("DELETE", "/bkt/large").status == 204
        connection = Connection(raw)
        for n in range(2_000):
            answer = connection.request("PUT", f"/bkt/churn{n % 10}", payload=sigv4.UNSIGNED,
                                        body=bodies.make("churn", n, 100_000))
            assert answer.status == 200, answer
        connection.close()
        got += reader.read()
        slow.close()
        assert got == body
