"""The scrubber finds what rotted, says whose it was, and keeps it where it is."""

import os
import random
import signal

import boto3
import botocore.config
import botocore.exceptions
import pytest
from harness import fixture_store as store
from harness.daemon import CliError, Daemon, wait_until

pytestmark = pytest.mark.skipif(
    "CHAINRING_TEST_ENDPOINT" in os.environ, reason="tests of our own daemon")

KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE
OPTIONS = ["--shards", "2", "--segment-bytes", "4M", "--cache-size", "0", "--scrub-every", "off"]


class Filled:
    """A daemon with objects of all sizes in cold segments."""

    def __init__(self, *options):
        self.daemon = Daemon("scrub", args=[*OPTIONS, *options]).start()
        self.s3 = boto3.client(
            "s3", endpoint_url=self.daemon.endpoint, region_name="us-east-1",
            aws_access_key_id=self.daemon.access_key, aws_secret_access_key=self.daemon.secret_key,
            config=botocore.config.Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}))
        self.random = random.Random(20261123)
        self.bodies = {}
        self.s3.create_bucket(Bucket="bucket")

    def put(self, key, size):
        """Writes an object of bytes that are nowhere else."""
        body = self.random.randbytes(size)
        self.s3.put_object(Bucket="bucket", Key=key, Body=body)
        self.bodies[key] = body

    def fill(self):
        """Small and large objects, one of parts; then enough that all of it lies in cold segments."""
        for number in range(60):
            self.put(f"small/{number}", self.random.randrange(100, 20 * KIBIBYTE))
        for number in range(10):
            self.put(f"large/{number}", self.random.randrange(100 * KIBIBYTE, 2 * MEBIBYTE))
        parts = [self.random.randbytes(size) for size in (5 * MEBIBYTE, 5 * MEBIBYTE, 20 * KIBIBYTE)]
        store.multipart(self.s3, "bucket", "multipart", parts)
        self.bodies["multipart"] = b"".join(parts)
        for number in range(24):
            self.put(f"cold/{number}", MEBIBYTE)

    def cold(self):
        """The segments of each shard before the last that is in use, with what they hold."""
        for shard in sorted(self.daemon.data.glob("shard-*")):
            used = [path for path in sorted(shard.glob("seg-*"))
                    if path.read_bytes()[:8] == b"CHRLOG\r\n" and path.read_bytes()[4096:4112] != bytes(16)]
            yield from ((path, path.read_bytes()) for path in used[:-1])

    def rot(self, keys):
        """Turns one bit over in the body of each of these objects."""
        segments = list(self.cold())
        where = {}
        for key in keys:
            body = self.bodies[key]
            at = self.random.randrange(len(body) - 64)
            # Within a block of a body, which lies in one piece.
            at -= max(0, at % MEBIBYTE + 64 - MEBIBYTE)
            # What was moved by compaction is found twice until its old segment is used again.
            path, place = [(path, content.find(body[at:at + 32])) for path, content in segments
                           if content.find(body[at:at + 32]) >= 0][-1]
            with path.open("r+b") as file:
                file.seek(place)
                byte = file.read(1)[0]
                file.seek(place)
                file.write(bytes([byte ^ 1 << self.random.randrange(8)]))
                os.fsync(file.fileno())
            where[key] = (f"{path.parent.name}/{path.name}", place)
        return where

    def scrub(self, *words):
        """`chainring scrub ...`, whatever its exit status."""
        return store.json.loads(self.daemon.cli_result("scrub", *words, "--json").stdout)

    def one_pass(self):
        """Makes every shard go through a whole pass."""
        before = [shard["passes"] for shard in self.scrub("status")["shards"]]
        self.scrub("start")

        def done():
            shards = self.scrub("status")["shards"]
            return all(shard["passes"] > passes for shard, passes in zip(shards, before))
        wait_until("a pass", done, every=0.05)
        return self.scrub("status")

    def close(self):
        """Ends the daemon."""
        self.daemon.close()


@pytest.fixture
def filled():
    """Scrubbed as fast as it goes; what rots stays where it is."""
    filled = Filled("--scrub-rate", "4G", "--metrics-listen", "127.0.0.1:0", "--no-compaction")
    filled.fill()
    yield filled
    filled.close()


def test_all_rot_of_cold_data_is_found_in_one_pass(filled):
    """I3: every injected bit is found, named, contained; everything else is served."""
    sound = filled.one_pass()
    assert sound["damaged"] == 0 and sound["damage"] == []
    assert all(shard["segments"] > 2 and shard["segmentsDone"] == shard["segments"]
               for shard in sound["shards"])
    keys = [*(f"small/{number}" for number in range(0, 60, 2)),
            *(f"large/{number}" for number in range(0, 10, 2)), "multipart"]
    where = filled.rot(keys)
    found = filled.one_pass()
    named = {}
    for damage in found["damage"]:
        for name in damage["objects"]:
            named.setdefault(name, []).append(damage)
    places = [(damage["file"], damage["offset"], damage["until"]) for damage in found["damage"]]
    for key, (file, place) in where.items():
        assert any(name == file and start <= place < end for name, start, end in places), (key, file, place)
    # Compaction may have moved an object: then its old place was hit, and it is as it was.
    keys = [key for key in keys if f"/s3v/bucket/{key}" in named]
    assert len(keys) > 25 and set(named) == {f"/s3v/bucket/{key}" for key in keys}
    assert filled.daemon.cli_result("scrub", "status").returncode == 1
    assert "DAMAGED PLACES" in filled.daemon.cli("status", "--table")
    for key, body in filled.bodies.items():
        contained(filled, key, body, key in keys)
    # Once more: the same, and not twice.
    again = filled.one_pass()
    assert {(d["file"], d["offset"]) for d in again["damage"]} == {
        (d["file"], d["offset"]) for d in found["damage"]}
    assert filled.daemon.alive()
    assert filled.daemon.terminate() == 0
    status, report = store.verify(filled.daemon.data)
    assert status == 1
    subjects = {finding.get("subject") for part in report["parts"] for finding in part["findings"]}
    assert {f"/s3v/bucket/{key}" for key in keys} <= subjects


def contained(filled, key, body, rotten):
    """A damaged object gives an error, and no copy of it comes to be; any other gives its bytes."""
    s3 = filled.s3
    if not rotten:
        assert s3.get_object(Bucket="bucket", Key=key)["Body"].read() == body
        return
    try:
        answer = s3.get_object(Bucket="bucket", Key=key)["Body"]
        got = b"".join(iter(lambda: answer.read(64 * KIBIBYTE), b""))
        raise AssertionError(f"{key}: {len(got)} of {len(body)} bytes came without an error")
    except botocore.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "InternalError"
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    except (botocore.exceptions.IncompleteReadError, botocore.exceptions.ResponseStreamingError,
            botocore.exceptions.ReadTimeoutError, botocore.exceptions.ConnectionClosedError):
        # The damage lies behind the first piece, which was sent already: the answer is cut off.
        assert len(body) > MEBIBYTE
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        s3.copy_object(Bucket="bucket", Key=f"copy of {key}", CopySource={"Bucket": "bucket", "Key": key})
    assert refused.value.response["Error"]["Code"] == "InternalError"
    with pytest.raises(botocore.exceptions.ClientError) as missing:
        s3.head_object(Bucket="bucket", Key=f"copy of {key}")
    assert missing.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_rot_in_outdated_data_is_told_and_is_nobodys(filled):
    [(key, where)] = filled.rot(["small/7"]).items()
    filled.s3.delete_object(Bucket="bucket", Key=key)
    found = filled.one_pass()
    assert [damage["objects"] for damage in found["damage"]] == [[]]
    assert found["damage"][0]["file"] == where[0]


def test_it_is_paused_and_goes_on_and_keeps_to_its_rate():
    slow = Filled("--scrub-rate", "1M")
    try:
        slow.fill()
        slow.scrub("start")
        wait_until("a pass begins", lambda: slow.scrub("status")["shards"][0]["bytesRead"] > 0)
        paused = slow.scrub("pause")
        assert {shard["state"] for shard in paused["shards"]} == {"paused"}
        settled = [shard["bytesRead"] for shard in slow.scrub("status")["shards"]]
        assert sum(settled) < 16 * MEBIBYTE
        slow.s3.get_object(Bucket="bucket", Key="small/1")["Body"].read()
        assert {shard["state"] for shard in slow.scrub("resume")["shards"]} == {"running"}
        wait_until("it goes on", lambda: sum(
            shard["bytesRead"] for shard in slow.scrub("status")["shards"]) > sum(settled))
        assert slow.scrub("status")["shards"][0]["passes"] == 0
        assert slow.daemon.terminate() == 0
    finally:
        slow.close()


def test_off_is_off():
    filled = Filled("--scrub-rate", "0")
    try:
        assert {shard["state"] for shard in filled.scrub("status")["shards"]} == {"off"}
        with pytest.raises(CliError) as refused:
            filled.daemon.cli("scrub", "start")
        assert refused.value.code == "INVALID_REQUEST"
    finally:
        filled.close()


def test_a_mapped_index_that_is_cut_ends_the_daemon_with_a_message(filled):
    """And the next start makes it anew."""
    daemon = filled.daemon
    index = daemon.data / "namespace" / "index.map"
    os.truncate(index, 0)
    with pytest.raises(Exception):
        filled.s3.list_buckets()
        filled.s3.head_object(Bucket="bucket", Key="small/1")
    assert daemon.process.wait(timeout=30) == -signal.SIGABRT
    assert f"the mapped file {index} cannot be read at offset" in daemon.log.read_text(errors="replace")
    daemon.restart()
    body = filled.s3.get_object(Bucket="bucket", Key="small/1")["Body"].read()
    assert body == filled.bodies["small/1"]
