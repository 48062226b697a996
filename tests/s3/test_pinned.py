"""A link gets another source while something is under way: it ends where it began."""

import base64
import struct
import zlib

import pytest
from harness.expect import refused
from harness.raw import Raw

PART = b"p" * (5 << 20)
SECRET = "s" * 40


@pytest.fixture
def flip(server, daemon):
    """A link to the first of two buckets, with three keys in each, and the way to turn it round."""
    class Flip:
        def __init__(self):
            self.blue, self.green = server.create_direct("blue"), server.create_direct("green")
            self.link = server.name("flip")
            daemon.cli("bucket", "link", f"/s3v/{self.blue}", f"/s3v/{self.link}")
            raw = server.raw()
            for bucket in (self.blue, self.green):
                for n in range(3):
                    raw.request("PUT", f"/{bucket}/{bucket[:4]}{n}", body=bucket.encode())

        def turn(self):
            daemon.cli("link", "set-source", f"/s3v/{self.link}", f"/s3v/{self.green}")

    return Flip()


def keys(page):
    """The keys of a page."""
    return [entry["Key"] for entry in page.get("Contents", [])]


def test_listings_end_where_they_began(s3, flip):
    first = s3.list_objects_v2(Bucket=flip.link, MaxKeys=1)
    flip.turn()
    rest = s3.list_objects_v2(Bucket=flip.link, ContinuationToken=first["NextContinuationToken"],
                              MaxKeys=1)
    last = s3.list_objects_v2(Bucket=flip.link, ContinuationToken=rest["NextContinuationToken"])
    assert keys(first) + keys(rest) + keys(last) == ["blue0", "blue1", "blue2"]
    assert keys(s3.list_objects_v2(Bucket=flip.link)) == ["gree0", "gree1", "gree2"]


def test_uploads_end_where_they_began(s3, flip):
    upload = {"Bucket": flip.link, "Key": "up"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    parts = [s3.upload_part(**upload, PartNumber=1, Body=PART)["ETag"]]
    other = s3.create_multipart_upload(Bucket=flip.link, Key="other")["UploadId"]
    flip.turn()
    parts.append(s3.upload_part(**upload, PartNumber=2, Body=b"end")["ETag"])
    s3.upload_part_copy(**upload, PartNumber=3, CopySource=f"{flip.link}/gree0")
    assert [p["PartNumber"] for p in s3.list_parts(**upload)["Parts"]] == [1, 2, 3]
    s3.abort_multipart_upload(Bucket=flip.link, Key="other", UploadId=other)
    page = s3.list_multipart_uploads(Bucket=flip.blue)
    assert [u["UploadId"] for u in page["Uploads"]] == [upload["UploadId"]]
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=flip.link)
    chosen = [{"PartNumber": n + 1, "ETag": etag} for n, etag in enumerate(parts)]
    for _ in range(2):
        # Once more, as a client does that lost the answer.
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": chosen})
    with refused(404, "NoSuchKey"):
        s3.get_object(Bucket=flip.link, Key="up")
    assert s3.get_object(Bucket=flip.blue, Key="up")["Body"].read() == PART + b"end"


def test_listings_of_uploads_end_where_they_began(s3, flip):
    for n in range(3):
        s3.create_multipart_upload(Bucket=flip.link, Key=f"up{n}")
    page = s3.list_multipart_uploads(Bucket=flip.link, MaxUploads=1)
    flip.turn()
    page = s3.list_multipart_uploads(Bucket=flip.link, KeyMarker=page["NextKeyMarker"],
                                     UploadIdMarker=page["NextUploadIdMarker"])
    assert [u["Key"] for u in page["Uploads"]] == ["up1", "up2"]


def test_the_new_source_may_be_missing(server, s3, daemon, flip):
    upload = s3.create_multipart_upload(Bucket=flip.link, Key="up")["UploadId"]
    daemon.cli("link", "set-source", f"/s3v/{flip.link}", f"/s3v/{server.name('none')}")
    with refused(404, "NoSuchBucket"):
        s3.get_object(Bucket=flip.link, Key="blue0")
    s3.upload_part(Bucket=flip.link, Key="up", UploadId=upload, PartNumber=1, Body=b"x")
    s3.abort_multipart_upload(Bucket=flip.link, Key="up", UploadId=upload)


def test_an_inner_link_may_be_the_one_that_turns(server, s3, daemon, flip):
    outer = server.name("outer")
    daemon.cli("bucket", "link", f"/s3v/{flip.link}", f"/s3v/{outer}")
    first = s3.list_objects_v2(Bucket=outer, MaxKeys=1)
    upload = s3.create_multipart_upload(Bucket=outer, Key="up")["UploadId"]
    flip.turn()
    rest = s3.list_objects_v2(Bucket=outer, ContinuationToken=first["NextContinuationToken"])
    assert keys(rest) == ["blue1", "blue2"]
    s3.upload_part(Bucket=outer, Key="up", UploadId=upload, PartNumber=1, Body=b"x")


def test_prefixes_are_pinned_too(server, s3, daemon):
    bucket, link = server.create_direct("pre"), server.name("pre")
    one, two = server.name("one"), server.name("two")
    for n in range(3):
        for folder in ("one", "two"):
            s3.put_object(Bucket=bucket, Key=f"{folder}/{folder}{n}", Body=b"x")
    daemon.cli("bucket", "link", f"/s3v/{bucket}", f"/s3v/{one}", "--prefix", "one/")
    daemon.cli("bucket", "link", f"/s3v/{bucket}", f"/s3v/{two}", "--prefix", "two/")
    daemon.cli("bucket", "link", f"/s3v/{one}", f"/s3v/{link}")
    first = s3.list_objects_v2(Bucket=link, MaxKeys=1)
    upload = s3.create_multipart_upload(Bucket=link, Key="up")["UploadId"]
    daemon.cli("link", "set-source", f"/s3v/{link}", f"/s3v/{two}")
    rest = s3.list_objects_v2(Bucket=link, ContinuationToken=first["NextContinuationToken"])
    assert keys(first) + keys(rest) == ["one0", "one1", "one2"]
    etag = s3.upload_part(Bucket=link, Key="up", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    s3.complete_multipart_upload(Bucket=link, Key="up", UploadId=upload,
                                 MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    assert s3.get_object(Bucket=bucket, Key="one/up")["Body"].read() == b"x"


def forge(token, bucket):
    """A token for another bucket, as whoever knows the format makes it."""
    data = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))[:-4]
    data = struct.pack("<Q", bucket) + data[8:]
    data += struct.pack("<I", zlib.crc32(data))
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_a_token_gives_no_right(server, s3, daemon, flip):
    """Neither one that was made nor one that was made up."""
    user = server.name("u")
    daemon.cli("user", "create", user, "--access-key", f"K{user}", "--secret-key", SECRET)
    other = Raw(server.host, server.port, f"K{user}", SECRET)
    daemon.cli("bucket", "addacl", f"/s3v/{flip.link}", "--acl", f"user:{user}:r")
    daemon.cli("bucket", "addacl", f"/s3v/{flip.green}", "--acl", f"user:{user}:rlw")
    token = s3.list_objects_v2(Bucket=flip.link, MaxKeys=1)["NextContinuationToken"]
    upload = s3.create_multipart_upload(Bucket=flip.link, Key="up")["UploadId"]
    flip.turn()

    def listed(token):
        query = [("list-type", "2"), ("continuation-token", token)]
        return other.request("GET", f"/{flip.link}", query=query)

    part = [("partNumber", "1"), ("uploadId", upload)]
    assert other.request("GET", f"/{flip.link}", query=[("list-type", "2")]).status == 200
    assert listed(token).status == 403
    assert other.request("PUT", f"/{flip.link}/up", query=part, body=b"x").status == 403
    # Buckets that the link never led to are out of reach, whoever asks.
    secret = server.create_direct("secret")
    s3.put_object(Bucket=secret, Key="zz-secret", Body=b"x")
    for bucket in range(1, 200):
        answer = listed(forge(token, bucket))
        assert b"secret" not in answer.body and b"blue" not in answer.body, answer
    # With the right on the old source the old listing goes on.
    daemon.cli("bucket", "addacl", f"/s3v/{flip.blue}", "--acl", f"user:{user}:l")
    assert [e.text for e in listed(token).xml().iter("Key")] == ["blue1", "blue2"]
