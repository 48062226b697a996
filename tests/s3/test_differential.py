"""S3 through a link is S3 on the source (property L2).

One script of requests, which holds every operation of the dialect, runs against a bucket by its own
name, through a link to another bucket, and through a chain of links. Apart from the names, ids and
times the answers must be the same, header by header and byte by byte.
"""

import base64
import hashlib
import re

import pytest
from harness import sigv4

PART = 5 << 20
TIMES = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
# What differs between any two requests, and what names the moment of a write.
VOLATILE = {"date", "x-amz-request-id", "x-amz-id-2", "last-modified"}


class Recorder:
    """Sends requests for one bucket and keeps the answers in a form that can be compared."""

    def __init__(self, raw, bucket):
        self.raw = raw
        self.bucket = bucket
        self.uploads = {}
        self.asked = []

    def neutral(self, data):
        """Takes names, ids and times out of a body or a header."""
        data = data.replace(self.bucket.encode(), b"BUCKET")
        for upload, name in self.uploads.items():
            data = data.replace(upload.encode(), name)
        data = re.sub(rb"<RequestId>[^<]*<", b"<RequestId>ID<", data)
        data = re.sub(rb"<HostId>[^<]*<", b"<HostId>ID<", data)
        data = re.sub(rb"(ContinuationToken)>[^<]*<", rb"\1>TOKEN<", data)
        return TIMES.sub(b"TIME", data)

    def ask(self, label, method, key="", **how):
        """Sends one request and records its answer."""
        path = sigv4.object_path(self.bucket, key) if key else f"/{self.bucket}"
        return self.note(label, self.raw.request(method, path, **how))

    def note(self, label, answer):
        """Keeps an answer."""
        self.asked.append((label, answer))
        return answer

    @property
    def answers(self):
        """What was kept, as (label, status, headers, body). An upload's id is known only after the
        answer that brings it, so this is made at the end."""
        return [
            (label, answer.status,
             {name: self.neutral(value.encode()) for name, value in answer.headers.items()
              if name not in VOLATILE},
             self.neutral(answer.body))
            for label, answer in self.asked
        ]

    def upload(self, label, key, **how):
        """Starts a multipart upload and remembers its id."""
        answer = self.ask(label, "POST", key, query=[("uploads", None)], **how)
        upload = answer.xml().findtext("UploadId")
        self.uploads[upload] = f"UPLOAD{len(self.uploads)}".encode()
        return upload


def md5(body):
    """The value of a Content-MD5 header."""
    return base64.b64encode(hashlib.md5(body).digest()).decode()


def complete(etags):
    """The body of CompleteMultipartUpload."""
    parts = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{etag}</ETag></Part>"
                    for n, etag in etags.items())
    return f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()


def script(r):
    """Every operation, the refusals among them."""
    body = bytes(range(256)) * 300
    # Objects.
    r.ask("get missing", "GET", "none")
    r.ask("head missing", "HEAD", "none")
    r.ask("put", "PUT", "a/1", body=body, headers={"content-type": "a/b", "x-amz-meta-m": "v"})
    r.ask("put empty", "PUT", "a/empty")
    r.ask("put tagged", "PUT", "a/tagged", body=b"x", headers={"x-amz-tagging": "t=1"})
    r.ask("put checked", "PUT", "a/sum", body=body,
          headers={"x-amz-checksum-crc32": sigv4.crc32_base64(body)})
    r.ask("put wrong md5", "PUT", "a/bad", body=body, headers={"content-md5": md5(b"other")})
    r.ask("put bad key", "PUT", "k" * 1025, body=b"")
    r.ask("put owner", "PUT", "a/2", body=b"2", headers={"x-amz-acl": "private"})
    crc = [("x-amz-checksum-crc32", sigv4.crc32_base64(body))]
    for mode in (sigv4.SIGNED_CHUNKS, sigv4.SIGNED_CHUNKS_TRAILER, sigv4.UNSIGNED_CHUNKS_TRAILER):
        trailer = None if mode == sigv4.SIGNED_CHUNKS else crc
        request = r.raw.stream(f"/{r.bucket}/stream", body, mode, trailer=trailer)
        r.note(mode, r.raw.send(request, "PUT"))
    etag = f'"{hashlib.md5(body).hexdigest()}"'
    for method in ("GET", "HEAD"):
        r.ask("get", method, "a/1")
        r.ask("get sum", method, "a/sum", headers={"x-amz-checksum-mode": "ENABLED"})
        r.ask("get range", method, "a/1", headers={"range": "bytes=70000-70100"})
        r.ask("get bad range", method, "a/1", headers={"range": "bytes=999999-"})
        r.ask("get if-match", method, "a/1", headers={"if-match": '"x"'})
        r.ask("get if-none-match", method, "a/1", headers={"if-none-match": etag})
        r.ask("get override", method, "a/1", query=[("response-content-type", "c/d")])
        r.ask("get part", method, "a/1", query=[("partNumber", "1")])
    r.ask("put if-none-match", "PUT", "a/1", body=b"", headers={"if-none-match": "*"})
    r.ask("put if-match", "PUT", "a/2", body=b"22", headers={"if-match": '"x"'})
    r.ask("attributes", "GET", "a/sum", query=[("attributes", None)],
          headers={"x-amz-object-attributes": "ETag,Checksum,ObjectParts,StorageClass,ObjectSize"})
    # Tags.
    tags = b"<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>"
    r.ask("put tags", "PUT", "a/1", query=[("tagging", None)], body=tags)
    r.ask("get tags", "GET", "a/1", query=[("tagging", None)])
    r.ask("delete tags", "DELETE", "a/tagged", query=[("tagging", None)])
    r.ask("tags of nothing", "GET", "none", query=[("tagging", None)])
    # Copies.
    source = f"{r.bucket}/a/1"
    r.ask("copy", "PUT", "copy", headers={"x-amz-copy-source": source})
    r.ask("get copy", "GET", "copy")
    r.ask("self copy", "PUT", "a/1", headers={"x-amz-copy-source": source})
    r.ask("copy replace", "PUT", "copy2", headers={
        "x-amz-copy-source": source, "x-amz-metadata-directive": "REPLACE", "x-amz-meta-n": "w"})
    r.ask("copy missing", "PUT", "copy3", headers={"x-amz-copy-source": f"{r.bucket}/none"})
    r.ask("copy if", "PUT", "copy3", headers={
        "x-amz-copy-source": source, "x-amz-copy-source-if-none-match": etag})
    # Multipart.
    first = r.upload("create upload", "multi")
    second = r.upload("create upload 2", "other")
    block = b"p" * PART

    def part(number, upload=first, key="multi", **how):
        return r.ask(f"part {number}", "PUT", key,
                     query=[("partNumber", str(number)), ("uploadId", upload)], **how)

    etags = {1: part(1, body=block).header("etag")}
    part(2, headers={"x-amz-copy-source": source})
    part(2, headers={"x-amz-copy-source": source, "x-amz-copy-source-range": "bytes=5-99"})
    etags[3] = part(3, body=b"last").header("etag")
    part(0, body=b"x")
    part(1, upload="nonsense", body=b"x")
    r.ask("list parts", "GET", "multi", query=[("uploadId", first), ("max-parts", "2")])
    r.ask("list uploads", "GET", query=[("uploads", None)])
    r.ask("list uploads", "GET", query=[("uploads", None), ("prefix", "m"), ("max-uploads", "1")])
    r.ask("complete wrong", "POST", "multi", query=[("uploadId", first)], body=complete({9: "x"}))
    r.ask("complete", "POST", "multi", query=[("uploadId", first)], body=complete(etags))
    r.ask("get multi", "GET", "multi", headers={"range": f"bytes={PART - 3}-{PART + 3}"})
    r.ask("get multi part", "HEAD", "multi", query=[("partNumber", "2")])
    r.ask("abort", "DELETE", "other", query=[("uploadId", second)])
    r.ask("abort again", "DELETE", "other", query=[("uploadId", second)])
    # Listings.
    for query in ([], [("prefix", "a/")], [("delimiter", "/")], [("max-keys", "2")],
                  [("max-keys", "0")], [("max-keys", "x")], [("encoding-type", "url")]):
        r.ask("list 1", "GET", query=query)
        r.ask("list 2", "GET", query=[("list-type", "2"), *query])
    r.ask("list 1", "GET", query=[("marker", "a/2")])
    r.ask("list 2", "GET", query=[("list-type", "2"), ("start-after", "a/2"), ("fetch-owner", "true")])
    page = r.ask("list page", "GET", query=[("list-type", "2"), ("max-keys", "3")]).xml()
    token = page.findtext("NextContinuationToken")
    r.ask("list next", "GET", query=[("list-type", "2"), ("continuation-token", token)])
    # Deletes.
    r.ask("delete", "DELETE", "copy")
    r.ask("delete again", "DELETE", "copy")
    r.ask("delete if", "DELETE", "a/2", headers={"if-match": '"x"'})
    many = b"<Delete><Object><Key>copy2</Key></Object><Object><Key>none</Key></Object></Delete>"
    r.ask("delete many", "POST", query=[("delete", None)], body=many, headers={"content-md5": md5(many)})
    r.ask("delete bad", "POST", query=[("delete", None)], body=b"<Delete>",
          headers={"content-md5": md5(b"<Delete>")})
    # The bucket itself, and what is not implemented.
    r.ask("head bucket", "HEAD")
    r.ask("location", "GET", query=[("location", None)])
    # (Properties of a bucket are read through a link and changed at the source; its ACL is its own.)
    for name in ("cors", "policy", "lifecycle", "website", "encryption"):
        for method in ("GET", "PUT", "DELETE"):
            r.ask(f"{method} ?{name}", method, query=[(name, None)])
    for name in ("versioning", "versions", "tagging"):
        r.ask(f"GET ?{name}", "GET", query=[(name, None)])
    r.ask("object acl", "GET", "a/1", query=[("acl", None)])
    r.ask("post without", "POST", "a/1")
    r.ask("last list", "GET")


def compare(one, other):
    """Asserts that two recordings say the same."""
    for mine, theirs in zip(one.answers, other.answers, strict=True):
        assert mine[:3] == theirs[:3], mine[0]
        assert mine[3] == theirs[3], mine[0]


@pytest.fixture(scope="module")
def direct(server):
    """The recording that all others are compared with."""
    recorder = Recorder(server.raw(), server.create_direct("diff"))
    script(recorder)
    return recorder


#: What else a link can say, and still show all of its source or of a prefix of it.
OPTIONS = {
    "prefix": ("--prefix", "some/where/"),
    "prefix without a slash": ("--prefix", "a"),
    "by id": ("--bind", "id"),
    "delegated": ("--delegate",),
    "that expires": ("--expires", "7d"),
}


@pytest.mark.parametrize("shape", ["again", "to another volume", "to the same volume", "chain of 16",
                                   "chain of prefixes", *OPTIONS])
def test_every_operation(server, direct, shape):
    name = server.name("diff")
    if shape == "again":
        # Without a link: what is compared must itself be stable.
        server.client().create_bucket(Bucket=name)
        server.buckets.add(name)
    elif not server.ours:
        pytest.skip("a foreign server has no links")
    elif shape == "to another volume":
        server.daemon.cli("bucket", "create", f"/vol1/{name}")
        server.daemon.cli("bucket", "link", f"/vol1/{name}", f"/s3v/{name}")
    elif shape == "to the same volume":
        server.daemon.cli("bucket", "create", f"/s3v/{name}-source")
        server.daemon.cli("bucket", "link", f"/s3v/{name}-source", f"/s3v/{name}")
    elif shape in OPTIONS:
        noise(server, f"/vol1/{name}")
        server.daemon.cli("bucket", "link", f"/vol1/{name}", f"/s3v/{name}", *OPTIONS[shape])
        if "--prefix" not in OPTIONS[shape]:
            quiet(server, f"/vol1/{name}")
    else:
        target = f"/vol1/{name}"
        how = ["--prefix", "x/"] if "prefixes" in shape else []
        noise(server, target)
        for hop in range(15):
            server.daemon.cli("bucket", "link", target, f"/vol1/{name}-{hop}", *how)
            target = f"/vol1/{name}-{hop}"
        server.daemon.cli("bucket", "link", target, f"/s3v/{name}", *how)
        if not how:
            quiet(server, f"/vol1/{name}")
    recorder = Recorder(server.raw(), name)
    script(recorder)
    compare(direct, recorder)


#: Keys of a source that its links with a prefix must not show: before, behind and around theirs.
NOISE = ["!", "a", "some/where", "some/where/", "some/wherf", "some", "x", "x/", "z", "zz"]


def noise(server, path):
    """A bucket with keys that are nobody's business."""
    daemon = server.daemon
    daemon.cli("bucket", "create", path)
    look = server.name("noise")
    daemon.cli("bucket", "link", path, f"/s3v/{look}")
    for key in NOISE:
        assert server.raw().request("PUT", sigv4.object_path(look, key), body=b"noise").status == 200
    daemon.cli("bucket", "delete", f"/s3v/{look}")


def quiet(server, path):
    """Takes that away again."""
    look = server.name("noise")
    server.daemon.cli("bucket", "link", path, f"/s3v/{look}")
    for key in NOISE:
        assert server.raw().request("DELETE", sigv4.object_path(look, key)).status == 204
    server.daemon.cli("bucket", "delete", f"/s3v/{look}")


class Pair(Recorder):
    """Sends what reads to both names and what writes to the second, after the first refused it."""

    def __init__(self, raw, shown, source):
        super().__init__(raw, source)
        self.shown = shown
        self.refused = 0

    def ask(self, label, method, key="", **how):
        def path(bucket):
            return sigv4.object_path(bucket, key) if key else f"/{bucket}"

        answer = self.raw.request(method, path(self.shown), **how)
        other = super().ask(label, method, key, **how)
        self.judge(label, method, answer, other)
        return other

    def note(self, label, answer):
        return answer

    def judge(self, label, method, answer, other):
        """A read is answered as by the source, a write never."""
        if method in ("GET", "HEAD"):
            one, two = Recorder(self.raw, self.shown), Recorder(self.raw, self.bucket)
            Recorder.note(one, label, answer)
            Recorder.note(two, label, other)
            compare(one, two)
        elif other.status < 300 or answer.status == 403:
            assert (answer.status, answer.code) == (403, "AccessDenied"), (label, answer)
            self.refused += 1
        else:
            # Refused before anybody asked what the bucket is.
            assert (answer.status, answer.code) == (other.status, other.code), (label, answer)


def test_read_only_refuses_exactly_the_writes(server, daemon):
    source, shown = server.create_direct("ro"), server.name("ro")
    daemon.cli("bucket", "link", f"/s3v/{source}", f"/s3v/{shown}", "--read-only")
    pair = Pair(server.raw(), shown, source)
    script(pair)
    assert pair.refused > 30
    # Deleting the link is not writing through it.
    assert server.raw().request("DELETE", f"/{shown}").status == 204
    assert server.raw().request("HEAD", f"/{source}").status == 200


def test_one_state_under_two_names(server, daemon):
    """Each write under one name is read under the other, and both say the same of it."""
    source = server.create_direct("same")
    link = server.name("same")
    daemon.cli("bucket", "link", f"/s3v/{source}", f"/s3v/{link}")
    raw = server.raw()

    def both(method, key="", **how):
        pair = []
        for name in (source, link):
            recorder = Recorder(raw, name)
            recorder.ask("", method, key, **how)
            (_, status, headers, body) = recorder.answers[0]
            pair.append((status, headers, body))
        assert pair[0] == pair[1]
        return pair[0]

    for writer, reader in ((source, link), (link, source)):
        # Not the name itself, which is taken out of what is compared.
        body = (b"one" if writer == source else b"two") * 20_000
        assert raw.request("PUT", f"/{writer}/k", body=body).status == 200
        assert raw.request("GET", f"/{reader}/k").body == body
        assert both("GET", "k")[0] == 200
        assert both("HEAD", "k")[0] == 200
        both("GET")
        both("GET", query=[("list-type", "2")])
        # An upload belongs to the bucket, not to the name it was started under.
        upload = raw.request("POST", f"/{writer}/m", query=[("uploads", None)]).xml().findtext("UploadId")
        both("GET", query=[("uploads", None)])
        one = raw.request("PUT", f"/{reader}/m", body=b"p" * PART,
                          query=[("partNumber", "1"), ("uploadId", upload)]).header("etag")
        two = raw.request("PUT", f"/{writer}/m", body=b"end",
                          query=[("partNumber", "2"), ("uploadId", upload)]).header("etag")
        both("GET", "m", query=[("uploadId", upload)])
        done = raw.request("POST", f"/{reader}/m", query=[("uploadId", upload)],
                           body=complete({1: one, 2: two}))
        assert done.status == 200, done
        assert raw.request("GET", f"/{writer}/m").body == b"p" * PART + b"end"
        for n in range(4):
            raw.request("PUT", f"/{writer}/page{n}")
        page = raw.request("GET", f"/{writer}", query=[("list-type", "2"), ("max-keys", "2")]).xml()
        token = page.findtext("NextContinuationToken")
        rest = raw.request("GET", f"/{reader}", query=[("list-type", "2"), ("continuation-token", token)])
        assert [e.text for e in rest.xml().iter("Key")] == [f"page{n}" for n in range(4)]
        # Copying a key onto itself is that under any pair of names.
        answer = raw.request("PUT", f"/{writer}/k", headers={"x-amz-copy-source": f"{reader}/k"})
        assert (answer.status, answer.code) == (400, "InvalidRequest"), answer
        for key in ("k", "m", "page0", "page1", "page2", "page3"):
            assert raw.request("DELETE", f"/{reader}/{key}").status == 204
            assert both("GET", key)[0] == 404
