"""Who may do what through a link, and to a link."""

import pytest

from .conftest import get, keys, put, status

DENIED = (403, "AccessDenied")


def grant(daemon, kind, path, rule, *options):
    """Adds a rule to an access list."""
    daemon.cli(kind, "addacl", path, "--acl", rule, *options)


@pytest.fixture
def world(daemon, raw, bucket, link, user):
    """A bucket of vol1 with one object, a link to it, and somebody without any right."""
    source = bucket()
    name = link(source)
    put(raw, name, "k", b"secret")
    return source, name, user()


def open_volume(daemon, who):
    """The right to pass through vol1."""
    grant(daemon, "volume", "/vol1", f"user:{who.name}:r")


def test_following_a_link_needs_the_link_its_source_and_the_sources_volume(daemon, world):
    source, name, eve = world
    steps = [("bucket", f"/s3v/{name}", "r"), ("bucket", source, "r"), ("volume", "/vol1", "r")]
    for kind, path, rights in steps:
        assert status(eve.raw, "GET", f"/{name}/k") == DENIED, f"before {path}"
        grant(daemon, kind, path, f"user:{eve.name}:{rights}")
    assert get(eve.raw, name, "k") == b"secret"


@pytest.mark.parametrize("missing", range(4))
def test_every_link_of_a_chain_needs_read(daemon, raw, bucket, link, user, missing):
    source, eve = bucket(), user()
    chain = [link(source)]
    put(raw, chain[0], "k")
    for _ in range(3):
        chain.append(link(f"/s3v/{chain[-1]}"))
    open_volume(daemon, eve)
    grant(daemon, "bucket", source, f"user:{eve.name}:rl")
    for at, name in enumerate(chain):
        if at != missing:
            grant(daemon, "bucket", f"/s3v/{name}", f"user:{eve.name}:r")
    assert status(eve.raw, "GET", f"/{chain[-1]}/k") == DENIED
    grant(daemon, "bucket", f"/s3v/{chain[missing]}", f"user:{eve.name}:r")
    assert get(eve.raw, chain[-1], "k") == b"x"


def test_a_link_can_only_narrow(daemon, world):
    """All rights on the link give nothing that the source does not."""
    source, name, eve = world
    open_volume(daemon, eve)
    grant(daemon, "bucket", f"/s3v/{name}", f"user:{eve.name}:a")
    assert status(eve.raw, "GET", f"/{name}/k") == DENIED
    grant(daemon, "bucket", source, f"user:{eve.name}:r")
    assert get(eve.raw, name, "k") == b"secret"
    assert status(eve.raw, "PUT", f"/{name}/k", body=b"x") == DENIED
    assert status(eve.raw, "DELETE", f"/{name}/k") == DENIED
    assert status(eve.raw, "GET", f"/{name}") == DENIED
    grant(daemon, "bucket", source, f"user:{eve.name}:wdl")
    put(eve.raw, name, "k2")
    assert keys(eve.raw, name) == ["k", "k2"]
    assert eve.raw.request("DELETE", f"/{name}/k2").status == 204


def test_the_right_to_create_does_not_overwrite(daemon, world):
    source, name, eve = world
    open_volume(daemon, eve)
    for path in (source, f"/s3v/{name}"):
        grant(daemon, "bucket", path, f"user:{eve.name}:rc")
    put(eve.raw, name, "new")
    assert status(eve.raw, "PUT", f"/{name}/k", body=b"x") == DENIED
    assert get(eve.raw, name, "k") == b"secret"


def test_acl_verbs_act_on_the_link_and_with_source_on_the_source(daemon, world):
    source, name, eve = world
    link = f"/s3v/{name}"
    rule = f"user:{eve.name}:rl"
    grant(daemon, "bucket", link, rule)

    def rules(path, *options):
        return [f"{each['type'].lower()}:{each['name']}" for each in
                daemon.cli_json("bucket", "getacl", path, *options)]

    assert f"user:{eve.name}" in rules(link)
    assert f"user:{eve.name}" not in rules(source)
    assert rules(link, "--source") == rules(source)
    grant(daemon, "bucket", link, rule, "--source")
    assert f"user:{eve.name}" in rules(source)
    daemon.cli("bucket", "removeacl", link, "--acl", rule)
    assert f"user:{eve.name}" not in rules(link) and f"user:{eve.name}" in rules(source)
    daemon.cli("bucket", "setacl", link, "--acl", "world::l", "--source")
    assert f"user:{eve.name}" not in rules(source)


def test_key_and_prefix_rules_through_a_link_act_on_the_source(daemon, raw, bucket, link, user):
    """HDDS-10412."""
    source, eve = bucket(), user()
    name, other = link(source), link(source)
    for key in ("open/k", "closed/k", "one"):
        put(raw, name, key)
    open_volume(daemon, eve)
    for each in (name, other):
        grant(daemon, "bucket", f"/s3v/{each}", f"user:{eve.name}:r")
    grant(daemon, "prefix", f"/s3v/{name}/open/", f"user:{eve.name}:r")
    grant(daemon, "key", f"/s3v/{name}/one", f"user:{eve.name}:r")
    for each in (name, other):
        assert get(eve.raw, each, "open/k") == get(eve.raw, each, "one") == b"x"
        assert status(eve.raw, "GET", f"/{each}/closed/k") == DENIED


def test_groups_world_and_anonymous(daemon, raw, bucket, link, user):
    source = bucket(volume="s3v")
    name = source.rpartition("/")[2]
    put(raw, name, "k")
    member, other = user("--group", "eng"), user()
    grant(daemon, "bucket", source, "group:eng:r")
    assert get(member.raw, name, "k") == b"x"
    assert status(other.raw, "GET", f"/{name}/k") == DENIED
    grant(daemon, "bucket", source, "world::r")
    assert get(other.raw, name, "k") == b"x"


def test_a_rule_that_cannot_be_read_is_refused(daemon, refused, bucket):
    source = bucket()
    for rule in ("user:bob", "user:bob:q", "robot:bob:r", "user::r", "user:bob:r[SOMETIMES]"):
        done = daemon.cli_result("bucket", "addacl", source, "--acl", rule)
        assert done.returncode in (1, 2) and rule.split(":")[0] in done.stderr + rule, done
        assert done.returncode != 0


def test_default_rules_of_a_volume_are_inherited(daemon, unique, user):
    volume, eve = unique("heir"), user()
    daemon.cli("volume", "create", f"/{volume}")
    grant(daemon, "volume", f"/{volume}", f"user:{eve.name}:rl[DEFAULT]")
    daemon.cli("bucket", "create", f"/{volume}/bucket")
    rules = daemon.cli_json("bucket", "getacl", f"/{volume}/bucket")
    assert any(each["name"] == eve.name for each in rules), rules


def test_creating_a_link_needs_create_on_its_volume_and_nothing_on_the_source(daemon, unique, user):
    volume, eve = unique("own"), user()
    daemon.cli("volume", "create", f"/{volume}")
    done = daemon.cli_result("--as", eve.name, "bucket", "link", "/vol1/any", f"/{volume}/link")
    assert done.returncode == 1 and done.stderr.startswith("PERMISSION_DENIED"), done
    grant(daemon, "volume", f"/{volume}", f"user:{eve.name}:c")
    daemon.cli("--as", eve.name, "bucket", "link", "/vol1/any", f"/{volume}/link")


def delegated(daemon, source, name, *options):
    """A link that stands on the consent of the source's owner."""
    daemon.cli("bucket", "link", source, f"/s3v/{name}", "--delegate", *options)


def test_a_delegated_link_needs_no_right_on_the_source(daemon, raw, bucket, unique, user):
    source, name, eve = bucket(), unique("shared"), user()
    delegated(daemon, source, name)
    put(raw, name, "k")
    assert status(eve.raw, "GET", f"/{name}/k") == DENIED
    grant(daemon, "bucket", f"/s3v/{name}", f"user:{eve.name}:rl")
    assert get(eve.raw, name, "k") == b"x"
    assert keys(eve.raw, name) == ["k"]
    assert status(eve.raw, "PUT", f"/{name}/k", body=b"y") == DENIED


def test_a_revoked_delegation_is_a_plain_link(daemon, raw, bucket, unique, user):
    source, name, eve = bucket(), unique("shared"), user()
    delegated(daemon, source, name)
    put(raw, name, "k")
    grant(daemon, "bucket", f"/s3v/{name}", f"user:{eve.name}:r")
    assert get(eve.raw, name, "k") == b"x"
    daemon.cli("link", "revoke", f"/s3v/{name}")
    assert status(eve.raw, "GET", f"/{name}/k") == DENIED


def test_only_who_may_write_the_sources_acl_delegates(daemon, bucket, unique, user):
    source, eve = bucket(), user()
    command = ("--as", eve.name, "bucket", "link", source, f"/s3v/{unique('mine')}", "--delegate")
    done = daemon.cli_result(*command)
    assert done.returncode == 1 and done.stderr.startswith("PERMISSION_DENIED"), done
    open_volume(daemon, eve)
    grant(daemon, "bucket", source, f"user:{eve.name}:ry")
    daemon.cli(*command)


def test_a_grantor_who_loses_the_right_takes_the_consent_along(daemon, raw, bucket, unique, user):
    source, name, ann, eve = bucket(), unique("lent"), user(), user()
    open_volume(daemon, ann)
    grant(daemon, "bucket", source, f"user:{ann.name}:ry")
    daemon.cli("--as", ann.name, "bucket", "link", source, f"/s3v/{name}", "--delegate")
    put(raw, name, "k")
    daemon.cli("--as", ann.name, "bucket", "addacl", f"/s3v/{name}", "--acl", f"user:{eve.name}:r")
    assert get(eve.raw, name, "k") == b"x"
    daemon.cli("bucket", "removeacl", source, "--acl", f"user:{ann.name}:y")
    assert status(eve.raw, "GET", f"/{name}/k") == DENIED


def test_a_consent_holds_for_the_bucket_it_was_given_for(daemon, raw, bucket, link, unique, user):
    """Pointing a delegated link elsewhere, or an inner link, gives nobody another bucket."""
    first, second, eve = bucket(), bucket(), user()
    for source in (first, second):
        put(raw, link(source), "k", source.encode())
    inner, outer = link(first), unique("outer")
    delegated(daemon, f"/s3v/{inner}", outer)
    grant(daemon, "bucket", f"/s3v/{outer}", f"user:{eve.name}:r")
    grant(daemon, "bucket", f"/s3v/{inner}", f"user:{eve.name}:r")
    assert get(eve.raw, outer, "k") == first.encode()
    daemon.cli("link", "set-source", f"/s3v/{inner}", second)
    assert status(eve.raw, "GET", f"/{outer}/k") == DENIED
    daemon.cli("link", "set-source", f"/s3v/{inner}", first)
    assert get(eve.raw, outer, "k") == first.encode()
    daemon.cli("link", "set-source", f"/s3v/{outer}", second)
    assert status(eve.raw, "GET", f"/{outer}/k") == DENIED


def test_list_parts_and_list_uploads_check_rights(daemon, raw, world):
    """HDDS-14894, HDDS-14898."""
    _, name, eve = world
    answer = raw.request("POST", f"/{name}/up", query=[("uploads", "")])
    upload = ("uploadId", answer.xml().findtext("UploadId"))
    assert status(eve.raw, "GET", f"/{name}/up", query=[upload]) == DENIED
    assert status(eve.raw, "GET", f"/{name}", query=[("uploads", "")]) == DENIED


def test_many_links_of_links_with_access_lists(daemon, raw, bucket, link, user):
    """HDDS-4210 crashed, HDDS-4715 recursed for ever."""
    source, eve = bucket(), user()
    open_volume(daemon, eve)
    grant(daemon, "bucket", source, f"user:{eve.name}:rl")
    name = link(source)
    put(raw, name, "k")
    for _ in range(15):
        for n in range(8):
            grant(daemon, "bucket", f"/s3v/{name}", f"user:other-{n}:rwl")
        grant(daemon, "bucket", f"/s3v/{name}", f"user:{eve.name}:r")
        name = link(f"/s3v/{name}")
    grant(daemon, "bucket", f"/s3v/{name}", f"user:{eve.name}:r")
    assert get(eve.raw, name, "k") == b"x"
    loop = link(f"/s3v/{name}-loop", name=f"{name}-loop")
    grant(daemon, "bucket", f"/s3v/{loop}", f"user:{eve.name}:r")
    assert eve.raw.request("GET", f"/{loop}/k").status in (403, 409)
