"""Histories of keys that many clients change and read at once, with `kill -9` in between, judged for
linearizability (C1), and listings among them (C2).

Clients are connected to all cores. They put, delete, create (`If-None-Match: *`), swap (`If-Match`),
upload in parts, read, and list in pages, by the bucket's own name or by a link. Each operation is
noted with its begin and end; of those that a kill interrupts nobody knows the outcome. A page of a
listing is a read of every key in its span. Nothing is slept for: the history decides.
"""

import hashlib
import os
import random
import threading
import time

import pytest
from harness import bodies, paths, sigv4
from harness.daemon import Daemon
from harness.history import ABSENT, NotLinearizable, Op, check
from harness.oracle import write_id
from harness.raw import Connection, Raw

needs_daemon = pytest.mark.skipif(
    "CHAINRING_TEST_ENDPOINT" in os.environ, reason="tests of our own daemon")

CLIENTS = 12
KEYS = [f"k{n}" for n in range(6)]
#: Loads, each ended by a kill.
ROUNDS = int(os.environ.get("CHAINRING_TEST_ROUNDS", 400 if paths.LONG else 14))


class Client(threading.Thread):
    """Does one thing after the other and notes what came of it."""

    def __init__(self, world, number, seed):
        super().__init__(name=f"client{number}", daemon=True)
        self.world, self.rng, self.failure = world, random.Random(seed), None
        self.history = []

    def run(self):
        try:
            connection = Connection(self.world["raw"])
            try:
                while not self.world["over"].is_set():
                    self.step(connection)
            finally:
                connection.close()
        except OSError as error:
            if not self.world["killed"].wait(10):
                self.failure = error
        except Exception as error:  # noqa: BLE001 - told to the test
            self.failure = error

    def path(self, key):
        """The key, by either name of its bucket."""
        return sigv4.object_path(self.rng.choice(("history", "history-link")), key)

    def begin(self, kind, key, **what):
        """Notes an operation whose outcome is not known yet."""
        op = Op(kind, time.monotonic(), None, unknown=True, who=self.name, **what)
        self.history.append((key, op))
        return op

    @staticmethod
    def end(op, result=None):
        """Notes its outcome."""
        op.end, op.unknown, op.result = time.monotonic(), False, result

    def step(self, connection):
        """One operation."""
        key, draw = self.rng.choice(KEYS), self.rng.random()
        if draw < 0.35:
            self.read(connection, key)
        elif draw < 0.45:
            self.list(connection)
        elif draw < 0.60:
            op = self.begin("delete", key)
            answer = connection.request("DELETE", self.path(key))
            assert answer.status == 204, answer
            self.end(op)
        elif draw < 0.68:
            self.upload(connection, key)
        else:
            self.put(connection, key)

    def read(self, connection, key):
        """GET or HEAD."""
        method = self.rng.choice(("GET", "HEAD"))
        op = self.begin("read", key)
        answer = connection.request(method, self.path(key))
        assert answer.status in (200, 404), answer
        found = self.world["writes"][answer.header("etag")] if answer.status == 200 else ABSENT
        if method == "GET" and answer.status == 200:
            assert bodies.read(key, answer.body) == found
        self.end(op, found)

    def body(self, key):
        """A body, and the write that it tells of."""
        write = write_id()
        return write, bodies.make(key, write, self.rng.choice((10, 2_000, 33_000, 1_100_000)))

    def put(self, connection, key):
        """A put: whatever is there, if nothing is there, if a certain write is there."""
        write, body = self.body(key)
        self.world["writes"][f'"{hashlib.md5(body).hexdigest()}"'] = write
        kind, headers, expect = self.rng.choice(("put", "put", "create", "swap")), {}, None
        if kind == "create":
            headers = {"if-none-match": "*"}
        if kind == "swap":
            etag, expect = self.rng.choice(list(self.world["writes"].items())[-20:])
            headers = {"if-match": etag}
        op = self.begin(kind, key, value=write, expect=expect)
        answer = connection.request("PUT", self.path(key), body=body, headers=headers,
                                    payload=sigv4.UNSIGNED)
        if kind == "put":
            assert answer.status == 200, answer
            self.end(op)
            return
        # A swap of what is not there is 404.
        assert answer.status in (200, 412) + ((404,) if kind == "swap" else ()), answer
        self.end(op, answer.status == 200)

    def upload(self, connection, key):
        """A put in parts."""
        write, body = self.body(key)
        md5 = hashlib.md5(body)
        self.world["writes"][f'"{hashlib.md5(md5.digest()).hexdigest()}-1"'] = write
        path = self.path(key)
        answer = connection.request("POST", path, query=[("uploads", None)])
        assert answer.status == 200, answer
        upload = ("uploadId", answer.xml().findtext("UploadId"))
        answer = connection.request("PUT", path, query=[("partNumber", "1"), upload], body=body,
                                    payload=sigv4.UNSIGNED)
        assert answer.status == 200, answer
        xml = (f'<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"{md5.hexdigest()}"'
               "</ETag></Part></CompleteMultipartUpload>")
        op = self.begin("put", key, value=write)
        answer = connection.request("POST", path, query=[upload], body=xml.encode())
        assert answer.status == 200 and b"<Error>" not in answer.body, answer
        self.end(op)

    def list(self, connection):
        """A listing in pages: each is a read of all keys in its span."""
        size, token, after = str(self.rng.choice((1, 2, 3, 1000))), [], ""
        while True:
            begin = time.monotonic()
            answer = connection.request(
                "GET", f"/{self.rng.choice(('history', 'history-link'))}",
                query=[("list-type", "2"), ("max-keys", size), *token])
            end = time.monotonic()
            assert answer.status == 200, answer
            xml = answer.xml()
            found = {entry.findtext("Key"): self.world["writes"][entry.findtext("ETag")]
                     for entry in xml.iter("Contents")}
            assert list(found) == sorted(found) and all(key > after for key in found), (after, found)
            more = xml.findtext("IsTruncated") == "true"
            last = max(found, default=after) if more else "~"
            for key in KEYS:
                if after < key <= last:
                    read = Op("read", begin, end, result=found.get(key), who=f"{self.name} lists")
                    self.history.append((key, read))
            if not more:
                return
            token = [("continuation-token", xml.findtext("NextContinuationToken"))]
            # Tokens belong to a bucket, whichever of its names they were got by.
            after = last


@needs_daemon
def test_c1_c2_histories_with_crashes_are_linearizable():
    seed = int(os.environ.get("CHAINRING_TEST_SEED", time.time()))
    rng = random.Random(f"history {seed}")
    args = ["--shards", "3", "--segment-bytes", "8M", "--checkpoint-bytes", "1M"]
    daemon = Daemon("history", args=args).start()
    good, began = False, time.monotonic()
    try:
        daemon.cli("bucket", "create", "/s3v/history")
        daemon.cli("bucket", "link", "/s3v/history", "/s3v/history-link")
        world = {"raw": Raw("127.0.0.1", daemon.port, daemon.access_key, daemon.secret_key),
                 "writes": {}, "over": threading.Event(), "killed": threading.Event()}
        histories, unknown = {key: [] for key in KEYS}, 0
        for _ in range(ROUNDS):
            world["killed"].clear()
            clients = [Client(world, n, rng.random()) for n in range(CLIENTS)]
            for client in clients:
                client.start()
            world["over"].wait(rng.uniform(0.1, 0.8))
            daemon.kill()
            world["killed"].set()
            for client in clients:
                client.join(60)
                assert not client.is_alive(), f"{client.name} hangs"
                if client.failure is not None:
                    raise AssertionError(f"{client.name} (seed {seed}): {client.failure!r}") from client.failure
            daemon.restart()
            now = time.monotonic()
            for client in clients:
                for key, op in client.history:
                    if op.end is None:
                        if op.kind == "read":
                            continue
                        op.end, unknown = now, unknown + 1
                    histories[key].append(op)
        # The last word: what is there now.
        reader = Client(world, "last", 0)
        connection = Connection(world["raw"])
        for key in KEYS:
            reader.read(connection, key)
        for key, op in reader.history:
            histories[key].append(op)
        connection.close()
        most = 0
        for key, history in histories.items():
            try:
                most = max(most, check(history))
            except NotLinearizable as error:
                print(f"\nprogramme history {len(history)} cases 1 failures seeds {seed}..{seed} "
                      f"{time.monotonic() - began:.0f} s")
                raise AssertionError(f"{key} (seed {seed}): {error}") from error
        count = sum(map(len, histories.values()))
        print(f"\nprogramme history {count} cases 0 failures seeds {seed}..{seed} {time.monotonic() - began:.0f} s")
        print(f"{count} operations on {len(KEYS)} keys by {CLIENTS} clients, {ROUNDS} kills, {unknown} "
              f"with unknown outcome, at most {most} states at once, seed {seed}")
        assert count > ROUNDS * 20 and unknown > 0
        good = True
    finally:
        daemon.close(keep=not good)


# The judge is judged: what it is there to refuse, it refuses.

def refused(*ops):
    with pytest.raises(NotLinearizable):
        check(list(ops))


def put(begin, end, value, **more):
    return Op("put", begin, end, value=value, **more)


def read(begin, end, result):
    return Op("read", begin, end, result=result)


def test_the_judge_knows_reads_and_writes():
    check([put(1, 2, 7), read(3, 4, 7)])
    check([put(1, 5, 7), read(2, 3, 7), read(2, 3, ABSENT)])
    refused(put(1, 2, 7), read(3, 4, ABSENT))
    refused(put(1, 2, 7), read(0, 0.5, 7))
    # Of two reads one after the other, the second is not older.
    refused(put(1, 9, 7), read(2, 3, 7), read(4, 5, ABSENT))
    # A delete brings nothing back.
    refused(put(1, 2, 7), Op("delete", 3, 4), read(5, 6, 7))
    # A write that was replaced stays replaced.
    refused(put(1, 2, 7), put(3, 4, 8), read(5, 6, 7))
    check([put(1, 4, 7), put(2, 3, 8), read(5, 6, 7)])


def test_the_judge_knows_conditions():
    def create(begin, end, value, result):
        return Op("create", begin, end, value=value, result=result)

    def swap(begin, end, expect, value, result):
        return Op("swap", begin, end, value=value, expect=expect, result=result)

    check([create(1, 4, 7, True), create(2, 3, 8, False)])
    refused(create(1, 4, 7, True), create(2, 3, 8, True))
    refused(create(1, 4, 7, False))
    check([put(1, 2, 7), swap(3, 6, 7, 8, True), swap(4, 5, 7, 9, False), read(7, 8, 8)])
    refused(put(1, 2, 7), swap(3, 6, 7, 8, True), swap(4, 5, 7, 9, True))
    refused(put(1, 2, 7), swap(3, 4, 7, 8, False))


def test_the_judge_knows_that_nobody_knows():
    lost = dict(unknown=True)
    check([put(1, 9, 7, **lost), read(10, 11, 7)])
    check([put(1, 9, 7, **lost), read(10, 11, ABSENT)])
    # Not both, not later, not before.
    refused(put(1, 9, 7, **lost), read(10, 11, ABSENT), read(12, 13, 7))
    refused(put(1, 9, 7, **lost), read(2, 3, 7), read(10, 11, ABSENT))
    refused(put(5, 9, 7, **lost), read(2, 3, 7))
    # A create that nobody knows of takes place only where nothing is.
    refused(put(1, 2, 7), Op("create", 3, 9, value=8, **lost), read(10, 11, 8))


def test_the_judge_finds_one_wrong_answer_among_many():
    rng, clock = random.Random(5), 0.0
    ops, state, moments = [], ABSENT, []
    for number in range(200):
        moment = clock + rng.random()
        clock = moment
        begin, end = moment - 2 * rng.random(), moment + 2 * rng.random()
        if rng.random() < 0.5:
            state = number
            ops.append(put(begin, end, number))
        else:
            ops.append(read(begin, end, state))
        moments.append((moment, state))
    assert check(ops) < 5000
    wrong = 0
    for op in [op for op in ops if op.kind == "read"]:
        old = [state for moment, state in moments if moment < op.begin - 20]
        if not old or old[-1] in (op.result, ABSENT):
            continue
        right, op.result = op.result, old[-1]
        refused(*ops)
        op.result, wrong = right, wrong + 1
    assert wrong > 20, wrong
