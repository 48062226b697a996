"""The five checksums: verified when they come, kept, and given back."""

import base64
import hashlib
import os
import zlib

import pytest
from harness import sigv4
from harness.expect import refused

PART = 5 << 20


def _table(poly, bits):
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (poly if value & 1 else 0)
        table.append(value)
    return table


_CRC32C = _table(0x82F63B78, 32)
_CRC64NVME = _table(0x9A6C9329AC4BC9B5, 64)


def _crc(table, bits, body):
    value = ones = (1 << bits) - 1
    for byte in body:
        value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
    return (value ^ ones).to_bytes(bits // 8, "big")


RAW = {
    "CRC32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
    "CRC32C": lambda body: _crc(_CRC32C, 32, body),
    "CRC64NVME": lambda body: _crc(_CRC64NVME, 64, body),
    "SHA1": lambda body: hashlib.sha1(body).digest(),
    "SHA256": lambda body: hashlib.sha256(body).digest(),
}
ALL = list(RAW)


def checksum(algorithm, body):
    """A checksum as its header has it."""
    return base64.b64encode(RAW[algorithm](body)).decode()


def test_our_own_functions():
    """The catalogue's check values."""
    assert RAW["CRC32C"](b"123456789").hex() == "e3069283"
    assert RAW["CRC64NVME"](b"123456789").hex() == "ae8b14860a799888"


@pytest.mark.parametrize("algorithm", ALL)
@pytest.mark.parametrize("size", [0, 1000, 70_000])
def test_put_and_get(s3, raw, bucket, algorithm, size):
    body = os.urandom(size)
    value = checksum(algorithm, body)
    name = f"x-amz-checksum-{algorithm.lower()}"
    answer = raw.request("PUT", f"/{bucket}/k", body=body, headers={name: value})
    assert answer.status == 200, answer
    assert answer.header(name) == value
    for verb in (s3.get_object, s3.head_object):
        got = verb(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
        assert got[f"Checksum{algorithm}"] == value
        assert got["ChecksumType"] == "FULL_OBJECT"
    # Without being asked for (boto3 always asks), checksums stay out of the headers.
    assert raw.request("HEAD", f"/{bucket}/k").header(name) is None


@pytest.mark.parametrize("algorithm", ALL)
def test_a_wrong_one(raw, bucket, algorithm):
    name = f"x-amz-checksum-{algorithm.lower()}"
    wrong = checksum(algorithm, b"other")
    answer = raw.request("PUT", f"/{bucket}/k", body=b"body", headers={name: wrong})
    assert (answer.status, answer.code) in [(400, "BadDigest"), (400, "XAmzContentChecksumMismatch")]
    answer = raw.request("PUT", f"/{bucket}/k", body=b"body", headers={name: "!!!"})
    assert (answer.status, answer.code) in [(400, "InvalidRequest"), (400, "BadDigest")], answer
    assert raw.request("GET", f"/{bucket}/k").status == 404


@pytest.mark.parametrize("algorithm", ALL)
@pytest.mark.parametrize("mode", [sigv4.SIGNED_CHUNKS_TRAILER, sigv4.UNSIGNED_CHUNKS_TRAILER])
def test_trailers(s3, raw, bucket, algorithm, mode):
    body = os.urandom(100_000)
    name = f"x-amz-checksum-{algorithm.lower()}"
    request = raw.stream(f"/{bucket}/k", body, mode, trailer=[(name, checksum(algorithm, body))])
    answer = raw.send(request, "PUT")
    assert answer.status == 200, answer
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == body
    assert got[f"Checksum{algorithm}"] == checksum(algorithm, body)
    wrong = raw.stream(f"/{bucket}/k2", body, mode, trailer=[(name, checksum(algorithm, b"x"))])
    answer = raw.send(wrong, "PUT")
    assert (answer.status, answer.code) in [(400, "BadDigest"), (400, "XAmzContentChecksumMismatch")]
    assert raw.request("GET", f"/{bucket}/k2").status == 404


def test_a_default_is_kept(server, s3, raw, bucket):
    """AWS gives an object without a checksum a CRC64NVME; that is allowed, and must be right."""
    raw.request("PUT", f"/{bucket}/k", body=b"body")
    got = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    if "ChecksumCRC64NVME" in got:
        assert got["ChecksumCRC64NVME"] == checksum("CRC64NVME", b"body")


def test_ranges_have_no_checksum_of_the_whole(s3, raw, bucket):
    raw.request("PUT", f"/{bucket}/k", body=b"0123456789",
                headers={"x-amz-checksum-crc32": checksum("CRC32", b"0123456789")})
    got = s3.get_object(Bucket=bucket, Key="k", Range="bytes=0-3", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"0123"


@pytest.fixture(scope="module")
def blocks():
    """The parts of an upload; their contents are plain so that the slow CRCs here stay short."""
    return [b"a" * PART, b"b" * 1000]


@pytest.mark.parametrize("algorithm, kind", [
    ("CRC32", "COMPOSITE"), ("CRC32C", "COMPOSITE"), ("SHA1", "COMPOSITE"), ("SHA256", "COMPOSITE"),
    ("CRC32", "FULL_OBJECT"), ("CRC32C", "FULL_OBJECT"), ("CRC64NVME", "FULL_OBJECT"),
])
def test_multipart(server, s3, bucket, blocks, algorithm, kind):
    field = f"Checksum{algorithm}"
    names = {"Bucket": bucket, "Key": "k"}
    created = s3.create_multipart_upload(**names, ChecksumAlgorithm=algorithm, ChecksumType=kind)
    if server.ours:
        assert (created["ChecksumAlgorithm"], created["ChecksumType"]) == (algorithm, kind)
    names["UploadId"] = created["UploadId"]
    parts = []
    for number, body in enumerate(blocks, 1):
        value = checksum(algorithm, body)
        answer = s3.upload_part(**names, PartNumber=number, Body=body, ChecksumAlgorithm=algorithm,
                                **{field: value})
        assert answer[field] == value
        parts.append({"PartNumber": number, "ETag": answer["ETag"], field: value})
    if server.ours:
        listed = s3.list_parts(**names)
        assert [p[field] for p in listed["Parts"]] == [p[field] for p in parts]
        assert (listed["ChecksumAlgorithm"], listed["ChecksumType"]) == (algorithm, kind)
    if kind == "COMPOSITE":
        joined = b"".join(RAW[algorithm](body) for body in blocks)
        expected = f"{checksum(algorithm, joined)}-{len(blocks)}"
    else:
        expected = checksum(algorithm, b"".join(blocks))
    wrong = [dict(parts[0]), {**parts[1], field: checksum(algorithm, b"x")}]
    with refused(400, "InvalidPart", "BadDigest"):
        s3.complete_multipart_upload(**names, MultipartUpload={"Parts": wrong}, ChecksumType=kind)
    done = s3.complete_multipart_upload(**names, MultipartUpload={"Parts": parts}, ChecksumType=kind)
    assert done[field] == expected
    got = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got[field] == expected
    if server.ours:
        assert got["ChecksumType"] == kind


def test_a_full_object_checksum_is_verified_at_complete(server, s3, bucket, blocks):
    names = {"Bucket": bucket, "Key": "k"}
    names["UploadId"] = s3.create_multipart_upload(
        **names, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")["UploadId"]
    etag = s3.upload_part(**names, PartNumber=1, Body=blocks[1], ChecksumAlgorithm="CRC32")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag, "ChecksumCRC32": checksum("CRC32", blocks[1])}]}
    with refused(400, "BadDigest"):
        s3.complete_multipart_upload(**names, MultipartUpload=parts, ChecksumType="FULL_OBJECT",
                                     ChecksumCRC32=checksum("CRC32", b"x"))
    with refused(404):
        s3.head_object(Bucket=bucket, Key="k")


def test_attributes(s3, bucket, blocks):
    s3.put_object(Bucket=bucket, Key="one", Body=b"body", ChecksumAlgorithm="SHA256")
    wanted = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
    got = s3.get_object_attributes(Bucket=bucket, Key="one", ObjectAttributes=wanted)
    assert got["ETag"] == hashlib.md5(b"body").hexdigest()
    assert got["ObjectSize"] == 4
    assert got["StorageClass"] == "STANDARD"
    assert got["Checksum"]["ChecksumSHA256"] == checksum("SHA256", b"body")
    assert "ObjectParts" not in got
    names = {"Bucket": bucket, "Key": "two"}
    names["UploadId"] = s3.create_multipart_upload(**names, ChecksumAlgorithm="SHA256")["UploadId"]
    parts = []
    for number, body in enumerate(blocks, 1):
        answer = s3.upload_part(**names, PartNumber=number, Body=body, ChecksumAlgorithm="SHA256")
        parts.append({"PartNumber": number, "ETag": answer["ETag"],
                      "ChecksumSHA256": answer["ChecksumSHA256"]})
    s3.complete_multipart_upload(**names, MultipartUpload={"Parts": parts})
    got = s3.get_object_attributes(Bucket=bucket, Key="two", ObjectAttributes=wanted)
    assert got["ObjectParts"]["TotalPartsCount"] == 2
    assert [p["Size"] for p in got["ObjectParts"]["Parts"]] == [len(b) for b in blocks]
    assert got["ObjectSize"] == sum(map(len, blocks))
    only = s3.get_object_attributes(Bucket=bucket, Key="two", ObjectAttributes=["ObjectSize"])
    assert "ETag" not in only and "Checksum" not in only
    with refused(404, "NoSuchKey"):
        s3.get_object_attributes(Bucket=bucket, Key="none", ObjectAttributes=wanted)
