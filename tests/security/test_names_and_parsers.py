"""Names, headers and documents: rows S24 to S26 and S28 of docs/security.md, as far as other
suites have them not."""

import socket
import urllib.parse
from pathlib import Path

import pytest
from harness import sigv4
from harness.raw import exchange, read_answer

HOSTILE = ["../../etc/passwd", "..", ".", "../", "a/../../b", "/etc/passwd", "//", "/", "a//b",
           "a\\..\\b", "\\", "..\\..\\x", "C:\\x", "a\0b", "\0", "\x7f", "\r\nx-injected: 1",
           "a\nb", "%2e%2e/", "%00", "\u202e", "\ufeff", "seg-00000001", "index.checkpoint",
           "secrets.key", "admin.sock", ".chainring", "a" * 1024, "/" * 1024, "../" * 341, "~", "-rf",
           "$(id)", "`id`", "'; DROP", "con", "nul", "a.", " ", "\t", "?", "#", "&", "a?versionId=null"]


def files(daemon):
    """Every path below the daemon's folders."""
    roots = (daemon.data, daemon.folder, daemon.runtime)
    return {str(path) for root in roots for path in Path(root).rglob("*")}


@pytest.mark.parametrize("key", HOSTILE, ids=lambda key: ascii(key)[:30])
def test_s24_a_key_is_never_a_path(daemon, raw, bucket, key):
    """Whatever a key looks like, it is that key of that bucket and nothing else, in all the places
    where a key stands; and no file comes to be by it."""
    other = f"{bucket}-other"
    assert raw.request("PUT", f"/{other}").status == 200
    path = sigv4.object_path(bucket, key)
    before = files(daemon)
    answer = raw.request("PUT", path, body=b"hostile")
    assert answer.status == 200, answer
    assert raw.request("GET", path).body == b"hostile"
    assert raw.request("HEAD", path).status == 200
    # As a source, and as a target.
    source = urllib.parse.quote(f"/{bucket}/{key}", safe="/")
    copied = raw.request("PUT", sigv4.object_path(other, key), headers={"x-amz-copy-source": source})
    assert copied.status == 200, copied
    assert raw.request("GET", sigv4.object_path(other, key)).body == b"hostile"
    # In a listing, as a prefix and a marker.
    query = [("list-type", "2"), ("encoding-type", "url"), ("prefix", key)]
    listed = raw.request("GET", f"/{bucket}", query=query).xml()
    assert [urllib.parse.unquote(e.text) for e in listed.iter("Key")] == [key]
    query = [("list-type", "2"), ("encoding-type", "url"), ("start-after", key)]
    assert not list(raw.request("GET", f"/{bucket}", query=query).xml().iter("Key"))
    # In an upload.
    made = raw.request("POST", path, query=[("uploads", None)]).body
    # A key may hold characters that no XML document can.
    upload = [("uploadId", made.partition(b"<UploadId>")[2].partition(b"<")[0].decode())]
    assert raw.request("DELETE", path, query=upload).status == 204
    # Nothing but what the store always has; the sizes are not the key's.
    grown = {name for name in files(daemon) - before if "/seg-" not in name and "index" not in name}
    assert not grown, grown
    assert raw.request("DELETE", path).status == 204
    assert raw.request("GET", path).status == 404
    assert raw.request("GET", sigv4.object_path(other, key)).status == 200


@pytest.mark.parametrize("raw_key", ["%ff", "%c0%ae%c0%ae/", "%e0%80%af", "%ed%a0%80", "%fe%ff", "%f5%80%80%80",
                                     "%", "%4", "%zz", "a" * 1025])
def test_s24_what_is_no_key_is_refused(raw, bucket, raw_key):
    for path in (f"/{bucket}/{raw_key}", f"/{bucket}/a/{raw_key}"):
        headers = {"host": raw.host, "content-length": "1"}
        raw.signer.authorize("PUT", path, [], headers, sigv4.UNSIGNED, unsigned={"content-length"})
        answer = exchange(raw.address, raw.head("PUT", path, [], headers) + b"x", "PUT")
        assert answer.status in (400, 403), answer
    answer = raw.request("PUT", f"/{bucket}/k", headers={"x-amz-copy-source": f"/{bucket}/{raw_key}"})
    assert answer.status in (400, 404), answer
    listing = raw.request("GET", f"/{bucket}", query=[("list-type", "2")]).xml()
    assert not list(listing.iter("Key"))


@pytest.mark.parametrize("name", ["..", ".", "...", "a..b", ".minio.sys", "%2e%2e", "a%2f..%2fb", "s3v", "vol1",
                                  "a\\b", "A-B-C", "-abc", "abc-", "127.0.0.1", "xn--abc", "a" * 64, "ab"])
def test_s24_no_bucket_has_such_a_name(raw, bucket, name):
    headers = {"host": raw.host}
    path = "/" + name
    raw.signer.authorize("PUT", urllib.parse.quote(urllib.parse.unquote(path), safe="/-_.~"), [], headers,
                         sigv4.EMPTY_SHA256)
    answer = exchange(raw.address, raw.head("PUT", path, [], {**headers, "content-length": "0"}), "PUT")
    if name not in ("s3v", "vol1"):
        assert answer.status in (400, 403), answer
    source = raw.request("PUT", f"/{bucket}/k", headers={"x-amz-copy-source": f"/{name}/k"})
    assert source.status in (400, 404), source


EVIL = ["a\r\nx-injected: 1", "a\nx-injected: 1", "a\rx-injected: 1", "a\0b", "a\x1fb", "a\x7fb"]


@pytest.mark.parametrize("evil", EVIL, ids=ascii)
def test_s25_no_value_breaks_an_answers_head(raw, bucket, evil):
    """Wherever a client may give what will be a header: checked when it comes, and when it leaves."""
    raw.request("PUT", f"/{bucket}/k", body=b"x")
    for name in ("response-content-type", "response-content-disposition", "response-cache-control",
                 "response-expires", "response-content-language", "response-content-encoding"):
        data = raw.build("GET", f"/{bucket}/k", query=[(name, evil)])
        with socket.create_connection(raw.address, timeout=30) as connection:
            connection.sendall(data)
            answer = read_answer(connection)
        assert answer.header("x-injected") is None, (name, answer.headers)
        assert answer.status in (200, 400), answer
        assert not any(c in value for value in answer.headers.values() for c in "\r\n\0"), answer.headers
    quoted = urllib.parse.quote(evil)
    answer = raw.request("PUT", f"/{bucket}/k", body=b"x", headers={"x-amz-tagging": f"a={quoted}"})
    assert answer.header("x-injected") is None
    answer = raw.request("GET", f"/{bucket}/{quoted}x")
    assert answer.header("x-injected") is None


def test_s25_rules_for_other_origins_are_refused(raw, bucket):
    """There are none, so none can carry a header; a preflight finds no rule."""
    rules = (b"<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin>"
             b"<ExposeHeader>a&#10;x-injected: 1</ExposeHeader></CORSRule></CORSConfiguration>")
    answer = raw.request("PUT", f"/{bucket}", query=[("cors", None)], body=rules)
    assert (answer.status, answer.code) == (501, "NotImplemented")
    head = {"host": raw.host, "origin": "http://evil", "access-control-request-method": "GET"}
    answer = exchange(raw.address, raw.head("OPTIONS", f"/{bucket}/k", [], head), "OPTIONS")
    assert answer.status == 403 and answer.header("access-control-allow-origin") is None
    answer = raw.request("GET", f"/{bucket}", headers={"origin": "http://evil"})
    assert answer.header("access-control-allow-origin") is None


@pytest.mark.parametrize("query, body", [
    ([("delete", None)], b"<Delete>"), ([("tagging", None)], b"<Tagging>"), ([("acl", None)], b"<A>"),
    ([], b"<CreateBucketConfiguration>"),
])
def test_s26_documents_have_a_limit(raw, bucket, query, body):
    """Two MiB, whether the length is announced or not; more is not even received."""
    method = "POST" if query and query[0][0] == "delete" else "PUT"
    path = f"/{bucket}" if query else f"/{bucket}-new"
    for length in (2 << 20) + 1, 1 << 30, 1 << 62:
        headers = {"host": raw.host, "content-length": str(length), "x-amz-content-sha256": sigv4.UNSIGNED}
        raw.signer.authorize(method, path, query, headers, sigv4.UNSIGNED, unsigned={"content-length"})
        answer = exchange(raw.address, raw.head(method, path, query, headers), method)
        assert 400 <= answer.status < 500, answer
    headers = {"host": raw.host, "transfer-encoding": "chunked"}
    raw.signer.authorize(method, path, query, headers, sigv4.UNSIGNED, unsigned={"transfer-encoding"})
    data = raw.head(method, path, query, headers) + body
    chunk = b"%x\r\n%s\r\n" % (1 << 20, b" " * (1 << 20))
    answer = exchange(raw.address, data[:-len(body)] + b"%x\r\n%s\r\n" % (len(body), body) + chunk * 3)
    assert 400 <= answer.status < 500, answer


def test_s28_one_connection_one_reading(raw, bucket):
    """A body that holds a request is a body: what follows it is the next request."""
    inner = raw.build("DELETE", f"/{bucket}/victim")
    raw.request("PUT", f"/{bucket}/victim", body=b"x")
    for name in ("content-length", "transfer-encoding"):
        headers = {"host": raw.host}
        if name == "content-length":
            body = inner
            headers[name] = str(len(inner))
        else:
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(inner), inner)
            headers[name] = "chunked"
        raw.signer.authorize("PUT", f"/{bucket}/k", [], headers, sigv4.UNSIGNED, unsigned={name})
        data = raw.head("PUT", f"/{bucket}/k", [], headers) + body
        data += raw.build("GET", f"/{bucket}/victim", headers={"connection": "close"})
        with socket.create_connection(raw.address, timeout=30) as connection:
            connection.sendall(data)
            received = b""
            while piece := connection.recv(65536):
                received += piece
        assert received.count(b"HTTP/1.1 ") == 2 and received.endswith(b"\r\n\r\nx"), received
    assert raw.request("GET", f"/{bucket}/victim").status == 200
