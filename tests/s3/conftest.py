"""Fixtures of the S3 suites. Most tests run twice: on a bucket and through a link."""

import pytest
from harness.s3 import Server


@pytest.fixture(scope="session")
def server():
    """The server that the whole suite shares."""
    server = Server(daemon_args=["--domain", "s3.localhost"])
    yield server
    server.close()


@pytest.fixture(autouse=True)
def still_serving(server):
    """Whatever a test sends, the daemon must survive it."""
    yield
    if server.ours:
        assert server.daemon.alive(), server.daemon.log_tail()


@pytest.fixture
def s3(server):
    """A boto3 client of the first user."""
    return server.client()


@pytest.fixture
def raw(server):
    """A raw client of the first user."""
    return server.raw()


@pytest.fixture(params=["direct", "link"])
def bucket(request, server):
    """An empty bucket, once by its own name and once shown by a link."""
    if request.param == "direct":
        return server.create_direct()
    if not server.ours:
        pytest.skip("a foreign server has no links")
    return server.create_linked()


@pytest.fixture
def daemon(server):
    """Our daemon, for tests that need the admin CLI."""
    if not server.ours:
        pytest.skip("a foreign server has no admin CLI")
    return server.daemon
