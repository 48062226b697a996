"""Links on the command line: the check of all of them, and the picture."""

import json
import os
import xml.etree.ElementTree as xml

import pytest
from harness.daemon import Daemon

pytestmark = pytest.mark.skipif(
    "CHAINRING_TEST_ENDPOINT" in os.environ, reason="tests of our own daemon")

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def daemon():
    """A fresh daemon with two volumes and a bucket in one of them."""
    daemon = Daemon("links").start()
    for command in ("volume create /vol1", "volume create /vol2", "bucket create /vol1/bucket1"):
        daemon.cli(*command.split())
    yield daemon
    daemon.close()


def texts(picture):
    """Everything written in a picture."""
    return [element.text for element in xml.fromstring(picture).iter(f"{SVG}text")]


def test_a_store_without_links_says_so(daemon):
    assert daemon.cli("link", "check") == "[ ]\n"
    assert daemon.cli("link", "check", "--table").startswith("no links")
    assert "no links" in texts(daemon.cli("link", "graph"))


def test_a_check_tells_every_status_and_fails_unless_all_are_ok(daemon):
    daemon.cli("bucket", "link", "/vol1/bucket1", "/s3v/good")
    daemon.cli("bucket", "link", "/s3v/good", "/vol2/chained")
    assert daemon.cli_result("link", "check").returncode == 0
    for source, link in (("/vol1/missing", "/s3v/dangling"), ("/s3v/loop-2", "/s3v/loop-1"),
                         ("/s3v/loop-1", "/s3v/loop-2")):
        daemon.cli("bucket", "link", source, link)
    done = daemon.cli_result("link", "check")
    assert done.returncode == 1
    assert "3 of 5 links not ok: 1 dangling, 2 loop" in done.stderr
    found = {f"/{link['volumeName']}/{link['name']}": link for link in json.loads(done.stdout)}
    assert {name: link["status"] for name, link in found.items()} == {
        "/s3v/dangling": "dangling", "/s3v/good": "ok", "/s3v/loop-1": "loop",
        "/s3v/loop-2": "loop", "/vol2/chained": "ok"}
    assert found["/vol2/chained"]["chain"] == ["/vol2/chained", "/s3v/good", "/vol1/bucket1"]
    assert found["/vol2/chained"]["resolvedBucket"] == "bucket1"
    # Only the volume that was asked about counts.
    assert daemon.cli_result("link", "check", "/vol2").returncode == 0
    assert len(json.loads(daemon.cli_result("link", "check", "--bad", "/s3v").stdout)) == 3
    done = daemon.cli_result("link", "check", "/nowhere")
    assert done.returncode == 1 and done.stderr.startswith("VOLUME_NOT_FOUND "), done.stderr


def test_a_picture_of_all_links_is_well_formed_and_complete(daemon, tmp_path):
    links = [f"bucket link /vol1/bucket1 /vol2/link-{n:04}" for n in range(120)]
    links += ["bucket link /vol1/none /s3v/dangling", "bucket link /s3v/self /s3v/self"]
    assert daemon.cli_result("batch", "-", input="\n".join(links)).returncode == 0
    file = tmp_path / "links.svg"
    daemon.cli("link", "graph", "--output", str(file))
    root = xml.fromstring(file.read_text())
    written = texts(file.read_text())
    for n in range(120):
        assert f"link-{n:04}" in written
    assert "122 links, 1 bucket, 2 not ok" in written
    width, height = float(root.get("width")), float(root.get("height"))
    assert 0.4 < width / height < 5
    # Nothing sticks out of the picture.
    for rect in root.iter(f"{SVG}rect"):
        if rect.get("x"):
            assert 0 <= float(rect.get("x")) and float(rect.get("x")) + float(rect.get("width")) < width
            assert float(rect.get("y")) + float(rect.get("height")) < height
    dot = daemon.cli("link", "graph", "--format", "dot")
    assert dot.count(" -> ") == 122


def test_a_volume_has_a_picture_of_its_own(daemon):
    daemon.cli("bucket", "create", "/vol2/unlinked")
    daemon.cli("bucket", "link", "/vol1/bucket1", "/s3v/mine")
    daemon.cli("bucket", "link", "/vol2/elsewhere", "/vol2/theirs")
    written = texts(daemon.cli("link", "graph", "/vol1"))
    assert "mine" in written and "bucket1" in written and "theirs" not in written
    written = texts(daemon.cli("link", "graph", "/vol2"))
    assert "theirs" in written and "missing" in written and "unlinked" not in written
    assert "unlinked" in texts(daemon.cli("link", "graph", "/vol2", "--all"))
