"""AWS Signature Version 4 written out by hand.

Client libraries cannot send what a hostile or broken client sends. This one signs every form of
body that S3 knows and lets a test tamper with any piece before or after it is signed.
"""

import base64
import datetime
import hashlib
import hmac
import urllib.parse
import zlib

ALGORITHM = "AWS4-HMAC-SHA256"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
UNSIGNED = "UNSIGNED-PAYLOAD"
SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_CHUNKS_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_CHUNKS_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
REGION = "us-east-1"


def quote(text, safe=""):
    """Percent-encoding as the signature wants it: all but the unreserved characters."""
    return urllib.parse.quote(text, safe=safe + "-_.~")


def object_path(bucket, key=None):
    """The request path of a bucket or of an object, encoded once."""
    return f"/{bucket}" if key is None else f"/{bucket}/{quote(key, safe='/')}"


def crc32_base64(body):
    """The value of `x-amz-checksum-crc32`."""
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


def now():
    """The present in UTC."""
    return datetime.datetime.now(datetime.timezone.utc)


def amz_date(moment):
    """A moment in the form of `x-amz-date`."""
    return moment.strftime("%Y%m%dT%H%M%SZ")


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class Signer:
    """Signs for one access key."""

    def __init__(self, access_key, secret_key, region=REGION):
        self.access_key = access_key
        self.secret_key = secret_key
        self.region = region
        self._keys = {}

    def key(self, day):
        """The signing key of a day, which is the same for a whole day."""
        if day not in self._keys:
            key = ("AWS4" + self.secret_key).encode()
            for part in (day, self.region, "s3", "aws4_request"):
                key = _hmac(key, part)
            self._keys[day] = key
        return self._keys[day]

    def scope(self, date):
        """The credential scope."""
        return f"{date[:8]}/{self.region}/s3/aws4_request"

    def string_to_sign(self, date, canonical):
        """The string that is signed for a canonical request."""
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        return "\n".join([ALGORITHM, date, self.scope(date), digest])

    def signature(self, date, text):
        """The signature in hexadecimal digits."""
        return hmac.new(self.key(date[:8]), text.encode(), hashlib.sha256).hexdigest()

    def authorize(self, method, path, query, headers, payload, *, date=None, unsigned=()):
        """Adds `x-amz-date`, `x-amz-content-sha256` and `authorization` to `headers`.

        Returns (date, signature). `unsigned` names headers that the signature leaves out.
        """
        date = date or amz_date(now())
        headers.setdefault("x-amz-date", date)
        headers.setdefault("x-amz-content-sha256", payload)
        signed = {
            name.lower(): " ".join(str(value).split())
            for name, value in headers.items()
            if name.lower() not in unsigned
        }
        names = ";".join(sorted(signed))
        canonical = canonical_request(method, path, query, signed, payload)
        signature = self.signature(date, self.string_to_sign(date, canonical))
        headers["authorization"] = (
            f"{ALGORITHM} Credential={self.access_key}/{self.scope(date)},"
            f"SignedHeaders={names},Signature={signature}"
        )
        return date, signature

    def presign(self, method, path, query, host, *, expires=600, date=None, headers=None):
        """The query of a presigned request, as a list of pairs."""
        date = date or amz_date(now())
        signed = {"host": host, **(headers or {})}
        pairs = list(query) + [
            ("X-Amz-Algorithm", ALGORITHM),
            ("X-Amz-Credential", f"{self.access_key}/{self.scope(date)}"),
            ("X-Amz-Date", date),
            ("X-Amz-Expires", str(expires)),
            ("X-Amz-SignedHeaders", ";".join(sorted(signed))),
        ]
        canonical = canonical_request(method, path, pairs, signed, UNSIGNED)
        signature = self.signature(date, self.string_to_sign(date, canonical))
        return pairs + [("X-Amz-Signature", signature)]

    def chunk_signature(self, date, previous, data):
        """The signature of one chunk of a signed streaming body."""
        text = "\n".join([
            ALGORITHM + "-PAYLOAD", date, self.scope(date), previous, EMPTY_SHA256,
            hashlib.sha256(data).hexdigest(),
        ])
        return self.signature(date, text)

    def trailer_signature(self, date, previous, trailer):
        """The signature over `name:value\\n` lines that end a signed streaming body."""
        text = "\n".join([
            ALGORITHM + "-TRAILER", date, self.scope(date), previous,
            hashlib.sha256(trailer).hexdigest(),
        ])
        return self.signature(date, text)


def query_string(pairs):
    """A query in request form."""
    return "&".join(f"{quote(k)}={quote(v)}" if v is not None else quote(k) for k, v in pairs)


def canonical_request(method, path, query, headers, payload):
    """The canonical request; `headers` has lower-case names."""
    pairs = sorted((quote(k), quote(v or "")) for k, v in query)
    return "\n".join([
        method,
        path,
        "&".join(f"{k}={v}" for k, v in pairs),
        "".join(f"{name}:{headers[name]}\n" for name in sorted(headers)),
        ";".join(sorted(headers)),
        payload,
    ])


def split(body, size):
    """Pieces of `size` bytes; the last may be shorter."""
    return [body[at : at + size] for at in range(0, len(body), size)]


def signed_chunks(signer, date, seed, body, size, trailer=None):
    """The frames of a signed streaming body, one list element each, so that tests can edit them.

    `trailer` is a list of (name, value); with it the last element is the trailer and its signature.
    """
    frames, previous = [], seed
    for data in [*split(body, size), b""]:
        previous = signer.chunk_signature(date, previous, data)
        head = f"{len(data):x};chunk-signature={previous}\r\n".encode()
        # With a trailer the empty chunk has no line end of its own: the trailer follows at once.
        ended = data or trailer is None
        frames.append(head + data + (b"\r\n" if ended else b""))
    if trailer is not None:
        lines = "".join(f"{name}:{value}\n" for name, value in trailer)
        last = signer.trailer_signature(date, previous, lines.encode())
        text = lines.replace("\n", "\r\n") + f"x-amz-trailer-signature:{last}\r\n\r\n"
        frames.append(text.encode())
    return frames


def unsigned_chunks(body, size, trailer):
    """The frames of an unsigned streaming body with a trailer."""
    frames = [f"{len(data):x}\r\n".encode() + data + b"\r\n" for data in split(body, size)]
    frames.append(b"0\r\n")
    frames.append("".join(f"{name}:{value}\r\n" for name, value in trailer).encode() + b"\r\n")
    return frames
