"""Forms as browsers send them to S3 (POST Object), byte by byte."""

import base64
import datetime
import json

from . import sigv4
from .raw import exchange

BOUNDARY = "----frontier7MA4YWxk"


def policy(conditions, seconds=600, expiration=None):
    """A policy document, encoded as it stands in a form."""
    end = sigv4.now() + datetime.timedelta(seconds=seconds)
    end = expiration or end.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    document = {"expiration": end, "conditions": conditions}
    return base64.b64encode(json.dumps(document).encode()).decode()


def signature(signer, date=None):
    """The fields that say who signs and when, as a dict."""
    date = date or sigv4.amz_date(sigv4.now())
    return {
        "x-amz-algorithm": sigv4.ALGORITHM,
        "x-amz-credential": f"{signer.access_key}/{signer.scope(date)}",
        "x-amz-date": date,
    }


def signed(signer, bucket, fields, *, conditions=None, date=None, **how):
    """Fields with a policy and its signature. Without `conditions` the policy wants just these."""
    fields = {**fields, **signature(signer, date)}
    if conditions is None:
        conditions = [{name: value} for name, value in fields.items() if "${" not in value]
        conditions += [["starts-with", f"${name}", value.partition("${")[0]]
                       for name, value in fields.items() if "${" in value]
    else:
        conditions = [*conditions, *({name: fields[name]} for name in signature(signer, date))]
    document = policy([{"bucket": bucket}, *conditions], **how)
    made = signer.signature(fields["x-amz-date"], document)
    return {**fields, "policy": document, "x-amz-signature": made}


def encode(fields, file=b"", filename="file.txt", boundary=BOUNDARY, after=b""):
    """The body of a form. `fields` is a dict or a list of pairs; a `file` of None is left out."""
    out = b""
    for name, value in fields.items() if isinstance(fields, dict) else fields:
        value = value if isinstance(value, bytes) else value.encode()
        out += (f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode()
                + value + b"\r\n")
    if file is not None:
        shown = filename if isinstance(filename, bytes) else filename.encode()
        out += (f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="'.encode()
                + shown + b'"\r\nContent-Type: application/octet-stream\r\n\r\n' + file + b"\r\n")
    return out + after + f"--{boundary}--\r\n".encode()


def request(raw, bucket, body, *, headers=None, boundary=BOUNDARY, host=None, path=None):
    """The bytes of a request with a form; it is signed in its fields or not at all."""
    headers = {"host": host or raw.host, "content-length": str(len(body)),
               "content-type": f"multipart/form-data; boundary={boundary}", **(headers or {})}
    headers = {name: value for name, value in headers.items() if value is not None}
    return raw.head("POST", path or f"/{bucket}", [], headers) + body


def send(raw, bucket, fields, file=b"content", *, filename="file.txt", after=b"", **how):
    """Sends a form as it is."""
    body = encode(fields, file, filename, after=after)
    return exchange(raw.address, request(raw, bucket, body, **how), "POST")


def post(raw, bucket, fields, file=b"content", *, filename="file.txt", after=b"", headers=None, **how):
    """Signs a form and sends it."""
    fields = signed(raw.signer, bucket, fields, **how)
    return send(raw, bucket, fields, file, filename=filename, after=after, headers=headers)
