"""Who a request comes from: rows S1 to S10 of docs/security.md, as far as tests/s3 has them not."""

import hashlib
import itertools
import socket

import pytest
from harness import sigv4
from harness.raw import exchange

BODY = bytes(range(256)) * 700
CRC = ("x-amz-checksum-crc32", sigv4.crc32_base64(BODY))
MODES = {"chunks": (sigv4.SIGNED_CHUNKS, None),
         "chunks-trailer": (sigv4.SIGNED_CHUNKS_TRAILER, [CRC]),
         "trailer": (sigv4.UNSIGNED_CHUNKS_TRAILER, [CRC])}


def break_signature(headers):
    """Changes the last digit of a request's signature."""
    value = headers["authorization"]
    headers["authorization"] = value[:-1] + ("0" if value[-1] != "0" else "1")


def keys(raw, bucket):
    """The keys of a bucket."""
    listing = raw.request("GET", f"/{bucket}", query=[("list-type", "2")]).xml()
    return [e.text for e in listing.iter("Key")]


def test_s01_every_operation_that_changes_something(raw, bucket):
    """None of them forgot to look at the signature."""
    raw.request("PUT", f"/{bucket}/k", body=b"body")
    upload = raw.request("POST", f"/{bucket}/k", query=[("uploads", None)]).xml()
    upload = upload.findtext("UploadId")
    part = raw.request("PUT", f"/{bucket}/k", query=[("partNumber", "1"), ("uploadId", upload)],
                       body=b"part")
    complete = ("<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
                f"<ETag>{part.header('etag')}</ETag></Part></CompleteMultipartUpload>").encode()
    delete = b"<Delete><Object><Key>k</Key></Object></Delete>"
    tags = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
    path, copy = f"/{bucket}/k", {"x-amz-copy-source": f"/{bucket}/k"}
    of_upload = [("uploadId", upload)]
    attempts = [
        ("PUT", f"/{bucket}-new", [], b"", {}),
        ("PUT", f"/{bucket}/new", [], b"x", {}),
        ("PUT", f"/{bucket}/new", [], b"", copy),
        ("PUT", path, [("partNumber", "2"), *of_upload], b"x", {}),
        ("PUT", path, [("partNumber", "2"), *of_upload], b"", copy),
        ("POST", path, of_upload, complete, {}),
        ("POST", path, [("uploads", None)], b"", {}),
        ("DELETE", path, of_upload, b"", {}),
        ("POST", f"/{bucket}", [("delete", None)], delete, {}),
        ("PUT", path, [("tagging", None)], tags, {}),
        ("PUT", f"/{bucket}", [("tagging", None)], tags, {}),
        ("PUT", f"/{bucket}", [("acl", None)], b"", {"x-amz-acl": "public-read"}),
        ("PUT", path, [("acl", None)], b"", {"x-amz-acl": "public-read"}),
        ("DELETE", path, [], b"", {}),
        ("DELETE", f"/{bucket}", [], b"", {}),
    ]
    for method, target, query, body, headers in attempts:
        md5 = sigv4.base64.b64encode(hashlib.md5(body).digest()).decode()
        headers = {"content-md5": md5, **headers}
        answer = raw.request(method, target, query=query, body=body, headers=headers,
                             edit=break_signature)
        found = (answer.status, answer.code)
        assert found == (403, "SignatureDoesNotMatch"), (method, target, query, answer)
    assert keys(raw, bucket) == ["k"]
    assert raw.request("GET", path).body == b"body"
    assert raw.request("GET", path, query=of_upload).status == 200, "the upload is still there"
    assert raw.request("HEAD", f"/{bucket}-new").status == 404


def test_s03_one_credential_and_no_other(raw, bucket):
    """Twice the same header, both places, or half of one place: refused, never anonymous."""
    raw.request("PUT", f"/{bucket}/k", body=b"x", headers={"x-amz-acl": "public-read"})
    path = f"/{bucket}/k"
    signed = raw.build("GET", path)
    head, _, rest = signed.partition(b"authorization: ")
    value, _, tail = rest.partition(b"\r\n")
    twice = head + b"authorization: " + value + b"\r\nauthorization: " + value + b"\r\n" + tail
    assert raw.send(twice).status in (400, 403)
    presigned = raw.signer.presign("GET", path, [], raw.host)
    for query in (presigned, presigned[:1], presigned[-1:], presigned[1:2],
                  [("AWSAccessKeyId", "a"), ("Signature", "b"), ("Expires", "99999999999")],
                  [("x-amz-signature", "0" * 64)], [("X-AMZ-ALGORITHM", "AWS4-HMAC-SHA256")]):
        if query is not presigned:
            data = raw.head("GET", path, query, {"host": raw.host})
            assert exchange(raw.address, data).status in (400, 403), query
        assert raw.request("GET", path, query=query).status in (400, 403), query


@pytest.mark.parametrize("form", MODES)
def test_s04_no_byte_of_a_stream_can_be_changed(raw, bucket, form):
    """A byte in each place of each kind of frame, changed on the way: refused, and nothing stored.

    The unit tests of the body's decoder change every byte to every value; this one sees that what
    they prove holds for the daemon as it stands.
    """
    mode, trailer = MODES[form]
    frames = []
    good = raw.stream(f"/{bucket}/k", BODY, mode, trailer=trailer,
                      edit_frames=lambda f: frames.extend(f))
    start = good.index(b"\r\n\r\n") + 4
    places, at = set(), start
    for frame in frames:
        line = frame.find(b"\r\n") + 2
        places |= {at + n for n in range(0, line, 5)} | {at + line - 2, at + line - 1}
        places |= {at + line + (len(frame) - line) // 2, at + len(frame) - 1, at + len(frame) - 2}
        at += len(frame)
    assert at == len(good)
    changed = 0
    for place in sorted(place for place in places if place < len(good)):
        before = good[place]
        # Neither case of a digit or name changes what it means, so another bit is taken.
        bad = good[:place] + bytes([before ^ 0x11]) + good[place + 1:]
        answer = raw.send(bad, "PUT")
        assert answer.status in (400, 403), (place - start, chr(before), answer)
        changed += 1
    assert changed > 25
    assert raw.request("GET", f"/{bucket}/k").status == 404
    assert raw.send(good, "PUT").status == 200
    assert raw.request("GET", f"/{bucket}/k").body == BODY


@pytest.mark.parametrize("sent", ["a%2Fb", "a%252Fb", "a/b", "%61/b", "a%2fb"])
def test_s06_one_path_for_all(raw, bucket, sent):
    """What is signed, judged and stored is one key, decoded once, however it was spelled."""
    import urllib.parse

    key = urllib.parse.unquote(sent)
    headers = {"host": raw.host, "content-length": "1"}
    raw.signer.authorize("PUT", f"/{bucket}/{urllib.parse.quote(key, safe='/-_.~')}", [], headers,
                         sigv4.UNSIGNED, unsigned={"content-length"})
    answer = exchange(raw.address, raw.head("PUT", f"/{bucket}/{sent}", [], headers) + b"x", "PUT")
    assert answer.status == 200, answer
    assert keys(raw, bucket) == [key]
    # A signature for that key is none for the key with one more or one less round of decoding.
    other = urllib.parse.quote(urllib.parse.quote(key, safe=""), safe="%")
    answer = exchange(raw.address, raw.head("PUT", f"/{bucket}/{other}", [], headers) + b"y", "PUT")
    assert answer.status in (200, 403)
    if answer.status == 200:
        assert urllib.parse.unquote(other) == key
    assert set(keys(raw, bucket)) == {key}


def test_s08_admin_and_s3_have_no_door_in_common(server, raw, daemon):
    """No request of one protocol means anything to the other."""
    admin = ("127.0.0.1", server.admin_port)
    presigned = raw.head("GET", "/", raw.signer.presign("GET", "/", [], raw.host),
                         {"host": raw.host})
    for data in (raw.build("GET", "/"), presigned,
                 b"GET /?AWSAccessKeyId=a&Signature=b&Expires=9999999999 HTTP/1.1\r\nHost: h\r\n\r\n"):
        with socket.create_connection(admin, timeout=30) as connection:
            connection.sendall(data)
            assert not connection.recv(4096).startswith(b"HTTP/")
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(str(daemon.admin_socket))
            connection.sendall(data)
            assert not connection.recv(4096).startswith(b"HTTP/")
    hello = b"CHNR\x01\x01\0\0\x01\0\0\0\x01\0\0\0\x2b\0\0\0" + bytes([1, 1]) + bytes(41)
    with socket.create_connection(raw.address, timeout=30) as connection:
        connection.sendall(hello)
        connection.shutdown(socket.SHUT_WR)
        assert not connection.recv(4096).startswith(b"CHNR")
    for path in ("/admin", "/minio/admin/v3/info", "/_admin/", "/rustfs/admin/v3/info"):
        assert raw.request("GET", path).status in (400, 403, 404, 405)


SCHEMES = ["v4", "v4 query", "v2", "v2 query", "nothing", "bearer"]
PAYLOADS = [sigv4.UNSIGNED, sigv4.EMPTY_SHA256, sigv4.SIGNED_CHUNKS, sigv4.SIGNED_CHUNKS_TRAILER,
            sigv4.UNSIGNED_CHUNKS_TRAILER, "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "nonsense", None]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_s10_every_scheme_with_every_payload(raw, bucket, scheme):
    """The whole product of credentials, payload modes, methods and encodings has typed answers."""
    bodies = [b"", b"body", b"4\r\nbody\r\n0\r\n\r\n",
              b"4;chunk-signature=" + b"0" * 64 + b"\r\nbody\r\n0;chunk-signature=" + b"0" * 64 + b"\r\n\r\n"]
    stored = 0
    for method, payload, body in itertools.product(("PUT", "POST", "GET"), PAYLOADS, bodies):
        headers = {"host": raw.host, "content-length": str(len(body))}
        if payload:
            headers["x-amz-content-sha256"] = payload
            headers["x-amz-decoded-content-length"] = "4"
        query, path = [], f"/{bucket}/k"
        if scheme == "v4":
            raw.signer.authorize(method, path, query, headers, payload or "",
                                 unsigned={"content-length"})
        elif scheme == "v4 query":
            signed = {n: v for n, v in headers.items() if n.startswith("x-amz")}
            query = raw.signer.presign(method, path, [], raw.host, headers=signed)
        elif scheme == "v2":
            headers["authorization"] = "AWS AKID:c2lnbmF0dXJl"
        elif scheme == "v2 query":
            query = [("AWSAccessKeyId", "a"), ("Signature", "b"), ("Expires", "9999999999")]
        elif scheme == "bearer":
            headers["authorization"] = "Bearer eyJhbGciOiJub25lIn0.e30."
        answer = exchange(raw.address, raw.head(method, path, query, headers) + body, method)
        assert answer.status < 500 or answer.status == 501, (method, payload, body, answer)
        stored += answer.status == 200 and method == "PUT"
    assert bool(stored) == scheme.startswith("v4"), stored
