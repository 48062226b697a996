"""Stores that earlier versions wrote: this version opens them, and shows what was in them.

`tests/formats/make.py` makes a fixture for a new version.
"""

import os

import pytest
from harness import fixture_store as store
from harness import paths

pytestmark = pytest.mark.skipif(
    "CHAINRING_TEST_ENDPOINT" in os.environ, reason="tests of our own daemon")


def test_there_are_fixtures_of_both_kinds():
    names = [path.name for path in store.fixtures()]
    assert any("closed" in name for name in names) and any("killed" in name for name in names)


@pytest.mark.parametrize("archive", store.fixtures(), ids=lambda path: path.name.removesuffix(".tar.xz"))
def test_a_store_of_an_earlier_version_opens(archive):
    """Sound before, the same content, sound after; checking and opening it twice changes nothing."""
    folder = paths.scratch("format")
    try:
        data = folder / "data"
        store.unpack(archive, data)
        before = store.digests(data)
        status, report = store.verify(data, "--deep")
        assert status == 0, report
        assert store.digests(data) == before, "checking a store changed it"
        expected = store.expected(archive)
        for _ in range(2):
            daemon = store.start(data)
            try:
                differences = list(store.missing(expected, store.dump(daemon)))
                assert not differences, "\n".join(differences)
                assert daemon.terminate() == 0, daemon.log_tail()
            finally:
                daemon.close()
        status, report = store.verify(data, "--deep")
        assert status == 0, report
    finally:
        store.remove(folder)
