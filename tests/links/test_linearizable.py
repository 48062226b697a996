"""After an admin command is answered, no core answers from the state before it.

Histories decide, not sleeps: every command and every request is noted with its begin and its end,
and a judge looks for an order that explains all answers. Connections are spread over the cores by
the kernel; the test makes sure that all of them had some.
"""

import itertools
import os
import random
import threading
import time

from harness import paths
from harness.admin import Admin, Refused
from harness.commands import create_bucket, delete_bucket, link_generation, set_link_source
from harness.raw import Connection
from harness.register import Read, Write, check

CHANGES = int(os.environ.get("CHAINRING_TEST_CHANGES", 20_000 if paths.LONG else 2_000))
TARGETS = 64
READERS = 16
LINK_CHANGED = 21


class Reader(threading.Thread):
    """Asks the same question again and again and notes when it got which answer."""

    def __init__(self, raw, over, ask):
        super().__init__(daemon=True)
        self.connection, self.over, self.ask = Connection(raw), over, ask
        self.history, self.failure = [], None

    def run(self):
        try:
            while not self.over.is_set():
                begin = time.monotonic()
                answer = self.ask(self.connection)
                self.history.append((begin, time.monotonic(), answer))
        except Exception as failure:  # noqa: BLE001 - told to the test
            self.failure = failure
            self.over.set()
        finally:
            self.connection.close()


def watch(raw, ask, change, count):
    """Runs `change(n)` for n = 1.. while readers ask; returns both histories."""
    over = threading.Event()
    readers = [Reader(raw, over, ask) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    writes = []
    for number in range(1, count + 1):
        if over.is_set():
            break
        write = Write(number, time.monotonic())
        change(number)
        write.end = time.monotonic()
        writes.append(write)
    over.set()
    for reader in readers:
        reader.join(60)
        assert reader.failure is None, repr(reader.failure)
    return writes, [answer for reader in readers for answer in reader.history]


def judged(writes, reads):
    """Judges, and refuses a history that proves little."""
    ambiguous = check(writes, reads)
    print(f"{len(writes)} changes, {len(reads)} reads, {ambiguous} of them with a choice")
    assert len(reads) > READERS * 10 and ambiguous < len(reads) / 10
    # Reads that fall together with a change are what this is about.
    during = sum(1 for read in reads for write in writes[:200]
                 if read.begin < write.end and write.begin < read.end)
    assert during > 0, "no read overlapped a change"


def test_a_relink_is_seen_by_every_core_once_it_is_answered(daemon, raw):
    connection = Connection(raw)
    daemon.cli("bucket", "create", "/vol1/target-0")
    daemon.cli("bucket", "link", "/vol1/target-0", "/s3v/moving")
    with Admin(daemon.admin_socket) as admin:
        for number in range(TARGETS):
            if number:
                create_bucket(admin, f"/vol1/target-{number}")
            set_link_source(admin, "/s3v/moving", f"/vol1/target-{number}")
            answer = connection.request("PUT", "/moving/who", body=str(number).encode())
            assert answer.status == 200, answer
        set_link_source(admin, "/s3v/moving", "/vol1/target-0")

        def ask(connection):
            answer = connection.request("GET", "/moving/who")
            assert answer.status == 200, answer
            return int(answer.body)

        def change(number):
            set_link_source(admin, "/s3v/moving", f"/vol1/target-{number % TARGETS}")

        writes, answers = watch(raw, ask, change, CHANGES)
    judged(writes, [Read(begin, end, value, TARGETS) for begin, end, value in answers])
    connection.close()


def test_a_bucket_comes_and_goes_for_every_core_at_once(daemon, raw):
    with Admin(daemon.admin_socket) as admin:
        def ask(connection):
            status = connection.request("HEAD", "/blinking").status
            assert status in (200, 404), status
            return int(status == 200)

        def change(number):
            (create_bucket if number % 2 else delete_bucket)(admin, "/s3v/blinking")

        writes, answers = watch(raw, ask, change, CHANGES // 2)
    # Only two values: a read has a choice as soon as two changes fit into it, so no claim on that.
    check(writes, [Read(begin, end, value, 2) for begin, end, value in answers])
    assert len(answers) > READERS * 10


def test_of_those_who_compare_and_swap_one_wins_each_generation(daemon, raw):
    """Four writers re-point the link from the generation they read; nobody's change is lost."""
    daemon.cli("bucket", "create", "/vol1/contended")
    daemon.cli("bucket", "link", "/vol1/contended", "/s3v/contended")
    rounds = CHANGES // 20
    won, lost, failures = [], itertools.count(), []

    def work(seed):
        rng = random.Random(seed)
        try:
            with Admin(daemon.admin_socket) as admin:
                for _ in range(rounds):
                    generation = link_generation(admin, "/s3v/contended")
                    try:
                        target = rng.choice(("/vol1/contended", "/vol1/target-1"))
                        set_link_source(admin, "/s3v/contended", target, generation=generation)
                        won.append(generation)
                    except Refused as refused:
                        assert refused.result == LINK_CHANGED, refused
                        next(lost)
        except Exception as failure:  # noqa: BLE001 - told to the test
            failures.append(failure)

    writers = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert not failures, failures
    print(f"{len(won)} won, {next(lost)} lost")
    assert len(set(won)) == len(won), "two changes of one generation"
    assert sorted(won) == list(range(1, len(won) + 1)), "a generation nobody made"
