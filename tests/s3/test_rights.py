"""Which right each operation needs, and what a link, a volume and an object's own list do to it.

A user has one right at a time on the bucket; every operation must then succeed or be refused as the
table says, by the bucket's own name and through links.
"""

import pytest
from harness import sigv4
from harness.raw import Raw

PART = b"p" * 100
SECRET = "s" * 40

#: Operation -> letters of the rights of which one is enough. `c` writes what is not there yet.
NEEDS = {
    "GetObject": "r", "HeadObject": "r", "GetObjectAttributes": "r", "GetObjectTagging": "r",
    "CopyObject from": "r", "UploadPartCopy from": "r", "GetBucketTagging": "r",
    "GetBucketVersioning": "r",
    "ListObjects": "l", "ListObjectsV2": "l", "ListObjectVersions": "l", "HeadBucket": "l",
    "GetBucketLocation": "l", "ListMultipartUploads": "l",
    "PutObject": "wc", "CopyObject": "wc", "CreateMultipartUpload": "wc",
    "PutObject over": "w", "CopyObject over": "w", "PutObjectTagging": "w",
    "DeleteObjectTagging": "w", "UploadPart": "w", "UploadPartCopy": "w",
    "CompleteMultipartUpload": "w", "AbortMultipartUpload": "w", "ListParts": "w",
    "DeleteObject": "d", "DeleteObjects": "d",
    "GetBucketAcl": "x", "GetObjectAcl": "x", "PutObjectAcl": "y",
}
LETTERS = "rwcdlxy"


class Stage:
    """A bucket of a volume with objects and uploads, made by its owner."""

    def __init__(self, server, user):
        self.server, self.user = server, user
        self.owner = server.raw()
        self.volume = server.name("vol")
        self.mine = server.create_direct("mine")
        daemon = server.daemon
        daemon.cli("user", "create", user, "--access-key", f"K{user}", "--secret-key", SECRET)
        self.raw = Raw(*self.owner.address, f"K{user}", SECRET)
        daemon.cli("volume", "create", f"/{self.volume}")
        daemon.cli("bucket", "create", f"/{self.volume}/data")
        self.path = f"/{self.volume}/data"
        self.show = self.link("direct")
        # What the user copies from and to where it may.
        self.own = server.name("own")
        assert self.raw.request("PUT", f"/{self.own}").status == 200
        self.raw.request("PUT", f"/{self.own}/k", body=b"own")

    def link(self, kind, source=None, *options):
        """A link in `s3v`, for whoever signed in to read."""
        name = self.server.name(kind)
        self.server.daemon.cli("bucket", "link", source or self.path, f"/s3v/{name}", *options)
        return name

    def acl(self, verb, what, path, rule):
        """Gives or takes rights."""
        self.server.daemon.cli(what, verb, path, "--acl", rule)

    def attempt(self, operation, bucket):
        """Sends one operation as the user to objects that the owner made anew; the answer."""
        owner, raw, path = self.owner, self.raw, f"/{bucket}/k"
        admin = f"/{self.show}"
        owner.request("PUT", f"{admin}/k", body=b"body", headers={"x-amz-tagging": "a=b"})
        upload = ""
        if operation in ("UploadPart", "UploadPartCopy", "CompleteMultipartUpload",
                         "AbortMultipartUpload", "ListParts"):
            upload = owner.request("POST", f"{admin}/k", query=[("uploads", None)]).xml()
            upload = upload.findtext("UploadId")
            etag = owner.request("PUT", f"{admin}/k", body=PART, query=[
                ("partNumber", "1"), ("uploadId", upload)]).header("etag")
        named, own = f"/{self.own}/k", {"x-amz-copy-source": f"{self.own}/k"}
        new, this = f"/{bucket}/{self.server.name('new')}", {"x-amz-copy-source": f"{bucket}/k"}
        tags = b"<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>"
        key = b"<Delete><Object><Key>k</Key></Object></Delete>"
        ask = raw.request
        match operation:
            case "GetObject":
                return ask("GET", path)
            case "HeadObject":
                return ask("HEAD", path)
            case "GetObjectAttributes":
                return ask("GET", path, query=[("attributes", None)],
                           headers={"x-amz-object-attributes": "ETag"})
            case "GetObjectTagging":
                return ask("GET", path, query=[("tagging", None)])
            case "CopyObject from":
                return ask("PUT", f"{named}2", headers=this)
            case "UploadPartCopy from":
                mine = ask("POST", named, query=[("uploads", None)]).xml().findtext("UploadId")
                return ask("PUT", named, query=[("partNumber", "1"), ("uploadId", mine)], headers=this)
            case "GetBucketTagging":
                return ask("GET", f"/{bucket}", query=[("tagging", None)])
            case "GetBucketVersioning":
                return ask("GET", f"/{bucket}", query=[("versioning", None)])
            case "ListObjects":
                return ask("GET", f"/{bucket}")
            case "ListObjectsV2":
                return ask("GET", f"/{bucket}", query=[("list-type", "2")])
            case "ListObjectVersions":
                return ask("GET", f"/{bucket}", query=[("versions", None)])
            case "HeadBucket":
                return ask("HEAD", f"/{bucket}")
            case "GetBucketLocation":
                return ask("GET", f"/{bucket}", query=[("location", None)])
            case "ListMultipartUploads":
                return ask("GET", f"/{bucket}", query=[("uploads", None)])
            case "PutObject":
                return ask("PUT", new, body=b"x")
            case "CopyObject":
                return ask("PUT", new, headers=own)
            case "CreateMultipartUpload":
                return ask("POST", new, query=[("uploads", None)])
            case "PutObject over":
                return ask("PUT", path, body=b"x")
            case "CopyObject over":
                return ask("PUT", path, headers=own)
            case "PutObjectTagging":
                return ask("PUT", path, query=[("tagging", None)], body=tags)
            case "DeleteObjectTagging":
                return ask("DELETE", path, query=[("tagging", None)])
            case "UploadPart":
                return ask("PUT", path, query=[("partNumber", "2"), ("uploadId", upload)], body=PART)
            case "UploadPartCopy":
                return ask("PUT", path, query=[("partNumber", "2"), ("uploadId", upload)],
                           headers=own)
            case "CompleteMultipartUpload":
                body = ("<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
                        f"<ETag>{etag}</ETag></Part></CompleteMultipartUpload>").encode()
                return ask("POST", path, query=[("uploadId", upload)], body=body)
            case "AbortMultipartUpload":
                return ask("DELETE", path, query=[("uploadId", upload)])
            case "ListParts":
                return ask("GET", path, query=[("uploadId", upload)])
            case "DeleteObject":
                return ask("DELETE", path)
            case "DeleteObjects":
                return ask("POST", f"/{bucket}", query=[("delete", None)], body=key,
                           headers={"content-md5": md5(key)})
            case "GetBucketAcl":
                return ask("GET", f"/{bucket}", query=[("acl", None)])
            case "GetObjectAcl":
                return ask("GET", path, query=[("acl", None)])
            case "PutObjectAcl":
                return ask("PUT", path, query=[("acl", None)], headers={"x-amz-acl": "private"})
        raise AssertionError(operation)

    def allowed(self, operation, bucket):
        """Whether the user may do it; whatever is neither is a failure."""
        answer = self.attempt(operation, bucket)
        if answer.status == 403 or b"<Code>AccessDenied" in answer.body:
            return False
        assert answer.status < 300 or answer.code == "NoSuchTagSet", (operation, answer)
        return True


def md5(body):
    """The value of a Content-MD5 header."""
    return sigv4.base64.b64encode(sigv4.hashlib.md5(body).digest()).decode()


@pytest.fixture(scope="module")
def stage(server):
    """A stage with a user who has no rights yet but on the volume and the links."""
    if not server.ours:
        pytest.skip("a foreign server has no rights of ours")
    stage = Stage(server, server.name("rights"))
    stage.acl("addacl", "volume", f"/{stage.volume}", f"user:{stage.user}:r")
    return stage


def test_without_rights_nothing(stage):
    name = stage.link("none")
    stage.acl("addacl", "bucket", f"/s3v/{name}", f"user:{stage.user}:a")
    for operation in NEEDS:
        assert not stage.allowed(operation, name), operation


@pytest.mark.parametrize("letter", LETTERS)
def test_each_right_allows_its_operations(stage, letter):
    name = stage.link("one")
    stage.acl("addacl", "bucket", f"/s3v/{name}", f"user:{stage.user}:r")
    stage.acl("setacl", "bucket", stage.path, f"user:{stage.user}:{letter}")
    try:
        for operation, letters in NEEDS.items():
            assert stage.allowed(operation, name) == (letter in letters), operation
    finally:
        stage.acl("removeacl", "bucket", stage.path, f"user:{stage.user}:a")


def test_every_link_on_the_way_must_be_readable(stage):
    inner = stage.link("inner")
    outer = stage.link("outer", f"/s3v/{inner}")
    stage.acl("setacl", "bucket", stage.path, f"user:{stage.user}:a")
    try:
        assert not stage.allowed("GetObject", outer)
        stage.acl("addacl", "bucket", f"/s3v/{outer}", f"user:{stage.user}:a")
        assert not stage.allowed("GetObject", outer)
        stage.acl("addacl", "bucket", f"/s3v/{inner}", f"user:{stage.user}:r")
        for operation in NEEDS:
            assert stage.allowed(operation, outer), operation
        stage.acl("removeacl", "bucket", f"/s3v/{outer}", f"user:{stage.user}:r")
        for operation in NEEDS:
            assert not stage.allowed(operation, outer), operation
    finally:
        stage.acl("removeacl", "bucket", stage.path, f"user:{stage.user}:a")


def test_the_volume_must_be_readable_unless_the_link_is_delegated(stage):
    plain, delegated = stage.link("plain"), stage.link("deleg", None, "--delegate")
    user = f"user:{stage.user}"
    stage.acl("addacl", "bucket", f"/s3v/{plain}", f"{user}:rl")
    stage.acl("addacl", "bucket", f"/s3v/{delegated}", f"{user}:rl")
    stage.acl("setacl", "bucket", stage.path, f"{user}:rlw")
    stage.acl("removeacl", "volume", f"/{stage.volume}", f"{user}:r")
    try:
        for operation, letters in NEEDS.items():
            assert not stage.allowed(operation, plain), operation
            # The delegated link's own list decides, and what the bucket gives more does not count.
            right = bool(set("rl") & set(letters))
            assert stage.allowed(operation, delegated) == right, operation
        stage.server.daemon.cli("link", "revoke", f"/s3v/{delegated}")
        assert not stage.allowed("GetObject", delegated)
    finally:
        stage.acl("removeacl", "bucket", stage.path, f"{user}:a")
        stage.acl("addacl", "volume", f"/{stage.volume}", f"{user}:r")


def test_lists_of_prefixes_add(stage):
    name, user = stage.link("plain"), f"user:{stage.user}"
    stage.acl("addacl", "bucket", f"/s3v/{name}", f"{user}:r")
    stage.owner.request("PUT", f"/{stage.show}/open/k", body=b"open")
    stage.acl("addacl", "prefix", f"{stage.path}/open/", f"{user}:rwd")
    ask = stage.raw.request
    assert ask("GET", f"/{name}/open/k").body == b"open"
    assert ask("GET", f"/{name}/k").status == 403
    assert ask("PUT", f"/{name}/open/new", body=b"x").status == 200
    assert ask("PUT", f"/{name}/openx", body=b"x").status == 403
    body = b"<Delete><Object><Key>open/k</Key></Object><Object><Key>k</Key></Object></Delete>"
    done = ask("POST", f"/{name}", query=[("delete", None)], body=body,
               headers={"content-md5": md5(body)}).xml()
    assert [e.findtext("Key") for e in done.iter("Deleted")] == ["open/k"]
    assert [(e.findtext("Key"), e.findtext("Code")) for e in done.iter("Error")] == [
        ("k", "AccessDenied")]
    # Through a link with a prefix it is still the key in the bucket that counts.
    inner = stage.link("inner", None, "--prefix", "open/")
    stage.acl("addacl", "bucket", f"/s3v/{inner}", f"{user}:r")
    stage.owner.request("PUT", f"/{stage.show}/open/k", body=b"again")
    assert ask("GET", f"/{inner}/k").body == b"again"
    stage.acl("setacl", "prefix", f"{stage.path}/open/", f"{user}:n")
    assert ask("GET", f"/{inner}/k").status == 403
    # Whoever wrote an object reads it, as long as the way there is open.
    assert ask("GET", f"/{inner}/new").body == b"x"


def test_lists_of_objects_add(stage):
    name, user = stage.link("plain"), f"user:{stage.user}"
    stage.acl("addacl", "bucket", f"/s3v/{name}", f"{user}:r")
    ask = stage.raw.request
    for key in ("one", "two"):
        stage.owner.request("PUT", f"/{stage.show}/{key}", body=key.encode())
    stage.acl("addacl", "key", f"{stage.path}/one", f"{user}:rd")
    assert ask("GET", f"/{name}/one").body == b"one"
    assert ask("GET", f"/{name}/two").status == 403
    assert ask("PUT", f"/{name}/one", body=b"x").status == 403
    assert ask("DELETE", f"/{name}/two").status == 403
    assert ask("DELETE", f"/{name}/one").status == 204
    # The list went with the object.
    stage.owner.request("PUT", f"/{stage.show}/one", body=b"new")
    assert ask("GET", f"/{name}/one").status == 403
    assert ask("DELETE", f"/{name}/one").status == 403


def test_who_may_only_create_never_overwrites(stage):
    name, user = stage.link("plain"), f"user:{stage.user}"
    stage.acl("addacl", "bucket", f"/s3v/{name}", f"{user}:r")
    stage.acl("setacl", "bucket", stage.path, f"{user}:c")
    ask, key = stage.raw.request, stage.server.name("created")
    try:
        path = f"/{name}/{key}"
        assert ask("PUT", path, body=b"first").status == 200
        assert ask("PUT", path, body=b"second").status == 403
        assert ask("PUT", path, body=b"third", headers={"if-none-match": "*"}).status == 412
        assert ask("PUT", path, body=b"fourth", headers={"if-match": "*"}).status == 403
        assert ask("PUT", path, headers={"x-amz-copy-source": f"{stage.own}/k"}).status == 403
        # An upload of one's own, but not over what is there.
        for target, expected in ((f"{path}-multi", 200), (path, 403)):
            upload = ask("POST", target, query=[("uploads", None)]).xml().findtext("UploadId")
            part = [("partNumber", "1"), ("uploadId", upload)]
            etag = ask("PUT", target, query=part, body=PART).header("etag")
            assert ask("GET", target, query=[("uploadId", upload)]).status == 200
            body = ("<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
                    f"<ETag>{etag}</ETag></Part></CompleteMultipartUpload>").encode()
            done = ask("POST", target, query=[("uploadId", upload)], body=body)
            assert done.status == expected, done
        assert stage.owner.request("GET", f"/{stage.show}/{key}").body == b"first"
    finally:
        stage.acl("removeacl", "bucket", stage.path, f"{user}:a")


def test_canned_lists_open_objects_only_to_who_gets_there(stage):
    name, key = stage.link("plain"), stage.server.name("canned")
    stage.owner.request("PUT", f"/{stage.show}/{key}", body=b"open",
                        headers={"x-amz-acl": "public-read"})
    assert stage.raw.request("GET", f"/{name}/{key}").status == 403
    stage.acl("addacl", "bucket", f"/s3v/{name}", f"user:{stage.user}:r")
    assert stage.raw.request("GET", f"/{name}/{key}").body == b"open"
    assert stage.raw.request("GET", f"/{name}/{key}", query=[("tagging", None)]).status == 403


def test_a_public_bucket_is_not_deleted_by_strangers(server, stage):
    name = server.name("public")
    assert stage.owner.request("PUT", f"/{name}", headers={"x-amz-acl": "public-read-write"}).status == 200
    assert stage.raw.request("PUT", f"/{name}/k", body=b"x").status == 200
    assert stage.raw.request("DELETE", f"/{name}/k").status == 204
    assert stage.raw.request("DELETE", f"/{name}").status == 403
    assert stage.raw.request("PUT", f"/{name}", query=[("tagging", None)],
                             body=b"<Tagging><TagSet></TagSet></Tagging>").status == 403


def test_groups_and_the_world(stage):
    name, daemon = stage.link("plain"), stage.server.daemon
    stage.acl("addacl", "bucket", f"/s3v/{name}", "world::r")
    group = stage.server.name("group")
    stage.acl("setacl", "bucket", stage.path, f"group:{group}:r")
    try:
        assert not stage.allowed("GetObject", name)
        daemon.cli("user", "update", stage.user, "--group", group)
        assert stage.allowed("GetObject", name)
        assert not stage.allowed("ListObjects", name)
        anonymous = stage.raw.send(
            f"GET /{name}/k HTTP/1.1\r\nhost: {stage.raw.host}\r\n\r\n".encode())
        assert anonymous.status == 403
    finally:
        stage.acl("removeacl", "bucket", stage.path, f"group:{group}:a")
