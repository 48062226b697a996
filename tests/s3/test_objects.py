"""Objects: put, get, head, delete, metadata and keys."""

import datetime
import hashlib
import os

import pytest
from harness import sigv4
from harness.expect import refused

# Around every border the daemon could have inside: a block, an inline body, a checksum block and
# an extent, each one less and one more.
BORDERS = sorted({max(0, size + d) for size in (0, 4096, 32768, 65536, 1 << 20, 5 << 20)
                  for d in (-1, 0, 1)})

ODD_KEYS = [
    "plain", "with space", "plus+plus", "percent%20percent", "a/b/c", "/leading", "trailing/",
    "double//slash", "./dot", "../up", "a/../b", "a/./b", "..", ".", "quote'\"", "amp&lt<gt>",
    "question?mark=1", "hash#mark", "semi;colon", "comma,", "equal=sign", "at@colon:", "dollar$",
    "tilde~star*", "back\\slash", "ünïcödé", "日本語", "emoji-\U0001f517", "tab\there",
    "line\nbreak", "return\rhere", "bell\x07", "del\x7f", "%2e%2e%2f", "a" * 1024, "é" * 512,
]


@pytest.mark.parametrize("size", BORDERS)
def test_bodies_of_every_size(s3, bucket, size):
    body = os.urandom(size)
    put = s3.put_object(Bucket=bucket, Key="k", Body=body)
    etag = f'"{hashlib.md5(body).hexdigest()}"'
    assert put["ETag"] == etag
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == body
    assert (got["ContentLength"], got["ETag"]) == (size, etag)
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ContentLength"], head["ETag"]) == (size, etag)
    assert head["AcceptRanges"] == "bytes"


@pytest.mark.parametrize("key", ODD_KEYS, ids=range(len(ODD_KEYS)))
def test_keys_round_trip(server, raw, bucket, key):
    if not server.ours:
        pytest.skip("only ours promises every key")
    path = sigv4.object_path(bucket, key)
    body = key.encode()
    assert raw.request("PUT", path, body=body).status == 200
    got = raw.request("GET", path)
    assert (got.status, got.body) == (200, body)
    listing = server.client().list_objects_v2(Bucket=bucket)
    assert [e["Key"] for e in listing["Contents"]] == [key]
    assert raw.request("DELETE", path).status == 204
    assert raw.request("GET", path).status == 404


def test_s24_keys_do_not_alias(server, raw, bucket):
    """Every odd key is its own object when all are there at once."""
    if not server.ours:
        pytest.skip("only ours promises every key")
    for key in ODD_KEYS:
        assert raw.request("PUT", sigv4.object_path(bucket, key), body=key.encode()).status == 200
    for key in ODD_KEYS:
        assert raw.request("GET", sigv4.object_path(bucket, key)).body == key.encode()
    pages = server.client().get_paginator("list_objects_v2").paginate(
        Bucket=bucket, PaginationConfig={"PageSize": 7})
    listed = [e["Key"] for page in pages for e in page["Contents"]]
    assert listed == sorted(ODD_KEYS, key=str.encode)


def test_a_key_of_1025_bytes_is_too_long(raw, bucket):
    answer = raw.request("PUT", sigv4.object_path(bucket, "k" * 1025), body=b"x")
    assert (answer.status, answer.code) == (400, "KeyTooLongError"), answer


def test_a_key_that_is_not_utf8(raw, server, bucket):
    if not server.ours:
        pytest.skip("servers differ")
    answer = raw.request("PUT", f"/{bucket}/%ff%fe", body=b"x")
    assert answer.status == 400, answer


def test_s06_a_key_is_decoded_once(server, raw, bucket):
    """`%252F` names the key `%2F`, not `/` (twice decoded keys were a way around policies)."""
    assert raw.request("PUT", f"/{bucket}/a%252Fb", body=b"percent").status == 200
    assert raw.request("GET", f"/{bucket}/a/b").status == 404
    listing = server.client().list_objects_v2(Bucket=bucket)
    assert [e["Key"] for e in listing["Contents"]] == ["a%2Fb"]


def test_overwrite(s3, bucket):
    for body in (b"one", b"two" * 50_000, b""):
        s3.put_object(Bucket=bucket, Key="k", Body=body)
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body


def test_delete_is_idempotent(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    for _ in range(2):
        assert s3.delete_object(Bucket=bucket, Key="k")["ResponseMetadata"]["HTTPStatusCode"] == 204
    with refused(404, "NoSuchKey"):
        s3.get_object(Bucket=bucket, Key="k")
    with refused(404, "404"):
        s3.head_object(Bucket=bucket, Key="k")


def test_metadata_and_headers_round_trip(s3, bucket):
    expires = datetime.datetime(2031, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    s3.put_object(
        Bucket=bucket, Key="k", Body=b"x", ContentType="text/x-test; charset=utf-8",
        CacheControl="no-store", ContentDisposition='attachment; filename="a"',
        ContentEncoding="gzip", ContentLanguage="de", Expires=expires,
        Metadata={"one": "1", "two-words": "with  blanks inside", "empty": ""},
    )
    for got in (s3.get_object(Bucket=bucket, Key="k"), s3.head_object(Bucket=bucket, Key="k")):
        assert got["ContentType"] == "text/x-test; charset=utf-8"
        assert got["CacheControl"] == "no-store"
        assert got["ContentDisposition"] == 'attachment; filename="a"'
        assert got["ContentEncoding"] == "gzip"
        assert got["ContentLanguage"] == "de"
        assert got["ExpiresString"] == "Thu, 02 Jan 2031 03:04:05 GMT"
        assert got["Metadata"].get("one") == "1"
        assert "two-words" in got["Metadata"]


def test_the_default_content_type(s3, raw, bucket):
    raw.request("PUT", f"/{bucket}/k", body=b"x")
    assert s3.head_object(Bucket=bucket, Key="k")["ContentType"] == "binary/octet-stream"


def test_metadata_over_two_kilobytes_is_refused(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata={"m": "v" * 1900})
    if not server.ours:
        return
    with refused(400, "MetadataTooLarge"):
        s3.put_object(Bucket=bucket, Key="k2", Body=b"x", Metadata={"m": "v" * 2100})
    with refused(404):
        s3.head_object(Bucket=bucket, Key="k2")


def test_response_overrides(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentType="a/b")
    got = s3.get_object(
        Bucket=bucket, Key="k", ResponseContentType="c/d", ResponseCacheControl="no-cache",
        ResponseContentDisposition="inline", ResponseContentEncoding="aaa",
        ResponseContentLanguage="esperanto",
    )
    assert got["ContentType"] == "c/d"
    assert got["CacheControl"] == "no-cache"
    assert got["ContentDisposition"] == "inline"
    assert got["ContentEncoding"] == "aaa"
    assert got["ContentLanguage"] == "esperanto"


def test_s25_response_overrides_cannot_inject_headers(server, raw, bucket):
    """A line end in an override must never become a header of the answer."""
    raw.request("PUT", f"/{bucket}/k", body=b"x")
    answer = raw.request("GET", f"/{bucket}/k",
                         query=[("response-content-type", "a/b\r\nx-injected: 1")])
    assert answer.header("x-injected") is None


def test_last_modified_is_now(s3, bucket):
    before = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    after = datetime.datetime.now(datetime.timezone.utc)
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    assert before <= modified <= after
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"][0]["LastModified"]
    assert listed.replace(microsecond=0) == modified


def test_content_md5(s3, raw, bucket):
    import base64

    right = base64.b64encode(hashlib.md5(b"body").digest()).decode()
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    assert raw.request("PUT", f"/{bucket}/k", body=b"body",
                       headers={"content-md5": right}).status == 200
    answer = raw.request("PUT", f"/{bucket}/k2", body=b"body", headers={"content-md5": wrong})
    assert (answer.status, answer.code) == (400, "BadDigest")
    answer = raw.request("PUT", f"/{bucket}/k2", body=b"body", headers={"content-md5": "short"})
    assert (answer.status, answer.code) == (400, "InvalidDigest")
    assert raw.request("GET", f"/{bucket}/k2").status == 404


def test_error_bodies_name_what_is_missing(raw, server, bucket):
    answer = raw.request("GET", f"/{bucket}/no/such%20key")
    assert answer.status == 404
    assert answer.header("content-type") == "application/xml"
    xml = answer.xml()
    assert xml.tag == "Error"
    assert xml.findtext("Code") == "NoSuchKey"
    assert xml.findtext("Message")
    assert xml.findtext("Key") == "no/such key"
    assert xml.findtext("RequestId") == answer.header("x-amz-request-id")
    if server.ours:
        # For such an answer AWS has BucketName only where the bucket is what is missing.
        missing = raw.request("GET", "/no-such-bucket-here/k").xml()
        assert missing.findtext("BucketName") == "no-such-bucket-here"


def test_every_answer_has_an_id_and_a_date(raw, bucket):
    ids = set()
    for method, path in [("PUT", "k"), ("GET", "k"), ("HEAD", "k"), ("GET", "missing"),
                         ("HEAD", "missing"), ("DELETE", "k")]:
        answer = raw.request(method, f"/{bucket}/{path}")
        assert answer.header("date") and answer.header("x-amz-request-id"), (method, path)
        ids.add(answer.header("x-amz-request-id"))
        if method == "HEAD":
            assert answer.body == b""
    assert len(ids) == 6


def test_expect_continue(raw, bucket):
    """The daemon says 100 before it reads a body, and refuses without having read one."""
    import socket

    body = os.urandom(200_000)
    request = raw.build("PUT", f"/{bucket}/k", body=body, headers={"expect": "100-continue"})
    head, _, _ = request.partition(b"\r\n\r\n")
    from harness.raw import read_answer

    with socket.create_connection(raw.address, timeout=30) as connection:
        connection.sendall(head + b"\r\n\r\n")
        first = connection.recv(64)
        assert first.startswith(b"HTTP/1.1 100 Continue\r\n\r\n"), first
        connection.sendall(body)
        assert read_answer(connection, "PUT").status == 200
    with socket.create_connection(raw.address, timeout=30) as connection:
        bad = head.replace(b"Signature=", b"Signature=0")
        connection.sendall(bad + b"\r\n\r\n")
        assert read_answer(connection, "PUT").status in (400, 403)


def test_connections_are_kept(raw, bucket):
    """Many requests over one connection, pipelined, come back in order."""
    import socket

    from harness.raw import read_answer

    requests = [raw.build("PUT", f"/{bucket}/k{n}", body=str(n).encode() * 100) for n in range(8)]
    requests += [raw.build("GET", f"/{bucket}/k{n}") for n in range(8)]
    with socket.create_connection(raw.address, timeout=30) as connection:
        for request in requests[:8]:
            connection.sendall(request)
            assert read_answer(connection, "PUT").status == 200
        for n, request in enumerate(requests[8:]):
            connection.sendall(request)
            assert read_answer(connection).body == str(n).encode() * 100


def test_many_writers_of_one_key_leave_one_whole_body(s3, bucket):
    import concurrent.futures

    bodies = [bytes([n]) * (70_000 + n) for n in range(16)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda body: s3.put_object(Bucket=bucket, Key="k", Body=body), bodies))
    got = s3.get_object(Bucket=bucket, Key="k")
    body = got["Body"].read()
    assert body in bodies
    assert got["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
