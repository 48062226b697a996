"""The server under test, as the pytest suites see it.

Normally that is a `chainringd` of our own. With CHAINRING_TEST_ENDPOINT (and the keys in
AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY) the suites run against any S3 server instead, which is
how the suites themselves are checked; what needs a link or the admin CLI is then skipped.
"""

import contextlib
import itertools
import os
import urllib.parse

import boto3
import botocore.config
import botocore.exceptions

from .daemon import Daemon
from .raw import Raw

_numbers = itertools.count(1)


class Server:
    """An S3 endpoint with a first user, and, if it is ours, its daemon."""

    def __init__(self, daemon_args=()):
        endpoint = os.environ.get("CHAINRING_TEST_ENDPOINT")
        if endpoint:
            self.daemon = None
            self.endpoint = endpoint
            self.access_key = os.environ["AWS_ACCESS_KEY_ID"]
            self.secret_key = os.environ["AWS_SECRET_ACCESS_KEY"]
        else:
            self.daemon = Daemon("s3", args=daemon_args).start()
            self.endpoint = self.daemon.endpoint
            self.access_key, self.secret_key = self.daemon.access_key, self.daemon.secret_key
            self.daemon.cli("volume", "create", "/vol1")
        parts = urllib.parse.urlsplit(self.endpoint)
        self.host, self.port = parts.hostname, parts.port
        self._clients = {}
        self.buckets = set()

    @property
    def ours(self):
        """Whether links and the admin CLI are there."""
        return self.daemon is not None

    def close(self):
        """Ends our daemon, or empties the foreign server."""
        if self.daemon:
            self.daemon.close()
            return
        for name in list(self.buckets):
            with contextlib.suppress(botocore.exceptions.ClientError):
                self.drop(name)

    def client(self, access_key=None, secret_key=None, **config):
        """A boto3 client; equal ones are made once, because making one is slow."""
        config.setdefault("retries", {"max_attempts": 0})
        config.setdefault("s3", {"addressing_style": "path"})
        config.setdefault("max_pool_connections", 64)
        access_key = access_key or self.access_key
        mark = (access_key, secret_key, repr(sorted(config.items())))
        if mark not in self._clients:
            self._clients[mark] = boto3.session.Session().client(
                "s3", endpoint_url=self.endpoint, region_name="us-east-1",
                aws_access_key_id=access_key,
                aws_secret_access_key=secret_key or self.secret_key,
                config=botocore.config.Config(**config),
            )
        return self._clients[mark]

    def raw(self, access_key=None, secret_key=None):
        """A raw client."""
        return Raw(self.host, self.port, access_key or self.access_key,
                   secret_key or self.secret_key)

    @staticmethod
    def name(prefix="b"):
        """A bucket name that was not used before; those of one prefix are of one length."""
        return f"{prefix}-{os.getpid()}-{next(_numbers):04}"

    def create_direct(self, prefix="b"):
        """A bucket made by S3."""
        name = self.name(prefix)
        self.client().create_bucket(Bucket=name)
        self.buckets.add(name)
        return name

    def create_linked(self, prefix="l"):
        """A link in `s3v` whose source is a bucket of another volume."""
        name = self.name(prefix)
        self.daemon.cli("bucket", "create", f"/vol1/{name}-source")
        self.daemon.cli("bucket", "link", f"/vol1/{name}-source", f"/s3v/{name}")
        return name

    def drop(self, name):
        """Empties a bucket and deletes it."""
        s3 = self.client()
        for upload in s3.list_multipart_uploads(Bucket=name).get("Uploads", []):
            s3.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
            for entry in page.get("Contents", []):
                s3.delete_object(Bucket=name, Key=entry["Key"])
        s3.delete_bucket(Bucket=name)
        self.buckets.discard(name)
