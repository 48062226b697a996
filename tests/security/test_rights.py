"""Who may do what: rows S13 to S23 of docs/security.md, as far as other suites have them not."""

import base64
import hashlib

import pytest
from harness.raw import Raw, exchange

DENIED = (403, "AccessDenied")


def status(raw, method, path, **how):
    """Status and code of an answer."""
    answer = raw.request(method, path, **how)
    return answer.status, answer.code


def md5(body):
    """The header that DeleteObjects wants."""
    return {"content-md5": base64.b64encode(hashlib.md5(body).digest()).decode()}


@pytest.fixture
def secret(raw, bucket):
    """A bucket with an object that nobody else may read."""
    assert raw.request("PUT", f"/{bucket}/secret", body=b"nobody's business").status == 200
    return bucket


def test_s13_copies_ask_for_rights_on_both_sides(server, daemon, raw, stranger, secret):
    """Of objects and of parts, directly and through links, whatever the source is called."""
    own, link, narrow = server.name("own"), server.name("link"), server.name("narrow")
    assert stranger.request("PUT", f"/{own}").status == 200
    daemon.cli("bucket", "link", f"/s3v/{secret}", f"/s3v/{link}")
    daemon.cli("bucket", "link", f"/s3v/{secret}", f"/s3v/{narrow}", "--prefix", "sec")
    upload = stranger.request("POST", f"/{own}/big", query=[("uploads", None)]).xml()
    part = [("partNumber", "1"), ("uploadId", upload.findtext("UploadId"))]
    sources = [f"/{secret}/secret", f"{secret}/secret", f"/{link}/secret", f"/{narrow}/ret",
               f"/{secret}/%73ecret", f"/{secret}/secret?versionId=null", f"/{secret}/not-there"]
    for source in sources:
        headers = {"x-amz-copy-source": source}
        assert status(stranger, "PUT", f"/{own}/copy", headers=headers) == DENIED, source
        assert status(stranger, "PUT", f"/{own}/big", query=part, headers=headers) == DENIED, source
        # The other way round: to where nothing may be written.
        back = {"x-amz-copy-source": f"/{own}/none"}
        assert status(stranger, "PUT", f"/{secret}/new", headers=back) == DENIED
    assert raw.request("GET", f"/{own}/copy").status == 404
    # The right to read the link is none on the source; both together are enough.
    daemon.cli("bucket", "addacl", f"/s3v/{link}", "--acl", f"user:{stranger.user}:r")
    headers = {"x-amz-copy-source": f"/{link}/secret"}
    assert status(stranger, "PUT", f"/{own}/copy", headers=headers) == DENIED
    daemon.cli("bucket", "addacl", f"/s3v/{secret}", "--acl", f"user:{stranger.user}:r")
    assert stranger.request("PUT", f"/{own}/copy", headers=headers).status == 200
    # Another key than the prefix shows is not reached, however it is spelled.
    for key in ("../secret", "..%2Fsecret", "/secret", "%2E%2E/secret"):
        headers = {"x-amz-copy-source": f"/{narrow}/{key}"}
        assert stranger.request("PUT", f"/{own}/copy2", headers=headers).status in (400, 403, 404)


@pytest.mark.parametrize("query", [[("versionId", "null")], [("versionId", "x")],
                                   [("partNumber", "1")], [("attributes", None)],
                                   [("response-content-type", "a/b")]])
def test_s14_no_parameter_opens_an_object(stranger, secret, query):
    headers = {"x-amz-object-attributes": "ETag"}
    for method in ("GET", "HEAD"):
        answer = stranger.request(method, f"/{secret}/secret", query=query, headers=headers)
        if (method, query[0][0]) == ("HEAD", "attributes"):
            assert answer.status == 501
        elif query[0] == ("versionId", "x"):
            # No version at all; that much is seen without a look at anything.
            other = stranger.request(method, f"/{secret}/none", query=query, headers=headers)
            assert answer.status == other.status == 400, (method, answer)
        else:
            assert answer.status == 403, (method, answer)
    assert stranger.request("DELETE", f"/{secret}/secret", query=[("versionId", "null")]).status == 403


def test_s15_every_kind_of_listing_has_one_gate(server, raw, stranger, secret):
    for query in ([], [("list-type", "2")], [("versions", None)], [("uploads", None)],
                  [("list-type", "1")], [("versions", None), ("prefix", "")]):
        assert status(stranger, "GET", f"/{secret}", query=query) == DENIED, query
        anonymous = exchange(raw.address, raw.head("GET", f"/{secret}", query, {"host": raw.host}))
        assert (anonymous.status, anonymous.code) == DENIED, query
        assert b"secret" not in anonymous.body.replace(secret.encode(), b"")


def test_s16_conditions_tell_a_stranger_nothing(raw, stranger, secret):
    """There or not, matching or not: the answers are one."""
    etag = raw.request("HEAD", f"/{secret}/secret").header("etag")
    answers = set()
    for key in ("secret", "not-there"):
        for headers in ({}, {"if-match": etag}, {"if-none-match": etag}, {"if-match": '"0"'},
                        {"if-modified-since": "Thu, 01 Jan 1970 00:00:00 GMT"},
                        {"if-unmodified-since": "Thu, 01 Jan 1970 00:00:00 GMT"},
                        {"range": "bytes=0-0"}, {"range": "bytes=999999999-"}):
            answer = stranger.request("GET", f"/{secret}/{key}", headers=headers)
            message = answer.xml().findtext("Message")
            answers.add((answer.status, answer.code, message, tuple(sorted(
                n for n in answer.headers if n not in ("date", "x-amz-request-id")))))
            put = stranger.request("PUT", f"/{secret}/{key}", headers=headers, body=b"x")
            assert (put.status, put.code) == DENIED, (headers, put)
    assert len(answers) == 1, answers


def test_s17_nothing_gets_round_a_refusal(raw, stranger, secret):
    """Headers that ask for more than the rights give are refused or mean nothing."""
    for headers in ({"x-amz-bypass-governance-retention": "true"}, {"x-amz-mfa": "1 123456"},
                    {"x-amz-request-payer": "requester"}, {"x-amz-acl": "public-read-write"},
                    {"x-amz-grant-full-control": "id=1"}, {"x-amz-expected-bucket-owner": ""}):
        answer = stranger.request("DELETE", f"/{secret}/secret", headers=headers)
        assert answer.status in (403, 501), (headers, answer)
        answer = stranger.request("PUT", f"/{secret}/secret", headers=headers, body=b"x")
        assert answer.status in (400, 403, 501), (headers, answer)
    assert raw.request("GET", f"/{secret}/secret").body == b"nobody's business"


def test_s18_a_tenants_administrator_becomes_nobody_else(server, daemon, raw, stranger):
    """Who administers a tenant makes access ids of it for any user, and links to any bucket. None
    of that opens what those users have elsewhere."""
    tenant, victim, boss = server.name("tenant"), stranger, server.name("boss")
    theirs = server.name("theirs")
    assert victim.request("PUT", f"/{theirs}").status == 200
    assert victim.request("PUT", f"/{theirs}/k", body=b"the victim's").status == 200
    daemon.cli("tenant", "create", tenant)
    daemon.cli("user", "create", boss, "--access-key", f"K{boss}", "--secret-key", "b" * 40)
    daemon.cli("tenant", "user", "assign", boss, "--tenant", tenant)
    daemon.cli("tenant", "user", "assignadmin", f"{tenant}${boss}")
    as_boss = ("--as", f"{tenant}${boss}")
    for user in (victim.user, "admin"):
        keys = daemon.cli_json(*as_boss, "tenant", "user", "assign", user, "--tenant", tenant)
        keys = keys[0] if isinstance(keys, list) else keys
        thief = Raw(*raw.address, keys["awsAccessKey"], keys["awsSecret"])
        for n, source in enumerate((f"/s3v/{theirs}", f"/vol1/{theirs}")):
            link = f"steal-{user[-8:].strip('-')}-{n}"
            daemon.cli(*as_boss, "bucket", "link", source, f"/{tenant}/{link}")
            daemon.cli("bucket", "addacl", f"/{tenant}/{link}", "--acl", f"user:{user}:a")
            for method, path, how in [
                ("GET", f"/{link}/k", {}), ("GET", f"/{link}", {}), ("DELETE", f"/{link}/k", {}),
                ("PUT", f"/{link}/k", {"body": b"stolen"}), ("GET", f"/{link}", {"query": [("acl", None)]}),
            ]:
                answer = thief.request(method, path, **how)
                assert answer.status in (403, 404), (user, source, method, answer)
        # Nor by the admin protocol: the volumes of that user are not the access id's.
        done = daemon.cli_result("--as", keys["awsAccessKey"], "key", "list", f"/s3v/{theirs}")
        assert done.returncode != 0 and "PERMISSION_DENIED" in done.stderr, done
        done = daemon.cli_result("--as", keys["awsAccessKey"], "bucket", "link", f"/s3v/{theirs}",
                                 f"/{tenant}/open", "--delegate")
        assert done.returncode != 0, done
    assert victim.request("GET", f"/{theirs}/k").body == b"the victim's"


@pytest.mark.parametrize("name", ["aws:username", "aws-username", "username", "userid", "groups",
                                  "principaltype", "x-amz-user", "x-chainring-user", "x-remote-user",
                                  "x-forwarded-user", "x-access-key", "cookie", "x-http-method-override"])
def test_s19_no_header_says_who_or_what(raw, stranger, secret, name):
    """Rights depend on nothing that a client can write beside its signature."""
    if ":" not in name:
        for value in ("admin", "root", "DELETE", raw.signer.access_key):
            assert status(stranger, "GET", f"/{secret}/secret", headers={name: value}) == DENIED
            anonymous = raw.head("GET", f"/{secret}/secret", [], {"host": raw.host, name: value})
            assert exchange(raw.address, anonymous).status == 403
    else:
        query = [(name, "admin")]
        assert stranger.request("GET", f"/{secret}/secret", query=query).status in (403, 501)
    assert raw.request("GET", f"/{secret}/secret").status == 200


def test_s20_the_peer_is_who_the_connection_is_with(server, raw, bucket):
    """No header of a proxy changes whom we note."""
    headers = {"x-forwarded-for": "203.0.113.9", "forwarded": "for=203.0.113.9",
               "x-real-ip": "203.0.113.9", "client-ip": "203.0.113.9"}
    raw.request("PUT", f"/{bucket}/from-afar", body=b"x", headers=headers)
    line = server.line(what="PutObject", key="from-afar")
    assert line["peer"].startswith("127.0.0.1:")
    assert "203.0.113.9" not in server.audit.read_text()


def test_s21_what_a_client_names_is_never_ours(raw, bucket):
    """Metadata of clients and what the store keeps of an object are apart: nothing a client sends
    makes an object unreadable or something else."""
    names = ["x-amz-meta-x-amz-meta-a", "x-amz-meta-content-length", "x-amz-meta-etag",
             "x-amz-meta-owner", "x-amz-meta-acl", "x-amz-meta-x-chainring-size",
             "x-chainring-owner", "x-chainring-internal-size", "x-minio-internal-actual-size",
             "x-amz-replication-status", "x-amz-version-id", "x-amz-delete-marker", "x-amz-restore"]
    for n, name in enumerate(names):
        answer = raw.request("PUT", f"/{bucket}/k{n}", body=b"body", headers={name: "1"})
        assert answer.status in (200, 400, 501), (name, answer)
        if answer.status != 200:
            continue
        got = raw.request("GET", f"/{bucket}/k{n}")
        assert (got.status, got.body, got.header("content-length")) == (200, b"body", "4"), name
        assert got.header(name) == ("1" if name.startswith("x-amz-meta-") else None), name
        assert raw.request("PUT", f"/{bucket}/copy{n}",
                           headers={"x-amz-copy-source": f"/{bucket}/k{n}"}).status == 200


def test_s22_each_key_of_many_is_asked_for(daemon, raw, stranger, bucket):
    for key in ("mine/a", "mine/b", "yours/a"):
        raw.request("PUT", f"/{bucket}/{key}", body=b"x")
    daemon.cli("bucket", "addacl", f"/s3v/{bucket}", "--acl", f"user:{stranger.user}:l")
    daemon.cli("prefix", "addacl", f"/s3v/{bucket}/yours/", "--acl", f"user:{stranger.user}:d")
    names = ["mine/a", "yours/a", "mine/b", "yours/../mine/a", "none"]
    objects = "".join(f"<Object><Key>{key}</Key></Object>" for key in names)
    body = f"<Delete>{objects}</Delete>".encode()
    answer = stranger.request("POST", f"/{bucket}", query=[("delete", None)], body=body,
                              headers=md5(body)).xml()
    deleted = {e.findtext("Key") for e in answer.iter("Deleted")}
    refused = {e.findtext("Key"): e.findtext("Code") for e in answer.iter("Error")}
    assert deleted == {"yours/a", "yours/../mine/a"}, "what begins so is hers to delete"
    assert refused == {key: "AccessDenied" for key in ("mine/a", "mine/b", "none")}
    for key in ("mine/a", "mine/b"):
        assert raw.request("GET", f"/{bucket}/{key}").status == 200


def test_s23_without_a_user_nothing_is_open(server, daemon, raw, stranger):
    """A user who is gone is nobody, not an administrator; and what he owned is not everybody's."""
    left = server.name("left")
    assert stranger.request("PUT", f"/{left}").status == 200
    assert stranger.request("PUT", f"/{left}/k", body=b"x").status == 200
    daemon.cli("user", "delete", stranger.user)
    assert status(stranger, "GET", "/") == (403, "InvalidAccessKeyId")
    assert status(stranger, "GET", f"/{left}/k") == (403, "InvalidAccessKeyId")
    other = server.name("other")
    daemon.cli("user", "create", other, "--access-key", f"K{other}", "--secret-key", "o" * 40)
    somebody = server.raw(f"K{other}", "o" * 40)
    for method in ("GET", "PUT", "DELETE"):
        assert status(somebody, method, f"/{left}/k") == DENIED
    anonymous = exchange(raw.address, raw.head("GET", f"/{left}/k", [], {"host": raw.host}))
    assert (anonymous.status, anonymous.code) == DENIED
    # An empty access key is no user either.
    for key in ("", " ", "%00"):
        answer = exchange(raw.address, raw.build("GET", "/", edit=lambda headers: headers.update(
            authorization=headers["authorization"].replace(raw.signer.access_key, key, 1))))
        assert answer.status in (400, 403), (key, answer)
