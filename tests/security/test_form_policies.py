"""Row S12 of docs/security.md: a form does what its signed policy allows, or nothing."""

import base64
import json
import socket

import pytest
from harness import form, sigv4
from harness.raw import exchange, read_answer


def listed(raw, bucket):
    """What is in a bucket."""
    page = raw.request("GET", f"/{bucket}", query=[("list-type", "2")]).xml()
    return [entry.text for entry in page.iter("Key")]


def outcome(answer):
    """Status and code."""
    return answer.status, answer.code


DENIED = (403, "AccessDenied")
FIELDS = {"key": "user/a", "acl": "private", "Content-Type": "image/png", "x-amz-meta-a": "1"}
CONDITIONS = [["starts-with", "$key", "user/"], {"acl": "private"},
              ["starts-with", "$Content-Type", "image/"], ["eq", "$x-amz-meta-a", "1"],
              ["content-length-range", 1, 100]]


@pytest.mark.parametrize("change", [
    {"key": "other/a"}, {"key": "User/a"}, {"key": " user/a"}, {"key": "/user/a"}, {"acl": "public-read"},
    {"Content-Type": "text/html"}, {"Content-Type": "image/png,text/html"}, {"x-amz-meta-a": "12"},
    {"x-amz-meta-a": ""}, {"x-amz-meta-b": "1"}, {"tagging": "<Tagging><TagSet/></Tagging>"},
    {"success_action_redirect": "http://evil"}, {"redirect": "http://evil"}, {"Cache-Control": "x"},
    {"success_action_status": "200"}, {"bucket": "other"}, {"x-amz-acl": "public-read"}, {"submit": "go"},
    {"x-amz-storage-class": "STANDARD"}, {"acl": None}, {"key": None}, {"Content-Type": None},
])
def test_s12_a_form_does_what_its_policy_allows(raw, bucket, change):
    """The policy is signed, the fields are not: each of them is held against it."""
    good = form.signed(raw.signer, bucket, FIELDS, conditions=CONDITIONS)
    changed = {name: value for name, value in {**good, **change}.items() if value is not None}
    answer = form.send(raw, bucket, changed)
    assert answer.status in (400, 403) and answer.code in ("AccessDenied", "InvalidArgument"), answer
    assert listed(raw, bucket) == []
    assert form.send(raw, bucket, good).status == 204


def test_s12_no_part_of_a_signed_policy_can_be_changed(raw, bucket):
    good = form.signed(raw.signer, bucket, FIELDS, conditions=CONDITIONS)
    document = json.loads(base64.b64decode(good["policy"]))
    wider = base64.b64encode(json.dumps({**document, "conditions": []}).encode()).decode()
    other_day = {"x-amz-date": "20200101T000000Z"}
    for change, codes in (
        ({"policy": wider}, ["SignatureDoesNotMatch"]),
        ({"policy": good["policy"] + "\n"}, ["SignatureDoesNotMatch"]),
        ({"policy": ""}, ["SignatureDoesNotMatch"]),
        ({"x-amz-signature": "0" * 64}, ["SignatureDoesNotMatch"]),
        ({"x-amz-signature": good["x-amz-signature"].upper()}, ["InvalidArgument", "SignatureDoesNotMatch"]),
        ({"x-amz-signature": ""}, ["InvalidArgument"]),
        (other_day, ["AuthorizationQueryParametersError"]),
        ({"x-amz-credential": good["x-amz-credential"].replace("us-east-1", "eu-west-1")},
         ["AuthorizationQueryParametersError"]),
        ({"x-amz-credential": "NOBODY" + good["x-amz-credential"]}, ["InvalidAccessKeyId"]),
        ({"x-amz-algorithm": "AWS4-HMAC-SHA1"}, ["InvalidArgument"]),
        ({"x-amz-security-token": "t"}, ["InvalidToken"]),
    ):
        answer = form.send(raw, bucket, {**good, **change})
        assert answer.code in codes, (change, answer)
    # Without a part of the signature it is not an anonymous form either.
    raw.request("PUT", f"/{bucket}", query=[("acl", None)], headers={"x-amz-acl": "public-read-write"})
    for name in ("policy", "x-amz-signature", "x-amz-credential", "x-amz-date", "x-amz-algorithm"):
        less = {known: value for known, value in good.items() if known != name}
        assert outcome(form.send(raw, bucket, less)) == (400, "InvalidArgument"), name
    assert listed(raw, bucket) == []


def test_s12_every_field_counts_once(raw, bucket):
    """One value for the policy and another one for the store: a field twice is refused."""
    good = list(form.signed(raw.signer, bucket, FIELDS, conditions=CONDITIONS).items())
    for name, value in (("key", "evil"), ("KEY", "evil"), ("acl", "public-read"), ("Acl", "public-read"),
                        ("content-type", "text/html"), ("policy", "e30="), ("x-amz-meta-A", "2")):
        for fields in ([*good, (name, value)], [(name, value), *good]):
            assert outcome(form.send(raw, bucket, fields)) == (400, "InvalidArgument"), name
    # What stands behind the file is no field.
    late = form.encode([("key", "late"), ("acl", "public-read")], None)[:-len(f"--{form.BOUNDARY}--\r\n")]
    assert form.send(raw, bucket, dict(good), after=late).status == 204
    assert listed(raw, bucket) == ["user/a"]


def test_s12_the_life_of_a_form(raw, bucket):
    def sent(**how):
        return form.send(raw, bucket, form.signed(raw.signer, bucket, {"key": "k"}, **how))

    def days(count):
        return sigv4.amz_date(sigv4.now() + sigv4.datetime.timedelta(days=count))

    answer = sent(seconds=-5)
    assert outcome(answer) == DENIED and b"Policy expired" in answer.body
    assert outcome(sent(date=days(1))) == DENIED
    assert outcome(sent(date=days(-8), seconds=10 ** 9)) == DENIED
    for bad in ("", "tomorrow", "2030-01-01", "2030-13-01T00:00:00Z"):
        assert outcome(sent(expiration=bad or "-")) == (400, "InvalidPolicyDocument"), bad
    assert listed(raw, bucket) == []
    assert sent(date=days(-6)).status == 204


def test_s12_credentials_stand_in_the_form_and_nowhere_else(raw, bucket):
    """A signed head gives an unsigned form nothing, and a signed form needs none."""
    for fields in ({"key": "k"}, form.signed(raw.signer, bucket, {"key": "k"})):
        body = form.encode(fields, b"x")
        kind = {"content-type": f"multipart/form-data; boundary={form.BOUNDARY}"}
        answer = raw.request("POST", f"/{bucket}", body=body, headers=kind, payload=sigv4.UNSIGNED)
        assert outcome(answer) == (400, "InvalidArgument"), answer
        query = raw.signer.presign("POST", f"/{bucket}", [], raw.host)
        head = {"host": raw.host, "content-length": str(len(body)), **kind}
        answer = exchange(raw.address, raw.head("POST", f"/{bucket}", query, head) + body, "POST")
        assert outcome(answer) == (400, "InvalidArgument"), answer
    for path in (f"/{bucket}/k", "/"):
        data = form.request(raw, bucket, form.encode(form.signed(raw.signer, bucket, {"key": "k"})), path=path)
        assert exchange(raw.address, data, "POST").status == 405
    assert listed(raw, bucket) == []


def test_s12_headers_say_nothing_that_the_policy_does_not_see(raw, bucket):
    good = form.signed(raw.signer, bucket, {"key": "k"})
    for name, value in (("x-amz-acl", "public-read"), ("x-amz-meta-a", "1"), ("x-amz-tagging", "a=b"),
                        ("x-amz-grant-read", "id=1"), ("x-amz-storage-class", "GLACIER"),
                        ("x-amz-server-side-encryption", "AES256"), ("x-amz-copy-source", "/b/k")):
        answer = form.send(raw, bucket, good, headers={name: value})
        assert answer.status in (400, 501), (name, answer)
    assert listed(raw, bucket) == []
    assert form.send(raw, bucket, good, headers={"cache-control": "x", "content-language": "x"}).status == 204
    answer = raw.request("GET", f"/{bucket}/k")
    assert answer.header("cache-control") is None and answer.header("content-language") is None


def test_s12_a_policy_gives_no_right_that_its_signer_lacks(raw, stranger, bucket):
    assert outcome(form.post(stranger, bucket, {"key": "k"})) == DENIED
    missing = form.post(stranger, bucket + "-none", {"key": "k"})
    assert outcome(missing) == (404, "NoSuchBucket")
    assert outcome(form.send(raw, bucket, {"key": "k"})) == DENIED
    assert listed(raw, bucket) == []


def test_s25_no_field_breaks_an_answers_head(raw, bucket):
    for value in ("a\r\nx-injected: 1", "a\nx-injected: 1", "a\0b", "\r\n\r\nHTTP/1.1 200 OK"):
        for name in ("Content-Type", "Cache-Control", "x-amz-meta-a", "Content-Disposition", "Expires"):
            answer = form.post(raw, bucket, {"key": "k", name: value})
            assert answer.status == 400, (name, answer)
        for name in ("success_action_redirect", "redirect", "success_action_status"):
            answer = form.post(raw, bucket, {"key": "k", name: "http://h/" + value})
            assert answer.header("x-injected") is None and answer.status == 204, (name, answer)
        answer = form.post(raw, bucket, {"key": f"k{value}", "success_action_redirect": "http://h/"})
        assert answer.header("x-injected") is None and answer.status == 303, answer
    answer = form.post(raw, bucket, {"key": "k", "x-amz-meta-a b": "1"})
    assert answer.status == 400, answer


def test_s26_a_form_is_not_read_without_end(server, raw, bucket):
    """Fields of strangers: 20 KiB and no more, however they come."""
    before = server.daemon.rss_bytes()
    part = b'--%s\r\nContent-Disposition: form-data; name="x-ignore-a"\r\n\r\n' % form.BOUNDARY.encode()
    for start in (part, b"", b"--" + form.BOUNDARY.encode() + b"\r\n", b"x" * 100):
        data = form.request(raw, bucket, start, headers={"content-length": str(1 << 30)})
        with socket.create_connection(raw.address, timeout=30) as connection:
            connection.sendall(data)
            try:
                for _ in range(200):
                    connection.sendall(b"v" * 8192)
            except OSError:
                pass
            assert read_answer(connection, "POST").status == 400
    assert server.daemon.rss_bytes() < before + (64 << 20)


def test_forms_are_audited_and_counted(server, raw, bucket):
    """As a PUT is: with the key, which stands in no path."""
    before = server.value("chainring_s3_requests_total", operation="PostObject")
    key = f"dir/{bucket}"
    assert form.post(raw, bucket, {"key": key}).status == 204
    line = server.line(key=key)
    assert line["status"] == 204 and line["result"] == "OK", line
    assert raw.signer.access_key in json.dumps(line) and bucket in json.dumps(line)
    answer = form.post(raw, bucket, {"key": key + "-denied"}, conditions=[])
    assert outcome(answer) == DENIED
    assert server.line(key=key + "-denied")["result"] == "AccessDenied"
    assert server.value("chainring_s3_requests_total", operation="PostObject") == before + 2
