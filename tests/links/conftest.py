"""Fixtures of the link suites."""

import pytest
from harness.daemon import Daemon
from harness.raw import Raw


@pytest.fixture(scope="module")
def daemon():
    """A daemon for the tests of one file, with the volume vol1."""
    with Daemon("links") as daemon:
        daemon.cli("volume", "create", "/vol1")
        yield daemon


@pytest.fixture(scope="module")
def raw(daemon):
    """A raw client of its first user."""
    return Raw("127.0.0.1", daemon.port, daemon.access_key, daemon.secret_key)
