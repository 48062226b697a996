"""Quotas as S3 clients meet them: never above, and never refused what fits."""

import concurrent.futures
import random

import botocore.exceptions
import pytest
from harness.expect import refused
from harness.s3 import Server

CLIENTS = 16


@pytest.fixture
def path(daemon, server):
    """A bucket of `s3v`, as the admin CLI names it."""
    return f"/s3v/{server.create_direct('quota')}"


def name_of(path):
    return path.rpartition("/")[2]


def used(daemon, path):
    """Bytes and objects, as `bucket info` says."""
    info = daemon.cli_json("bucket", "info", path)
    return info["usedBytes"], info["usedNamespace"]


def fits(call):
    """Whether the quota allows a write; any other refusal is an error."""
    try:
        call()
    except botocore.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "QuotaExceeded", error
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        return False
    return True


def put(s3, bucket, key, size):
    return fits(lambda: s3.put_object(Bucket=bucket, Key=key, Body=bytes(size)))


def test_usage_counts_objects_and_parts_of_unfinished_uploads(s3, daemon, path):
    bucket = name_of(path)
    assert used(daemon, path) == (0, 0)
    s3.put_object(Bucket=bucket, Key="a", Body=bytes(1000))
    s3.put_object(Bucket=bucket, Key="a", Body=bytes(300))
    s3.put_object(Bucket=bucket, Key="b", Body=bytes(70_000))
    assert used(daemon, path) == (70_300, 2)
    upload = {"Bucket": bucket, "Key": "c",
              "UploadId": s3.create_multipart_upload(Bucket=bucket, Key="c")["UploadId"]}
    s3.upload_part(**upload, PartNumber=1, Body=bytes(500))
    part = s3.upload_part(**upload, PartNumber=1, Body=bytes(200))
    assert used(daemon, path) == (70_500, 2)
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert used(daemon, path) == (70_500, 3)
    upload["UploadId"] = s3.create_multipart_upload(Bucket=bucket, Key="c")["UploadId"]
    s3.upload_part(**upload, PartNumber=7, Body=bytes(900))
    assert used(daemon, path) == (71_400, 3)
    s3.abort_multipart_upload(**upload)
    for key in "abc":
        s3.delete_object(Bucket=bucket, Key=key)
    assert used(daemon, path) == (0, 0)


def test_a_quota_counts_differences_and_gives_back(s3, daemon, path):
    bucket = name_of(path)
    daemon.cli("bucket", "setquota", path, "--space-quota", "1000B", "--namespace-quota", "3")
    assert put(s3, bucket, "a", 600)
    assert not put(s3, bucket, "b", 401)
    assert put(s3, bucket, "b", 400)
    assert not put(s3, bucket, "b", 401)
    assert put(s3, bucket, "a", 500)
    assert put(s3, bucket, "b", 500)
    assert put(s3, bucket, "c", 0)
    assert not put(s3, bucket, "d", 0), "three objects are the limit"
    s3.delete_object(Bucket=bucket, Key="b")
    assert put(s3, bucket, "d", 500)
    assert used(daemon, path) == (1000, 3)
    copy = {"Bucket": bucket, "Key": "a"}
    assert not fits(lambda: s3.copy_object(Bucket=bucket, Key="e", CopySource=copy))
    daemon.cli("bucket", "clrquota", path, "--space-quota", "--namespace-quota")
    assert put(s3, bucket, "e", 5000)


def test_parts_count_and_a_completion_takes_nothing_more(s3, daemon, path):
    bucket = name_of(path)
    daemon.cli("bucket", "setquota", path, "--space-quota", "1000B")
    upload = {"Bucket": bucket, "Key": "k",
              "UploadId": s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]}
    part = s3.upload_part(**upload, PartNumber=1, Body=bytes(1000))
    assert not fits(lambda: s3.upload_part(**upload, PartNumber=2, Body=bytes(1)))
    assert not put(s3, bucket, "other", 1)
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert used(daemon, path) == (1000, 1)


def test_a_body_that_cannot_fit_is_not_even_received(raw, daemon, path):
    bucket = name_of(path)
    daemon.cli("bucket", "setquota", path, "--space-quota", "1MB")
    head = {"content-length": str(1 << 30), "expect": "100-continue"}
    request = raw.build("PUT", f"/{bucket}/k", headers=head, payload="UNSIGNED-PAYLOAD")
    # Nothing of the body is sent: the answer comes all the same.
    reply = raw.send(request, "PUT")
    assert (reply.status, reply.code) == (403, "QuotaExceeded")


def test_a_volume_quota_holds_for_all_its_buckets_together(s3, server, daemon):
    volume = server.name("vol")
    daemon.cli("volume", "create", f"/{volume}")
    links = []
    for n in range(3):
        daemon.cli("bucket", "create", f"/{volume}/b{n:02}")
        links.append(server.name("volq"))
        daemon.cli("bucket", "link", f"/{volume}/b{n:02}", f"/s3v/{links[-1]}")
    assert put(s3, links[0], "before", 400)
    daemon.cli("volume", "setquota", f"/{volume}", "--space-quota", "1000B")
    assert put(s3, links[1], "a", 300)
    assert not put(s3, links[2], "b", 301)
    assert put(s3, links[2], "b", 300)
    assert not put(s3, links[0], "c", 1)
    assert daemon.cli_json("volume", "info", f"/{volume}")["usedBytes"] == 1000
    s3.delete_object(Bucket=links[0], Key="before")
    assert put(s3, links[2], "c", 400)
    daemon.cli("volume", "clrquota", f"/{volume}", "--space-quota")
    assert put(s3, links[0], "c", 4000)


def test_sixteen_clients_racing_never_exceed_the_quota_and_fill_it(server, s3, daemon, path):
    bucket, quota = name_of(path), 400_000
    daemon.cli("bucket", "setquota", path, "--space-quota", f"{quota}B")

    def client(number):
        chance = random.Random(number)
        mine = {}
        refusals = 0
        for _ in range(100):
            size = chance.choice([0, 1, 700, 5_000, 9_999])
            key = f"{number}/{chance.randrange(40)}"
            if chance.randrange(5) == 0 and key in mine:
                s3.delete_object(Bucket=bucket, Key=key)
                del mine[key]
            elif put(s3, bucket, key, size):
                mine[key] = size
            else:
                refusals += 1
        return sum(mine.values()), len(mine), refusals

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        results = list(pool.map(client, range(CLIENTS)))
    held = sum(result[0] for result in results)
    objects = sum(result[1] for result in results)
    assert used(daemon, path) == (held, objects)
    assert held <= quota
    assert sum(result[2] for result in results) > 0, "the race did not reach the limit"
    assert put(s3, bucket, "the rest", quota - held)
    for n in range(20):
        assert not put(s3, bucket, f"more-{n}", 1)
    assert used(daemon, path)[0] == quota


def test_a_race_without_deletes_is_never_seen_above_the_quota(s3, daemon, path):
    bucket, quota = name_of(path), 300_000
    daemon.cli("bucket", "setquota", path, "--space-quota", f"{quota}B")

    def client(number):
        n = 0
        while put(s3, bucket, f"{number}/{n}", 1 + (number * 577 + n * 131) % 4000):
            n += 1
        return n

    with concurrent.futures.ThreadPoolExecutor(CLIENTS + 1) as pool:
        clients = [pool.submit(client, n) for n in range(CLIENTS)]
        while not all(c.done() for c in clients):
            assert used(daemon, path)[0] <= quota
        for c in clients:
            c.result()
    held = used(daemon, path)[0]
    assert quota - 4000 <= held <= quota
    assert put(s3, bucket, "the rest", quota - held)


@pytest.mark.usefixtures("daemon")
def test_usage_and_quota_survive_a_kill():
    own = Server()
    try:
        s3, daemon = own.client(), own.daemon
        path = f"/s3v/{own.create_direct('quota')}"
        bucket = name_of(path)
        daemon.cli("bucket", "setquota", path, "--space-quota", "10000B")
        for n in range(9):
            assert put(s3, bucket, f"k{n}", 1000)
        daemon.kill()
        daemon.restart()
        assert used(daemon, path) == (9000, 9)
        assert not put(s3, bucket, "k9", 1001)
        assert put(s3, bucket, "k9", 1000)
        daemon.terminate()
        daemon.restart()
        assert used(daemon, path) == (10_000, 10)
        with refused(403, "QuotaExceeded"):
            s3.put_object(Bucket=bucket, Key="k10", Body=b"1")
    finally:
        own.close()
