"""Links as S3 shows them: dangling, looping, deep, deleted, re-created.

The bugs are those that users of other systems with links met; each is a test here.
"""

import contextlib

import botocore.exceptions
import pytest
from harness.daemon import CliError
from harness.expect import refused


@pytest.fixture
def link(server, daemon):
    """Makes a link in `s3v` to any target and returns its name."""
    def make(source, name=None):
        name = name or server.name("link")
        daemon.cli("bucket", "link", source, f"/s3v/{name}")
        return name

    return make


@pytest.fixture
def source(server, daemon):
    """A bucket of another volume."""
    path = f"/vol1/{server.name('src')}"
    daemon.cli("bucket", "create", path)
    return path


def operations(s3, bucket):
    """Each operation on keys, as (name, call)."""
    upload = {"Bucket": bucket, "Key": "k", "UploadId": "x"}
    return {
        "get": lambda: s3.get_object(Bucket=bucket, Key="k"),
        "put": lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"x"),
        "delete": lambda: s3.delete_object(Bucket=bucket, Key="k"),
        "copy": lambda: s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/k"),
        "list": lambda: s3.list_objects(Bucket=bucket),
        "list 2": lambda: s3.list_objects_v2(Bucket=bucket),
        "delete many": lambda: s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}]}),
        "create upload": lambda: s3.create_multipart_upload(Bucket=bucket, Key="k"),
        "part": lambda: s3.upload_part(**upload, PartNumber=1, Body=b"x"),
        "list parts": lambda: s3.list_parts(**upload),
        "list uploads": lambda: s3.list_multipart_uploads(Bucket=bucket),
        "abort": lambda: s3.abort_multipart_upload(**upload),
        "tags": lambda: s3.get_object_tagging(Bucket=bucket, Key="k"),
        "attributes": lambda: s3.get_object_attributes(Bucket=bucket, Key="k",
                                                       ObjectAttributes=["ETag"]),
    }


def test_dangling(server, s3, link):
    name = link(f"/vol1/{server.name('never')}")
    for what, call in operations(s3, name).items():
        with refused(404, "NoSuchBucket"):
            call()
            pytest.fail(what)
    with refused(404, "404"):
        s3.head_bucket(Bucket=name)
    assert name in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    s3.delete_bucket(Bucket=name)
    assert name not in [b["Name"] for b in s3.list_buckets()["Buckets"]]


def test_a_source_made_later(s3, daemon, server, link):
    path = f"/vol1/{server.name('later')}"
    name = link(path)
    with refused(404, "NoSuchBucket"):
        s3.put_object(Bucket=name, Key="k", Body=b"x")
    daemon.cli("bucket", "create", path)
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"x"


def test_l5_a_source_made_again_is_followed_and_empty(s3, daemon, source, link):
    name = link(source)
    s3.put_object(Bucket=name, Key="k", Body=b"old")
    s3.delete_object(Bucket=name, Key="k")
    daemon.cli("bucket", "delete", source)
    with refused(404, "NoSuchBucket"):
        s3.list_objects_v2(Bucket=name)
    daemon.cli("bucket", "create", source)
    assert "Contents" not in s3.list_objects_v2(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"new")
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"new"


def test_l1_loops(server, s3, daemon, link):
    one, two = server.name("loop"), server.name("loop")
    link(f"/s3v/{two}", one)
    link(f"/s3v/{one}", two)
    itself = server.name("self")
    link(f"/s3v/{itself}", itself)
    for name in (one, two, itself):
        for what, call in operations(s3, name).items():
            with refused(409, "InvalidBucketState"):
                call()
                pytest.fail(what)
    # What does not follow the link still works, and the loop can be taken apart.
    assert one in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    for name in (one, two, itself):
        s3.delete_bucket(Bucket=name)


def test_l1_sixteen_hops_and_no_more(server, s3, daemon, source, link):
    base, target = server.name("hop"), source
    for hop in range(1, 18):
        name = link(target, f"{base}-{hop}")
        target = f"/s3v/{name}"
        if hop <= 16:
            s3.put_object(Bucket=name, Key=f"k{hop}", Body=b"x")
        else:
            with refused(409, "InvalidBucketState"):
                s3.put_object(Bucket=name, Key="k", Body=b"x")
    assert s3.list_objects_v2(Bucket=f"{base}-16")["KeyCount"] == 16


def test_deleting_a_link_leaves_the_data(s3, source, link):
    """Links were once deleted with everything behind them."""
    name = link(source)
    s3.put_object(Bucket=name, Key="k", Body=b"kept")
    assert s3.delete_bucket(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"] == 204
    with refused(404, "NoSuchBucket"):
        s3.get_object(Bucket=name, Key="k")
    again = link(source)
    assert s3.get_object(Bucket=again, Key="k")["Body"].read() == b"kept"


def test_deleting_a_link_by_the_cli_leaves_the_data(s3, daemon, source, link):
    name = link(source)
    s3.put_object(Bucket=name, Key="k", Body=b"kept")
    daemon.cli("bucket", "delete", f"/s3v/{name}")
    assert s3.get_object(Bucket=link(source), Key="k")["Body"].read() == b"kept"


def test_a_source_with_objects_is_not_deleted(s3, daemon, source, link):
    name = link(source)
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    with pytest.raises(CliError) as caught:
        daemon.cli("bucket", "delete", source)
    assert (caught.value.status, caught.value.code) == (1, "BUCKET_NOT_EMPTY")


def test_names_are_shared(server, s3, daemon, source, link):
    name = link(source)
    for command in (["bucket", "create", f"/s3v/{name}"], ["bucket", "link", source, f"/s3v/{name}"]):
        with pytest.raises(CliError) as caught:
            daemon.cli(*command)
        assert (caught.value.status, caught.value.code) == (1, "BUCKET_ALREADY_EXISTS")
    taken = server.create_direct()
    with pytest.raises(CliError) as caught:
        daemon.cli("bucket", "link", source, f"/s3v/{taken}")
    assert caught.value.code == "BUCKET_ALREADY_EXISTS"
    # To create it once more by S3, whatever the answer, makes no bucket out of the link.
    with contextlib.suppress(botocore.exceptions.ClientError):
        s3.create_bucket(Bucket=name)
    assert daemon.cli_json("bucket", "info", f"/s3v/{name}")["link"] is True


def test_sub_resources_never_fall_through(raw, source, link):
    """`DELETE ?cors` on a link must not delete the link."""
    name = link(source)
    for sub in ("cors", "policy", "tagging", "lifecycle", "website", "encryption", "unknown"):
        answer = raw.request("DELETE", f"/{name}", query=[(sub, None)])
        assert answer.status in (400, 405, 501), (sub, answer)
    assert raw.request("HEAD", f"/{name}").status == 200


def test_info_says_what_a_link_is(server, s3, daemon, source, link):
    name = link(source)
    info = daemon.cli_json("bucket", "info", f"/s3v/{name}")
    assert (info["volumeName"], info["name"], info["link"]) == ("s3v", name, True)
    assert "/" + info["sourceVolume"] + "/" + info["sourceBucket"] == source
    assert info["creationTime"].endswith("Z")
    listed = daemon.cli_json("bucket", "list", "/s3v")
    assert name in [entry["name"] for entry in listed]


def test_a_warning_for_a_link_that_dangles(server, daemon):
    name = server.name("warn")
    done = daemon.cli_result("bucket", "link", f"/vol1/{name}-none", f"/s3v/{name}")
    assert done.returncode == 0
    assert done.stderr.startswith("warning: ") and f"/vol1/{name}-none" in done.stderr
    done = daemon.cli_result("bucket", "link", "--strict", f"/vol1/{name}-none", f"/s3v/{name}-2")
    assert done.returncode == 1
    assert done.stderr.split()[0] == "BUCKET_NOT_FOUND"
    with refused(404):
        server.client().head_bucket(Bucket=f"{name}-2")


def test_a_link_of_a_stranger(server, s3, daemon, source, link):
    """Who may not use the source gains nothing by the link."""
    name, user = link(source), server.name("u")
    daemon.cli("user", "create", user, "--access-key", f"K{user}", "--secret-key", "s" * 40)
    other = server.client(f"K{user}", "s" * 40)
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    for what, call in operations(other, name).items():
        with refused(403, "AccessDenied"):
            call()
            pytest.fail(what)
    with refused(403):
        other.delete_bucket(Bucket=name)


def test_relinking_under_load(server, s3, daemon, link):
    """While a name is deleted and linked elsewhere, each answer is of one source or none."""
    import threading

    sources = []
    for n in range(2):
        path = f"/vol1/{server.name('flip')}"
        daemon.cli("bucket", "create", path)
        first = link(path)
        s3.put_object(Bucket=first, Key="k", Body=str(n).encode() * 5000)
        sources.append(path)
    name = server.name("flip-link")
    daemon.cli("bucket", "link", sources[0], f"/s3v/{name}")
    stop, wrong = threading.Event(), []

    def read():
        raw = server.raw()
        while not stop.is_set():
            answer = raw.request("GET", f"/{name}/k")
            whole = answer.status == 200 and answer.body in (b"0" * 5000, b"1" * 5000)
            if not whole and (answer.status, answer.code) != (404, "NoSuchBucket"):
                wrong.append(repr(answer))

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    try:
        for n in range(1, 40):
            daemon.cli("bucket", "delete", f"/s3v/{name}")
            daemon.cli("bucket", "link", sources[n % 2], f"/s3v/{name}")
            # Acknowledged means that every core has it.
            for _ in range(4):
                assert server.raw().request("GET", f"/{name}/k").body == str(n % 2).encode() * 5000
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert wrong == []
