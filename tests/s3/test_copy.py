"""CopyObject."""

import hashlib
import os

import pytest
from harness import sigv4
from harness.expect import refused


@pytest.mark.parametrize("size", [0, 100, 40_000, 3 << 20])
def test_a_copy_is_the_same(s3, bucket, size):
    body = os.urandom(size)
    s3.put_object(Bucket=bucket, Key="a", Body=body, ContentType="a/b", Metadata={"m": "1"},
                  CacheControl="no-store")
    done = s3.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a"})
    assert done["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    s3.delete_object(Bucket=bucket, Key="a")
    got = s3.get_object(Bucket=bucket, Key="b")
    assert got["Body"].read() == body
    assert (got["ContentType"], got["Metadata"], got["CacheControl"]) == ("a/b", {"m": "1"}, "no-store")


def test_metadata_replaced(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"x", ContentType="a/b", Metadata={"m": "1"})
    s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/a", MetadataDirective="REPLACE",
                   ContentType="c/d", Metadata={"n": "2"})
    got = s3.head_object(Bucket=bucket, Key="b")
    assert (got["ContentType"], got["Metadata"]) == ("c/d", {"n": "2"})


def test_onto_itself(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"x", Metadata={"m": "1"})
    with refused(400, "InvalidRequest"):
        s3.copy_object(Bucket=bucket, Key="a", CopySource=f"{bucket}/a")
    s3.copy_object(Bucket=bucket, Key="a", CopySource=f"{bucket}/a", MetadataDirective="REPLACE",
                   Metadata={"m": "2"})
    got = s3.get_object(Bucket=bucket, Key="a")
    assert (got["Body"].read(), got["Metadata"]) == (b"x", {"m": "2"})


@pytest.mark.parametrize("key", ["a b+c", "ü/日", "a/../b", "%2e%2e", "q?x=1", "h#1", "//lead"])
def test_odd_source_keys(server, raw, bucket, key):
    if not server.ours:
        pytest.skip("only ours promises every key")
    raw.request("PUT", sigv4.object_path(bucket, key), body=key.encode())
    for lead in ("", "/"):
        source = f"{lead}{bucket}/{sigv4.quote(key, safe='/')}"
        answer = raw.request("PUT", f"/{bucket}/copy", headers={"x-amz-copy-source": source})
        assert answer.status == 200, answer
        assert raw.request("GET", f"/{bucket}/copy").body == key.encode()


def test_sources_that_are_not_there(s3, server, bucket):
    with refused(404, "NoSuchKey"):
        s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/none")
    with refused(404, "NoSuchBucket"):
        s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{server.name('never')}/none")
    with refused(404):
        s3.head_object(Bucket=bucket, Key="b")


@pytest.mark.parametrize("source", ["", "/", "x", "/x", "x/", "//", "%", "..", "../..", "%00/%00",
                                    "a/b?versionId=nope"])
def test_sources_that_make_no_sense(server, raw, bucket, source):
    if not server.ours:
        pytest.skip("servers differ")
    answer = raw.request("PUT", f"/{bucket}/k", headers={"x-amz-copy-source": source})
    assert 400 <= answer.status < 500 or answer.status == 501, (source, answer)
    assert raw.request("GET", f"/{bucket}/k").status == 404


def test_between_buckets(server, s3, bucket):
    other = server.create_direct()
    s3.put_object(Bucket=other, Key="a", Body=b"there")
    s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{other}/a")
    s3.copy_object(Bucket=other, Key="c", CopySource=f"{bucket}/b")
    assert s3.get_object(Bucket=other, Key="c")["Body"].read() == b"there"


def test_s13_rights_on_both_sides(server, s3, daemon):
    """A copy reads its source with the caller's rights, not with the daemon's."""
    mine, name = server.create_direct(), server.name("u")
    daemon.cli("user", "create", name, "--access-key", f"K{name}", "--secret-key", "s" * 40)
    other = server.client(f"K{name}", "s" * 40)
    theirs = server.name()
    other.create_bucket(Bucket=theirs)
    s3.put_object(Bucket=mine, Key="secret", Body=b"secret" * 1_000_000)
    with refused(403, "AccessDenied"):
        other.copy_object(Bucket=theirs, Key="k", CopySource=f"{mine}/secret")
    upload = other.create_multipart_upload(Bucket=theirs, Key="k")["UploadId"]
    with refused(403, "AccessDenied"):
        other.upload_part_copy(Bucket=theirs, Key="k", UploadId=upload, PartNumber=1,
                               CopySource=f"{mine}/secret")
    other.put_object(Bucket=theirs, Key="public", Body=b"x")
    with refused(403, "AccessDenied"):
        other.copy_object(Bucket=mine, Key="k", CopySource=f"{theirs}/public")
    # Nor does a copy tell whether the source exists.
    with refused(403, "AccessDenied"):
        other.copy_object(Bucket=theirs, Key="k", CopySource=f"{mine}/not-there")


def test_a_copy_of_a_multipart_object(s3, bucket):
    body = os.urandom(5 << 20)
    names = {"Bucket": bucket, "Key": "a"}
    upload = s3.create_multipart_upload(**names)["UploadId"]
    parts = []
    for number in (1, 2):
        etag = s3.upload_part(**names, UploadId=upload, PartNumber=number, Body=body)["ETag"]
        parts.append({"PartNumber": number, "ETag": etag})
    s3.complete_multipart_upload(**names, UploadId=upload, MultipartUpload={"Parts": parts})
    s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/a")
    got = s3.get_object(Bucket=bucket, Key="b")
    assert got["Body"].read() == body * 2
    # A copy is one piece: its ETag is an MD5 again.
    assert got["ETag"] == f'"{hashlib.md5(body * 2).hexdigest()}"'
