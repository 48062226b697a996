"""What a link is: binding, chains, loops, dangling, deleting, properties."""

import json

from .conftest import get, keys, put, status

GONE = (404, "NoSuchBucket")


def info(daemon, path):
    """`bucket info` of a path."""
    return daemon.cli_json("bucket", "info", path)


def test_a_link_shows_the_source_and_holds_nothing(daemon, raw, bucket, link):
    source = bucket()
    name = link(source)
    put(raw, name, "k", b"bytes")
    assert get(raw, link(source), "k") == b"bytes"
    assert info(daemon, source)["usedBytes"] == 5
    shown = info(daemon, f"/s3v/{name}")
    volume, place = source.strip("/").split("/")
    assert (shown["sourceVolume"], shown["sourceBucket"], shown["link"]) == (volume, place, True)


def test_a_source_is_not_looked_up_and_the_reply_says_how_it_is(daemon, unique):
    done = daemon.cli_result("bucket", "link", "/vol1/never", f"/s3v/{unique('dangling')}")
    assert done.returncode == 0 and "does not lead to a bucket" in done.stderr, done


def test_strict_refuses_what_would_dangle_or_loop(daemon, refused, bucket, link, unique):
    refused("BUCKET_NOT_FOUND", "bucket", "link", "/vol1/never", f"/s3v/{unique('l')}", "--strict")
    name = unique("own")
    refused("DETECTED_LOOP_IN_BUCKET_LINKS",
            "bucket", "link", f"/s3v/{name}", f"/s3v/{name}", "--strict")
    link(bucket(), "--strict")


def test_binding_by_name_follows_a_source_made_again(daemon, raw, bucket, link):
    source = bucket()
    name = link(source)
    daemon.cli("bucket", "delete", source)
    assert status(raw, "GET", f"/{name}/k") == GONE
    daemon.cli("bucket", "create", source)
    put(raw, name, "k")
    assert get(raw, name, "k") == b"x"


def test_binding_by_id_dangles_and_never_reattaches(daemon, raw, bucket, link):
    source = bucket()
    name = link(source, "--bind", "id")
    put(raw, name, "k")
    assert raw.request("DELETE", f"/{name}/k").status == 204
    daemon.cli("bucket", "delete", source)
    daemon.cli("bucket", "create", source)
    assert status(raw, "GET", f"/{name}/k") == GONE
    assert info(daemon, f"/s3v/{name}")["status"] == "dangling"


def test_chains_of_sixteen_hops_and_no_more(daemon, raw, bucket, link):
    name = link(bucket())
    put(raw, name, "k", b"deep")
    for _ in range(15):
        name = link(f"/s3v/{name}")
        assert get(raw, name, "k") == b"deep"
    name = link(f"/s3v/{name}")
    answer = raw.request("GET", f"/{name}/k")
    assert (answer.status, answer.code) == (409, "InvalidBucketState"), answer
    assert info(daemon, f"/s3v/{name}")["status"] == "too-deep"


def test_loops_are_created_and_refused_when_followed(daemon, raw, refused, link, unique):
    for length in (1, 2, 5, 20):
        names = [unique("loop") for _ in range(length)]
        for at, name in enumerate(names):
            link(f"/s3v/{names[(at + 1) % length]}", name=name)
        answer = raw.request("GET", f"/{names[0]}/k")
        assert (answer.status, answer.code) == (409, "InvalidBucketState"), answer
        assert names[0] in answer.xml().findtext("Message"), answer
        refused("DETECTED_LOOP_IN_BUCKET_LINKS", "key", "info", f"/s3v/{names[0]}/k")
        assert info(daemon, f"/s3v/{names[0]}")["status"] == "loop"


def test_a_dangling_link_answers_like_a_missing_bucket(daemon, raw, refused, link, unique):
    name = link(f"/vol1/{unique('never')}")
    for method, path in (("GET", f"/{name}"), ("GET", f"/{name}/k"), ("PUT", f"/{name}/k")):
        assert status(raw, method, path) == GONE
    assert raw.request("HEAD", f"/{name}").status == 404
    refused("BUCKET_NOT_FOUND", "key", "info", f"/s3v/{name}/k")


def test_deleting_a_link_never_touches_the_source(daemon, raw, bucket, link):
    source = bucket()
    kept, cli, s3 = link(source), link(source), link(source)
    put(raw, kept, "k")
    daemon.cli("bucket", "delete", f"/s3v/{cli}")
    assert raw.request("DELETE", f"/{s3}").status == 204
    assert get(raw, kept, "k") == b"x"
    assert status(raw, "GET", f"/{cli}/k") == status(raw, "GET", f"/{s3}/k") == GONE


def test_deleting_a_source_lists_the_links_that_dangle(daemon, bucket, link):
    source = bucket()
    names = sorted(link(source) for _ in range(3))
    done = daemon.cli_result("bucket", "delete", source)
    assert done.returncode == 0
    for name in names:
        assert f"/s3v/{name}" in done.stdout + done.stderr, done


def test_a_protected_bucket_stays_while_links_point_at_it(daemon, raw, refused, bucket, link):
    source = bucket("--protected")
    name = link(source)
    says = refused("BUCKET_IS_LINKED", "bucket", "delete", source)
    assert name in says, says
    daemon.cli("bucket", "delete", f"/s3v/{name}")
    daemon.cli("bucket", "delete", source)


def test_properties_of_a_link_belong_to_the_source(daemon, raw, refused, bucket, link):
    source = bucket()
    name = link(source)
    refused("NOT_SUPPORTED_OPERATION", "bucket", "setquota", f"/s3v/{name}", "--space-quota", "1GB")
    refused("NOT_SUPPORTED_OPERATION", "bucket", "clrquota", f"/s3v/{name}", "--space-quota")
    direct = link(source)
    tags = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
    assert raw.request("PUT", f"/{direct}", query=[("tagging", "")], body=tags).status in (200, 204, 501)
    first = raw.request("GET", f"/{direct}", query=[("tagging", "")])
    again = raw.request("GET", f"/{name}", query=[("tagging", "")])
    assert (first.status, first.code) == (again.status, again.code)


def test_bytes_and_objects_are_counted_at_the_source(daemon, raw, bucket, link):
    source = bucket()
    name = link(source)
    for n in range(5):
        put(raw, name, f"k{n}", b"1234567890")
    shown = info(daemon, source)
    assert (shown["usedBytes"], shown["usedNamespace"]) == (50, 5)


def test_a_link_takes_one_of_its_volumes_namespace_quota(daemon, refused, bucket, unique):
    volume = unique("small")
    daemon.cli("volume", "create", f"/{volume}")
    daemon.cli("volume", "setquota", f"/{volume}", "--namespace-quota", "1")
    daemon.cli("bucket", "link", bucket(), f"/{volume}/one")
    refused("QUOTA_EXCEEDED", "bucket", "link", "/vol1/any", f"/{volume}/two")
    daemon.cli("bucket", "delete", f"/{volume}/one")
    daemon.cli("bucket", "link", "/vol1/any", f"/{volume}/two")


def test_a_volumes_space_quota_ignores_links(daemon, raw, bucket, unique):
    """HDDS-9139: a volume with a link in it takes a quota, and what is behind the link is not its."""
    volume, source = unique("tiny"), bucket()
    daemon.cli("volume", "create", f"/{volume}")
    daemon.cli("bucket", "link", source, f"/{volume}/shown")
    daemon.cli("volume", "setquota", f"/{volume}", "--space-quota", "1KB")
    name = unique("via")
    daemon.cli("bucket", "link", f"/{volume}/shown", f"/s3v/{name}")
    put(raw, name, "large", bytes(10_000))


def test_names_are_shared_by_buckets_and_links(daemon, refused, bucket):
    source = bucket()
    refused("BUCKET_ALREADY_EXISTS", "bucket", "link", "/vol1/any", source)
    refused("BUCKET_ALREADY_EXISTS", "bucket", "create", source)


def test_copying_a_key_onto_itself_by_another_name_is_a_self_copy(daemon, raw, bucket, link):
    source = bucket()
    one, two = link(source), link(source)
    put(raw, one, "k")
    assert status(raw, "PUT", f"/{two}/k", headers={"x-amz-copy-source": f"/{one}/k"}) == (
        400, "InvalidRequest")


def test_list_buckets_shows_links_by_their_own_name_and_date(daemon, raw, bucket, link, unique):
    names = [link(bucket()), link(f"/vol1/{unique('never')}")]
    shown = {entry.findtext("Name"): entry.findtext("CreationDate")
             for entry in raw.request("GET", "/").xml().iter("Bucket")}
    for name in names:
        created = info(daemon, f"/s3v/{name}")["creationTime"]
        assert shown[name][:19] == created[:19]


def test_an_unknown_sub_resource_never_falls_through(daemon, raw, bucket, link):
    """`DELETE /link?cors` deleted links."""
    name = link(bucket())
    for query in ("cors", "lifecycle", "policy", "website", "nonsense-of-2026"):
        answer = raw.request("DELETE", f"/{name}", query=[(query, "")])
        assert answer.status in (400, 501, 204), answer
        assert raw.request("HEAD", f"/{name}").status == 200, query


def test_no_recursive_delete_goes_through_a_link(daemon, raw, bucket, link):
    """HDDS-7005, HDDS-7884: by S3 or by the CLI, only the entry goes, whatever is behind it."""
    source = bucket()
    name, other = link(source), link(source)
    put(raw, name, "precious")
    daemon.cli("bucket", "delete", f"/s3v/{name}")
    assert keys(raw, other) == ["precious"]
    orphan = link("/vol1/never-was")
    daemon.cli("bucket", "delete", f"/s3v/{orphan}")
    listed = json.dumps(daemon.cli_json("bucket", "list", "/s3v"))
    assert orphan not in listed


def test_a_loop_breaks_nothing_but_itself(daemon, raw, bucket, link, unique):
    """HDDS-8012, HDDS-4715: listings and checks over a volume with a loop in it go on."""
    loop, good = unique("loop"), link(bucket())
    link(f"/s3v/{loop}", name=loop)
    put(raw, good, "k")
    assert {good, loop} <= {entry["name"] for entry in daemon.cli_json("bucket", "list", "/s3v")}
    assert raw.request("GET", "/").status == 200
