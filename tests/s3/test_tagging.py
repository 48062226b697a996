"""Object tags."""

import pytest
from harness.expect import refused


def tags(s3, bucket, key="k"):
    """The tags of an object as a dictionary."""
    found = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
    return {t["Key"]: t["Value"] for t in found}


def tag_set(pairs):
    """A dictionary in the form that boto3 wants."""
    return {"TagSet": [{"Key": k, "Value": v} for k, v in pairs.items()]}


@pytest.fixture
def made(s3, bucket):
    """A bucket with an object `k`."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"body", Metadata={"m": "1"})
    return bucket


def test_set_get_delete(s3, made):
    assert tags(s3, made) == {}
    wanted = {"a": "1", "empty": "", "ü b": "+-=._:/@ ü"}
    s3.put_object_tagging(Bucket=made, Key="k", Tagging=tag_set(wanted))
    assert tags(s3, made) == wanted
    assert s3.get_object(Bucket=made, Key="k")["TagCount"] == 3
    s3.put_object_tagging(Bucket=made, Key="k", Tagging=tag_set({"b": "2"}))
    assert tags(s3, made) == {"b": "2"}
    answer = s3.delete_object_tagging(Bucket=made, Key="k")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert tags(s3, made) == {}
    got = s3.get_object(Bucket=made, Key="k")
    assert (got["Body"].read(), got["Metadata"]) == (b"body", {"m": "1"})
    assert "TagCount" not in got


def test_with_put_copy_and_multipart(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"", Tagging="a=1&b%20c=%2B")
    assert tags(s3, bucket) == {"a": "1", "b c": "+"}
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
    assert tags(s3, bucket, "copy") == {"a": "1", "b c": "+"}
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k", TaggingDirective="REPLACE",
                   Tagging="z=9")
    assert tags(s3, bucket, "copy") == {"z": "9"}
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m", Tagging="m=1")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="m", UploadId=upload, PartNumber=1, Body=b"x")
    s3.complete_multipart_upload(
        Bucket=bucket, Key="m", UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    assert tags(s3, bucket, "m") == {"m": "1"}
    s3.put_object(Bucket=bucket, Key="k", Body=b"again")
    assert tags(s3, bucket) == {}


def test_limits(s3, made):
    s3.put_object_tagging(Bucket=made, Key="k", Tagging=tag_set({f"k{n}": "v" for n in range(10)}))
    with refused(400, "BadRequest", "InvalidTag"):
        s3.put_object_tagging(Bucket=made, Key="k",
                              Tagging=tag_set({f"k{n}": "v" for n in range(11)}))
    s3.put_object_tagging(Bucket=made, Key="k", Tagging=tag_set({"k" * 128: "v" * 256}))
    with refused(400, "InvalidTag"):
        s3.put_object_tagging(Bucket=made, Key="k", Tagging=tag_set({"k" * 129: "v"}))
    with refused(400, "InvalidTag"):
        s3.put_object_tagging(Bucket=made, Key="k", Tagging=tag_set({"k": "v" * 257}))
    with refused(400, "InvalidTag"):
        s3.put_object_tagging(Bucket=made, Key="k", Tagging={
            "TagSet": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]})
    assert tags(s3, made) == {"k" * 128: "v" * 256}


def test_missing_key(s3, bucket):
    with refused(404, "NoSuchKey"):
        s3.get_object_tagging(Bucket=bucket, Key="none")
    with refused(404, "NoSuchKey"):
        s3.put_object_tagging(Bucket=bucket, Key="none", Tagging=tag_set({"a": "1"}))


@pytest.mark.parametrize("body", [b"", b"<Tagging>", b"<Tagging><TagSet><Tag/></TagSet></Tagging>",
                                  b"<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>",
                                  b"nonsense"])
def test_malformed(server, raw, s3, made, body):
    if not server.ours:
        pytest.skip("servers differ")
    answer = raw.request("PUT", f"/{made}/k", query=[("tagging", None)], body=body)
    assert answer.status == 400, answer
    assert tags(s3, made) == {}
    assert s3.get_object(Bucket=made, Key="k")["Body"].read() == b"body"
