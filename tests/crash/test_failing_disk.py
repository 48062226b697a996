"""Writes and flushes that fail on a real file system: nothing more is acknowledged, verified reads
go on, nothing that was acknowledged is lost (D9).

Two ways to make a device fail without a device: a limit on the size of files, which the running
daemon is given and which fails its writes beyond it; and the ioctl that shuts an ext4 down, after which every
write and flush is an I/O error, as with a device that has gone.
"""

import contextlib
import fcntl
import os
import resource
import struct
import subprocess

import pytest
from crash.disks import loop_disk, remount
from harness import bodies, sigv4
from harness.daemon import Daemon, wait_until
from harness.raw import Connection, Raw

pytestmark = pytest.mark.skipif(
    "CHAINRING_TEST_ENDPOINT" in os.environ, reason="tests of our own daemon")

#: _IOR('X', 125, __u32), and: without writing the journal first.
EXT4_IOC_SHUTDOWN, WITHOUT_LOG = 0x8004587D, 2


def raw_of(daemon):
    return Raw("127.0.0.1", daemon.port, daemon.access_key, daemon.secret_key)


def fill(raw, count, size=3_000):
    """Writes keys that are acknowledged; key -> entity tag."""
    connection, stored = Connection(raw), {}
    for n in range(count):
        answer = connection.request("PUT", f"/bkt/k{n}", body=bodies.make(f"k{n}", n, size),
                                    payload=sigv4.UNSIGNED)
        assert answer.status == 200, answer
        stored[f"k{n}"] = answer.header("etag")
    connection.close()
    return stored


def check(raw, stored):
    """Everything that was acknowledged is there, with the same bytes and entity tag."""
    for n, (key, etag) in enumerate(stored.items()):
        answer = raw.request("GET", f"/bkt/{key}")
        assert answer.status == 200, (key, answer)
        assert bodies.read(key, answer.body) == n and answer.header("etag") == etag
    listed = raw.request("GET", "/bkt").xml()
    assert {entry.findtext("Key") for entry in listed.iter("Contents")} == set(stored)


def refuses_writes(raw, key="new"):
    """Every kind of write is 503, again and again; nothing of it shows."""
    upload = raw.request("POST", f"/bkt/{key}", query=[("uploads", None)])
    answers = [raw.request("PUT", f"/bkt/{key}", body=b"x" * size, payload=sigv4.UNSIGNED)
               for size in (10, 50_000, 3_000_000)]
    for answer in [upload, *answers, raw.request("DELETE", "/bkt/k0")]:
        assert (answer.status, answer.code) == (503, "ServiceUnavailable"), answer
    assert raw.request("GET", f"/bkt/{key}").status == 404


@contextlib.contextmanager
def started(name, *args, **how):
    args = ["--shards", "1", "--segment-bytes", "16M", *args]
    daemon = Daemon(name, args=args, **how).start()
    daemon.cli("bucket", "create", "/s3v/bkt")
    try:
        yield daemon
    finally:
        daemon.close()


def test_d9_a_failed_write_stops_the_shard_and_nothing_else():
    with started("failed-write") as daemon:
        raw = raw_of(daemon)
        stored = fill(raw, 40)
        # From here on no file may be written behind its first two MiB. The first write that is too
        # long is cut short, those behind it fail.
        soft = 2 << 20
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE,
                         (soft, resource.RLIM_INFINITY))
        for n in range(40, 400):
            answer = raw.request("PUT", f"/bkt/k{n}", body=bodies.make(f"k{n}", n, 20_000),
                                 payload=sigv4.UNSIGNED)
            if answer.status != 200:
                break
            stored[f"k{n}"] = answer.header("etag")
        assert (answer.status, answer.code) == (503, "ServiceUnavailable"), answer
        assert len(stored) > 40
        refuses_writes(raw)
        check(raw, stored)
        shard = daemon.cli_json("status")["shards"][0]
        assert shard["state"] == "read-only", shard
        # It is not tried again: not even when it would work.
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE,
                         (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        refuses_writes(raw)
        check(raw, stored)
        # Names are another log, which is sound.
        daemon.cli("bucket", "create", "/s3v/other")
        assert daemon.terminate() == 1
        daemon.restart()
        check(raw, stored)
        assert raw.request("PUT", "/bkt/new", body=b"x").status == 200
        assert daemon.terminate() == 0


def test_d9_a_device_that_goes_away():
    """Everything that was acknowledged is there when it comes back."""
    with loop_disk(256) as mount, started("gone-device", "--cores", "1",
                                          data=mount / "data") as daemon:
        raw = raw_of(daemon)
        stored = fill(raw, 60)
        check(raw, stored)
        folder = os.open(mount, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, EXT4_IOC_SHUTDOWN, struct.pack("I", WITHOUT_LOG))
        except OSError as error:
            pytest.skip(f"this file system cannot be shut down: {error}")
        finally:
            os.close(folder)
        refuses_writes(raw)
        wait_until("the state is shown",
                   lambda: daemon.cli_json("status")["shards"][0]["state"] == "read-only")
        # From memory, the one core's: the device gives nothing any more.
        check(raw, stored)
        refused = daemon.cli_result("bucket", "create", "/s3v/other")
        assert refused.returncode == 1, refused
        # It ends as a failure, or by force; either way nothing was acknowledged since.
        try:
            assert daemon.terminate(seconds=30) != 0
        except subprocess.TimeoutExpired:
            daemon.kill()
        remount(mount)
        daemon.restart()
        check(raw, stored)
        assert raw.request("PUT", "/bkt/new", body=b"x").status == 200
        daemon.cli("bucket", "create", "/s3v/other")
        assert daemon.terminate() == 0
