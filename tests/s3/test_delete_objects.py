"""DeleteObjects."""

import base64
import hashlib

import pytest
from harness.expect import refused


def delete(raw, bucket, body, md5=True):
    """Posts a body to `?delete`."""
    headers = {"content-md5": base64.b64encode(hashlib.md5(body).digest()).decode()} if md5 else {}
    return raw.request("POST", f"/{bucket}", query=[("delete", None)], body=body, headers=headers)


def test_many(s3, bucket):
    keys = [f"k{n}" for n in range(30)]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    wanted = keys[:20] + ["never-there"]
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": k} for k in wanted]})
    assert sorted(d["Key"] for d in done["Deleted"]) == sorted(wanted)
    assert "Errors" not in done
    assert [e["Key"] for e in s3.list_objects_v2(Bucket=bucket)["Contents"]] == sorted(keys[20:])


def test_quiet(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}], "Quiet": True})
    assert "Deleted" not in done and "Errors" not in done
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


@pytest.mark.parametrize("key", ["a&b<c>", "ü/日", " lead", "trail ", "a/../b", "'\"", "line\nend"])
def test_odd_keys(server, s3, bucket, key):
    if not server.ours:
        pytest.skip("only ours promises every key")
    s3.put_object(Bucket=bucket, Key=key, Body=b"")
    s3.put_object(Bucket=bucket, Key="stays", Body=b"")
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}]})
    assert [d["Key"] for d in done["Deleted"]] == [key]
    assert [e["Key"] for e in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["stays"]


def test_a_thousand_and_one_are_too_many(s3, bucket):
    s3.put_object(Bucket=bucket, Key="0", Body=b"")
    objects = [{"Key": str(n)} for n in range(1001)]
    with refused(400, "MalformedXML"):
        s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})
    s3.head_object(Bucket=bucket, Key="0")
    assert len(s3.delete_objects(Bucket=bucket, Delete={"Objects": objects[:1000]})["Deleted"]) == 1000


@pytest.mark.parametrize("body", [
    b"", b"garbage", b"<Delete>", b"<Delete></Delete>", b"<Delete><Object></Object></Delete>",
    b"<Delete><Object><Key></Key></Object></Delete>", b"<Other/>",
    b"<Delete><Object><Key>k</Key></Objec></Delete>", b"\x00",
    b'<!DOCTYPE d [<!ENTITY e "k">]><Delete><Object><Key>&e;</Key></Object></Delete>',
])
def test_malformed(server, s3, raw, bucket, body):
    if not server.ours:
        pytest.skip("servers differ")
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    answer = delete(raw, bucket, body)
    assert answer.status == 400, answer
    s3.head_object(Bucket=bucket, Key="k")


def test_nesting_without_end(server, raw, bucket):
    """A bomb of elements is refused, not a stack overflow."""
    if not server.ours:
        pytest.skip("servers differ")
    assert delete(raw, bucket, b"<Delete>" * 100_000).status == 400


def test_s26_a_body_over_the_limit(server, raw, bucket):
    if not server.ours:
        pytest.skip("servers differ")
    body = b"<Delete>" + b" " * (3 << 20) + b"<Object><Key>k</Key></Object></Delete>"
    answer = delete(raw, bucket, body)
    assert answer.status in (400, 413), answer


def test_a_wrong_digest(server, s3, raw, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    body = b"<Delete><Object><Key>k</Key></Object></Delete>"
    answer = raw.request("POST", f"/{bucket}", query=[("delete", None)], body=body,
                         headers={"content-md5": base64.b64encode(b"0" * 16).decode()})
    assert (answer.status, answer.code) == (400, "BadDigest"), answer
    s3.head_object(Bucket=bucket, Key="k")
