"""Keys on the command line: bytes in and out, copies and renames inside the daemon."""

import concurrent.futures
import os
import subprocess

import pytest
from harness import bodies, paths
from harness.s3 import Server
from harness.terminal import Terminal

pytestmark = pytest.mark.skipif(
    "CHAINRING_TEST_ENDPOINT" in os.environ, reason="tests of our own daemon")

LARGE = 40 << 20


@pytest.fixture(scope="module")
def server():
    """A daemon with the bucket /s3v/keys, for all tests here."""
    server = Server()
    server.daemon.cli("bucket", "create", "/s3v/keys")
    server.daemon.cli("bucket", "create", "/s3v/more")
    yield server
    server.close()


def put(server, key, body, bucket="keys", **more):
    """Writes a key over S3."""
    server.client().put_object(Bucket=bucket, Key=key, Body=body, **more)


def body_of(server, key, bucket="keys"):
    """Reads a key over S3."""
    return server.client().get_object(Bucket=bucket, Key=key)["Body"].read()


def on_terminal(server, *args, **more):
    """Runs `chainring` on a terminal; returns the status and what was seen."""
    env = {"CHAINRING_ADMIN_SOCKET": str(server.daemon.admin_socket)}
    with Terminal([str(paths.BINARIES / "chainring"), *args], env, **more) as terminal:
        return terminal.end()


def test_large_files_go_in_and_out_under_a_bar_on_a_terminal(server, tmp_path):
    body = bodies.make("large", 1, LARGE)
    (tmp_path / "in").write_bytes(body)
    status, seen = on_terminal(server, "key", "put", "/s3v/keys/large", "in", cwd=tmp_path)
    assert status == 0, seen
    assert "MiB" in seen and "/s" in seen, seen
    assert body_of(server, "large") == body
    status, seen = on_terminal(server, "key", "get", "/s3v/keys/large", "out", cwd=tmp_path)
    assert status == 0, seen
    assert "MiB" in seen, seen
    assert (tmp_path / "out").read_bytes() == body
    done = server.daemon.cli_result("key", "get", "/s3v/keys/large", str(tmp_path / "again"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), "no bar in a pipe"


def test_a_get_replaces_nothing_and_leaves_nothing_half(server, tmp_path):
    put(server, "report", b"from the store")
    file = tmp_path / "report"
    file.write_text("mine")
    for target in (str(file), str(tmp_path)):
        done = server.daemon.cli_result("key", "get", "/s3v/keys/report", target)
        assert done.returncode == 1 and "exists already" in done.stderr
    assert file.read_text() == "mine"
    server.daemon.cli("key", "get", "--force", "/s3v/keys/report", str(file))
    assert file.read_text() == "from the store"
    server.daemon.cli_result("key", "get", "/s3v/keys/missing", str(tmp_path / "missing"))
    assert [entry.name for entry in tmp_path.iterdir()] == ["report"]


def test_cat_into_a_closed_pipe_is_quiet(server):
    put(server, "pipe", bodies.make("pipe", 1, 4 << 20))
    line = f"{paths.BINARIES / 'chainring'} key cat /s3v/keys/pipe | head -c 10 >/dev/null"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"], capture_output=True, text=True, timeout=60,
        env={**os.environ, "CHAINRING_ADMIN_SOCKET": str(server.daemon.admin_socket)})
    assert (done.returncode, done.stderr) == (0, "")


def test_put_reads_standard_input(server):
    done = server.daemon.cli_result("key", "put", "/s3v/keys/piped", "-", "-t", "text/plain",
                                    input="piped\n")
    assert done.returncode == 0, done.stderr
    head = server.client().head_object(Bucket="keys", Key="piped")
    assert (head["ContentLength"], head["ContentType"]) == (6, "text/plain")


def test_lists_go_on_past_a_page(server):
    server.daemon.cli("bucket", "create", "/s3v/many")
    keys = [f"dir-{n % 3}/key-{n:04}" for n in range(1100)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda key: put(server, key, b"", "many"), keys))
    names = lambda *args: [k["name"] for k in server.daemon.cli_json("key", "list", "/s3v/many", *args)]
    every = names()
    assert every == sorted(keys)
    assert names("--prefix", "dir-1/") == [name for name in every if name.startswith("dir-1/")]
    assert names("--start", every[1049], "--length", "3") == every[1050:1053]
    assert names("--length", "1050") == every[:1050]
    deleted = server.daemon.cli_result(
        "key", "delete", *[f"/s3v/many/{name}" for name in every[:100]], "/s3v/many/none")
    assert deleted.returncode == 1
    assert deleted.stderr.startswith("KEY_NOT_FOUND ") and deleted.stderr.count("KEY_NOT_FOUND") == 1
    assert names() == every[100:]


@pytest.mark.parametrize("size", [0, 100, 32 << 10, (32 << 10) + 1, (3 << 20) + 7])
def test_a_copy_keeps_what_belongs_to_the_bytes(server, size):
    body = bodies.make("source", 1, size) if size > 100 else b"x" * size
    put(server, "source", body, ContentType="text/csv", Metadata={"origin": "lab"},
        Tagging="a=b", CacheControl="no-cache", ACL="public-read", ChecksumAlgorithm="SHA256")
    s3 = server.client()
    before = s3.head_object(Bucket="keys", Key="source", ChecksumMode="ENABLED")
    # Enough names that some are in another shard.
    for n in range(8):
        server.daemon.cli("key", "cp", "/s3v/keys/source", f"/s3v/more/copy-{n}")
        after = s3.head_object(Bucket="more", Key=f"copy-{n}", ChecksumMode="ENABLED")
        for field in ("ContentType", "Metadata", "CacheControl", "ETag", "ContentLength",
                      "ChecksumSHA256"):
            assert after[field] == before[field], field
        assert s3.get_object_tagging(Bucket="more", Key=f"copy-{n}")["TagSet"] == [
            {"Key": "a", "Value": "b"}]
        grants = s3.get_object_acl(Bucket="more", Key=f"copy-{n}")["Grants"]
        assert len(grants) == 1, "nobody but the owner was granted anything on the copy"
        assert body_of(server, f"copy-{n}", "more") == body


def test_a_rename_moves_all_there_is(server):
    s3 = server.client()
    for n in range(8):
        put(server, f"old-{n}", bodies.make(f"old-{n}", n, 2 << 20), Metadata={"n": str(n)})
        before = s3.head_object(Bucket="keys", Key=f"old-{n}")
        server.daemon.cli("key", "rename", "/s3v/keys", f"old-{n}", f"new-{n}")
        after = s3.head_object(Bucket="keys", Key=f"new-{n}")
        for field in ("ETag", "Metadata", "LastModified", "ContentLength"):
            assert after[field] == before[field], field
        assert bodies.read(f"old-{n}", body_of(server, f"new-{n}")) == n
        with pytest.raises(s3.exceptions.ClientError):
            s3.head_object(Bucket="keys", Key=f"old-{n}")


def test_a_rename_replaces_nothing(server):
    put(server, "one", b"1")
    put(server, "two", b"2")
    done = server.daemon.cli_result("key", "rename", "/s3v/keys", "one", "two")
    assert done.returncode == 1 and done.stderr.startswith("KEY_ALREADY_EXISTS "), done.stderr
    assert (body_of(server, "one"), body_of(server, "two")) == (b"1", b"2")
    done = server.daemon.cli_result("key", "rename", "/s3v/keys", "three", "four")
    assert done.stderr.startswith("KEY_NOT_FOUND "), done.stderr


def test_an_object_of_parts_becomes_whole(server):
    s3 = server.client()
    parts = [os.urandom(5 << 20), os.urandom(123)]
    upload = s3.create_multipart_upload(Bucket="keys", Key="parts")["UploadId"]
    done = [
        {"PartNumber": n, "ETag": s3.upload_part(Bucket="keys", Key="parts", UploadId=upload,
                                                  PartNumber=n, Body=part)["ETag"]}
        for n, part in enumerate(parts, 1)]
    s3.complete_multipart_upload(Bucket="keys", Key="parts", UploadId=upload,
                                 MultipartUpload={"Parts": done})
    server.daemon.cli("key", "cp", "/s3v/keys/parts", "/s3v/keys/whole")
    server.daemon.cli("key", "rename", "/s3v/keys", "parts", "renamed")
    for key in ("whole", "renamed"):
        assert body_of(server, key) == b"".join(parts)
        assert "-" not in s3.head_object(Bucket="keys", Key=key)["ETag"]


def test_copies_go_through_links(server):
    server.daemon.cli("bucket", "link", "/s3v/keys", "/s3v/keys-link")
    put(server, "seen", b"through a link")
    server.daemon.cli("key", "cp", "/s3v/keys-link/seen", "/s3v/keys-link/seen-2")
    assert body_of(server, "seen-2") == b"through a link"
    done = server.daemon.cli_result("key", "cp", "/s3v/keys-link/seen", "/s3v/keys/seen")
    assert done.returncode == 1 and done.stderr.startswith("INVALID_REQUEST "), done.stderr


def test_what_was_answered_survives_a_kill(server):
    body = bodies.make("kept", 1, 3 << 20)
    put(server, "kept", body)
    for n in range(4):
        server.daemon.cli("key", "cp", "/s3v/keys/kept", f"/s3v/keys/kept-{n}")
        server.daemon.cli("key", "rename", "/s3v/keys", f"kept-{n}", f"moved-{n}")
    server.daemon.kill()
    server.daemon.restart()
    names = [key["name"] for key in server.daemon.cli_json("key", "list", "/s3v/keys")]
    for n in range(4):
        assert body_of(server, f"moved-{n}") == body
        assert f"kept-{n}" not in names
