"""Multipart uploads."""

import hashlib
import os

import botocore.exceptions
import pytest
from harness.expect import refused

PART = 5 << 20


@pytest.fixture(scope="module")
def blocks():
    """Three parts' bodies: two full ones and a short last one."""
    return [os.urandom(PART), os.urandom(PART + 12345), os.urandom(777)]


class Upload:
    """One upload and the parts that were sent to it."""

    def __init__(self, s3, bucket, key="big", **create):
        self.s3 = s3
        self.names = {"Bucket": bucket, "Key": key}
        self.names["UploadId"] = s3.create_multipart_upload(**self.names, **create)["UploadId"]
        self.parts = []

    def part(self, number, body, **more):
        """Sends a part and remembers it for [`complete`]."""
        answer = self.s3.upload_part(**self.names, PartNumber=number, Body=body, **more)
        self.remember(number, answer["ETag"])
        return answer

    def remember(self, number, etag):
        """Notes a part for [`complete`]."""
        self.parts.append({"PartNumber": number, "ETag": etag})

    def complete(self, parts=None, **more):
        """Completes the upload with the parts sent, or with those given."""
        return self.s3.complete_multipart_upload(
            **self.names, MultipartUpload={"Parts": self.parts if parts is None else parts}, **more)

    def abort(self):
        """Aborts the upload."""
        return self.s3.abort_multipart_upload(**self.names)


def etag_of(blocks):
    """The ETag of an object made of these parts."""
    digest = hashlib.md5(b"".join(hashlib.md5(b).digest() for b in blocks)).hexdigest()
    return f'"{digest}-{len(blocks)}"'


def test_a_whole_upload(s3, bucket, blocks):
    upload = Upload(s3, bucket, ContentType="a/b", Metadata={"m": "v"})
    for number, body in enumerate(blocks, 1):
        assert upload.part(number, body)["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    with refused(404):
        s3.head_object(Bucket=bucket, Key="big")
    done = upload.complete()
    assert (done["ETag"], done["Bucket"], done["Key"]) == (etag_of(blocks), bucket, "big")
    whole = b"".join(blocks)
    got = s3.get_object(Bucket=bucket, Key="big")
    assert got["Body"].read() == whole
    assert (got["ETag"], got["ContentLength"]) == (etag_of(blocks), len(whole))
    assert (got["ContentType"], got["Metadata"]) == ("a/b", {"m": "v"})
    (entry,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert (entry["Size"], entry["ETag"]) == (len(whole), etag_of(blocks))
    for first, last in [(PART - 1, PART), (PART + 5, 2 * PART + 13000), (len(whole) - 778, len(whole) - 1)]:
        part = s3.get_object(Bucket=bucket, Key="big", Range=f"bytes={first}-{last}")
        assert part["Body"].read() == whole[first : last + 1]


def test_get_by_part_number(s3, bucket, blocks):
    upload = Upload(s3, bucket)
    for number, body in enumerate(blocks, 1):
        upload.part(number, body)
    upload.complete()
    start, whole = 0, sum(map(len, blocks))
    for number, body in enumerate(blocks, 1):
        got = s3.get_object(Bucket=bucket, Key="big", PartNumber=number)
        assert got["PartsCount"] == 3
        assert got["Body"].read() == body
        assert got["ContentRange"] == f"bytes {start}-{start + len(body) - 1}/{whole}"
        head = s3.head_object(Bucket=bucket, Key="big", PartNumber=number)
        assert (head["ContentLength"], head["PartsCount"]) == (len(body), 3)
        start += len(body)
    # AWS says 416 InvalidPartNumber, Ceph's suite wants 400 InvalidPart.
    for number in (4, 10_000):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            s3.get_object(Bucket=bucket, Key="big", PartNumber=number)
        assert caught.value.response["Error"]["Code"] in ("InvalidPart", "InvalidPartNumber")


def test_parts_in_any_order_and_twice(s3, bucket, blocks):
    upload = Upload(s3, bucket)
    upload.part(3, blocks[2])
    upload.part(1, blocks[1])
    upload.part(2, blocks[1])
    upload.part(1, blocks[0])
    parts = {p["PartNumber"]: p for p in upload.parts}
    assert upload.complete([parts[n] for n in (1, 2, 3)])["ETag"] == etag_of(blocks)
    assert s3.get_object(Bucket=bucket, Key="big")["Body"].read() == b"".join(blocks)


def test_completing_with_some_of_the_parts(s3, bucket, blocks):
    upload = Upload(s3, bucket)
    for number, body in enumerate(blocks, 1):
        upload.part(number, body)
    upload.complete([upload.parts[0], upload.parts[2]])
    assert s3.get_object(Bucket=bucket, Key="big")["Body"].read() == blocks[0] + blocks[2]


def test_completing_twice(s3, bucket, blocks):
    """A client that missed the answer asks again and gets the same one."""
    upload = Upload(s3, bucket)
    upload.part(1, blocks[2])
    assert upload.complete()["ETag"] == upload.complete()["ETag"]


def test_refusals_of_complete(s3, bucket, blocks):
    upload = Upload(s3, bucket)
    upload.part(1, blocks[2])
    upload.part(2, blocks[2])
    one, two = upload.parts
    with refused(400, "InvalidPart"):
        upload.complete([{**one, "ETag": '"' + "0" * 32 + '"'}])
    with refused(400, "InvalidPart"):
        upload.complete([{**one, "PartNumber": 7}])
    # Both are wrong with it: the order, and that the first part is too small.
    with refused(400, "InvalidPartOrder", "EntityTooSmall"):
        upload.complete([two, one])
    with refused(400, "EntityTooSmall"):
        upload.complete([one, two])
    with refused(400, "MalformedXML"):
        upload.complete([])
    with refused(404):
        s3.head_object(Bucket=bucket, Key="big")
    # Nothing of that harmed the upload.
    upload.complete([one])
    assert s3.get_object(Bucket=bucket, Key="big")["Body"].read() == blocks[2]


@pytest.mark.parametrize("body", [b"", b"<x", b"<CompleteMultipartUpload><Part>", b"\xff\xfe",
                                  b"<Delete></Delete>"])
def test_bodies_of_complete_that_are_no_such_thing(s3, raw, bucket, body):
    upload = Upload(s3, bucket, "k")
    upload.part(1, b"x")
    answer = raw.request("POST", f"/{bucket}/k", body=body,
                         query=[("uploadId", upload.names["UploadId"])])
    assert (answer.status, answer.code) in [(400, "MalformedXML"), (400, "InvalidRequest")], answer
    assert len(s3.list_parts(**upload.names)["Parts"]) == 1


@pytest.mark.parametrize("number", ["0", "-1", "10001", "x", "", "99999999999999999999"])
def test_part_numbers_that_are_refused(s3, raw, bucket, number):
    upload = Upload(s3, bucket, "k")
    answer = raw.request("PUT", f"/{bucket}/k", body=b"x",
                         query=[("partNumber", number), ("uploadId", upload.names["UploadId"])])
    assert (answer.status, answer.code) == (400, "InvalidArgument"), answer


def test_unknown_uploads(s3, bucket):
    names = {"Bucket": bucket, "Key": "k"}
    real = s3.create_multipart_upload(**names)["UploadId"]
    for key, upload in [("k", "0" * len(real)), ("k", "no such upload"), ("other", real)]:
        names = {"Bucket": bucket, "Key": key, "UploadId": upload}
        with refused(404, "NoSuchUpload"):
            s3.upload_part(**names, PartNumber=1, Body=b"x")
        with refused(404, "NoSuchUpload"):
            s3.list_parts(**names)
        with refused(404, "NoSuchUpload"):
            s3.abort_multipart_upload(**names)
        with refused(404, "NoSuchUpload"):
            s3.complete_multipart_upload(
                **names, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": "x"}]})


def test_abort(s3, bucket):
    upload = Upload(s3, bucket)
    upload.part(1, b"x")
    assert upload.abort()["ResponseMetadata"]["HTTPStatusCode"] == 204
    with refused(404, "NoSuchUpload"):
        upload.part(1, b"x")
    with refused(404, "NoSuchUpload"):
        upload.complete()
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    with refused(404):
        s3.head_object(Bucket=bucket, Key="big")


def test_list_parts(s3, bucket):
    upload = Upload(s3, bucket)
    for number in (9, 1, 5, 3, 7):
        upload.part(number, str(number).encode() * number)
    found, marker = [], 0
    for _ in range(4):
        answer = s3.list_parts(**upload.names, MaxParts=2, PartNumberMarker=marker)
        assert answer["MaxParts"] == 2
        found += answer["Parts"]
        if not answer["IsTruncated"]:
            break
        marker = answer["NextPartNumberMarker"]
    assert [p["PartNumber"] for p in found] == [1, 3, 5, 7, 9]
    assert [p["Size"] for p in found] == [1, 3, 5, 7, 9]
    assert found[1]["ETag"] == f'"{hashlib.md5(b"333").hexdigest()}"'
    assert answer["Initiator"]["ID"] and answer["Owner"]["ID"]
    assert answer["StorageClass"] == "STANDARD"


def test_list_uploads(server, s3, bucket):
    if not server.ours:
        pytest.skip("servers differ")
    ids = {}
    for key in ("a/1", "a/2", "b", "b", "c/x/1", "é"):
        ids.setdefault(key, []).append(Upload(s3, bucket, key).names["UploadId"])
    expected = [(key, id_) for key in sorted(ids, key=str.encode) for id_ in ids[key]]
    for size in (1, 2, 1000):
        found, markers = [], {}
        for _ in range(9):
            answer = s3.list_multipart_uploads(Bucket=bucket, MaxUploads=size, **markers)
            page = [(u["Key"], u["UploadId"]) for u in answer["Uploads"]]
            assert len(page) <= size
            found += page
            if not answer["IsTruncated"]:
                break
            markers = {"KeyMarker": answer["NextKeyMarker"],
                       "UploadIdMarker": answer["NextUploadIdMarker"]}
        # Uploads of one key come by their start, or by their ids: both are an order.
        assert sorted(found) == sorted(expected)
        assert [k for k, _ in found] == [k for k, _ in expected]
    answer = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [p["Prefix"] for p in answer["CommonPrefixes"]] == ["a/", "c/"]
    assert [u["Key"] for u in answer["Uploads"]] == ["b", "b", "é"]
    answer = s3.list_multipart_uploads(Bucket=bucket, Prefix="c/")
    assert [u["Key"] for u in answer["Uploads"]] == ["c/x/1"]


def test_a_bucket_with_uploads_can_go(server, s3):
    """Unfinished uploads do not keep a bucket alive, and are gone when it is made again."""
    if not server.ours:
        pytest.skip("servers differ")
    bucket = server.create_direct()
    upload = Upload(s3, bucket)
    upload.part(1, b"x")
    s3.delete_bucket(Bucket=bucket)
    s3.create_bucket(Bucket=bucket)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    with refused(404, "NoSuchUpload"):
        upload.complete()


def test_copying_parts(s3, bucket, blocks):
    s3.put_object(Bucket=bucket, Key="src/ü +", Body=blocks[1])
    upload = Upload(s3, bucket)
    source = {"Bucket": bucket, "Key": "src/ü +"}
    one = s3.upload_part_copy(**upload.names, PartNumber=1, CopySource=source,
                              CopySourceRange=f"bytes=100-{PART + 99}")["CopyPartResult"]
    two = s3.upload_part_copy(**upload.names, PartNumber=2, CopySource=source)["CopyPartResult"]
    assert one["ETag"] == f'"{hashlib.md5(blocks[1][100 : PART + 100]).hexdigest()}"'
    assert two["LastModified"]
    upload.remember(1, one["ETag"])
    upload.remember(2, two["ETag"])
    upload.complete()
    whole = blocks[1][100 : PART + 100] + blocks[1]
    assert s3.get_object(Bucket=bucket, Key="big")["Body"].read() == whole
    # The copy has a life of its own.
    s3.delete_object(Bucket=bucket, Key="src/ü +")
    assert s3.get_object(Bucket=bucket, Key="big")["Body"].read() == whole


def test_copying_a_part_of_a_multipart_object(s3, bucket, blocks):
    upload = Upload(s3, bucket, "source")
    for number, body in enumerate(blocks, 1):
        upload.part(number, body)
    upload.complete()
    whole = b"".join(blocks)
    first, last = PART - 7, 2 * PART + 12345 + 3
    second = Upload(s3, bucket, "target")
    part = s3.upload_part_copy(**second.names, PartNumber=1, CopySourceRange=f"bytes={first}-{last}",
                               CopySource={"Bucket": bucket, "Key": "source"})["CopyPartResult"]
    second.remember(1, part["ETag"])
    second.complete()
    assert s3.get_object(Bucket=bucket, Key="target")["Body"].read() == whole[first : last + 1]


@pytest.mark.parametrize("value", ["bytes=0-99999999", "bytes=5-2", "bytes=0-", "bytes=-5", "0-5",
                                   "bytes=a-b"])
def test_copy_ranges_that_are_refused(server, s3, bucket, value):
    if not server.ours:
        pytest.skip("servers differ")
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    upload = Upload(s3, bucket)
    outside = value == "bytes=0-99999999"
    with refused(416 if outside else 400, "InvalidArgument", "InvalidRange"):
        s3.upload_part_copy(**upload.names, PartNumber=1, CopySourceRange=value,
                            CopySource={"Bucket": bucket, "Key": "k"})


def test_conditions_on_the_source_of_a_part(server, s3, bucket):
    """Ignored there, they let a copy read what it should not have."""
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")["ETag"]
    upload = Upload(s3, bucket)
    copy = {**upload.names, "PartNumber": 1, "CopySource": {"Bucket": bucket, "Key": "k"}}
    with refused(412, "PreconditionFailed"):
        s3.upload_part_copy(**copy, CopySourceIfMatch='"nope"')
    with refused(412, "PreconditionFailed"):
        s3.upload_part_copy(**copy, CopySourceIfNoneMatch=etag)
    s3.upload_part_copy(**copy, CopySourceIfMatch=etag)


def test_an_upload_is_not_an_object(s3, bucket):
    upload = Upload(s3, bucket, "k")
    upload.part(1, b"x" * 100)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"meanwhile")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"meanwhile"
    upload.complete()
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x" * 100


def test_uploads_from_many_threads(server, s3, bucket):
    """Eight uploads at once, each of eight parts sent at once."""
    import concurrent.futures

    pattern = [bytes([65 + n]) * PART for n in range(3)]

    def run(key):
        upload = Upload(s3, bucket, key)
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda n: upload.part(n + 1, pattern[n]), range(3)))
        upload.complete(sorted(upload.parts, key=lambda p: p["PartNumber"]))

    keys = [f"k{n}" for n in range(6)]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(run, keys))
    for key in keys:
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"".join(pattern)
