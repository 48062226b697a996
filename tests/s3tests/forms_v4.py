"""A plugin of pytest: signs the forms of ceph/s3-tests with version 4 of the signature.

    python tests/s3tests/run.py --group post-form --sign-forms

Upstream's forms are signed with version 2, which this server refuses. What their policies and fields
are about can be tried all the same: a form whose old signature is right gets a new one, with the
conditions that its new fields need; one whose old signature is wrong or not there gets a wrong one,
or none. Such a run says nothing of the cases as they stand, so it is counted by itself.
"""

import base64
import hashlib
import hmac
import json
import os
import configparser
import sys
from pathlib import Path

import requests

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness import form, sigv4  # noqa: E402

OLD = ("awsaccesskeyid", "signature")


def keys():
    """Upstream's first user."""
    config = configparser.RawConfigParser()
    config.read(os.environ["S3TEST_CONF"])
    return config["s3 main"]["access_key"], config["s3 main"]["secret_key"]


def text(value):
    """A field as a text."""
    return value.decode() if isinstance(value, bytes) else value


def widened(encoded, fields):
    """The policy with conditions for more fields; what is no policy stays as it is."""
    try:
        document = json.loads(base64.b64decode(encoded))
        document["conditions"] += [{name: value} for name, value in fields.items()]
    except (ValueError, KeyError, TypeError):
        return encoded
    return base64.b64encode(json.dumps(document).encode()).decode()


def signed(payload):
    """The fields of a form, signed anew."""
    old = {name.lower(): text(value) for name, value in payload.items() if name != "file"}
    if not any(name in old for name in OLD):
        return payload
    access, secret = keys()
    policy = old.get("policy", "")
    right = base64.b64encode(hmac.new(secret.encode(), policy.encode(), hashlib.sha1).digest()).decode()
    signer = sigv4.Signer(old.get("awsaccesskeyid", access), secret)
    new = form.signature(signer)
    made = []
    for name, value in payload.items():
        if name == "file":
            made += new.items()
            if "signature" in old:
                wanted = signer.signature(new["x-amz-date"], widened(policy, new))
                made.append(("x-amz-signature", wanted if old["signature"] == right else "0" * 64))
        if name.lower() == "policy":
            value = widened(policy, new)
        if name.lower() not in OLD:
            made.append((name, value))
    return dict(made)


_post = requests.post


def post(url, files=None, **how):
    """`requests.post`, with the form signed anew."""
    return _post(url, files=files and signed(files), **how)


requests.post = post
