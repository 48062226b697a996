"""Uploads by form through links: the same as a PUT through them, wherever the key comes from."""

import random

import pytest
from harness import form, sigv4

from .conftest import get, keys, put

PREFIX = "in/side/"
OUTSIDE = ["secret", "in/side", "in/sidf", "../secret", "/secret", "in/other/secret", "side/secret",
           "in\\side\\secret"]


def status(raw, name, fields, file=b"x", **how):
    """Status and code of a form."""
    answer = form.post(raw, name, fields, file, **how)
    return answer.status, answer.code if answer.status >= 400 else None


def test_a_form_through_a_link_is_a_form_to_its_source(raw, bucket, link):
    source = bucket(volume="s3v")
    name = link(source)
    direct = source.rpartition("/")[2]
    fields = {"key": "a/${filename}", "success_action_status": "201", "x-amz-meta-a": "1"}
    answer = form.post(raw, name, fields, b"through", filename="f")
    assert answer.status == 201
    # The client sees the name it asked for.
    assert answer.xml().findtext("Bucket") == name
    assert answer.header("location").endswith(f"/{name}/a%2Ff")
    assert get(raw, direct, "a/f") == get(raw, name, "a/f") == b"through"
    # A policy is about the name that the form is sent to: it serves for no other one.
    for policy_of, sent_to in ((direct, name), (name, direct)):
        signed = form.signed(raw.signer, policy_of, {"key": "k"})
        answer = form.send(raw, sent_to, signed)
        assert (answer.status, answer.code) == (403, "AccessDenied")
        answer = form.send(raw, sent_to, {**signed, "bucket": policy_of})
        assert (answer.status, answer.code) == (403, "AccessDenied")
    assert keys(raw, direct) == ["a/f"]


def test_a_link_decides_about_forms_as_about_puts(daemon, raw, bucket, link, user):
    source = bucket()
    shown, shut, gone = link(source), link(source, "--read-only"), link("/vol1/not-there")
    put(raw, shown, "old", b"old")
    assert status(raw, shut, {"key": "k"}) == (403, "AccessDenied")
    assert status(raw, gone, {"key": "k"}) == (404, "NoSuchBucket")
    who = user()
    may = f"user:{who.name}:"
    assert status(who.raw, shown, {"key": "k"}) == (403, "AccessDenied")
    # Through a link: the right to read it, and the right on the source.
    daemon.cli("bucket", "addacl", source, "--acl", may + "c")
    assert status(who.raw, shown, {"key": "k"}) == (403, "AccessDenied")
    daemon.cli("bucket", "addacl", f"/s3v/{shown}", "--acl", may + "rc")
    daemon.cli("volume", "addacl", "/vol1", "--acl", may + "r")
    expected = who.raw.request("PUT", f"/{shown}/put", body=b"x").status
    assert form.post(who.raw, shown, {"key": "k"}).status == (204 if expected == 200 else expected)
    # Whoever may create replaces nothing.
    assert status(who.raw, shown, {"key": "old"}) == (403, "AccessDenied")
    assert get(raw, shown, "old") == b"old"


@pytest.fixture
def around(raw, bucket, link):
    """A source with keys around a prefix, and a link that shows what is below it."""
    source = bucket(volume="s3v").rpartition("/")[2]
    for key in OUTSIDE:
        put(raw, source, sigv4.quote(key), b"outside " + key.encode())
    return source, link(f"/s3v/{source}", "--prefix", PREFIX)


def outside(raw, source):
    """The bodies of the keys that do not lie below the prefix."""
    listed = raw.request("GET", f"/{source}", query=[("encoding-type", "url")]).xml()
    names = [sigv4.urllib.parse.unquote(e.text) for e in listed.iter("Key")]
    return {name: get(raw, source, sigv4.quote(name)) for name in names if not name.startswith(PREFIX)}


ODD = ["../secret", "../../secret", "/secret", "//secret", "..", ".", "./../secret", "..\\secret",
       "in/side/../secret", "%2e%2e/secret", "..%2fsecret", "..;/secret", "secret\0", "\u2025/secret",
       "\uff0e\uff0e/secret", "a/../../../secret", "${filename}", "../${filename}", "/${filename}"]


def test_no_key_and_no_file_name_of_a_form_leads_out_of_a_prefix(raw, around):
    """Row S24, in the places where a form's key comes from."""
    source, name = around
    before = outside(raw, source)
    assert before == {key: b"outside " + key.encode() for key in OUTSIDE}
    dice = random.Random(3)
    for number in range(150):
        key = ODD[number] if number < len(ODD) else "/".join(dice.choices(ODD, k=dice.randint(1, 3)))
        filename = dice.choice([*ODD, "secret", "..", "a/../secret", "..\\..\\secret"])
        body = f"form {number}".encode()
        answer = form.post(raw, name, {"key": key}, body, filename=filename.replace("\0", ""))
        assert answer.status in (204, 400), (key, filename, answer)
        base = filename.replace("\0", "").replace("\\", "/").rpartition("/")[2]
        asked = key.replace("${filename}", base)
        if answer.status == 204:
            # It is the same key as that of a PUT, of which another suite knows that it stays inside.
            assert get(raw, name, sigv4.quote(asked)) == body
            assert get(raw, source, sigv4.quote(PREFIX + asked)) == body
    assert outside(raw, source) == before


def test_a_policy_on_the_key_holds_behind_a_prefix(raw, around):
    source, name = around
    before = outside(raw, source)
    conditions = [["starts-with", "$key", "user/"]]
    for key, filename, allowed in (
        ("user/a", "x", True), ("user/../../secret", "x", True), ("user/${filename}", "../../secret", True),
        ("in/side/user/a", "x", False), ("../user/a", "x", False), ("${filename}", "user/a", False),
        ("User/a", "x", False), ("/user/a", "x", False),
    ):
        found = status(raw, name, {"key": key}, conditions=conditions, filename=filename)
        assert found == ((204, None) if allowed else (403, "AccessDenied")), key
    # A key that is too long for the prefix is so in a form, too.
    assert status(raw, name, {"key": "k" * 1020}) == (400, "KeyTooLongError")
    assert outside(raw, source) == before
