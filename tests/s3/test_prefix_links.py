"""A link with a prefix shows a part of its source, and no spelling of a key leads out of it.

The source holds keys around the prefix, each with a content of its own. Whatever a client calls a
key, a marker, the source of a copy or an entry of a document, none of these contents may come back,
and none of the keys may change.
"""

import base64
import hashlib
import random
import re

import pytest
from harness import sigv4
from harness.raw import Connection

PREFIX = "in/side/"
CANARY = b"canary-outside"
#: Keys of the source that do not lie under the prefix, and one that is the prefix.
OUTSIDE = ["secret", "in", "in/", "in/side", "in/side/", "in/sidf", "in/sid", "in/other/secret",
           "in/side0", "/secret", "//secret", "../secret", "./secret",
           "side/secret", "IN/SIDE/secret", "zzz/secret", "\\secret", "in\\side\\secret"]
INSIDE = ["a", "b/c", "b/d", "secret", "..", ".", "../secret", "/secret", "a//b", "\\", "x y"]


@pytest.fixture(scope="module")
def world(server):
    """A source with keys all around, and a link that shows the middle; soon full of odd keys."""
    return make_world(server)


@pytest.fixture
def tidy_world(server):
    """The same, with no other keys."""
    return make_world(server)


def make_world(server):
    """A new source and its link."""
    if not server.ours:
        pytest.skip("a foreign server has no links")
    source, link = server.create_direct("around"), server.name("inside")
    raw = server.raw()
    for key in OUTSIDE:
        put(raw, source, key, CANARY + key.encode())
    for key in INSIDE:
        put(raw, source, PREFIX + key, b"inside " + key.encode())
    server.daemon.cli("bucket", "link", f"/s3v/{source}", f"/s3v/{link}", "--prefix", PREFIX)
    return World(raw, source, link)


def put(raw, bucket, key, body):
    """Stores one key, whatever it is called."""
    answer = raw.request("PUT", f"/{bucket}/{sigv4.quote(key)}", body=body)
    assert answer.status == 200, (key, answer)


class World:
    """Both names, and a kept connection."""

    def __init__(self, raw, source, link):
        self.raw, self.source, self.link = raw, source, link
        self.connection = None

    def ask(self, method, path, **how):
        """One request; refusals may close the connection, so a new one is opened when needed."""
        try:
            if self.connection is None:
                self.connection = Connection(self.raw)
            answer = self.connection.request(method, path, **how)
            if answer.header("connection") == "close":
                self.connection = None
        except OSError:
            self.connection = None
            answer = self.raw.request(method, path, **how)
        assert answer.status < 500 or answer.status == 501, (method, path, answer)
        assert CANARY not in answer.body, (method, path, how, answer)
        return answer

    def outside(self):
        """Everything that the source holds outside of the prefix."""
        found, after = {}, ""
        while True:
            query = [("list-type", "2"), ("start-after", after), ("encoding-type", "url")]
            page = self.raw.request("GET", f"/{self.source}", query=query).xml()
            for entry in page.iter("Contents"):
                key = sigv4.urllib.parse.unquote(entry.findtext("Key"))
                after = key
                if not key.startswith(PREFIX) or key == PREFIX:
                    found[key] = entry.findtext("ETag")
            if page.findtext("IsTruncated") != "true":
                return found


def expected():
    """What has to be outside."""
    return {key: f'"{hashlib.md5(CANARY + key.encode()).hexdigest()}"' for key in OUTSIDE}


PIECES = ["..", ".", "", "in", "side", "secret", "in/side", PREFIX, "a", "b", "zzz", "\\", "..\\",
          "\0", "\x01", "\x7f", "é", "\u2025", "\uff0e\uff0e", "\u2215", "~", "%", "%2e%2e", "%2f",
          "%252e", "?", "#", "+", " ", ";", "&", "\u202e", "\U0001f600", "x" * 200]


def keys(seed, count):
    """Keys of pieces that have led out of somewhere, somewhere."""
    dice = random.Random(seed)
    for _ in range(count):
        key = dice.choice(["/", "\\", "//", "/./", ""]).join(
            dice.choice(PIECES) for _ in range(dice.randint(1, 6)))
        if key:
            yield dice, key


def spelled(dice, key):
    """A key as it may stand in a request's target: encoded once, twice, in part, or wrongly."""
    once = sigv4.quote(key)
    how = dice.randrange(8)
    if how == 0:
        return once
    if how == 1:
        return sigv4.quote(key, safe="/")
    if how == 2:
        return once.replace(".", "%2e").replace("%2F", "%2f")
    if how == 3:
        return sigv4.quote(once)
    if how == 4:
        return sigv4.quote(key, safe="/").replace("..", "%c0%ae%c0%ae")
    if how == 5:
        return sigv4.quote(key, safe="/").replace("/", "%c0%af")
    if how == 6:
        return sigv4.quote(key, safe="/").replace("/", "/%00/")
    return "/" + sigv4.quote(key, safe="/\\").replace("\\", "%5C")


def test_keys_of_requests(world):
    for dice, key in keys(1, 2500):
        method = dice.choice(["GET", "HEAD", "PUT", "DELETE", "GET"])
        path = f"/{world.link}/{spelled(dice, key)}"
        query = dice.choice([(), (), (), [("tagging", None)], [("acl", None)], [("attributes", None)]])
        body = b"written" if method == "PUT" and not query else b""
        headers = {"x-amz-object-attributes": "ETag"} if query else {}
        world.ask(method, path, query=query, body=body, headers=headers)
    assert world.outside() == expected()


def test_sources_of_copies(world):
    to = f"/{world.link}/copied"
    for dice, key in keys(2, 1500):
        source = f"{dice.choice(['', '/'])}{world.link}/{spelled(dice, key)}"
        world.ask("PUT", to, headers={"x-amz-copy-source": source})
        assert CANARY not in world.ask("GET", to).body
    assert world.outside() == expected()


def test_targets_of_copies_and_of_uploads(world):
    path = f"/{world.link}/origin"
    world.ask("PUT", path, body=b"origin")
    for dice, key in keys(3, 500):
        target = f"/{world.link}/{spelled(dice, key)}"
        world.ask("PUT", target, headers={"x-amz-copy-source": f"{world.link}/origin"})
        started = world.ask("POST", target, query=[("uploads", None)])
        if started.status != 200:
            continue
        upload = re.search(rb"<UploadId>([^<]*)<", started.body)[1].decode()
        # The upload of one key is none of another.
        other = f"/{world.link}/{spelled(dice, dice.choice(OUTSIDE))}"
        part = [("partNumber", "1"), ("uploadId", upload)]
        etag = world.ask("PUT", target, query=part, body=b"part").header("etag")
        body = (f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>"
                "</CompleteMultipartUpload>").encode()
        if other != target:
            world.ask("POST", other, query=[("uploadId", upload)], body=body)
        world.ask("GET", target, query=[("uploadId", upload)])
        end = dice.choice(["POST", "DELETE"])
        answer = world.ask(end, target, query=[("uploadId", upload)],
                           body=body if end == "POST" else b"")
        assert answer.status in (200, 204, 404), answer
    assert world.outside() == expected()


def xml_text(dice, key):
    """A key as it may stand in a document."""
    how = dice.randrange(4)
    if how == 0:
        key = "".join(f"&#{ord(c)};" if c > "\x1f" or c in "\t\n\r" else "" for c in key)
        return key
    if how == 1:
        key = sigv4.quote(key)
    if how == 2:
        return "<![CDATA[" + "".join(c for c in key if c > "\x1f") + "]]>"
    key = "".join(c for c in key if c > "\x1f")
    return key.replace("&", "&amp;").replace("<", "&lt;")


def test_documents_of_deletions(world):
    """Ten thousand keys and more in documents."""
    generated = keys(4, 10_500)
    for _ in range(21):
        batch = [xml_text(dice, key) for (dice, key), _ in zip(generated, range(500))]
        batch += [xml_text(random.Random(n), key) for n, key in enumerate(OUTSIDE)]
        objects = "".join(f"<Object><Key>{key}</Key></Object>" for key in batch if key)
        body = f"<Delete>{objects}</Delete>".encode()
        md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
        world.ask("POST", f"/{world.link}", query=[("delete", None)], body=body,
                  headers={"content-md5": md5})
    assert world.outside() == expected()


def test_prefixes_and_markers_of_listings(world):
    raw, link, source = world.raw, world.link, world.source
    for key in INSIDE:
        put(raw, source, PREFIX + key, b"inside " + key.encode())

    def inside():
        page = raw.request("GET", f"/{source}", query=[("prefix", PREFIX), ("encoding-type", "url")])
        names = [sigv4.urllib.parse.unquote(e.text) for e in page.xml().iter("Key")]
        return {name[len(PREFIX):] for name in names} - {""}

    known = inside()
    assert set(INSIDE) <= known
    for dice, key in keys(5, 2500):
        other = dice.choice(PIECES + OUTSIDE)
        kind = dice.randrange(5)
        query = [("encoding-type", "url"), ("max-keys", str(dice.choice([1, 2, 1000])))]
        query += [("prefix", dice.choice([key, other, "", "../", "/"]))]
        if dice.random() < 0.5:
            query += [("delimiter", dice.choice(["/", "..", other or "/", "%2F"]))]
        if kind == 0:
            query += [("marker", key)]
        elif kind == 1:
            query += [("list-type", "2"), ("start-after", key), ("fetch-owner", "true")]
        elif kind == 2:
            query += [("versions", None), ("key-marker", key)]
        elif kind == 3:
            query = [("uploads", None), ("key-marker", key), ("prefix", other),
                     ("upload-id-marker", "0" * 48), ("encoding-type", "url")]
        else:
            query += [("list-type", "2"), ("continuation-token", key)]
        answer = world.ask("GET", f"/{link}", query=query)
        if answer.status != 200:
            assert answer.status == 400, answer
            continue
        # An echo of what was asked for may be no XML, when that has control characters.
        shown = {decoded(key) for key in re.findall(b"<Key>([^<]*)<", answer.body)}
        assert shown <= known, (query, shown - known)
        for group in re.findall(b"<CommonPrefixes><Prefix>([^<]*)<", answer.body):
            name = decoded(group)
            assert any(key.startswith(name) for key in known), (query, name)


def decoded(text):
    """A name of a listing."""
    return sigv4.urllib.parse.unquote(text.decode())


def test_the_prefix_is_shown_nowhere(tidy_world):
    """A client of the link does not learn where in the source it is."""
    raw, link = tidy_world.raw, tidy_world.link
    put(raw, link, "shown", b"x")
    upload = raw.request("POST", f"/{link}/up", query=[("uploads", None)])
    answers = [
        raw.request("GET", f"/{link}/shown"), raw.request("GET", f"/{link}/missing"),
        raw.request("GET", f"/{link}/{'k' * 1020}"), raw.request("PUT", f"/{link}/{'k' * 1020}"),
        raw.request("GET", f"/{link}"), raw.request("GET", f"/{link}", query=[("uploads", None)]),
        raw.request("GET", f"/{link}", query=[("versions", None), ("max-keys", "1")]),
        raw.request("GET", f"/{link}", query=[("location", None)]), upload,
        raw.request("GET", f"/{link}/up",
                    query=[("uploadId", upload.xml().findtext("UploadId"))]),
        raw.request("GET", f"/{link}/shown", query=[("acl", None)]),
    ]
    for answer in answers:
        text = answer.body + repr(answer.headers).encode()
        assert b"in/side" not in text and b"in%2Fside" not in text, answer
    token = raw.request("GET", f"/{link}", query=[("list-type", "2"), ("max-keys", "1")]).xml()
    token = token.findtext("NextContinuationToken")
    assert b"in/side" not in base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    assert answers[2].code == answers[3].code == "KeyTooLongError"


def test_a_folder_of_the_prefix_itself_is_not_shown(tidy_world):
    page = tidy_world.raw.request("GET", f"/{tidy_world.link}").xml()
    assert sorted(e.text for e in page.iter("Key")) == sorted(INSIDE)


def test_prefixes_of_a_chain_are_put_together(server, tidy_world):
    world = tidy_world
    raw, name = world.raw, server.name("deeper")
    put(raw, world.source, PREFIX + "b/deep/key", b"deep")
    server.daemon.cli("bucket", "link", f"/s3v/{world.link}", f"/s3v/{name}", "--prefix", "b/deep/")
    assert raw.request("GET", f"/{name}/key").body == b"deep"
    put(raw, name, "new", b"new")
    assert raw.request("GET", f"/{world.source}/{PREFIX}b/deep/new").body == b"new"
    assert [e.text for e in raw.request("GET", f"/{name}").xml().iter("Key")] == ["key", "new"]
