"""Real clients move a real tree and a large file through a link, with a `kill -9` in the middle.

Goal: every file comes back with its hash. Method: each client begins to bring the tree, the daemon
is killed when a part of it is there, starts again, the client finishes, and everything is fetched
into an empty folder and compared. The same with one large file by multipart.
"""

import os
import shutil
import time

import pytest
from harness import paths, tree
from harness.daemon import Daemon, wait_until

from clients import programs

COUNT = int(os.environ.get("CHAINRING_TEST_FILES", 20_000 if paths.LONG else 5_000))
BIG = int(os.environ.get("CHAINRING_TEST_BIG", 2 << 30 if paths.LONG else 256 << 20))
BUCKET = "common-bucket"


class Site:
    """A daemon of our own with a link, or a foreign server that cannot be killed."""

    def __init__(self):
        self.daemon = None
        self.endpoint = os.environ.get("CHAINRING_TEST_ENDPOINT")
        if self.endpoint:
            self.keys = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
            return
        self.daemon = Daemon("clients").start()
        self.endpoint = self.daemon.endpoint
        self.keys = self.daemon.access_key, self.daemon.secret_key
        self.daemon.cli("volume", "create", "/vol1")
        self.daemon.cli("bucket", "create", "/vol1/bucket1")
        self.daemon.cli("bucket", "link", "/vol1/bucket1", f"/s3v/{BUCKET}")

    def close(self):
        """Ends the daemon."""
        if self.daemon:
            self.daemon.close()


@pytest.fixture(scope="module")
def source():
    """The tree and the large file, made once."""
    folder = paths.scratch("source")
    made = tree.make(folder / "tree", COUNT)
    tree.random_file(folder / "big", BIG)
    print(f"{made} files, large file {BIG >> 20} MiB")
    yield folder, tree.digests(folder / "tree"), tree.digest_file(folder / "big")
    shutil.rmtree(folder)


@pytest.fixture(params=programs.ALL, ids=lambda c: c.__name__.lower())
def setting(request):
    """A site, a client of it and an empty folder."""
    if reason := request.param.missing():
        pytest.fail(reason)
    site, folder = Site(), paths.scratch("client")
    client = request.param(site.endpoint, *site.keys, folder)
    observer = programs.Boto3(site.endpoint, *site.keys, folder)
    if not site.daemon:
        observer.s3.create_bucket(Bucket=BUCKET)
    yield site, client, observer, folder
    if not site.daemon:
        for key in observer.keys(BUCKET):
            observer.s3.delete_object(Bucket=BUCKET, Key=key)
        observer.s3.delete_object(Bucket=BUCKET, Key="big")
        observer.s3.delete_bucket(Bucket=BUCKET)
    site.close()
    shutil.rmtree(folder)


def kill_in_the_middle(site, job, begun):
    """Kills the daemon once `begun` holds, restarts it and waits for what the client makes of it."""
    if not site.daemon:
        job.wait()
        return False
    # Each look is a listing; too many of them would be a load of their own.
    wait_until("upload begun", lambda: begun() or job.poll() is not None, 300, every=0.2)
    in_time = job.poll() is None
    site.daemon.kill()
    site.daemon.restart()
    if hasattr(job, "communicate"):
        job.communicate(timeout=1800)
    else:
        job.wait()
    return in_time


def test_a_tree_with_a_kill_in_the_middle(setting, source):
    site, client, observer, folder = setting
    original, expected, _ = source
    # The tree is large enough that a fifth of it is "in the middle" for every client.
    job = client.start_put_tree(original / "tree", BUCKET)
    begun = max(1, len(expected) // 5)
    started = time.monotonic()
    killed = kill_in_the_middle(site, job, lambda: len(observer.keys(BUCKET)) >= begun)
    client.put_tree(original / "tree", BUCKET)
    put = time.monotonic() - started
    assert set(observer.keys(BUCKET)) == {f"tree/{name}" for name in expected}
    back = folder / "back"
    back.mkdir()
    started = time.monotonic()
    client.get_tree(BUCKET, back)
    print(f"{type(client).__name__}: {len(expected)} files in {put:.0f} s, back in "
          f"{time.monotonic() - started:.0f} s, killed in the middle: {killed}")
    found = tree.digests(back)
    assert found.keys() == expected.keys()
    assert found == expected
    assert killed or not site.daemon, "the upload was over before the kill"


def test_a_large_file_with_a_kill_in_the_middle(setting, source):
    site, client, observer, folder = setting
    original, _, expected = source
    job = client.start_put_file(original / "big", BUCKET, "big")

    def begun():
        uploads = observer.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
        return uploads and observer.s3.list_parts(
            Bucket=BUCKET, Key="big", UploadId=uploads[0]["UploadId"]).get("Parts")

    started = time.monotonic()
    killed = kill_in_the_middle(site, job, begun)
    # What the killed upload left behind is either whole or not there.
    there = observer.s3.list_objects_v2(Bucket=BUCKET, Prefix="big").get("Contents", [])
    assert [e["Size"] for e in there] in ([], [BIG])
    client.put_file(original / "big", BUCKET, "big")
    put = time.monotonic() - started
    head = observer.s3.head_object(Bucket=BUCKET, Key="big")
    assert head["ContentLength"] == BIG
    assert "-" in head["ETag"], "not a multipart upload"
    started = time.monotonic()
    client.get_file(BUCKET, "big", folder / "big")
    print(f"{type(client).__name__}: {BIG >> 20} MiB in {put:.0f} s, back in "
          f"{time.monotonic() - started:.0f} s, killed in the middle: {killed}")
    assert tree.digest_file(folder / "big") == expected
