"""A link is re-pointed thousands of times while clients work through it.

Two data sets, A and B, have the same keys with other bytes, and some keys of their own. Whatever a
client does through the link must be explained by one of the two: no answer is put together from
both, none fails, and uploads and listings that were started on one end on that one.
"""

import hashlib
import itertools
import os
import threading
import time

import pytest
from harness import paths
from harness.admin import Admin
from harness.commands import set_link_source
from harness.raw import Connection

RELINKS = int(os.environ.get("CHAINRING_TEST_RELINKS", 10_000 if paths.LONG else 1_000))
CLIENTS = 64
SETS = {"a": "/vol1/set-a", "b": "/vol1/set-b"}
LINK = "current"
COMMON = 40
#: Keys on a page of the listings, small enough that a listing takes several.
PAGE = 7
PART = 5 * 1024 * 1024


def content(which, key):
    """What a key holds in a data set: who wrote it, in every piece of it."""
    word = f"{which}:{key};".encode()
    return word * (4096 // len(word))


def keys_of(which):
    """The keys of a data set: some that both have, some of its own between them."""
    return sorted([f"key-{n:03}" for n in range(COMMON)]
                  + [f"key-{n:03}-only-{which}" for n in range(0, COMMON, 2)])


@pytest.fixture(scope="module")
def world(daemon, raw):
    """Both data sets, each also shown under a name that stays, and the link that moves."""
    connection = Connection(raw)
    for which, path in SETS.items():
        daemon.cli("bucket", "create", path)
        daemon.cli("bucket", "link", path, f"/s3v/always-{which}")
        for key in keys_of(which):
            answer = connection.request("PUT", f"/always-{which}/{key}", body=content(which, key))
            assert answer.status == 200, answer
    daemon.cli("bucket", "link", SETS["a"], f"/s3v/{LINK}")
    connection.close()


class Client(threading.Thread):
    """One of those who work through the link; keeps the first thing that went wrong."""

    def __init__(self, raw, over, number):
        super().__init__(name=f"client {number}", daemon=True)
        self.connection = Connection(raw)
        self.over = over
        self.number = number
        self.failure = None
        self.seen = {"a": 0, "b": 0}
        self.answers = 0

    def run(self):
        try:
            turns = itertools.count(self.number)
            while not self.over.is_set():
                self.work(next(turns))
        except Exception as failure:  # noqa: BLE001 - told to the test, which fails with it
            self.failure = failure
            self.over.set()
        finally:
            self.connection.close()

    def ask(self, method, path, **how):
        """A request that must succeed."""
        self.answers += 1
        answer = self.connection.request(method, path, **how)
        assert answer.status == 200, answer
        return answer


class Reader(Client):
    """GETs and HEADs of keys that both sets have."""

    def work(self, turn):
        key = f"key-{turn % COMMON:03}"
        answer = self.ask("HEAD" if turn % 4 == 0 else "GET", f"/{LINK}/{key}")
        etags = {hashlib.md5(content(which, key)).hexdigest(): which for which in SETS}
        which = etags[answer.header("etag").strip('"')]
        if turn % 4:
            assert answer.body == content(which, key), (key, which)
        self.seen[which] += 1


class Lister(Client):
    """Whole listings in small pages, each of which must be the listing of one set."""

    def work(self, turn):
        found, token = [], []
        while True:
            answer = self.ask("GET", f"/{LINK}", query=[
                ("list-type", "2"), ("max-keys", str(PAGE)), *token])
            xml = answer.xml()
            found += [(entry.findtext("Key"), entry.findtext("ETag").strip('"'))
                      for entry in xml.iter("Contents")]
            if xml.findtext("IsTruncated") != "true":
                break
            token = [("continuation-token", xml.findtext("NextContinuationToken"))]
        for which in SETS:
            if found == [(key, hashlib.md5(content(which, key)).hexdigest())
                         for key in keys_of(which)]:
                self.seen[which] += 1
                return
        raise AssertionError(f"a listing of neither set: {found}")


def test_no_answer_mixes_the_sets_and_none_fails(daemon, raw, world):
    over = threading.Event()
    clients = [(Lister if n % 4 == 0 else Reader)(raw, over, n) for n in range(CLIENTS)]
    for client in clients:
        client.start()
    slowest, start, done = 0.0, time.monotonic(), 0
    with Admin(daemon.admin_socket) as admin:
        for done in range(1, RELINKS + 1):
            if over.is_set():
                break
            begin = time.monotonic()
            set_link_source(admin, f"/s3v/{LINK}", SETS["ab"[done % 2]])
            slowest = max(slowest, time.monotonic() - begin)
    took = time.monotonic() - start
    over.set()
    for client in clients:
        client.join(60)
    for client in clients:
        assert client.failure is None, f"{client.name} after {done} relinks: {client.failure!r}"
        assert not client.is_alive(), f"{client.name} hangs"
    answers = sum(client.answers for client in clients)
    seen = {which: sum(client.seen[which] for client in clients) for which in SETS}
    print(f"{done} relinks in {took:.1f} s (slowest {1000 * slowest:.0f} ms), {answers} answers to "
          f"{CLIENTS} clients, {seen['a']} of them from A and {seen['b']} from B")
    assert done == RELINKS and answers > CLIENTS * 10 and min(seen.values()) > 0


def upload_through_a_moving_link(daemon, raw, rounds):
    """Starts uploads on either set, moves the link at every step, and looks where they ended."""
    connection, path = Connection(raw), f"/{LINK}/upload"
    with Admin(daemon.admin_socket) as admin:
        for turn in range(rounds):
            begun, other = ("a", "b") if turn % 2 else ("b", "a")
            set_link_source(admin, f"/s3v/{LINK}", SETS[begun])
            answer = connection.request("POST", path, query=[("uploads", "")])
            assert answer.status == 200, answer
            upload = [("uploadId", answer.xml().findtext("UploadId"))]
            parts = [bytes([65 + turn % 26]) * PART, b"the end of " + begun.encode()]
            etags = []
            for number, body in enumerate(parts, 1):
                set_link_source(admin, f"/s3v/{LINK}", SETS[other if number == 1 else begun])
                answer = connection.request(
                    "PUT", path, query=[("partNumber", str(number)), *upload], body=body)
                assert answer.status == 200, answer
                etags.append(answer.header("etag"))
            set_link_source(admin, f"/s3v/{LINK}", SETS[other])
            listed = connection.request("GET", path, query=upload)
            assert listed.status == 200 and len(list(listed.xml().iter("Part"))) == 2, listed
            document = "".join(
                f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
                for number, etag in enumerate(etags, 1))
            answer = connection.request("POST", path, query=upload, body=(
                f"<CompleteMultipartUpload>{document}</CompleteMultipartUpload>").encode())
            assert answer.status == 200 and answer.code is None, answer
            there = connection.request("GET", f"/always-{begun}/upload")
            assert there.status == 200 and there.body == b"".join(parts), there
            gone = connection.request("GET", f"/always-{other}/upload")
            assert gone.status == 404, gone
            assert connection.request("DELETE", f"/always-{begun}/upload").status == 204
    connection.close()


def test_uploads_finish_on_the_source_they_started_on(daemon, raw, world):
    upload_through_a_moving_link(daemon, raw, 20 if paths.LONG else 6)


def test_a_listing_goes_on_where_it_started(daemon, raw, world):
    connection = Connection(raw)
    with Admin(daemon.admin_socket) as admin:
        set_link_source(admin, f"/s3v/{LINK}", SETS["a"])
        found, token, pages = [], [], 0
        while True:
            answer = connection.request("GET", f"/{LINK}", query=[
                ("list-type", "2"), ("max-keys", str(PAGE)), *token])
            assert answer.status == 200, answer
            xml = answer.xml()
            found += [entry.findtext("Key") for entry in xml.iter("Contents")]
            pages += 1
            set_link_source(admin, f"/s3v/{LINK}", SETS["ab"[pages % 2]])
            if xml.findtext("IsTruncated") != "true":
                break
            token = [("continuation-token", xml.findtext("NextContinuationToken"))]
    assert found == keys_of("a") and pages > 5
    connection.close()
