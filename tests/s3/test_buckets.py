"""Buckets: the life of one, and what S3 says about one."""

import datetime

import pytest
from harness.expect import refused


def test_create_list_head_delete(server, s3):
    name = server.create_direct()
    assert name in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    assert s3.head_bucket(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert s3.delete_bucket(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"] == 204
    server.buckets.discard(name)
    with refused(404):
        s3.head_bucket(Bucket=name)
    with refused(404, "NoSuchBucket"):
        s3.delete_bucket(Bucket=name)


def test_create_answers_the_location(server, s3):
    name = server.name()
    assert s3.create_bucket(Bucket=name)["Location"] == f"/{name}"
    server.buckets.add(name)


def test_creating_ones_own_bucket_again_is_fine(server, s3):
    if not server.ours:
        pytest.skip("servers differ")
    name = server.create_direct()
    s3.put_object(Bucket=name, Key="k", Body=b"kept")
    s3.create_bucket(Bucket=name)
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"kept"


def test_the_bucket_of_somebody_else_is_taken(server, s3, daemon):
    name = server.create_direct()
    daemon.cli("user", "create", name, "--access-key", f"K{name}", "--secret-key", "s" * 40)
    other = server.client(f"K{name}", "s" * 40)
    with refused(409, "BucketAlreadyExists"):
        other.create_bucket(Bucket=name)
    with refused(403, "AccessDenied"):
        other.list_objects_v2(Bucket=name)
    with refused(403, "AccessDenied"):
        other.put_object(Bucket=name, Key="k", Body=b"")
    with refused(403, "AccessDenied"):
        other.delete_bucket(Bucket=name)
    assert name not in [b["Name"] for b in other.list_buckets()["Buckets"]]


def test_a_bucket_with_objects_stays(server, s3):
    name = server.create_direct()
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    with refused(409, "BucketNotEmpty"):
        s3.delete_bucket(Bucket=name)
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"x"


@pytest.mark.parametrize("name", ["ab", "a" * 64, "Upper", "under_score", "-dash", "dash-", "a..b",
                                  "a.-b", "a-.b", "192.168.5.123"])
def test_names_that_are_refused(server, raw, name):
    if not server.ours and name in ("a-.b", "a.-b"):
        pytest.skip("servers differ")
    answer = raw.request("PUT", f"/{name}")
    assert (answer.status, answer.code) == (400, "InvalidBucketName"), answer


def test_location_is_the_default_region(server, s3):
    name = server.create_direct()
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] is None


def test_a_listing_says_owner_and_date(server, s3):
    before = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=2)
    name = server.create_direct()
    answer = s3.list_buckets()
    found = {b["Name"]: b for b in answer["Buckets"]}[name]
    assert before <= found["CreationDate"] <= before + datetime.timedelta(minutes=1)
    assert answer["Owner"]["ID"]
    if server.ours:
        assert len(answer["Owner"]["ID"]) == 64
        int(answer["Owner"]["ID"], 16)


def test_list_buckets_pages_and_prefix(server, s3):
    if not server.ours:
        pytest.skip("servers differ")
    prefix = server.name("page")
    names = [f"{prefix}-{n}" for n in range(5)]
    for name in names:
        s3.create_bucket(Bucket=name)
    found, token = [], {}
    for _ in range(5):
        answer = s3.list_buckets(Prefix=prefix, MaxBuckets=2, **token)
        assert len(answer["Buckets"]) <= 2
        found += [b["Name"] for b in answer["Buckets"]]
        if "ContinuationToken" not in answer:
            break
        token = {"ContinuationToken": answer["ContinuationToken"]}
    assert found == names


def test_missing_bucket(server, s3):
    name = server.name("never")
    for call, more in [
        (s3.list_objects, {}), (s3.list_objects_v2, {}), (s3.get_bucket_location, {}),
        (s3.list_multipart_uploads, {}), (s3.get_object, {"Key": "k"}),
        (s3.put_object, {"Key": "k", "Body": b""}),
        (s3.create_multipart_upload, {"Key": "k"}),
        (s3.delete_objects, {"Delete": {"Objects": [{"Key": "k"}]}}),
    ]:
        with refused(404, "NoSuchBucket"):
            call(Bucket=name, **more)
