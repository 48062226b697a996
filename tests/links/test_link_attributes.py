"""Read-only links, prefixes, expiry, re-pointing, history."""

import datetime

import pytest

from harness.daemon import wait_until

from .conftest import get, keys, put, status

DENIED = (403, "AccessDenied")


def generation(daemon, name):
    """The generation that `bucket info` shows."""
    return daemon.cli_json("bucket", "info", f"/s3v/{name}")["generation"]


def test_a_read_only_link_refuses_writes_whatever_the_rights(daemon, raw, bucket, link):
    source = bucket()
    name = link(source, "--read-only")
    put(raw, link(source), "k")
    assert get(raw, name, "k") == b"x" and keys(raw, name) == ["k"]
    assert status(raw, "PUT", f"/{name}/k", body=b"y") == DENIED
    assert status(raw, "DELETE", f"/{name}/k") == DENIED
    assert status(raw, "POST", f"/{name}/k", query=[("uploads", "")]) == DENIED
    outer = link(f"/s3v/{name}")
    assert status(raw, "PUT", f"/{outer}/k", body=b"y") == DENIED


def test_a_prefix_re_roots_what_the_link_shows(daemon, raw, bucket, link):
    source = bucket()
    direct, name = link(source), link(source, "--prefix", "logs/")
    put(raw, name, "a", b"through")
    put(raw, direct, "logs/b", b"direct")
    put(raw, direct, "outside")
    assert keys(raw, direct) == ["logs/a", "logs/b", "outside"]
    assert keys(raw, name) == ["a", "b"] and get(raw, name, "b") == b"direct"
    assert status(raw, "GET", f"/{name}/outside") == (404, "NoSuchKey")
    inner = link(f"/s3v/{name}", "--prefix", "deep/")
    put(raw, inner, "k")
    assert get(raw, direct, "logs/deep/k") == b"x"


def test_an_expired_link_answers_as_if_dangling(daemon, raw, refused, bucket, link):
    source = bucket()
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)
    name = link(source, "--expires", soon.strftime("%Y-%m-%dT%H:%M:%SZ"))
    put(raw, name, "k")
    wait_until("the link is over", lambda: raw.request("GET", f"/{name}/k").status != 200, 10)
    assert status(raw, "GET", f"/{name}/k") == (404, "NoSuchBucket")
    assert raw.request("HEAD", f"/{name}").status == 404
    shown = {entry["name"]: entry for entry in daemon.cli_json("bucket", "list", "/s3v")}
    assert shown[name]["status"] == "expired"
    refused("LINK_EXPIRED", "key", "info", f"/s3v/{name}/k")
    put(raw, link(source, "--expires", "7d"), "k")


def test_set_source_moves_a_link_in_one_step(daemon, raw, bucket, link):
    first, second = bucket(), bucket()
    put(raw, link(first), "k", b"first")
    put(raw, link(second), "k", b"second")
    name = link(first)
    assert get(raw, name, "k") == b"first" and generation(daemon, name) == 1
    daemon.cli("link", "set-source", f"/s3v/{name}", second)
    assert get(raw, name, "k") == b"second" and generation(daemon, name) == 2


def test_set_source_compares_before_it_swaps(daemon, refused, bucket, link):
    first, second = bucket(), bucket()
    name = f"/s3v/{link(first)}"
    refused("LINK_CHANGED", "link", "set-source", name, second, "--expect", second)
    refused("LINK_CHANGED", "link", "set-source", name, second, "--expect-generation", "2")
    daemon.cli("link", "set-source", name, second, "--expect", first, "--expect-generation", "1")
    refused("LINK_CHANGED", "link", "set-source", name, first, "--expect-generation", "1")


def test_history_keeps_every_generation_and_rollback_is_one_command(daemon, raw, bucket, link):
    sources = [bucket() for _ in range(3)]
    for source in sources:
        put(raw, link(source), "k", source.encode())
    name = link(sources[0])
    for source in sources[1:]:
        daemon.cli("link", "set-source", f"/s3v/{name}", source)
    history = daemon.cli_json("link", "history", f"/s3v/{name}")
    shown = sorted((entry["generation"], f"/{entry['sourceVolume']}/{entry['sourceBucket']}")
                   for entry in history)
    assert shown == list(enumerate(sources, 1))
    daemon.cli("link", "rollback", f"/s3v/{name}")
    assert get(raw, name, "k") == sources[1].encode() and generation(daemon, name) == 4
    daemon.cli("link", "rollback", f"/s3v/{name}", "--to", "1")
    assert get(raw, name, "k") == sources[0].encode() and generation(daemon, name) == 5


def test_a_rollback_to_a_generation_that_never_was_is_refused(daemon, bucket, link):
    name = link(bucket())
    done = daemon.cli_result("link", "rollback", f"/s3v/{name}", "--to", "7")
    assert done.returncode == 1 and "7" in done.stderr, done


def test_who_points_here(daemon, bucket, link):
    source = bucket()
    one = link(source)
    two = link(f"/s3v/{one}")
    other = link(bucket())
    shown = {entry["name"] for entry in daemon.cli_json("link", "list", "--source", source)}
    assert {one, two} <= shown and other not in shown


def test_links_are_listed_by_status(daemon, bucket, link, unique):
    good, bad = link(bucket()), link(f"/vol1/{unique('never')}")
    dangling = {entry["name"] for entry in daemon.cli_json("link", "list", "--status", "dangling")}
    assert bad in dangling and good not in dangling


def test_link_check_says_what_is_wrong_by_its_exit_status(daemon, bucket, unique):
    volume = unique("checked")
    daemon.cli("volume", "create", f"/{volume}")
    daemon.cli("bucket", "link", bucket(), f"/{volume}/good")
    daemon.cli("link", "check", f"/{volume}")
    daemon.cli("bucket", "link", "/vol1/never-there", f"/{volume}/bad")
    done = daemon.cli_result("link", "check", f"/{volume}")
    assert done.returncode == 1 and "bad" in done.stdout + done.stderr, done


@pytest.mark.parametrize("form", ["dot", "svg"])
def test_link_graph_draws_the_namespace(daemon, bucket, link, form):
    name = link(bucket())
    drawn = daemon.cli("link", "graph", "--format", form)
    assert name in drawn and drawn.lstrip().startswith({"dot": "digraph", "svg": "<"}[form])


def test_what_goes_through_a_link_is_counted(daemon, raw, bucket, link):
    name = link(bucket())
    put(raw, name, "k", bytes(1000))
    for _ in range(3):
        get(raw, name, "k")
    assert status(raw, "GET", f"/{name}/none") == (404, "NoSuchKey")
    [entry] = [entry for entry in daemon.cli_json("link", "list", "--stats")
               if entry["name"] == name]
    stats = entry["stats"]
    assert stats["requests"] == 5 and stats["errors"] == 1, stats
    assert stats["bytesIn"] >= 1000 and stats["bytesOut"] >= 3000 and stats["lastUsed"], stats
