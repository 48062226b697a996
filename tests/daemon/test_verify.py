"""`chainring verify`: every kind of damage is found, named and explained, and nothing is changed."""

import contextlib
import os
import subprocess

import pytest
from harness import fixture_store as store
from harness import paths

pytestmark = pytest.mark.skipif(
    "CHAINRING_TEST_ENDPOINT" in os.environ, reason="tests of our own daemon")


@pytest.fixture(scope="module")
def pristine():
    """A store that was closed in an orderly way, and one whose daemon was killed."""
    folder = paths.scratch("verify")
    for kind in ("closed", "killed"):
        archive = [path for path in store.fixtures() if kind in path.name][-1]
        store.unpack(archive, folder / kind)
    yield folder
    store.remove(folder)


@contextlib.contextmanager
def damaged(pristine, kind="closed"):
    """A copy to be damaged."""
    data = pristine / "copy"
    store.copy(pristine / kind, data)
    try:
        yield data
    finally:
        store.remove(data)


def find(data, pattern, content):
    """The file of the log, and the place in it, where these bytes stand."""
    for path in sorted(data.glob(pattern)):
        at = path.read_bytes().find(content)
        if at >= 0:
            return path, at
    raise AssertionError(f"{content!r} is nowhere in {pattern}")


def flip(path, at):
    """Turns one bit over."""
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0x10]))


def findings(report):
    """All of them, each with its part."""
    return [{**finding, "part": part["part"]} for part in report["parts"] for finding in part["findings"]]


def check(data, *kinds, options=()):
    """Verifies; these kinds of differences are there and no others; returns them."""
    before = store.digests(data)
    status, report = store.verify(data, *options)
    assert status == 1, (status, report)
    assert store.digests(data) == before, "checking a store changed it"
    found = [finding for finding in findings(report) if finding["severity"] == "difference"]
    assert report["differences"] == len(found)
    assert {finding["kind"] for finding in found} == set(kinds), found
    for finding in found:
        assert finding["what"] and finding["means"] and finding["advice"]
    return found


def test_sound_stores_are_sound(pristine):
    for kind, notes in (("closed", []), ("killed", ["namespace-index-unclean"])):
        before = store.digests(pristine / kind)
        status, report = store.verify(pristine / kind, "--deep")
        assert (status, report["result"]) == (0, "sound"), report
        assert [finding["kind"] for finding in findings(report)] == notes
        assert store.digests(pristine / kind) == before
        objects = sum(part.get("objects", 0) for part in report["parts"])
        content = [path for path in store.fixtures() if kind in path.name][-1]
        expected = store.expected(content)["objects"]
        assert objects == len(expected["plain"]) + len(expected["limited"])


def test_people_get_a_table(pristine):
    done = subprocess.run([paths.BINARIES / "chainring", "verify", pristine / "closed", "--table"],
                          capture_output=True, text=True)
    assert done.returncode == 0
    assert "namespace  sound" in done.stdout and "The store is sound." in done.stdout


def test_a_rotten_large_object_is_named(pristine):
    with damaged(pristine) as data:
        path, at = find(data, "shard-*/seg-*", b"large of a store of a format fixture\n" * 10)
        flip(path, at + 100_000)
        [found] = check(data, "unreadable-object")
        assert found["subject"] == "/vol1/plain/large"
        assert found["file"] == str(path.relative_to(data))
        assert found["offset"] <= at + 100_000 < found["offset"] + 2 * store.MEBIBYTE
        done = subprocess.run([paths.BINARIES / "chainring", "verify", data, "--table"],
                              capture_output=True, text=True)
        assert done.returncode == 1
        for word in ("1 DIFFERENCE", "/vol1/plain/large", "where: shard-", "means:", "to do:"):
            assert word in done.stdout, done.stdout


def test_a_rotten_part_names_its_object(pristine):
    with damaged(pristine) as data:
        flip(*find(data, "shard-*/seg-*", b"second of a store of a format fixture\n" * 10))
        found = check(data, "unreadable-object", "log-damage")
        assert {finding.get("subject") for finding in found} == {"/vol1/plain/multipart", None}


def test_a_rotten_small_object_is_named_and_the_log_is_damaged(pristine):
    with damaged(pristine) as data:
        path, at = find(data, "shard-*/seg-*", b"described of a store of a format fixture\n" * 3)
        flip(path, at)
        found = check(data, "unreadable-object", "log-damage", "index-differs")
        assert {finding["subject"] for finding in found if "subject" in finding} == {"/vol1/plain/described"}
        [damage] = [finding for finding in found if finding["kind"] == "log-damage"]
        assert damage["file"] == str(path.relative_to(data)) and damage["offset"] < at


def test_rot_in_outdated_data_hits_no_object(pristine):
    with damaged(pristine) as data:
        flip(*find(data, "shard-*/seg-*", b"gone of a store of a format fixture\n" * 3))
        found = check(data, "log-damage")
        assert not any("subject" in finding for finding in found)


def test_a_rotten_checkpoint_costs_nothing_but_is_told(pristine):
    with damaged(pristine) as data:
        flip(data / "shard-000" / "index.checkpoint", 5000)
        [found] = check(data, "checkpoint-unusable")
        assert found["part"] == "shard 0"


def test_a_missing_checkpoint_is_no_difference(pristine):
    with damaged(pristine) as data:
        (data / "shard-000" / "index.checkpoint").unlink()
        assert store.verify(data)[0] == 0


def test_a_rotten_page_of_the_mapped_index(pristine):
    with damaged(pristine) as data:
        index = data / "namespace" / "index.map"
        at = index.read_bytes().find(b"alice", 8192)
        assert at > 0
        flip(index, at)
        [found] = check(data, "namespace-index-damaged")
        assert found["part"] == "namespace"


def test_a_rotten_record_of_the_namespace(pristine):
    with damaged(pristine) as data:
        flip(*find(data, "namespace/seg-*", b"alice"))
        found = check(data, "namespace-log-damage", "namespace-record")
        assert {finding["part"] for finding in found} == {"namespace"}


def test_a_missing_segment_is_named_with_what_it_held(pristine):
    with damaged(pristine) as data:
        (data / "shard-000" / "seg-00000001").rename(data / "elsewhere")
        status, report = store.verify(data)
        assert status == 2
        [part] = [part for part in report["parts"] if "failed" in part]
        assert part["part"] == "shard 0" and "no log" in part["failed"]


def test_files_of_another_store_are_refused(pristine):
    with damaged(pristine) as data:
        one, two = (data / f"shard-00{number}" / "seg-00000001" for number in (0, 1))
        swap = data / "swap"
        one.rename(swap), two.rename(one), swap.rename(two)
        status, report = store.verify(data)
        assert status == 2
        failed = [part["failed"] for part in report["parts"] if "failed" in part]
        assert len(failed) == 2 and all("another place" in why for why in failed)


def test_what_is_no_store_is_refused(pristine):
    for folder in (pristine / "nothing", pristine):
        done = subprocess.run([paths.BINARIES / "chainring", "verify", folder],
                              capture_output=True, text=True)
        assert done.returncode == 2 and done.stderr.startswith("chainringd: ")


def test_a_store_in_use_is_refused_and_a_daemon_waits_for_the_check(pristine):
    with damaged(pristine) as data:
        daemon = store.start(data)
        try:
            status, said = store.verify(data)
            assert status == 2
            assert f"in use by process {daemon.process.pid}" in said and "stop the daemon" in said
            assert daemon.terminate() == 0
        finally:
            daemon.close()
        assert store.verify(data)[0] == 0


def test_without_the_daemons_program_it_says_so(pristine):
    alone = pristine / "bin"
    alone.mkdir()
    (alone / "chainring").hardlink_to(paths.BINARIES / "chainring")
    done = subprocess.run([alone / "chainring", "verify", pristine / "closed"],
                          capture_output=True, text=True, env={"PATH": str(alone)})
    assert done.returncode == 1 and "chainringd" in done.stderr
