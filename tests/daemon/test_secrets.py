"""Secrets at rest: the key file, what is on disk, rotation with overlap; tenants' access ids."""

import os

import pytest
from botocore.exceptions import ClientError
from harness.daemon import SECRET_KEY, CliError, Daemon
from harness.s3 import Server

pytestmark = pytest.mark.skipif(
    "CHAINRING_TEST_ENDPOINT" in os.environ, reason="tests of our own daemon")


@pytest.fixture
def daemon():
    """A fresh daemon."""
    daemon = Daemon("secrets").start()
    yield daemon
    daemon.close()


@pytest.fixture
def server():
    """A server of its own."""
    server = Server()
    yield server
    server.close()


def refuses(daemon, *words):
    """Starting must fail by itself with a message that has these words."""
    daemon.spawn()
    status = daemon.process.wait(timeout=30)
    text = daemon.log.read_text(errors="replace")
    assert status != 0 and "panicked" not in text, text
    for word in words:
        assert word in text, (word, text)


def files_with(folder, text):
    """The files below a folder that hold a text."""
    found = [p for p in folder.rglob("*") if p.is_file() and text.encode() in p.read_bytes()]
    return sorted(str(p.relative_to(folder)) for p in found)


def test_the_key_file_is_the_owners_alone(daemon):
    key = daemon.data / "secrets.key"
    assert key.stat().st_mode & 0o7777 == 0o600
    assert len(key.read_text().strip()) == 64


def test_s32_no_secret_is_on_disk_in_the_open(daemon):
    """S33: neither the first user's nor any other, before or after a restart."""
    daemon.cli("user", "create", "bob")
    set_secret(daemon, "bob", "a-secret-that-bob-chose")
    set_secret(daemon, "bob", "another-one-that-bob-chose", "--keep-old", "1h")
    for _ in range(2):
        for secret in (SECRET_KEY, "a-secret-that-bob-chose", "another-one-that-bob-chose"):
            assert files_with(daemon.folder, secret) == []
        daemon.terminate()
        daemon.restart()


def test_a_missing_a_wrong_and_a_public_key_file_are_refused(daemon):
    daemon.terminate()
    key = daemon.data / "secrets.key"
    text = key.read_text()
    key.unlink()
    refuses(daemon, "secrets.key", "missing", "--secrets-key-file")
    assert not key.exists()
    key.write_text("0" * 64)
    key.chmod(0o600)
    refuses(daemon, "secrets.key", "not the one")
    key.write_text("nonsense")
    refuses(daemon, "64 hexadecimal digits")
    key.write_text(text)
    key.chmod(0o644)
    refuses(daemon, "0644", "chmod 600")
    key.chmod(0o600)
    daemon.restart()


def test_the_key_file_may_lie_elsewhere():
    daemon = Daemon("elsewhere")
    key = daemon.folder / "somewhere.key"
    daemon.extra_args += ["--secrets-key-file", str(key)]
    try:
        refuses(daemon, "does not exist", "openssl rand -hex 32")
        key.write_text(os.urandom(32).hex() + "\n")
        key.chmod(0o400)
        daemon.start()
        assert not (daemon.data / "secrets.key").exists()
        daemon.terminate()
        daemon.extra_args.clear()
        refuses(daemon, "missing")
    finally:
        daemon.close()


def set_secret(daemon, user, secret, *args):
    """Sets a secret, given on standard input."""
    done = daemon.cli_result("s3", "setsecret", user, *args, input=f"{secret}\n")
    assert done.returncode == 0, done.stderr


def allowed(server, access_key, secret):
    """Whether requests signed with this secret are let in."""
    try:
        server.client(access_key, secret).list_buckets()
    except ClientError as error:
        assert error.response["Error"]["Code"] == "SignatureDoesNotMatch", error
        return False
    return True


def test_a_kept_secret_holds_until_the_next_change(server):
    made = server.daemon.cli_json("user", "create", "bob")
    key, first = made["awsAccessKey"], made["awsSecret"]
    second, third = "the-second-secret", "the-third-secret"
    set_secret(server.daemon, "bob", second, "--keep-old", "1h")
    assert allowed(server, key, first) and allowed(server, key, second)
    assert not allowed(server, key, third)
    set_secret(server.daemon, "bob", third, "--keep-old", "1h")
    assert not allowed(server, key, first)
    assert allowed(server, key, second) and allowed(server, key, third)
    set_secret(server.daemon, "bob", first)
    assert allowed(server, key, first)
    assert not allowed(server, key, second) and not allowed(server, key, third)


def test_an_access_id_shows_its_tenants_volume(server):
    server.daemon.cli("tenant", "create", "acme")
    server.daemon.cli("user", "create", "bob")
    made = server.daemon.cli_json("tenant", "user", "assign", "bob", "--tenant", "acme")
    assert made["awsAccessKey"] == "acme$bob"
    bob = server.client(made["awsAccessKey"], made["awsSecret"])
    assert bob.list_buckets()["Buckets"] == []
    bob.create_bucket(Bucket="inside")
    assert [b["Name"] for b in bob.list_buckets()["Buckets"]] == ["inside"]
    bob.put_object(Bucket="inside", Key="k", Body=b"v")
    assert bob.get_object(Bucket="inside", Key="k")["Body"].read() == b"v"
    info = server.daemon.cli_json("bucket", "info", "/acme/inside")
    assert info["volumeName"] == "acme"
    with pytest.raises(CliError) as refused:
        server.daemon.cli("tenant", "delete", "acme")
    assert refused.value.code == "TENANT_NOT_EMPTY"
    with pytest.raises(CliError) as refused:
        server.daemon.cli("volume", "delete", "/acme")
    assert refused.value.code == "VOLUME_IS_REFERENCED"
    server.daemon.cli("tenant", "user", "revoke", "acme$bob")
    with pytest.raises(ClientError) as gone:
        bob.list_buckets()
    assert gone.value.response["Error"]["Code"] == "InvalidAccessKeyId"
