"""Conditional requests."""

import concurrent.futures
import datetime
import hashlib

import pytest
from botocore.exceptions import ClientError
from harness.expect import refused

HOUR = datetime.timedelta(hours=1)
ETAG = hashlib.md5(b"body").hexdigest()
OTHER = hashlib.md5(b"other").hexdigest()


@pytest.fixture
def made(s3, bucket):
    """A bucket with one object `k` and the moment it was written."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"body")
    return bucket, s3.head_object(Bucket=bucket, Key="k")["LastModified"]


def status(call, **arguments):
    """The HTTP status, whether the call is refused or not."""
    try:
        return call(**arguments)["ResponseMetadata"]["HTTPStatusCode"]
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize("verb", ["get_object", "head_object"])
def test_reading(s3, made, verb):
    bucket, modified = made
    call = getattr(s3, verb)
    for condition, expected in [
        ({"IfMatch": f'"{ETAG}"'}, 200), ({"IfMatch": ETAG}, 200), ({"IfMatch": "*"}, 200),
        ({"IfMatch": f'"{OTHER}"'}, 412),
        ({"IfNoneMatch": f'"{ETAG}"'}, 304), ({"IfNoneMatch": "*"}, 304),
        ({"IfNoneMatch": f'"{OTHER}"'}, 200),
        ({"IfModifiedSince": modified - HOUR}, 200), ({"IfModifiedSince": modified}, 304),
        ({"IfUnmodifiedSince": modified - HOUR}, 412), ({"IfUnmodifiedSince": modified + HOUR}, 200),
        # An ETag condition decides before a date does (RFC 9110, 13.2.2).
        ({"IfMatch": f'"{ETAG}"', "IfUnmodifiedSince": modified - HOUR}, 200),
        ({"IfNoneMatch": f'"{ETAG}"', "IfModifiedSince": modified - HOUR}, 304),
        ({"IfNoneMatch": f'"{OTHER}"', "IfModifiedSince": modified}, 200),
    ]:
        assert status(call, Bucket=bucket, Key="k", **condition) == expected, condition


def test_304_has_the_etag_and_no_body(raw, bucket):
    raw.request("PUT", f"/{bucket}/k", body=b"body")
    answer = raw.request("GET", f"/{bucket}/k", headers={"if-none-match": f'"{ETAG}"'})
    assert (answer.status, answer.body, answer.header("etag")) == (304, b"", f'"{ETAG}"')


def test_putting(s3, made):
    bucket, _ = made
    put = {"Bucket": bucket, "Key": "k", "Body": b"other"}
    with refused(412, "PreconditionFailed"):
        s3.put_object(**put, IfNoneMatch="*")
    with refused(412, "PreconditionFailed"):
        s3.put_object(**put, IfMatch=f'"{OTHER}"')
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"body"
    s3.put_object(**put, IfMatch=f'"{ETAG}"')
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"other"
    s3.put_object(Bucket=bucket, Key="new", Body=b"", IfNoneMatch="*")


def test_if_match_on_a_missing_key(s3, bucket):
    with refused(404, "NoSuchKey"):
        s3.put_object(Bucket=bucket, Key="none", Body=b"", IfMatch=f'"{ETAG}"')


def test_the_first_creator_wins(s3, bucket):
    """Of many simultaneous creators of one key exactly one wins, and its body is there."""
    for round_ in range(5):
        key = f"race-{round_}"

        def create(n, key=key):
            return status(s3.put_object, Bucket=bucket, Key=key, Body=str(n).encode() * 999,
                          IfNoneMatch="*")

        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            found = list(pool.map(create, range(12)))
        assert sorted(found) in ([200] + [409] * n + [412] * (11 - n) for n in range(12)), found
        winner = found.index(200)
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        assert body == str(winner).encode() * 999


def test_compare_and_swap_counts_right(s3, bucket):
    """Increments guarded by If-Match lose no update."""
    s3.put_object(Bucket=bucket, Key="n", Body=b"0")

    def add(_):
        while True:
            got = s3.get_object(Bucket=bucket, Key="n")
            value = str(int(got["Body"].read()) + 1).encode()
            done = status(s3.put_object, Bucket=bucket, Key="n", Body=value, IfMatch=got["ETag"])
            if done == 200:
                return
            assert done in (409, 412)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(40)))
    assert s3.get_object(Bucket=bucket, Key="n")["Body"].read() == b"40"


def test_copying(server, s3, made):
    bucket, modified = made
    copy = {"Bucket": bucket, "Key": "copy", "CopySource": {"Bucket": bucket, "Key": "k"}}
    for condition, expected in [
        ({"CopySourceIfMatch": f'"{ETAG}"'}, 200), ({"CopySourceIfMatch": f'"{OTHER}"'}, 412),
        ({"CopySourceIfNoneMatch": f'"{ETAG}"'}, 412),
        ({"CopySourceIfNoneMatch": f'"{OTHER}"'}, 200),
        ({"CopySourceIfModifiedSince": modified - HOUR}, 200),
        ({"CopySourceIfUnmodifiedSince": modified - HOUR}, 412),
    ]:
        assert status(s3.copy_object, **copy, **condition) == expected, condition


def test_completing(server, s3, made):
    if not server.ours:
        pytest.skip("servers differ")
    bucket, _ = made
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"part")
    done = {"Bucket": bucket, "Key": "k", "UploadId": upload,
            "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}}
    with refused(412, "PreconditionFailed"):
        s3.complete_multipart_upload(**done, IfNoneMatch="*")
    with refused(412, "PreconditionFailed"):
        s3.complete_multipart_upload(**done, IfMatch=f'"{OTHER}"')
    s3.complete_multipart_upload(**done, IfMatch=f'"{ETAG}"')
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"part"


def test_deleting(server, s3, made):
    if not server.ours:
        pytest.skip("servers differ")
    bucket, _ = made
    with refused(412, "PreconditionFailed"):
        s3.delete_object(Bucket=bucket, Key="k", IfMatch=f'"{OTHER}"')
    s3.head_object(Bucket=bucket, Key="k")
    s3.delete_object(Bucket=bucket, Key="k", IfMatch=f'"{ETAG}"')
    with refused(404):
        s3.head_object(Bucket=bucket, Key="k")
