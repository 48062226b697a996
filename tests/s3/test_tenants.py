"""Access ids of tenants: their S3 namespace is the tenant's volume, and nothing else."""

import pytest
from harness.daemon import wait_until
from harness.expect import refused
from harness.raw import Raw

SECRET = "s" * 40


class Tenant:
    """A tenant with a user, who signs with an access id of it."""

    def __init__(self, server, name):
        self.server, self.name = server, name
        daemon = server.daemon
        daemon.cli("tenant", "create", name)
        self.ids = {}

    def user(self, user, fresh=True):
        """A boto3 client with an access id of the tenant."""
        daemon = self.server.daemon
        if fresh:
            daemon.cli("user", "create", user, "--access-key", f"K{user}", "--secret-key", SECRET)
        daemon.cli("tenant", "user", "assign", user, "--tenant", self.name)
        access_id = f"{self.name}${user}"
        done = daemon.cli_result("tenant", "user", "setsecret", access_id, input=SECRET + "\n")
        assert done.returncode == 0, done
        return self.server.client(access_id, SECRET)


@pytest.fixture
def tenant(server, daemon):
    """A new tenant."""
    return Tenant(server, server.name("tenant"))


def names(s3):
    """The buckets a caller sees."""
    return {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}


def test_a_tenant_is_a_namespace_of_its_own(server, s3, daemon, tenant):
    user = server.name("user")
    bob = tenant.user(user)
    shared, own = server.create_direct("shared"), server.name("own")
    s3.put_object(Bucket=shared, Key="k", Body=b"of s3v")
    assert names(bob) == set()
    with refused(404, "NoSuchBucket"):
        bob.get_object(Bucket=shared, Key="k")
    # The same name is another bucket.
    bob.create_bucket(Bucket=shared)
    bob.put_object(Bucket=shared, Key="k", Body=b"of the tenant")
    bob.create_bucket(Bucket=own)
    bob.copy_object(Bucket=own, Key="copy", CopySource=f"{shared}/k")
    assert bob.get_object(Bucket=own, Key="copy")["Body"].read() == b"of the tenant"
    assert s3.get_object(Bucket=shared, Key="k")["Body"].read() == b"of s3v"
    assert names(bob) == {shared, own} and own not in names(s3)
    assert daemon.cli_json("bucket", "info", f"/{tenant.name}/{own}")["owner"] == user
    with refused(404, "NoSuchBucket"):
        s3.list_objects_v2(Bucket=own)
    # The user's access key of no tenant is no way in.
    plain = server.client(f"K{user}", SECRET)
    with refused(404, "NoSuchBucket"):
        plain.list_objects_v2(Bucket=own)
    bob.delete_object(Bucket=own, Key="copy")
    bob.delete_bucket(Bucket=own)
    assert names(bob) == {shared}


def test_presigned_urls_of_access_ids(server, tenant):
    user = server.name("user")
    bob = tenant.user(user)
    bob.create_bucket(Bucket="presigned")
    bob.put_object(Bucket="presigned", Key="k", Body=b"x")
    signer = Raw(server.host, server.port, f"{tenant.name}${user}", SECRET)
    bob = server.client(f"{tenant.name}${user}", SECRET, signature_version="s3v4")
    url = bob.generate_presigned_url("get_object", Params={"Bucket": "presigned", "Key": "k"})
    target = url.partition(f"{server.port}")[2]
    answer = signer.send(f"GET {target} HTTP/1.1\r\nhost: {signer.host}\r\n\r\n".encode())
    assert (answer.status, answer.body) == (200, b"x"), answer


def test_users_of_a_tenant_see_its_buckets_and_own_theirs(server, tenant):
    bob, eve = tenant.user(server.name("bob")), tenant.user(server.name("eve"))
    bob.create_bucket(Bucket="of-bob")
    bob.put_object(Bucket="of-bob", Key="k", Body=b"x")
    assert names(eve) == {"of-bob"}
    with refused(403, "AccessDenied"):
        eve.get_object(Bucket="of-bob", Key="k")
    with refused(403, "AccessDenied"):
        eve.delete_bucket(Bucket="of-bob")


def test_a_bucket_is_shown_to_a_tenant_by_a_delegated_link(server, s3, daemon, tenant):
    """The tenant needs no right on the volume behind the link."""
    user = server.name("user")
    bob = tenant.user(user)
    volume = server.name("behind")
    daemon.cli("volume", "create", f"/{volume}")
    daemon.cli("bucket", "create", f"/{volume}/data")
    daemon.cli("tenant", "linkbucket", f"/{volume}/data", f"/{tenant.name}/data", "--delegate")
    with refused(403, "AccessDenied"):
        bob.put_object(Bucket="data", Key="k", Body=b"x")
    daemon.cli("bucket", "addacl", f"/{tenant.name}/data", "--acl", f"user:{user}:rwl")
    bob.put_object(Bucket="data", Key="k", Body=b"x")
    assert bob.list_objects_v2(Bucket="data")["KeyCount"] == 1
    daemon.cli("link", "revoke", f"/{tenant.name}/data")
    with refused(403, "AccessDenied"):
        bob.get_object(Bucket="data", Key="k")


def test_an_access_id_that_is_revoked_signs_no_more(server, daemon, tenant):
    user = server.name("user")
    bob = tenant.user(user)
    bob.create_bucket(Bucket="kept")
    daemon.cli("tenant", "user", "revoke", f"{tenant.name}${user}")
    with refused(403, "InvalidAccessKeyId"):
        bob.list_buckets()


def test_both_secrets_sign_while_one_replaces_the_other(server, daemon):
    user = server.name("user")
    daemon.cli("user", "create", user, "--access-key", f"K{user}", "--secret-key", SECRET)
    old = Raw(server.host, server.port, f"K{user}", SECRET)
    new = Raw(server.host, server.port, f"K{user}", "n" * 40)
    done = daemon.cli_result("s3", "setsecret", user, "--keep-old", "1h", input="n" * 40 + "\n")
    assert done.returncode == 0, done
    for _ in range(3):
        assert old.request("GET", "/").status == 200
        assert new.request("GET", "/").status == 200
    done = daemon.cli_result("s3", "setsecret", user, "--keep-old", "1s", input="m" * 40 + "\n")
    assert done.returncode == 0, done
    # The one before the last is forgotten at once, the last when its time is over.
    assert old.request("GET", "/").status == 403
    wait_until("the old secret ends", lambda: new.request("GET", "/").status == 403)
    assert Raw(server.host, server.port, f"K{user}", "m" * 40).request("GET", "/").status == 200


def test_a_link_that_expires_leads_nowhere(server, s3, daemon):
    bucket, link = server.create_direct(), server.name("expires")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    daemon.cli("bucket", "link", f"/s3v/{bucket}", f"/s3v/{link}", "--expires", "2s")
    raw = server.raw()
    wait_until("the link expires", lambda: raw.request("GET", f"/{link}/k").status != 200)
    answer = raw.request("GET", f"/{link}/k")
    assert (answer.status, answer.code) == (404, "NoSuchBucket")
    assert raw.request("HEAD", f"/{link}").status == 404
    assert link in names(s3)
    s3.delete_bucket(Bucket=link)
    assert raw.request("GET", f"/{bucket}/k").body == b"x"


def test_a_protected_bucket_says_why_it_stays(server, daemon):
    name, link = server.name("kept"), server.name("link")
    daemon.cli("bucket", "create", f"/s3v/{name}", "--protected")
    daemon.cli("bucket", "link", f"/s3v/{name}", f"/s3v/{link}")
    raw = server.raw()
    answer = raw.request("DELETE", f"/{name}")
    assert (answer.status, answer.code) == (409, "BucketNotEmpty")
    assert link in answer.xml().findtext("Message"), answer
    assert raw.request("PUT", f"/{name}/k", body=b"x").status == 200
    assert raw.request("DELETE", f"/{name}/k").status == 204
    assert raw.request("DELETE", f"/{link}").status == 204
    assert raw.request("DELETE", f"/{name}").status == 204
