"""Fixtures of the link suites."""

import itertools
from types import SimpleNamespace

import pytest
from harness.daemon import CliError, Daemon
from harness.raw import Raw

_numbers = itertools.count(1)


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


@pytest.fixture
def unique():
    """Names that no other test has."""
    return lambda prefix: f"{prefix}-{next(_numbers)}"


@pytest.fixture
def bucket(daemon, unique):
    """Makes a bucket of vol1, or of the volume that is named, and returns its path."""
    def make(*options, volume="vol1", name="bucket"):
        path = f"/{volume}/{unique(name)}"
        daemon.cli("bucket", "create", path, *options)
        return path

    return make


@pytest.fixture
def link(daemon, unique):
    """Makes a link of s3v to any source and returns its name for S3."""
    def make(source, *options, name=None):
        name = name or unique("link")
        daemon.cli("bucket", "link", source, f"/s3v/{name}", *options)
        return name

    return make


@pytest.fixture
def user(daemon, unique):
    """Makes a user: its name, and a raw client that signs with its key."""
    def make(*options, name="user"):
        name = unique(name)
        key, secret = f"KEY{name.upper()}", f"secret-of-{name}".ljust(40, "x")
        daemon.cli("user", "create", name, "--access-key", key, "--secret-key", secret, *options)
        return SimpleNamespace(name=name, raw=Raw("127.0.0.1", daemon.port, key, secret))

    return make


@pytest.fixture
def refused(daemon):
    """Asserts that a command ends with status 1 and this result code; returns what it says."""
    def check(code, *command):
        with pytest.raises(CliError) as caught:
            daemon.cli(*command)
        assert (caught.value.status, caught.value.code) == (1, code), caught.value
        return caught.value.stderr

    return check


def put(raw, bucket, key, body=b"x", **how):
    """PUT, which must succeed."""
    answer = raw.request("PUT", f"/{bucket}/{key}", body=body, **how)
    assert answer.status == 200, answer


def get(raw, bucket, key):
    """The body that GET answers."""
    answer = raw.request("GET", f"/{bucket}/{key}")
    assert answer.status == 200, answer
    return answer.body


def status(raw, method, path, **how):
    """The status and the error code of a request."""
    answer = raw.request(method, path, **how)
    return answer.status, answer.code if answer.status >= 400 and answer.body else None


def keys(raw, bucket, **query):
    """The keys that a listing shows."""
    answer = raw.request("GET", f"/{bucket}", query=[("list-type", "2"), *query.items()])
    assert answer.status == 200, answer
    return [entry.findtext("Key") for entry in answer.xml().iter("Contents")]
