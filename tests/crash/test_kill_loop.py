"""`kill -9` at random moments under load, again and again in one directory.

Goal: no acknowledged change is lost, nothing partial is ever visible, and what recovery decided
about a change in flight stays decided (properties D1, D2, D4, D6). Method: the load notes every
operation with an oracle before it is sent and after it is acknowledged, in a file outside of the
store that is synchronous; after each restart every key, bucket, link and upload is read and judged.
Bodies say which write made them. `scenarios.py` says what is going on when the kill comes.
"""

import os
import random
import subprocess
import threading
import time
from types import SimpleNamespace

import pytest
from crash.load import BUCKET, LINK, TARGETS
from crash.scenarios import SCENARIOS
from harness import bodies, paths, sigv4
from harness.daemon import Daemon
from harness.oracle import ABSENT, Operation, Oracle
from harness.raw import Connection, Raw

pytestmark = pytest.mark.skipif(
    "CHAINRING_TEST_ENDPOINT" in os.environ, reason="tests of our own daemon")

#: Kills of each scenario, if somebody says how many.
KILLS = os.environ.get("CHAINRING_TEST_KILLS")
#: The long run goes on for so many seconds, shared by the scenarios.
LONG_SECONDS = float(os.environ.get("CHAINRING_TEST_SECONDS", 1200)) if paths.LONG else None


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
    connection = Connection(world.raw)
    names = list(world.oracle.histories)
    judge_keys(world, connection, [name for name in names if not name.startswith(("link:", "bucket:"))])
    judge_uploads(world, connection)
    entries = {entry["name"]: entry for entry in world.daemon.cli_json("bucket", "list", "/s3v")}
    judge_links(world, connection, entries, [name for name in names if name.startswith("link:")])
    judge_buckets(world, connection, entries, [name for name in names if name.startswith("bucket:")])
    connection.close()
    return len(names)


def judge_keys(world, connection, keys):
    """Keys of the one bucket: there, whole, listed, with the entity tag that was promised."""
    listed = list_all(connection, BUCKET)
    assert list_all(connection, LINK) == listed
    assert set(listed) <= set(keys), set(listed) - set(keys)
    for key in keys:
        answer = connection.request("GET", sigv4.object_path(world.rng.choice((BUCKET, LINK)), key))
        if answer.status == 404:
            assert key not in listed, f"{key} is listed but not there"
            world.oracle.settle(key, ABSENT)
            continue
        assert answer.status == 200, (key, answer)
        write = bodies.read(key, answer.body)
        world.oracle.settle(key, write)
        assert answer.header("etag") == world.etags[write], key
        assert listed.get(key) == (len(answer.body), answer.header("etag")), key


def judge_uploads(world, connection):
    """Uploads: open with the parts that were acknowledged, or ended altogether."""
    for upload, state in list(world.uploads.items()):
        path = sigv4.object_path(BUCKET, state["key"])
        answer = connection.request("GET", path, query=[("uploadId", upload)])
        open_ = answer.status == 200
        assert open_ or answer.code == "NoSuchUpload", (upload, answer)
        if state["ends"] is None:
            assert open_, f"upload {upload} of {state['key']} is lost"
        if state.get("ended"):
            assert not open_, f"upload {upload} of {state['key']} is back"
        if isinstance(state["ends"], Operation) and not state.get("ended"):
            # The object and the end of the upload are one step.
            completed = world.oracle.allowed(state["key"]) == [state["ends"].value]
            assert completed != open_, f"upload {upload} of {state['key']} is half completed"
        if not open_:
            del world.uploads[upload]
            continue
        there = {int(p.findtext("PartNumber")): p.findtext("ETag") for p in answer.xml().iter("Part")}
        for number in {*there, *state["parts"], *state["sent"]}:
            allowed = state["sent"].pop(number, None) or {state["parts"].get(number)}
            assert there.get(number) in allowed, (upload, number, there.get(number), allowed)
        state["parts"] = there
        if world.rng.random() < 0.5:
            answer = connection.request("DELETE", path, query=[("uploadId", upload)])
            assert answer.status == 204, answer
            state["ends"], state["ended"] = "aborted", True
        else:
            # Whatever was to end it is off: from here on it is an open one.
            state["ends"] = None


def judge_links(world, connection, entries, names):
    """What the namespace says and what S3 follows are one thing, and what was acknowledged."""
    for name in names:
        entry = entries.get(name.removeprefix("link:"))
        world.oracle.settle(name, entry["sourceBucket"] if entry else ABSENT)
        if entry:
            answer = connection.request("GET", f"/{entry['name']}/who")
            assert answer.body == entry["sourceBucket"].encode(), (name, answer)


def judge_buckets(world, connection, entries, names):
    """Buckets that come and go, and the one object in each."""
    for name in names:
        bucket, _, inside = name.removeprefix("bucket:").partition("/")
        if not inside:
            world.oracle.settle(name, "there" if bucket in entries else ABSENT)
            continue
        answer = connection.request("GET", f"/{bucket}/{inside}")
        assert answer.status in (200, 404), (name, answer)
        there = bodies.read(name, answer.body) if answer.status == 200 else ABSENT
        world.oracle.settle(name, there)
        if there is not ABSENT:
            assert bucket in entries, f"{name} is there without its bucket"


def verify(daemon):
    """What `chainringd verify` says of a store that nobody has open."""
    daemon.terminate()
    done = subprocess.run([paths.BINARIES / "chainringd", "verify", "--deep", str(daemon.data)],
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"verify: {done.returncode}\n{done.stdout}\n{done.stderr}"


def segments(daemon):
    """Of each shard the numbers of its segments."""
    for shard in sorted(daemon.data.glob("shard-*")):
        yield sorted(int(file.name.split("-")[1], 16) for file in shard.glob("seg-*"))


def new_world(name, scenario, rng):
    """A daemon with the names that every load starts from."""
    daemon = Daemon(f"kill-{name}", args=["--shards", "2", *scenario.args]).start()
    journal = daemon.folder / "oracle.jsonl"
    world = SimpleNamespace(
        daemon=daemon, oracle=Oracle(journal), journal=journal, rng=rng, uploads={}, etags={},
        over=threading.Event(), killed=threading.Event(),
        raw=Raw("127.0.0.1", daemon.port, daemon.access_key, daemon.secret_key))
    commands = ["volume create /vol1", f"bucket create /s3v/{BUCKET}",
                f"bucket link /s3v/{BUCKET} /s3v/{LINK}"]
    for n in range(TARGETS):
        commands += [f"bucket create /vol1/target-{n}", f"bucket link /vol1/target-{n} /s3v/mark-{n}"]
    daemon.cli(*(word for command in commands for word in ("--execute", command)))
    for n in range(TARGETS):
        answer = world.raw.request("PUT", f"/mark-{n}/who", body=f"target-{n}".encode())
        assert answer.status == 200, answer
    return world


def one_round(world, scenario, round_):
    """Load, kill, perhaps starts that are killed, and a start that is not."""
    rng, daemon = world.rng, world.daemon
    world.over.clear()
    world.killed.clear()
    workers = [kind(world, f"{name}{n}", rng.random())
               for kind, name, count in scenario.workers for n in range(count)]
    for worker in workers:
        worker.start()
    # The moment is part of the experiment; nothing waits for anything here.
    world.over.wait(rng.uniform(0, scenario.moment))
    daemon.kill()
    world.killed.set()
    for worker in workers:
        worker.join(60)
        assert not worker.is_alive(), f"round {round_}: {worker.name} hangs"
        if worker.failure is not None:
            raise AssertionError(f"{worker.name}: {worker.failure!r}") from worker.failure
    kills = 1
    while rng.random() < scenario.again and kills < 8:
        # Recovery itself is killed, too.
        daemon.spawn()
        world.over.wait(rng.uniform(0, scenario.start))
        daemon.kill()
        kills += 1
    start = time.monotonic()
    daemon.restart()
    return kills, sum(worker.done for worker in workers), time.monotonic() - start


@pytest.mark.parametrize("name", SCENARIOS)
def test_kill_loop(name):
    scenario = SCENARIOS[name]
    rounds, end = int(KILLS or scenario.kills), None
    if LONG_SECONDS and not KILLS:
        rounds, end = 1_000_000, time.monotonic() + LONG_SECONDS / len(SCENARIOS)
    seed = int(os.environ.get("CHAINRING_TEST_SEED", time.time()))
    kills = changes = done = 0
    slowest, good, began = 0.0, False, time.monotonic()
    world = new_world(name, scenario, random.Random(f"{name} {seed}"))
    try:
        while kills < rounds and (end is None or time.monotonic() < end):
            try:
                killed, changed, seconds = one_round(world, scenario, done)
                names = judge(world)
            except AssertionError as error:
                print(f"\nprogramme kill:{name} {kills} cases 1 failures seeds {seed}..{seed} "
                      f"{time.monotonic() - began:.0f} s")
                raise AssertionError(f"{name}, round {done} (seed {seed}): {error}") from error
            kills, changes, done = kills + killed, changes + changed, done + 1
            slowest = max(slowest, seconds)
        # The file tells what the process knew.
        read = Oracle.read(world.journal)
        for each in world.oracle.histories:
            assert read.allowed(each) == world.oracle.allowed(each), each
        verify(world.daemon)
        gone = sum(min(kept) - 1 for kept in segments(world.daemon))
        good = True
        print(f"\nprogramme kill:{name} {kills} cases 0 failures seeds {seed}..{seed} "
              f"{time.monotonic() - began:.0f} s")
        print(f"{name}: {kills} kills, {changes} changes acknowledged, {names} names, slowest "
              f"start {slowest:.2f} s, the logs begin {gone} segments later, seed {seed}")
        assert changes > 0, "the load did nothing worth killing"
    finally:
        world.oracle.close()
        world.daemon.close(keep=not good)
