"""The load that is killed: many kinds of change at once, each noted with the oracle."""

import base64
import hashlib
import random
import threading

from harness import bodies, sigv4
from harness.oracle import ABSENT, write_id
from harness.raw import Connection

BUCKET = "source-bucket"
LINK = "common-bucket"
PART = 5 << 20


class Stopped(Exception):
    """The daemon is gone, or the load is over."""


class Worker(threading.Thread):
    """A thread that changes things until the daemon is killed."""

    def __init__(self, world, name, seed):
        super().__init__(name=name)
        self.world = world
        self.rng = random.Random(seed)
        self.failure = None
        self.connection = None
        self.done = 0

    def run(self):
        try:
            self.connection = Connection(self.world.raw)
            while not self.world.over.is_set():
                self.step()
                self.done += 1
        except OSError as error:
            # That is what a kill looks like from here; without one it is a fault.
            if not self.world.killed.wait(10):
                self.failure = error
        except Exception as error:
            self.failure = error
        finally:
            if self.connection:
                self.connection.close()

    def bucket(self):
        """The source or the link to it: for a key they are the same."""
        return self.rng.choice((BUCKET, LINK))

    def size(self):
        """Small bodies mostly, some around the borders of the formats, some long."""
        return self.rng.choice((0, 100, 300, 4_000, 9_000, 32_700, 32_800, 70_000, 200_000,
                                1_048_576, 1_500_000) if self.rng.random() < 0.5 else (10, 700, 2_000))

    def change(self, key, value, method, expected, **how):
        """Sends one change of one key."""
        operation = self.world.oracle.send(key, value)
        path = sigv4.object_path(self.bucket(), key)
        answer = self.connection.request(method, path, payload=sigv4.UNSIGNED, **how)
        if answer.status != expected:
            raise AssertionError(f"{method} {key}: {answer}")
        self.world.oracle.acknowledge(operation)
        return answer

    def put(self, key):
        """Writes a key."""
        write = write_id()
        body = bodies.make(key, write, self.size())
        answer = self.change(key, write, "PUT", 200, body=body)
        assert answer.header("etag") == f'"{hashlib.md5(body).hexdigest()}"', key

    def delete(self, key):
        """Deletes a key, whether it is there or not."""
        self.change(key, ABSENT, "DELETE", 204)


class Writer(Worker):
    """PUT and DELETE of keys, some of its own and some that all writers share."""

    def step(self):
        if self.rng.random() < 0.3:
            key = f"shared/{self.rng.randrange(12)}"
        else:
            key = f"{self.name}/{self.rng.randrange(12)}"
        if self.rng.random() < 0.25:
            self.delete(key)
        else:
            self.put(key)


class BatchDeleter(Worker):
    """Writes a few keys and deletes them with one request."""

    def step(self):
        keys = [f"{self.name}/{n}" for n in range(8)]
        for key in keys:
            self.put(key)
        doomed = self.rng.sample(keys, 5)
        operations = [self.world.oracle.send(key, ABSENT) for key in doomed]
        body = "".join(f"<Object><Key>{key}</Key></Object>" for key in doomed)
        body = f"<Delete>{body}</Delete>".encode()
        digest = base64.b64encode(hashlib.md5(body).digest()).decode()
        answer = self.connection.request("POST", f"/{self.bucket()}", query=[("delete", None)],
                                         body=body, headers={"content-md5": digest})
        assert answer.status == 200 and b"<Error>" not in answer.body, answer
        for operation in operations:
            self.world.oracle.acknowledge(operation)


class Uploader(Worker):
    """Multipart uploads: parts that were acknowledged are there after a crash, too."""

    def step(self):
        key = f"{self.name}/{self.rng.randrange(3)}"
        path = sigv4.object_path(self.bucket(), key)
        answer = self.connection.request("POST", path, query=[("uploads", None)])
        assert answer.status == 200, answer
        upload = answer.xml().findtext("UploadId")
        parts = self.world.uploads[upload] = {"key": key, "parts": {}, "open": True}
        write = write_id()
        body = bodies.make(key, write, PART + self.rng.choice((1, 5_000, 300_000)))
        etags = {}
        for number, piece in ((1, body[:PART]), (2, body[PART:])):
            answer = self.connection.request(
                "PUT", sigv4.object_path(self.bucket(), key), body=piece, payload=sigv4.UNSIGNED,
                query=[("partNumber", str(number)), ("uploadId", upload)])
            assert answer.status == 200, answer
            etags[number] = answer.header("etag")
            assert etags[number] == f'"{hashlib.md5(piece).hexdigest()}"'
            parts["parts"][number] = etags[number]
        # From here on the upload may be gone.
        parts["open"] = False
        if self.rng.random() < 0.2:
            answer = self.connection.request("DELETE", path, query=[("uploadId", upload)])
            assert answer.status == 204, answer
            return
        xml = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{e}</ETag></Part>"
                      for n, e in etags.items())
        operation = self.world.oracle.send(key, write)
        answer = self.connection.request(
            "POST", path, query=[("uploadId", upload)],
            body=f"<CompleteMultipartUpload>{xml}</CompleteMultipartUpload>".encode())
        assert answer.status == 200 and b"<Error>" not in answer.body, answer
        self.world.oracle.acknowledge(operation)


class Linker(Worker):
    """Creates and deletes links by the admin CLI."""

    def step(self):
        name = f"{self.name}-{self.rng.randrange(4)}"
        known = self.world.oracle.allowed(f"link:{name}")
        if known != [ABSENT]:
            self.command(name, ABSENT, "bucket", "delete", f"/s3v/{name}")
        else:
            source = f"target-{self.rng.randrange(4)}"
            self.command(name, source, "bucket", "link", f"/vol1/{source}", f"/s3v/{name}")

    def command(self, name, value, *arguments):
        """Runs one command and notes it."""
        operation = self.world.oracle.send(f"link:{name}", value)
        done = self.world.daemon.cli_result(*arguments)
        if done.returncode == 0:
            self.world.oracle.acknowledge(operation)
            return
        # A refusal that names a rule is a fault here; anything else is the daemon's death.
        if done.stderr.startswith(("BUCKET_", "VOLUME_", "INVALID_", "PERMISSION_")):
            raise AssertionError(f"{arguments}: {done.stderr}")
        raise ConnectionResetError(done.stderr)
