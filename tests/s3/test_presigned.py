"""Presigned URLs and virtual-host style."""

import datetime
import urllib.parse

import pytest
from harness import sigv4
from harness.raw import exchange


def fetch(raw, method, path, query, body=b"", headers=None, host=None):
    """Sends a request that is signed in its query only."""
    headers = {"host": host or raw.host, **(headers or {})}
    if body or method in ("PUT", "POST"):
        headers["content-length"] = str(len(body))
    return exchange(raw.address, raw.head(method, path, query, headers) + body, method)


def test_put_get_delete(raw, bucket):
    path = sigv4.object_path(bucket, "ü/a b+c")
    for method, body, status in [("PUT", b"body", 200), ("GET", b"", 200), ("HEAD", b"", 200),
                                 ("DELETE", b"", 204), ("GET", b"", 404)]:
        query = raw.signer.presign(method, path, [], raw.host)
        answer = fetch(raw, method, path, query, body)
        assert answer.status == status, (method, answer)


def test_boto3_makes_urls_that_work(s3, raw, bucket):
    s3.put_object(Bucket=bucket, Key="a b", Body=b"body")
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "a b"}, ExpiresIn=60)
    parts = urllib.parse.urlsplit(url)
    query = urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
    answer = fetch(raw, "GET", parts.path, query)
    # Which signature version boto3 takes for a URL is its configuration; ours is version 4 only.
    if "X-Amz-Signature" in parts.query:
        assert (answer.status, answer.body) == (200, b"body")


def test_overrides_are_signed(raw, bucket):
    path = f"/{bucket}/k"
    raw.request("PUT", path, body=b"x")
    query = raw.signer.presign("GET", path, [("response-content-type", "a/b")], raw.host)
    assert fetch(raw, "GET", path, query).header("content-type") == "a/b"
    changed = [(k, "c/d" if k == "response-content-type" else v) for k, v in query]
    assert fetch(raw, "GET", path, changed).status == 403
    added = query + [("response-cache-control", "no-store")]
    assert fetch(raw, "GET", path, added).status == 403


def test_unsigned_extra_headers_are_fine(raw, bucket):
    path = f"/{bucket}/k"
    query = raw.signer.presign("PUT", path, [], raw.host)
    answer = fetch(raw, "PUT", path, query, b"x", {"content-type": "a/b", "user-agent": "t"})
    assert answer.status == 200, answer


@pytest.mark.parametrize("change", ["method", "path", "signature", "date", "expires", "credential"])
def test_tampered(raw, bucket, change):
    path = f"/{bucket}/k"
    raw.request("PUT", path, body=b"x")
    query = dict(raw.signer.presign("GET", path, [], raw.host))
    method = "GET"
    if change == "method":
        method = "DELETE"
    elif change == "path":
        path += "2"
    elif change == "signature":
        query["X-Amz-Signature"] = "0" * 64
    elif change == "date":
        query["X-Amz-Date"] = sigv4.amz_date(sigv4.now() - datetime.timedelta(seconds=5))
    elif change == "expires":
        query["X-Amz-Expires"] = "601"
    elif change == "credential":
        query["X-Amz-Credential"] = "nobody" + query["X-Amz-Credential"]
    answer = fetch(raw, method, path, list(query.items()))
    assert answer.status == 403, answer
    assert answer.code == ("InvalidAccessKeyId" if change == "credential" else "SignatureDoesNotMatch")


@pytest.mark.parametrize("age, expires, good", [
    (0, 1, True), (0, 604800, True), (590, 600, True), (610, 600, False), (700000, 604800, False),
    (0, 0, False), (0, 604801, False), (0, -1, False), (-3600, 60, False),
])
def test_s05_expiry(server, raw, bucket, age, expires, good):
    path = f"/{bucket}/k"
    raw.request("PUT", path, body=b"x")
    date = sigv4.amz_date(sigv4.now() - datetime.timedelta(seconds=age))
    query = raw.signer.presign("GET", path, [], raw.host, expires=expires, date=date)
    answer = fetch(raw, "GET", path, query)
    if good:
        assert answer.status == 200, answer
    else:
        assert answer.status in (400, 403), answer


@pytest.mark.parametrize("missing", ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date",
                                     "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature"])
def test_s10_a_parameter_is_missing(server, raw, bucket, missing):
    raw.request("PUT", f"/{bucket}/k", body=b"x")
    query = [(k, v) for k, v in raw.signer.presign("GET", f"/{bucket}/k", [], raw.host)
             if k != missing]
    assert fetch(raw, "GET", f"/{bucket}/k", query).status in (400, 403)


def test_virtual_host_style(server, raw, s3, bucket):
    """`bucket.domain` in the Host header instead of the bucket in the path."""
    host = f"{bucket}.s3.localhost"
    headers = {"host": host, "content-length": "4"}
    raw.signer.authorize("PUT", "/a/b", [], headers, sigv4.UNSIGNED, unsigned={"content-length"})
    answer = exchange(raw.address, raw.head("PUT", "/a/b", [], headers) + b"body", "PUT")
    assert answer.status == 200, answer
    assert s3.get_object(Bucket=bucket, Key="a/b")["Body"].read() == b"body"
    # A port in the header is part of what is signed, not of the bucket's name.
    host = f"{bucket}.s3.localhost:{raw.address[1]}"
    query = raw.signer.presign("GET", "/a/b", [], host)
    assert fetch(raw, "GET", "/a/b", query, host=host).body == b"body"
    query = raw.signer.presign("GET", "/", [("list-type", "2")], host)
    assert b"<Key>a/b</Key>" in fetch(raw, "GET", "/", query, host=host).body


def test_path_style_on_the_domain_itself(server, raw, bucket):
    raw.request("PUT", f"/{bucket}/k", body=b"body")
    host = "s3.localhost"
    query = raw.signer.presign("GET", f"/{bucket}/k", [], host)
    assert fetch(raw, "GET", f"/{bucket}/k", query, host=host).body == b"body"
