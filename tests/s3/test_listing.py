"""Listing: both versions, delimiters, pages, encodings."""

import pytest
from harness import sigv4
from harness.expect import refused

TREE = ["a", "a/1", "a/2", "a/b/1", "a/b/2", "a0", "b", "b/", "b/x", "c//x", "c//y/z", "d-1", "d-2",
        "e%f", "ü/1", "ü/2", "日/本", "zz"]


def model(keys, prefix="", delimiter="", after=""):
    """What a listing must give: a list of ("key"|"prefix", name) in order."""
    found = []
    for key in sorted(keys, key=str.encode):
        if not key.startswith(prefix):
            continue
        rest = key[len(prefix):]
        if delimiter and delimiter in rest:
            entry = ("prefix", prefix + rest[: rest.index(delimiter) + len(delimiter)])
        else:
            entry = ("key", key)
        if entry[1].encode() > after.encode() and entry not in found:
            if entry[0] == "prefix" and after.startswith(entry[1]):
                continue
            found.append(entry)
    return found


@pytest.fixture
def tree(s3, bucket):
    """A bucket with the keys of TREE."""
    for key in TREE:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    return bucket


def entries(answer):
    """The entries of one page, in the order of their names."""
    found = [("key", e["Key"]) for e in answer.get("Contents", [])]
    found += [("prefix", e["Prefix"]) for e in answer.get("CommonPrefixes", [])]
    return sorted(found, key=lambda e: e[1].encode())


SHAPES = [("", ""), ("", "/"), ("a", ""), ("a/", "/"), ("a/b", "/"), ("c", "/"), ("c/", "/"),
          ("c//", "/"), ("", "//"), ("", "/b/"), ("", "-"), ("d", "-"), ("ü", "/"), ("none", "/"),
          ("", "z"), ("", "日"), ("e%", "")]


@pytest.mark.parametrize("prefix, delimiter", SHAPES)
@pytest.mark.parametrize("page", [1, 2, 3, 1000])
def test_pages_of_both_versions(s3, tree, prefix, delimiter, page):
    expected = model(TREE, prefix, delimiter)
    arguments = {"Bucket": tree, "Prefix": prefix, "Delimiter": delimiter, "MaxKeys": page}

    found, marker = [], ""
    for _ in range(len(TREE) + 2):
        answer = s3.list_objects(**arguments, Marker=marker)
        assert len(entries(answer)) <= page
        found += entries(answer)
        if not answer["IsTruncated"]:
            break
        marker = answer.get("NextMarker") or entries(answer)[-1][1]
    assert found == expected

    found, token = [], {}
    for _ in range(len(TREE) + 2):
        answer = s3.list_objects_v2(**arguments, **token)
        assert answer["KeyCount"] == len(entries(answer)) <= page
        found += entries(answer)
        if not answer["IsTruncated"]:
            assert "NextContinuationToken" not in answer
            break
        token = {"ContinuationToken": answer["NextContinuationToken"]}
    assert found == expected


@pytest.mark.parametrize("after", ["", "a", "a/", "a/b/1", "b/", "zz", "zzz", "0", "c/"])
@pytest.mark.parametrize("delimiter", ["", "/"])
def test_start_after(s3, tree, after, delimiter):
    if delimiter and after == "a/b/1":
        pytest.skip("within a common prefix servers differ")
    expected = model(TREE, "", delimiter, after)
    answer = s3.list_objects_v2(Bucket=tree, StartAfter=after, Delimiter=delimiter)
    assert entries(answer) == expected
    assert answer.get("StartAfter", "") == after
    answer = s3.list_objects(Bucket=tree, Marker=after, Delimiter=delimiter)
    assert entries(answer) == expected
    assert answer["Marker"] == after


def test_fields_of_an_entry(s3, bucket):
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"12345")
    for answer in (s3.list_objects(Bucket=bucket),
                   s3.list_objects_v2(Bucket=bucket, FetchOwner=True)):
        assert (answer["Name"], answer["MaxKeys"], answer["IsTruncated"]) == (bucket, 1000, False)
        (entry,) = answer["Contents"]
        assert (entry["Key"], entry["Size"], entry["ETag"]) == ("k", 5, put["ETag"])
        assert entry["StorageClass"] == "STANDARD"
        assert entry["Owner"]["ID"]
    assert "Owner" not in s3.list_objects_v2(Bucket=bucket)["Contents"][0]


def test_an_empty_bucket(s3, bucket):
    for answer in (s3.list_objects(Bucket=bucket), s3.list_objects_v2(Bucket=bucket)):
        assert "Contents" not in answer and not answer["IsTruncated"]


def test_max_keys(s3, tree):
    answer = s3.list_objects_v2(Bucket=tree, MaxKeys=0)
    assert (entries(answer), answer["IsTruncated"]) == ([], False)
    answer = s3.list_objects(Bucket=tree, MaxKeys=0)
    assert (entries(answer), answer["IsTruncated"]) == ([], False)


def test_more_than_a_thousand(server, raw, bucket):
    """A page has at most 1,000 entries, whatever is asked for."""
    import concurrent.futures

    keys = [f"{n:05}" for n in range(1203)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for answer in pool.map(lambda k: raw.request("PUT", f"/{bucket}/{k}", body=b"x"), keys):
            assert answer.status == 200
    s3 = server.client()
    first = s3.list_objects_v2(Bucket=bucket, MaxKeys=5000)
    assert [e["Key"] for e in first["Contents"]] == keys[:1000]
    assert first["IsTruncated"]
    second = s3.list_objects_v2(Bucket=bucket, ContinuationToken=first["NextContinuationToken"])
    assert [e["Key"] for e in second["Contents"]] == keys[1000:]
    assert s3.list_objects(Bucket=bucket, MaxKeys=5000)["Contents"][-1]["Key"] == keys[999]


@pytest.mark.parametrize("value", ["-1", "x", "9999999999999", ""])
def test_max_keys_without_sense(server, raw, bucket, value):
    answer = raw.request("GET", f"/{bucket}", query=[("list-type", "2"), ("max-keys", value)])
    if value in ("", "9999999999999"):
        assert answer.status in (200, 400), answer
    else:
        assert (answer.status, answer.code) == (400, "InvalidArgument"), answer


@pytest.mark.parametrize("token", ["garbage", "====", "a" * 3000])
def test_a_token_that_is_not_ours(server, s3, bucket, token):
    if not server.ours:
        pytest.skip("servers differ")
    with refused(400, "InvalidArgument"):
        s3.list_objects_v2(Bucket=bucket, ContinuationToken=token)


def test_encoding_type_url(server, raw, bucket):
    if not server.ours:
        pytest.skip("servers differ in what they leave unencoded")
    keys = ["a b", "c+d", "e/f g", "ü", "x\x07y", "p%q", "l\nn"]
    for key in keys:
        assert raw.request("PUT", sigv4.object_path(bucket, key), body=b"").status == 200
    import urllib.parse

    for version in ([], [("list-type", "2")]):
        answer = raw.request("GET", f"/{bucket}", query=[*version, ("encoding-type", "url"),
                                                        ("delimiter", "/"), ("prefix", "")])
        xml = answer.xml()
        assert xml.findtext("EncodingType") == "url"
        found = [e.text for e in xml.iter("Key")]
        assert all(text.isascii() and " " not in text and "\n" not in text for text in found)
        decoded = [urllib.parse.unquote_plus(text) for text in found]
        assert decoded == sorted([k for k in keys if "/" not in k], key=str.encode)
        assert [e.text for e in xml.iterfind("CommonPrefixes/Prefix")] == ["e/"]
        assert xml.findtext("Delimiter") in ("/", "%2F")
    answer = raw.request("GET", f"/{bucket}", query=[("encoding-type", "rot13")])
    assert (answer.status, answer.code) == (400, "InvalidArgument")


def test_a_listing_while_keys_come_and_go(server, raw, bucket):
    """Keys that nobody touches are in every listing, once, whatever happens around them."""
    import threading

    stable = [f"k{n:03}x" for n in range(100)]
    for key in stable:
        raw.request("PUT", f"/{bucket}/{key}", body=b"")
    stop = threading.Event()

    def churn(salt):
        mine = server.raw()
        n = 0
        while not stop.is_set():
            path = f"/{bucket}/k{n % 100:03}{salt}"
            mine.request("PUT", path, body=b"")
            mine.request("DELETE", path)
            n += 1

    threads = [threading.Thread(target=churn, args=(salt,)) for salt in "ay"]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            pages = server.client().get_paginator("list_objects_v2").paginate(
                Bucket=bucket, PaginationConfig={"PageSize": 17})
            listed = [e["Key"] for page in pages for e in page.get("Contents", [])]
            assert listed == sorted(set(listed))
            assert [key for key in listed if key.endswith("x")] == stable
    finally:
        stop.set()
        for thread in threads:
            thread.join()
