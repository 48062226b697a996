"""`kill -9` at random moments under load, again and again in one directory.

Goal: no acknowledged change is lost, nothing partial is ever visible, and what recovery decided
about a change in flight stays decided (properties D1, D2, D4, D6). Method: the load notes every
operation with an oracle before it is sent and after it is acknowledged; after each restart every
key, every link and every open upload is read and judged. Bodies say which write made them.
"""

import os
import random
import threading
import time
from types import SimpleNamespace

import pytest
from crash.load import BUCKET, LINK, BatchDeleter, Linker, Uploader, Writer
from harness import bodies, paths, sigv4
from harness.daemon import Daemon
from harness.oracle import ABSENT, Oracle
from harness.raw import Connection, Raw

pytestmark = pytest.mark.skipif(
    "CHAINRING_TEST_ENDPOINT" in os.environ, reason="tests of our own daemon")

ROUNDS = int(os.environ.get("CHAINRING_TEST_KILLS", 1000 if paths.LONG else 100))


def list_all(connection, bucket):
    """Every entry of a bucket: key -> (size, etag)."""
    found, token = {}, []
    while True:
        answer = connection.request("GET", f"/{bucket}", query=[("list-type", "2"), *token])
        assert answer.status == 200, answer
        xml = answer.xml()
        for entry in xml.iter("Contents"):
            key = entry.findtext("Key")
            assert key not in found, f"{key} listed twice"
            found[key] = (int(entry.findtext("Size")), entry.findtext("ETag"))
        if xml.findtext("IsTruncated") != "true":
            return found
        token = [("continuation-token", xml.findtext("NextContinuationToken"))]


def judge(world):
    """Reads everything back and asks the oracle."""
    oracle, connection = world.oracle, Connection(world.raw)
    listed = list_all(connection, BUCKET)
    assert list_all(connection, LINK) == listed
    keys = [name for name in oracle.histories if not name.startswith("link:")]
    assert set(listed) <= set(keys), set(listed) - set(keys)
    for key in keys:
        answer = connection.request("GET", sigv4.object_path(world.rng.choice((BUCKET, LINK)), key))
        if answer.status == 404:
            assert key not in listed, f"{key} is listed but not there"
            oracle.settle(key, ABSENT)
            continue
        assert answer.status == 200, (key, answer)
        oracle.settle(key, bodies.read(key, answer.body))
        assert listed.get(key) == (len(answer.body), answer.header("etag")), key
    for upload, state in list(world.uploads.items()):
        path = sigv4.object_path(BUCKET, state["key"])
        answer = connection.request("GET", path, query=[("uploadId", upload)])
        if state["open"]:
            assert answer.status == 200, (upload, answer)
            there = {int(p.findtext("PartNumber")): p.findtext("ETag") for p in answer.xml().iter("Part")}
            for number, etag in state["parts"].items():
                assert there.get(number) == etag, (upload, number, there)
        if answer.status == 200:
            answer = connection.request("DELETE", path, query=[("uploadId", upload)])
            assert answer.status == 204, answer
        del world.uploads[upload]
    names = [name for name in oracle.histories if name.startswith("link:")]
    infos = {entry["name"]: entry for entry in world.daemon.cli_json("bucket", "list", "/s3v")}
    for name in names:
        entry = infos.get(name.removeprefix("link:"))
        oracle.settle(name, entry["sourceBucket"] if entry else ABSENT)
        if entry:
            # What the namespace says and what S3 follows are one thing.
            answer = connection.request("GET", f"/{entry['name']}/who")
            assert answer.body == entry["sourceBucket"].encode(), (name, answer)
    connection.close()
    return len(listed), len(names)


def test_kill_loop():
    seed = int(os.environ.get("CHAINRING_TEST_SEED", time.time()))
    rng = random.Random(seed)
    print(f"seed {seed}, {ROUNDS} kills")
    daemon = Daemon("kill-loop").start()
    world = SimpleNamespace(
        daemon=daemon, oracle=Oracle(), rng=rng, uploads={}, over=threading.Event(),
        killed=threading.Event(),
        raw=Raw("127.0.0.1", daemon.port, daemon.access_key, daemon.secret_key))
    daemon.cli("volume", "create", "/vol1")
    daemon.cli("bucket", "create", f"/s3v/{BUCKET}")
    daemon.cli("bucket", "link", f"/s3v/{BUCKET}", f"/s3v/{LINK}")
    for n in range(4):
        daemon.cli("bucket", "create", f"/vol1/target-{n}")
        daemon.cli("bucket", "link", f"/vol1/target-{n}", f"/s3v/mark-{n}")
        answer = world.raw.request("PUT", f"/mark-{n}/who", body=f"target-{n}".encode())
        assert answer.status == 200, answer
    changes, slowest = 0, 0.0
    good = False
    try:
        for round_ in range(ROUNDS):
            world.over.clear()
            world.killed.clear()
            workers = [Writer(world, f"w{n}", rng.random()) for n in range(8)]
            workers += [BatchDeleter(world, "batch", rng.random()), Uploader(world, "up", rng.random())]
            workers += [Linker(world, f"link{n}", rng.random()) for n in range(2)]
            for worker in workers:
                worker.start()
            # The moment is part of the experiment; nothing waits for anything here.
            world.over.wait(rng.uniform(0, 0.4))
            daemon.kill()
            world.killed.set()
            for worker in workers:
                worker.join(60)
                assert not worker.is_alive(), f"round {round_}: {worker.name} hangs"
                assert worker.failure is None, f"round {round_}: {worker.name}: {worker.failure}"
            changes += sum(worker.done for worker in workers)
            while rng.random() < 0.25:
                # Recovery itself is killed, too.
                daemon.spawn()
                world.over.wait(rng.uniform(0, 0.1))
                daemon.kill()
            start = time.monotonic()
            daemon.restart()
            slowest = max(slowest, time.monotonic() - start)
            try:
                objects, links = judge(world)
            except AssertionError as error:
                raise AssertionError(f"round {round_} (seed {seed}): {error}") from error
        good = True
        print(f"{ROUNDS} kills, {changes} changes acknowledged, {objects} objects and {links} "
              f"links at the end, slowest restart {slowest:.2f} s")
        assert changes > ROUNDS * 5, "the load did nothing worth killing"
    finally:
        daemon.close(keep=not good)
