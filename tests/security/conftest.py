"""Fixtures of the security suite: a daemon with every door open, and two users of it."""

import os

import pytest
from harness.daemon import free_port
from harness.observed import Observed

SECRET = "s3cret/of+a/user/who/may/do/nothing/here"


def pytest_collection_modifyitems(items):
    """The suite is about our own daemon."""
    if "CHAINRING_TEST_ENDPOINT" in os.environ:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="tests of our own daemon"))


@pytest.fixture(scope="session")
def server():
    """A daemon that serves S3, admin over TCP and metrics, and writes an audit log."""
    port = free_port()
    server = Observed("--admin-listen", f"127.0.0.1:{port}")
    server.admin_port = port
    yield server
    server.close()


@pytest.fixture(autouse=True)
def still_serving(server):
    """Whatever a test sends, the daemon must survive it, and say nothing of a panic."""
    yield
    assert server.daemon.alive(), server.daemon.log_tail()
    assert "panicked at" not in server.daemon.log.read_text(errors="replace")


@pytest.fixture
def daemon(server):
    """The daemon."""
    return server.daemon


@pytest.fixture
def raw(server):
    """The first user, an administrator."""
    return server.raw()


@pytest.fixture
def bucket(server):
    """An empty bucket of the first user's."""
    return server.create_direct()


@pytest.fixture
def stranger(server):
    """A raw client of a new user without any right but those that everybody has."""
    name = server.name("user")
    server.daemon.cli("user", "create", name, "--access-key", f"K{name}", "--secret-key", SECRET)
    raw = server.raw(f"K{name}", SECRET)
    raw.user = name
    return raw
