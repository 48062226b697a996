"""SigV4 in every form of body, and what becomes of each when a piece of it is wrong.

The ids S1, S3, S4 ... are those of the list of known faults of S3 servers that the project keeps
its tests by: unchecked trailers, unchecked chunk signatures, replay without end and so on.
"""

import datetime
import os

import pytest
from harness import sigv4

BODY = os.urandom(150_000)
CRC = ("x-amz-checksum-crc32", sigv4.crc32_base64(BODY))


def forms(raw, path, body=BODY, **how):
    """A signed PUT of `body` in every form: name -> bytes."""
    crc = ("x-amz-checksum-crc32", sigv4.crc32_base64(body))
    return {
        "hash": raw.build("PUT", path, body=body, **how),
        "unsigned": raw.build("PUT", path, body=body, payload=sigv4.UNSIGNED, **how),
        "chunks": raw.stream(path, body, sigv4.SIGNED_CHUNKS, **how),
        "chunks-trailer": raw.stream(path, body, sigv4.SIGNED_CHUNKS_TRAILER, trailer=[crc], **how),
        "trailer": raw.stream(path, body, sigv4.UNSIGNED_CHUNKS_TRAILER, trailer=[crc], **how),
    }


FORMS = ["hash", "unsigned", "chunks", "chunks-trailer", "trailer"]
STREAMS = FORMS[2:]
MODES = {"chunks": sigv4.SIGNED_CHUNKS, "chunks-trailer": sigv4.SIGNED_CHUNKS_TRAILER,
         "trailer": sigv4.UNSIGNED_CHUNKS_TRAILER}


def absent(raw, path):
    """Whether nothing was stored."""
    return raw.request("GET", path).status == 404


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 3_000_000])
def test_right(raw, bucket, form, size):
    body = os.urandom(size)
    path = f"/{bucket}/k"
    answer = raw.send(forms(raw, path, body)[form], "PUT")
    assert answer.status == 200, answer
    got = raw.request("GET", path)
    assert got.body == body
    assert got.header("content-encoding") in (None, "")


@pytest.mark.parametrize("form", STREAMS)
def test_the_clients_own_encoding_stays(raw, bucket, form):
    path = f"/{bucket}/k"
    trailer = None if form == "chunks" else [CRC]
    request = raw.stream(path, BODY, MODES[form], trailer=trailer,
                         headers={"content-encoding": "gzip,aws-chunked"})
    assert raw.send(request, "PUT").status == 200
    got = raw.request("GET", path)
    assert (got.body, got.header("content-encoding")) == (BODY, "gzip")


@pytest.mark.parametrize("form", FORMS)
def test_s01_wrong_signature(raw, bucket, form):
    def edit(headers):
        value = headers["authorization"]
        headers["authorization"] = value[:-1] + ("0" if value[-1] != "0" else "1")

    path = f"/{bucket}/k"
    answer = raw.send(forms(raw, path, edit=edit)[form], "PUT")
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch"), answer
    assert absent(raw, path)


@pytest.mark.parametrize("form", FORMS)
def test_s01_wrong_secret(server, bucket, form):
    raw = server.raw(secret_key="not the secret key at all, sorry....")
    answer = raw.send(forms(raw, f"/{bucket}/k")[form], "PUT")
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch"), answer


@pytest.mark.parametrize("form", FORMS)
def test_s01_unknown_key(server, raw, bucket, form):
    stranger = server.raw(access_key="AKIDOFNOBODYATALL")
    answer = stranger.send(forms(stranger, f"/{bucket}/k")[form], "PUT")
    assert (answer.status, answer.code) == (403, "InvalidAccessKeyId"), answer
    assert absent(raw, f"/{bucket}/k")


@pytest.mark.parametrize("form", FORMS)
def test_s01_parts_are_checked_as_objects_are(s3, raw, bucket, form):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]

    def edit(headers):
        headers["authorization"] = headers["authorization"][:-4] + "0000"

    query = [("partNumber", "1"), ("uploadId", upload)]
    answer = raw.send(forms(raw, f"/{bucket}/k", query=query, edit=edit)[form], "PUT")
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch"), answer
    assert raw.send(forms(raw, f"/{bucket}/k", query=query)[form], "PUT").status == 200
    parts = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)["Parts"]
    assert [p["Size"] for p in parts] == [len(BODY)]


@pytest.mark.parametrize("form", FORMS)
def test_s04_an_altered_body(raw, bucket, form):
    """One flipped byte of the body is noticed by whatever protects it."""
    path = f"/{bucket}/k"
    if form == "unsigned":
        headers = {CRC[0]: CRC[1]}
        request = raw.build("PUT", path, body=BODY, payload=sigv4.UNSIGNED, headers=headers)
    else:
        request = forms(raw, path)[form]
    at = request.index(b"\r\n\r\n") + 70_000
    request = request[:at] + bytes([request[at] ^ 1]) + request[at + 1 :]
    answer = raw.send(request, "PUT")
    expected = {
        "hash": [(400, "XAmzContentSHA256Mismatch")],
        "chunks": [(403, "SignatureDoesNotMatch")],
        "chunks-trailer": [(403, "SignatureDoesNotMatch")],
    }.get(form, [(400, "BadDigest"), (400, "XAmzContentChecksumMismatch")])
    assert (answer.status, answer.code) in expected, answer
    assert absent(raw, path)


def flip_signature(frames, which):
    """Changes one digit of a chunk's signature."""
    frame = frames[which]
    at = frame.index(b"chunk-signature=") + 20
    digit = b"0" if frame[at : at + 1] != b"0" else b"1"
    frames[which] = frame[:at] + digit + frame[at + 1 :]


def swap(frames):
    """Exchanges the two first chunks, which are of one size."""
    frames[0], frames[1] = frames[1], frames[0]


def again(frames):
    """Sends the first chunk twice instead of the second."""
    frames[1] = frames[0]


def drop_middle(frames):
    """Leaves the second chunk out."""
    del frames[1]


TAMPERED = {
    "first signature": lambda frames: flip_signature(frames, 0),
    "second signature": lambda frames: flip_signature(frames, 1),
    "last signature": lambda frames: flip_signature(frames, 3),
    "swapped": swap,
    "repeated": again,
    "dropped": drop_middle,
}


@pytest.mark.parametrize("form", ["chunks", "chunks-trailer"])
@pytest.mark.parametrize("what", TAMPERED)
def test_s04_signed_chunks(raw, bucket, form, what):
    path = f"/{bucket}/k"
    trailer = [CRC] if form == "chunks-trailer" else None
    request = raw.stream(path, BODY, MODES[form], trailer=trailer, edit_frames=TAMPERED[what])
    answer = raw.send(request, "PUT")
    # A body that is short may be refused as that before any signature is looked at.
    if what == "dropped" and answer.status == 400:
        assert answer.code in ("IncompleteBody", "InvalidArgument"), answer
    else:
        assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch"), answer
    assert absent(raw, path)


@pytest.mark.parametrize("form", STREAMS)
@pytest.mark.parametrize("size", ["zz", "-1", "", "0x10", "10000000000000000", "+5", " 5"])
def test_s04_chunk_sizes_without_sense(server, raw, bucket, form, size):
    if not server.ours:
        pytest.skip("servers differ")

    def edit(frames):
        head, mark, rest = frames[1].partition(b"\r\n")
        _, semicolon, signature = head.partition(b";")
        frames[1] = size.encode() + semicolon + signature + mark + rest

    trailer = None if form == "chunks" else [CRC]
    answer = raw.send(raw.stream(f"/{bucket}/k", BODY, MODES[form], trailer=trailer,
                                 edit_frames=edit), "PUT")
    assert answer.status in (400, 403), answer
    assert absent(raw, f"/{bucket}/k")


@pytest.mark.parametrize("form", STREAMS)
@pytest.mark.parametrize("difference", [-1, 1, -65536, 10**9])
def test_s04_the_decoded_length_is_exact(server, raw, bucket, form, difference):
    if not server.ours:
        pytest.skip("servers differ")
    trailer = None if form == "chunks" else [CRC]
    answer = raw.send(raw.stream(f"/{bucket}/k", BODY, MODES[form], trailer=trailer,
                                 decoded=len(BODY) + difference), "PUT")
    assert answer.status == 400, answer
    assert absent(raw, f"/{bucket}/k")


@pytest.mark.parametrize("form", STREAMS)
def test_s04_the_end_is_missing(server, raw, bucket, form):
    """Without the empty chunk a body is not complete, even if all of its bytes came."""
    if not server.ours:
        pytest.skip("servers differ")
    trailer = None if form == "chunks" else [CRC]

    def edit(frames):
        return frames[: frames.index(next(f for f in frames if f.startswith(b"0")))]

    answer = raw.send(raw.stream(f"/{bucket}/k", BODY, MODES[form], trailer=trailer,
                                 edit_frames=edit), "PUT")
    assert answer.status in (400, 403), answer
    assert absent(raw, f"/{bucket}/k")


@pytest.mark.parametrize("what", ["value", "signature", "missing", "other name", "unannounced"])
@pytest.mark.parametrize("form", ["chunks-trailer", "trailer"])
def test_s01_trailers(server, raw, bucket, form, what):
    if not server.ours:
        pytest.skip("servers differ")
    if what == "signature" and form == "trailer":
        pytest.skip("an unsigned trailer has no signature")

    def edit(frames):
        text = frames[-1]
        if what == "value":
            text = text.replace(CRC[1].encode(), sigv4.crc32_base64(b"other").encode())
        elif what == "signature":
            at = text.index(b"signature:") + 15
            text = text[:at] + (b"0" if text[at : at + 1] != b"0" else b"1") + text[at + 1 :]
        elif what == "missing":
            text = b"\r\n"
        elif what == "other name":
            text = text.replace(b"x-amz-checksum-crc32:", b"x-amz-checksum-crc32c:")
        else:
            text = b"x-amz-checksum-sha1:AAAA\r\n" + text
        frames[-1] = text

    request = raw.stream(f"/{bucket}/k", BODY, MODES[form], trailer=[CRC], edit_frames=edit)
    answer = raw.send(request, "PUT")
    assert answer.status in (400, 403), answer
    if form == "chunks-trailer" and what in ("value", "signature"):
        assert answer.code in ("SignatureDoesNotMatch", "BadDigest"), answer
    assert absent(raw, f"/{bucket}/k")


@pytest.mark.parametrize("form", FORMS)
def test_s04_a_body_cut_short(raw, bucket, form):
    """The connection ends in the middle of the body: nothing is stored."""
    import socket

    path = f"/{bucket}/k"
    request = forms(raw, path)[form]
    for length in (len(request) // 2, len(request) - 1):
        with socket.create_connection(raw.address, timeout=30) as connection:
            connection.sendall(request[:length])
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        assert absent(raw, path)


@pytest.mark.parametrize("minutes, good", [(-14, True), (14, True), (-16, False), (16, False),
                                           (-60 * 24 * 30, False)])
def test_s05_clock_skew(raw, bucket, minutes, good):
    date = sigv4.amz_date(sigv4.now() + datetime.timedelta(minutes=minutes))
    answer = raw.request("PUT", f"/{bucket}/k", body=b"x", date=date)
    if good:
        assert answer.status == 200, answer
    else:
        assert (answer.status, answer.code) == (403, "RequestTimeTooSkewed"), answer


@pytest.mark.parametrize("left_out", ["host", "x-amz-meta-m", "x-amz-acl", "x-amz-copy-source"])
def test_s09_what_must_be_signed(server, raw, bucket, left_out):
    """A header that means something and is not signed could have been added by anyone."""
    if not server.ours and left_out == "host":
        pytest.skip("servers differ")
    raw.request("PUT", f"/{bucket}/source", body=b"x")
    values = {"x-amz-copy-source": f"{bucket}/source", "x-amz-acl": "private"}
    headers = {} if left_out == "host" else {left_out: values.get(left_out, "v")}
    answer = raw.request("PUT", f"/{bucket}/k", headers=headers, unsigned={left_out})
    assert answer.status in (400, 403), answer
    assert absent(raw, f"/{bucket}/k")


@pytest.mark.parametrize("value", [
    "", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 ", "AWS AKID:c2lnbmF0dXJl", "Bearer x", "Basic eDp5",
    "AWS4-HMAC-SHA256 Credential=,SignedHeaders=,Signature=",
    "AWS4-HMAC-SHA256 Credential=a/b/c/d/e,SignedHeaders=host,Signature=0",
    "AWS4-HMAC-SHA256 Credential=a/20200101/us-east-1/s3/aws4_request,SignedHeaders=host",
    "AWS4-ECDSA-P256-SHA256 Credential=a/b,SignedHeaders=host,Signature=0",
    "AWS4-HMAC-SHA256 " + "Credential=" * 500,
])
def test_s10_authorizations_without_sense(raw, bucket, value):
    def edit(headers):
        headers["authorization"] = value

    answer = raw.request("PUT", f"/{bucket}/k", body=b"x", edit=edit)
    assert answer.status in ((501,) if "ECDSA" in value else (400, 403)), answer
    assert answer.code
    assert absent(raw, f"/{bucket}/k")


def test_sigv2_is_told_clearly(server, raw, bucket):
    if not server.ours:
        pytest.skip("servers differ")

    def edit(headers):
        headers["authorization"] = "AWS AKID:c2lnbmF0dXJlc2lnbmF0dXJlYWE="

    answer = raw.request("GET", f"/{bucket}", edit=edit)
    assert (answer.status, answer.code) in [(400, "InvalidRequest"), (403, "AccessDenied"),
                                            (403, "InvalidAccessKeyId")], answer
    assert "AWS4-HMAC-SHA256" in answer.xml().findtext("Message")


@pytest.mark.parametrize("mode", ["STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "STREAMING-NONSENSE",
                                  "nonsense", "0" * 63])
def test_s10_payload_modes_without_sense(server, raw, bucket, mode):
    if not server.ours and mode == "nonsense":
        pytest.skip("servers differ")
    answer = raw.request("PUT", f"/{bucket}/k", body=b"x", payload=mode)
    assert answer.status in (400, 403, 501), answer
    assert absent(raw, f"/{bucket}/k")


def test_without_any_credentials(server, raw, bucket):
    if not server.ours:
        pytest.skip("servers differ")
    from harness.raw import exchange

    for method in ("GET", "PUT", "DELETE", "HEAD", "POST"):
        data = f"{method} /{bucket}/k HTTP/1.1\r\nhost: {raw.host}\r\ncontent-length: 0\r\n\r\n"
        answer = exchange(raw.address, data.encode(), method)
        # There is no POST of an object without a sub-resource; that much is no secret.
        assert answer.status == (405 if method == "POST" else 403), (method, answer)


def test_s03_two_places_for_credentials(server, raw, bucket):
    """A request signed in its header and in its query is refused, whichever of them is right."""
    if not server.ours:
        pytest.skip("servers differ")
    raw.request("PUT", f"/{bucket}/k", body=b"x")
    query = raw.signer.presign("GET", f"/{bucket}/k", [], raw.host)
    answer = raw.request("GET", f"/{bucket}/k", query=query)
    assert (answer.status, answer.code) in [(400, "InvalidArgument"), (400, "InvalidRequest"),
                                            (403, "AccessDenied"),
                                            (403, "SignatureDoesNotMatch")], answer


def test_s16_nothing_is_looked_up_before_authorization(server, raw, bucket):
    """A stranger cannot tell what exists from the answers."""
    if not server.ours:
        pytest.skip("servers differ")
    raw.request("PUT", f"/{bucket}/k", body=b"x")
    stranger = server.raw(secret_key="w" * 40)
    answers = set()
    for path in (f"/{bucket}/k", f"/{bucket}/none", "/never-made-bucket/k"):
        for headers in ({}, {"if-match": '"x"'}, {"if-unmodified-since": "Thu, 01 Jan 1970 00:00:00 GMT"}):
            answer = stranger.request("GET", path, headers=headers)
            answers.add((answer.status, answer.code))
    assert answers == {(403, "SignatureDoesNotMatch")}


def test_another_region(server, raw, bucket):
    if not server.ours:
        pytest.skip("servers differ")
    from harness.raw import Raw

    far = Raw(*raw.address, server.access_key, server.secret_key, region="eu-west-9")
    answer = far.request("GET", f"/{bucket}")
    assert (answer.status, answer.code) == (400, "AuthorizationHeaderMalformed"), answer
    assert answer.xml().findtext("Region") == "us-east-1"


def test_s32_secrets_stay_out_of_the_log(server, raw, bucket, daemon):
    for form in FORMS:
        raw.send(forms(raw, f"/{bucket}/k")[form], "PUT")
    name, secret = server.name("u"), "s3cret/" + "x" * 33
    daemon.cli("user", "create", name, "--access-key", f"K{name}", "--secret-key", secret)
    signed = server.client(f"K{name}", secret)
    signed.list_buckets()
    text = daemon.log.read_text(errors="replace")
    assert name in text or "admin request" not in text
    assert daemon.secret_key not in text and secret not in text
