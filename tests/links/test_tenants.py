"""Tenants: a volume of their own behind `tenant$user`, administrators, sharing by link; secrets."""

import json

import pytest
from harness.raw import Raw

from .conftest import get, put, status

DENIED = (403, "AccessDenied")


@pytest.fixture
def tenant(daemon, unique):
    """Makes a tenant and returns its name."""
    def make():
        name = unique("tenant")
        daemon.cli("tenant", "create", name)
        return name

    return make


@pytest.fixture
def member(daemon, user):
    """Assigns a user, a new one unless it is given, to a tenant; returns a client for its access id."""
    def make(tenant, who=None):
        who = who or user().name
        keys = daemon.cli_json("tenant", "user", "assign", who, "--tenant", tenant)
        keys = keys[0] if isinstance(keys, list) else keys
        assert keys["awsAccessKey"] == f"{tenant}${who}"
        return Raw("127.0.0.1", daemon.port, keys["awsAccessKey"], keys["awsSecret"])

    return make


def test_an_access_id_of_a_tenant_sees_the_tenants_volume(daemon, raw, tenant, member):
    name = tenant()
    alice, bob = member(name), member(name)
    assert alice.request("PUT", "/reports").status == 200
    put(alice, "reports", "k", b"ours")
    assert daemon.cli_json("bucket", "info", f"/{name}/reports")["volumeName"] == name
    assert status(raw, "GET", "/reports/k") == (404, "NoSuchBucket")
    assert status(bob, "GET", "/reports/k") == DENIED
    other = member(tenant())
    assert status(other, "GET", "/reports/k") == (404, "NoSuchBucket")
    assert other.request("PUT", "/reports").status == 200


def test_one_user_in_two_tenants_has_two_access_ids(daemon, tenant, member, user):
    one, two, who = tenant(), tenant(), user().name
    first, second = member(one, who), member(two, who)
    assert first.request("PUT", "/mine").status == 200
    assert status(second, "HEAD", "/mine")[0] == 404
    shown = json.dumps(daemon.cli_json("tenant", "user", "info", who))
    assert f"{one}${who}" in shown and f"{two}${who}" in shown


def test_a_link_shares_a_bucket_across_tenants(daemon, raw, tenant, member):
    lender, borrower = tenant(), tenant()
    owner, reader = member(lender), member(borrower)
    assert owner.request("PUT", "/data").status == 200
    put(owner, "data", "k", b"lent")
    daemon.cli("tenant", "linkbucket", f"/{lender}/data", f"/{borrower}/theirs")
    assert status(reader, "GET", "/theirs/k") == DENIED
    daemon.cli("bucket", "delete", f"/{borrower}/theirs")
    daemon.cli("bucket", "link", f"/{lender}/data", f"/{borrower}/theirs", "--delegate")
    daemon.cli("bucket", "addacl", f"/{borrower}/theirs", "--acl", "world::rl")
    assert get(reader, "theirs", "k") == b"lent"
    assert status(reader, "PUT", "/theirs/k", body=b"x") == DENIED
    assert reader.request("PUT", "/copies").status == 200
    answer = reader.request("PUT", "/copies/k", headers={"x-amz-copy-source": "/theirs/k"})
    assert answer.status == 200 and get(reader, "copies", "k") == b"lent"


def test_an_administrator_of_a_tenant_rules_in_it_and_nowhere_else(daemon, tenant, member, user):
    name, who = tenant(), user().name
    admin, alice = member(name, who), member(name)
    assert alice.request("PUT", "/hers").status == 200
    put(alice, "hers", "k")
    assert status(admin, "GET", "/hers/k") == DENIED
    daemon.cli("tenant", "user", "assignadmin", f"{name}${who}")
    assert get(admin, "hers", "k") == b"x"
    other = member(tenant())
    assert other.request("PUT", "/foreign").status == 200
    assert status(admin, "HEAD", "/foreign")[0] == 404
    daemon.cli("tenant", "user", "revokeadmin", f"{name}${who}")
    assert status(admin, "GET", "/hers/k") == DENIED


def test_a_revoked_access_id_opens_nothing(daemon, tenant, member, user):
    name, who = tenant(), user().name
    alice = member(name, who)
    assert alice.request("GET", "/").status == 200
    daemon.cli("tenant", "user", "revoke", f"{name}${who}")
    assert status(alice, "GET", "/") == (403, "InvalidAccessKeyId")


def test_a_tenant_with_users_stays_and_so_does_its_volume(daemon, refused, tenant, member, user):
    name, who = tenant(), user().name
    member(name, who)
    refused("TENANT_NOT_EMPTY", "tenant", "delete", name)
    refused("VOLUME_IS_REFERENCED", "volume", "delete", f"/{name}")
    refused("TENANT_ALREADY_EXISTS", "tenant", "create", name)
    refused("TENANT_USER_ACCESS_ID_ALREADY_EXISTS",
            "tenant", "user", "assign", who, "--tenant", name)
    refused("ACCESS_ID_NOT_FOUND", "tenant", "user", "revoke", f"{name}$nobody")
    refused("TENANT_NOT_FOUND", "tenant", "info", "no-such-tenant")
    daemon.cli("tenant", "user", "revoke", f"{name}${who}")
    daemon.cli("tenant", "delete", name)
    daemon.cli("volume", "delete", f"/{name}")


def test_the_old_secret_stays_good_while_it_is_kept(daemon, user):
    who = user()
    key = who.raw.signer.access_key
    assert who.raw.request("GET", "/").status == 200
    fresh = daemon.cli_json("s3", "setsecret", "--user", who.name, "--generate", "--keep-old", "1h")
    new = Raw("127.0.0.1", daemon.port, key, fresh["awsSecret"])
    assert new.request("GET", "/").status == who.raw.request("GET", "/").status == 200
    latest = daemon.cli_json("s3", "setsecret", "--user", who.name, "--generate")
    newest = Raw("127.0.0.1", daemon.port, key, latest["awsSecret"])
    assert newest.request("GET", "/").status == 200
    for old in (who.raw, new):
        assert status(old, "GET", "/") == (403, "SignatureDoesNotMatch")


def test_no_secret_lies_in_the_store_as_it_is(daemon, user):
    who = user()
    secret = who.raw.signer.secret_key.encode()
    files = [path for path in daemon.data.rglob("*") if path.is_file()]
    assert len(files) > 3
    for path in files:
        assert secret not in path.read_bytes(), path
