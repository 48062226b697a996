"""What the dialect does not have answers 501, and never does something else instead.

In one S3 server `DELETE bucket?cors` deletes the bucket, because the router fell through to the
operation without a sub-resource. So each of these is also followed by a look whether the bucket
and its object are still what they were.
"""

import pytest

#: Every bucket sub-resource of S3 that this dialect does not have (yet): name -> methods.
BUCKET = {
    "abac": "GET PUT", "accelerate": "GET PUT", "analytics": "GET PUT DELETE",
    "cors": "GET PUT DELETE", "encryption": "GET PUT DELETE",
    "intelligent-tiering": "GET PUT DELETE", "inventory": "GET PUT DELETE",
    "lifecycle": "GET PUT DELETE", "logging": "GET PUT", "metadataConfiguration": "GET POST DELETE",
    "metadataInventoryTable": "PUT", "metadataJournalTable": "PUT",
    "metadataTable": "GET POST DELETE", "metrics": "GET PUT DELETE", "notification": "GET PUT",
    "object-lock": "GET PUT", "ownershipControls": "GET PUT DELETE", "policy": "GET PUT DELETE",
    "policyStatus": "GET", "publicAccessBlock": "GET PUT DELETE", "replication": "GET PUT DELETE",
    "requestPayment": "GET PUT", "session": "GET", "versioning": "PUT",
    "website": "GET PUT DELETE",
}
#: The same of objects.
OBJECT = {
    "legal-hold": "GET PUT", "restore": "POST", "retention": "GET PUT", "select": "POST",
    "torrent": "GET", "encryption": "PUT", "renameObject": "PUT", "append": "POST",
}
#: Names that S3 never had.
INVENTED = ["frobnicate", "deleteall"]


def cases(table):
    """(name, method) for each entry of a table."""
    return [(name, method) for name, methods in table.items() for method in methods.split()]


@pytest.fixture
def made(server, raw, bucket):
    """A bucket with an object; afterwards both must be as they were."""
    if not server.ours:
        pytest.skip("ours alone")
    raw.request("PUT", f"/{bucket}/k", body=b"body")
    yield bucket
    assert raw.request("GET", f"/{bucket}/k").body == b"body"
    listing = raw.request("GET", f"/{bucket}", query=[("list-type", "2")]).xml()
    assert [e.text for e in listing.iter("Key")] == ["k"]


@pytest.mark.parametrize("name, method", cases(BUCKET))
def test_bucket_sub_resources(raw, made, name, method):
    answer = raw.request(method, f"/{made}", query=[(name, None)])
    assert (answer.status, answer.code) == (501, "NotImplemented"), answer


@pytest.mark.parametrize("name, method", cases(OBJECT))
def test_object_sub_resources(raw, made, name, method):
    answer = raw.request(method, f"/{made}/k", query=[(name, None)])
    assert (answer.status, answer.code) == (501, "NotImplemented"), answer


@pytest.mark.parametrize("name", INVENTED)
@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
@pytest.mark.parametrize("key", ["", "/k"])
def test_invented_sub_resources(raw, made, name, method, key):
    answer = raw.request(method, f"/{made}{key}", query=[(name, None)])
    assert answer.status in (400, 405, 501), answer


def test_deleting_an_empty_bucket_with_a_sub_resource(server, raw, bucket):
    """The bucket is empty here, so that nothing but the router protects it."""
    if not server.ours:
        pytest.skip("ours alone")
    for name, methods in BUCKET.items():
        answer = raw.request("DELETE", f"/{bucket}", query=[(name, None)])
        assert answer.status in (405, 501), (name, answer)
        assert raw.request("HEAD", f"/{bucket}").status == 200, name


@pytest.mark.parametrize("headers", [
    {"x-amz-server-side-encryption": "aws:kms"},
    {"x-amz-server-side-encryption-customer-algorithm": "AES256"},
    {"x-amz-object-lock-mode": "COMPLIANCE",
     "x-amz-object-lock-retain-until-date": "2031-01-01T00:00:00Z"},
    {"x-amz-object-lock-legal-hold": "ON"},
    {"x-amz-website-redirect-location": "/elsewhere"},
    {"x-amz-write-offset-bytes": "4"},
])
def test_headers_that_would_change_the_meaning(raw, made, headers):
    """To store plain bytes for somebody who asked for encryption would be a lie."""
    answer = raw.request("PUT", f"/{made}/other", body=b"x", headers=headers)
    assert answer.status in (400, 501), answer
    assert raw.request("GET", f"/{made}/other").status == 404


@pytest.mark.parametrize("method", ["PATCH", "TRACE", "CONNECT", "OPTIONS", "BREW"])
def test_unknown_methods(raw, made, method):
    answer = raw.request(method, f"/{made}/k")
    assert 400 <= answer.status <= 501, answer
