"""Uploads by an HTML form: S3's POST Object, with its policies."""

import base64
import hashlib
import os
import random
import socket
import urllib.request
import uuid

import pytest
from harness import form, sigv4
from harness.raw import exchange, read_answer

BODY = b"what a browser sends\r\n--" + b"-" * 20 + b"\r\n"


def get(raw, bucket, key):
    """A GET that must succeed."""
    answer = raw.request("GET", sigv4.object_path(bucket, key))
    assert answer.status == 200, answer
    return answer


def missing(raw, bucket, key="k"):
    """Whether nothing was stored."""
    return raw.request("GET", sigv4.object_path(bucket, key)).status == 404


def test_boto3_makes_forms_that_work(s3, raw, bucket):
    fields = {"acl": "private", "Content-Type": "text/plain", "x-amz-meta-who": "boto"}
    made = s3.generate_presigned_post(
        bucket, "dir/${filename}", Fields=dict(fields),
        Conditions=[*({n: v} for n, v in fields.items()), ["content-length-range", 1, 1000]],
        ExpiresIn=60)
    # Which signature version boto3 takes for a form is its configuration; ours is version 4 only.
    if "x-amz-signature" not in made["fields"]:
        made = s3_v4(s3, bucket, fields)
    boundary = uuid.uuid4().hex
    body = form.encode(made["fields"], BODY, "C:\\files\\a b.txt", boundary)
    request = urllib.request.Request(made["url"], data=body, headers={
        "Content-Type": f"multipart/form-data; boundary={boundary}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 204
        etag = answer.headers["ETag"]
    found = s3.get_object(Bucket=bucket, Key="dir/a b.txt")
    assert found["Body"].read() == BODY
    assert (found["ETag"], found["ContentType"]) == (etag, "text/plain")
    assert etag == f'"{hashlib.md5(BODY).hexdigest()}"' and found["Metadata"] == {"who": "boto"}


def s3_v4(s3, bucket, fields):
    """A form that boto3 signs with version 4."""
    import boto3
    from botocore.config import Config

    keys = s3._request_signer._credentials
    client = boto3.client(
        "s3", endpoint_url=s3.meta.endpoint_url, region_name="us-east-1",
        aws_access_key_id=keys.access_key, aws_secret_access_key=keys.secret_key,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}))
    return client.generate_presigned_post(
        bucket, "dir/${filename}", Fields=dict(fields),
        Conditions=[*({n: v} for n, v in fields.items()), ["content-length-range", 1, 1000]],
        ExpiresIn=60)


def test_what_fields_say_is_kept(raw, bucket):
    fields = {
        "key": "a/ü b", "Content-Type": "image/x", "Cache-Control": "no-store",
        "Content-Disposition": 'attachment; filename="x"', "Content-Encoding": "gzip",
        "Expires": "Thu, 01 Dec 2033 16:00:00 GMT", "x-amz-meta-One": "ü 1", "x-amz-meta-two": "2",
        "x-amz-storage-class": "STANDARD", "x-ignore-me": "yes",
        "tagging": "<Tagging><TagSet><Tag><Key>t</Key><Value>v</Value></Tag></TagSet></Tagging>",
    }
    answer = form.post(raw, bucket, fields, BODY)
    assert (answer.status, answer.body) == (204, b""), answer
    found = get(raw, bucket, "a/ü b")
    assert found.body == BODY and found.header("etag") == answer.header("etag")
    for name in ("Content-Type", "Cache-Control", "Content-Disposition", "Content-Encoding", "Expires",
                 "x-amz-meta-two"):
        assert found.header(name) == fields[name], name
    assert found.header("x-amz-meta-one").encode("latin-1").decode() == "ü 1"
    assert found.header("x-amz-tagging-count") == "1" and found.header("x-ignore-me") is None
    # Without a type the file's own part gives none, as S3 has it.
    assert form.post(raw, bucket, {"key": "plain"}).status == 204
    assert get(raw, bucket, "plain").header("content-type") == "binary/octet-stream"


SIZES = [0, 1, 100, 8191, 32768, 32769, 1 << 20, (1 << 20) + 1, (3 << 20) + 17]


@pytest.mark.parametrize("size", SIZES)
def test_files_of_any_size(raw, bucket, size):
    body = os.urandom(size)
    answer = form.post(raw, bucket, {"key": "k"}, body)
    assert answer.status == 204, answer
    assert get(raw, bucket, "k").body == body


def test_what_looks_like_the_end_is_content(raw, bucket):
    """Beginnings of the delimiter everywhere, above all where one buffer ends and the next begins."""
    mark = f"\r\n--{form.BOUNDARY}".encode()
    dice = random.Random(7)
    for size in (1000, 1 << 20, (2 << 20) + 5000):
        body = bytearray(os.urandom(size).replace(b"\r", b"x"))
        for at in [*range(0, size - 100, 4096), *((1 << 20) - back for back in range(1, 40, 3))]:
            if 0 <= at < size - 100:
                piece = mark[:dice.randint(1, len(mark) - 1)]
                body[at:at + len(piece)] = piece
        body = bytes(body[:size]).replace(mark, b"x" * len(mark))
        assert form.post(raw, bucket, {"key": "k"}, body).status == 204
        assert get(raw, bucket, "k").body == body
    # At each place around the end of the first buffer.
    for back in range(1, len(mark) + 2):
        head = b"y" * ((1 << 20) - back)
        body = head + mark[:-1] + b"z" * 5000
        assert form.post(raw, bucket, {"key": "k"}, body).status == 204
        assert hashlib.md5(get(raw, bucket, "k").body).digest() == hashlib.md5(body).digest(), back


def test_a_form_in_pieces(raw, bucket):
    """However the network cuts it, and without an announced length."""
    fields = form.signed(raw.signer, bucket, {"key": "k"})
    data = form.request(raw, bucket, form.encode(fields, BODY))
    for size in (1, 7, 100):
        with socket.create_connection(raw.address, timeout=30) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for at in range(0, len(data), size):
                connection.sendall(data[at:at + size])
            assert read_answer(connection, "POST").status == 204
        assert get(raw, bucket, "k").body == BODY
    body = form.encode(fields, BODY + b"chunked")
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in sigv4.split(body, 50)) + b"0\r\n\r\n"
    data = form.request(raw, bucket, chunks, headers={
        "content-length": None, "transfer-encoding": "chunked"})
    assert exchange(raw.address, data, "POST").status == 204
    assert get(raw, bucket, "k").body == BODY + b"chunked"


def test_a_connection_goes_on_behind_a_form(raw, bucket):
    first = form.request(raw, bucket, form.encode(form.signed(raw.signer, bucket, {"key": "k"}), BODY))
    with socket.create_connection(raw.address, timeout=30) as connection:
        connection.sendall(first + raw.build("GET", f"/{bucket}/k"))
        assert read_answer(connection, "POST").status == 204
        assert read_answer(connection).body == BODY


def test_expect_continue(raw, bucket):
    body = form.encode(form.signed(raw.signer, bucket, {"key": "k"}), BODY)
    data = form.request(raw, bucket, body, headers={"expect": "100-continue"})
    head = data[:-len(body)]
    with socket.create_connection(raw.address, timeout=30) as connection:
        connection.sendall(head)
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert read_answer(connection, "POST").status == 204


def test_what_follows_the_file_is_ignored(raw, bucket):
    more = form.encode([("key", "other"), ("acl", "public-read"), ("submit", "Upload")], b"second file")
    after = more[:-len(f"--{form.BOUNDARY}--\r\n")]
    assert form.post(raw, bucket, {"key": "k"}, BODY, after=after).status == 204
    assert get(raw, bucket, "k").body == BODY and missing(raw, bucket, "other")
    # What was announced has to come all the same.
    fields = form.signed(raw.signer, bucket, {"key": "cut"})
    body = form.encode(fields, BODY)
    data = form.request(raw, bucket, body, headers={"content-length": str(len(body) + 10)})
    with socket.create_connection(raw.address, timeout=30) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        assert read_answer(connection, "POST").code == "IncompleteBody"
    assert missing(raw, bucket, "cut")


def test_answers(raw, bucket):
    for asked, status in (("200", 200), ("201", 201), ("204", 204), ("404", 204), ("", 204)):
        answer = form.post(raw, bucket, {"key": "a/b ü", "success_action_status": asked}, BODY)
        assert answer.status == status, answer
        location = f"http://{raw.host}/{bucket}/a%2Fb%20%C3%BC"
        assert answer.header("location") == location
        if status == 201:
            found = {e.tag: e.text for e in answer.xml()}
            assert answer.xml().tag == "PostResponse"
            assert found == {"Location": location, "Bucket": bucket, "Key": "a/b ü",
                             "ETag": answer.header("etag")}
        else:
            assert answer.body == b""


def test_redirects(raw, bucket):
    etag = hashlib.md5(BODY).hexdigest()
    query = f"bucket={bucket}&key=a%2F%C3%BC%26%0D%0Ax&etag=%22{etag}%22"
    for name, url, expected in (
        ("success_action_redirect", "http://h.example/done", f"http://h.example/done?{query}"),
        ("success_action_redirect", "https://h.example/?a=1#end", f"https://h.example/?a=1&{query}#end"),
        ("redirect", "http://h.example", f"http://h.example?{query}"),
    ):
        answer = form.post(raw, bucket, {"key": "a/ü&\r\nx", name: url}, BODY)
        assert (answer.status, answer.header("location")) == (303, expected), answer
    for url in ("nonsense", "javascript:alert(1)", "http://h\r\nx-injected: 1", "http://h\nx", "//h/x"):
        answer = form.post(raw, bucket, {"key": "k", "success_action_redirect": url}, BODY)
        assert answer.status == 204 and answer.header("x-injected") is None, answer
    # A form that fails sends nobody anywhere.
    answer = form.send(raw, bucket, {"key": "k", "success_action_redirect": "http://h"}, BODY)
    assert answer.status == 403 and answer.header("location") is None


def test_virtual_host_style(raw, server, bucket):
    if not server.ours:
        pytest.skip("the foreign server's domain is not known")
    fields = form.signed(raw.signer, bucket, {"key": "k", "success_action_status": "201"})
    host = f"{bucket}.s3.localhost:{raw.address[1]}"
    data = form.request(raw, bucket, form.encode(fields, BODY), host=host, path="/")
    answer = exchange(raw.address, data, "POST")
    assert answer.status == 201 and answer.header("location") == f"http://{host}/k", answer
    assert get(raw, bucket, "k").body == BODY


@pytest.mark.parametrize("how", ["crc32", "sha256", "md5"])
def test_checksums(raw, bucket, how):
    name, good = {
        "crc32": ("x-amz-checksum-crc32", sigv4.crc32_base64(BODY)),
        "sha256": ("x-amz-checksum-sha256", base64.b64encode(hashlib.sha256(BODY).digest()).decode()),
        "md5": ("Content-MD5", base64.b64encode(hashlib.md5(BODY).digest()).decode()),
    }[how]
    answer = form.post(raw, bucket, {"key": "k", name: good}, BODY)
    assert answer.status == 204, answer
    if how != "md5":
        assert answer.header(name) == good
        found = raw.request("GET", f"/{bucket}/k", headers={"x-amz-checksum-mode": "ENABLED"})
        assert found.header(name) == good
    for bad in (good[:-5] + "AAAA=", "nonsense"):
        answer = form.post(raw, bucket, {"key": "bad", name: bad}, BODY)
        assert answer.status == 400 and missing(raw, bucket, "bad"), answer


def test_sizes(raw, bucket):
    def sized(least, most, file):
        conditions = [{"key": "k"}, ["content-length-range", least, most]]
        return form.post(raw, bucket, {"key": "k"}, file, conditions=conditions)

    for least, most, code in ((0, len(BODY) - 1, "EntityTooLarge"), (len(BODY) + 1, 1000, "EntityTooSmall")):
        answer = sized(least, most, BODY)
        assert (answer.status, answer.code) == (400, code)
        assert missing(raw, bucket)
    # Too much is seen while it comes, not at its end.
    assert sized(0, 1000, bytes(40 << 20)).code == "EntityTooLarge"
    assert missing(raw, bucket)
    assert sized(len(BODY), len(BODY), BODY).status == 204


def test_limits(raw, bucket):
    fields = form.signed(raw.signer, bucket, {"key": "k", "x-amz-meta-a": "v" * 1500})
    assert form.send(raw, bucket, fields).status == 204
    answer = form.send(raw, bucket, {"key": "k", "x-ignore-a": "v" * (21 << 10)})
    assert (answer.status, answer.code) == (400, "MaxPostPreDataLengthExceededError")
    assert form.send(raw, bucket, {f"x-ignore-{n}": "" for n in range(110)}).code == "MalformedPOSTRequest"
    assert form.post(raw, bucket, {"key": "k" * 1025}).code == "KeyTooLongError"
    assert form.post(raw, bucket, {"key": ""}).code == "InvalidArgument"
    assert form.post(raw, bucket, {"key": "${filename}"}, filename="dir/").code == "InvalidArgument"


def test_what_is_no_form(raw, bucket):
    def code(body, kind="multipart/form-data; boundary=b"):
        head = {"host": raw.host, "content-length": str(len(body)), "content-type": kind}
        answer = exchange(raw.address, raw.head("POST", f"/{bucket}", [], head) + body, "POST")
        return answer.status, answer.code

    malformed = (400, "MalformedPOSTRequest")
    part = b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx'
    whole = form.encode(form.signed(raw.signer, bucket, {"key": "k"}), boundary="b")
    for body in (b"", b"--b", b"--c\r\n", b"--b\r\nno header\r\n\r\n", whole[:-len(b"\r\n--b--\r\n")]):
        assert code(body) == malformed, body
    for kind in ("multipart/form-data", "multipart/form-data; boundary=", 'multipart/form-data; boundary="b',
                 "multipart/form-data; boundary=" + "b" * 71):
        assert code(part + b"\r\n--b--", kind) == malformed, kind
    assert code(b"--b--\r\n") == (400, "InvalidArgument")
    assert code(part, "application/x-www-form-urlencoded") == (405, "MethodNotAllowed")
    for fields in ({}, {"acl": "private"}):
        answer = form.send(raw, bucket, fields)
        assert answer.status in (400, 403), answer
    twice = form.signed(raw.signer, bucket, {"key": "k"})
    answer = form.send(raw, bucket, [*twice.items(), ("key", "k")])
    assert (answer.status, answer.code) == (400, "InvalidArgument") and missing(raw, bucket)


def test_without_a_signature(server, raw):
    """What anybody may do is what anybody may do with a PUT."""
    closed, opened = server.create_direct(), server.create_direct()
    raw.request("PUT", f"/{opened}", query=[("acl", None)], headers={"x-amz-acl": "public-read-write"})
    fields = {"key": "k", "acl": "public-read", "submit": "Upload"}
    answer = form.send(raw, closed, fields)
    assert (answer.status, answer.code) == (403, "AccessDenied") and missing(raw, closed)
    assert form.send(raw, opened, fields).status == 204
    assert get(raw, opened, "k").body == b"content"
    # No more than that: a policy without its signature is none.
    half = {**fields, "policy": form.policy([{"bucket": opened}])}
    assert form.send(raw, opened, half).code == "InvalidArgument"
    assert form.send(raw, server.name("none"), {"key": "k"}).code == "NoSuchBucket"


def test_conditions_of_a_write(raw, bucket):
    only_new = {"if-none-match": "*"}
    assert form.post(raw, bucket, {"key": "k"}, b"1", headers=only_new).status == 204
    answer = form.post(raw, bucket, {"key": "k"}, b"2", headers=only_new)
    assert answer.status == 412 and get(raw, bucket, "k").body == b"1"


def test_what_is_not_supported_is_not_overlooked(raw, bucket):
    for name, value in (("x-amz-server-side-encryption", "AES256"), ("x-amz-storage-class", "GLACIER"),
                        ("x-amz-website-redirect-location", "/x"), ("x-amz-object-lock-mode", "GOVERNANCE"),
                        ("x-amz-unheard-of", "x"), ("acl", "log-delivery-write")):
        answer = form.post(raw, bucket, {"key": "k", name: value})
        assert (answer.status, answer.code) == (501, "NotImplemented"), (name, answer)
    for header in ("x-amz-acl", "x-amz-meta-a", "x-amz-tagging", "content-md5", "x-amz-content-sha256"):
        answer = form.post(raw, bucket, {"key": "k"}, headers={header: "public-read"})
        assert (answer.status, answer.code) == (400, "InvalidArgument"), (header, answer)
    assert missing(raw, bucket)


def test_quota(daemon, server, raw):
    bucket = server.create_direct("quota")
    daemon.cli("bucket", "setquota", f"/s3v/{bucket}", "--space-quota", "1000B")
    assert form.post(raw, bucket, {"key": "a"}, bytes(600)).status == 204
    answer = form.post(raw, bucket, {"key": "b"}, bytes(401))
    assert (answer.status, answer.code) == (403, "QuotaExceeded")
    assert form.post(raw, bucket, {"key": "b"}, bytes(400)).status == 204
    assert daemon.cli_json("bucket", "info", f"/s3v/{bucket}")["usedBytes"] == 1000


def test_an_access_id_of_a_tenant(daemon, server, raw):
    tenant, user = server.name("tenant"), server.name("user")
    daemon.cli("tenant", "create", tenant)
    daemon.cli("user", "create", user, "--access-key", f"K{user}", "--secret-key", "s" * 40)
    daemon.cli("tenant", "user", "assign", user, "--tenant", tenant)
    access_id = f"{tenant}${user}"
    daemon.cli_result("tenant", "user", "setsecret", access_id, input="t" * 40 + "\n")
    theirs = server.raw(access_id, "t" * 40)
    bucket = server.create_direct("both")
    assert theirs.request("PUT", f"/{bucket}").status == 200
    assert form.post(theirs, bucket, {"key": "k"}, b"of the tenant").status == 204
    assert get(theirs, bucket, "k").body == b"of the tenant" and missing(raw, bucket)


def test_while_a_secret_is_replaced_both_sign(daemon, server):
    bucket, user, secrets = server.create_direct("both"), server.name("user"), ["s" * 40, "t" * 40]
    daemon.cli("user", "create", user, "--access-key", f"K{user}", "--secret-key", secrets[0])
    daemon.cli("bucket", "addacl", f"/s3v/{bucket}", "--acl", f"user:{user}:w")
    daemon.cli_result("s3", "setsecret", user, "--keep-old", "1h", input=secrets[1] + "\n")
    for secret in [*secrets, *secrets]:
        assert form.post(server.raw(f"K{user}", secret), bucket, {"key": "k"}).status == 204
    daemon.cli_result("s3", "setsecret", user, input="u" * 40 + "\n")
    for secret in secrets:
        answer = form.post(server.raw(f"K{user}", secret), bucket, {"key": "k"})
        assert answer.code == "SignatureDoesNotMatch"


def test_a_policy_of_another_signer_is_refused(server, raw, bucket):
    wrong = server.raw(raw.signer.access_key, "not the secret at all")
    assert form.post(wrong, bucket, {"key": "k"}).code == "SignatureDoesNotMatch"
    unknown = server.raw("NOBODY", "x")
    assert form.post(unknown, bucket, {"key": "k"}).code == "InvalidAccessKeyId"
    assert missing(raw, bucket)


def test_the_old_signature_is_refused_with_a_reason(raw, bucket):
    fields = {"key": "k", "AWSAccessKeyId": raw.signer.access_key, "signature": "c2ln",
              "policy": form.policy([{"bucket": bucket}, {"key": "k"}])}
    answer = form.send(raw, bucket, fields)
    assert (answer.status, answer.code) == (400, "InvalidRequest")
    assert b"AWS4-HMAC-SHA256" in answer.body and missing(raw, bucket)
