"""The load that is killed: many kinds of change at once, each noted with the oracle."""

import base64
import hashlib
import random
import threading

from harness import bodies, sigv4
from harness.admin import Admin, Refused
from harness.commands import create_bucket, create_link, delete_bucket, set_link_source
from harness.oracle import ABSENT, write_id
from harness.raw import Connection

BUCKET = "source-bucket"
LINK = "common-bucket"
PART = 5 << 20
TARGETS = 4


class Worker(threading.Thread):
    """A thread that changes things until the daemon is killed."""

    def __init__(self, world, name, seed):
        super().__init__(name=name, daemon=True)
        self.world = world
        self.rng = random.Random(seed)
        self.failure = None
        self.connection = None
        self.admin = None
        self.done = 0

    def run(self):
        try:
            self.open()
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
            for opened in (self.connection, self.admin):
                if opened:
                    opened.close()

    def open(self):
        """Connects."""
        self.connection = Connection(self.world.raw)

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
        etag = self.world.etags[write] = f'"{hashlib.md5(body).hexdigest()}"'
        answer = self.change(key, write, "PUT", 200, body=body)
        assert answer.header("etag") == etag, key

    def delete(self, key):
        """Deletes a key, whether it is there or not."""
        self.change(key, ABSENT, "DELETE", 204)


class Writer(Worker):
    """PUT and DELETE of keys, some of its own and some that all writers share."""

    keys = 12

    def step(self):
        if self.rng.random() < 0.3:
            key = f"shared/{self.rng.randrange(self.keys)}"
        else:
            key = f"{self.name}/{self.rng.randrange(self.keys)}"
        if self.rng.random() < 0.25:
            self.delete(key)
        else:
            self.put(key)


class SmallWriter(Writer):
    """Bodies that go into batches."""

    def size(self):
        return self.rng.choice((0, 10, 100, 700, 2_000, 4_000, 9_000, 32_700))


class LargeWriter(Writer):
    """Bodies of several extents, on few keys: most of them overwrite."""

    keys = 2

    def size(self):
        return self.rng.choice((32_800, 1_048_576, 1_048_577, 3_000_000, 9_000_000))


class Overwriter(Writer):
    """Whole segments of what is soon replaced: food for compaction, with a little that stays."""

    keys = 3

    def size(self):
        return self.rng.choice((700, 32_000, 200_000, 1_000_000))


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
    """Multipart uploads: parts that were acknowledged are there after a crash, too; an upload is
    open, or has become an object, or is gone without a trace."""

    def step(self):
        key = f"{self.name}/{self.rng.randrange(3)}"
        path = sigv4.object_path(self.bucket(), key)
        answer = self.connection.request("POST", path, query=[("uploads", None)])
        assert answer.status == 200, answer
        upload = answer.xml().findtext("UploadId")
        state = self.world.uploads[upload] = {"key": key, "parts": {}, "sent": {}, "ends": None}
        write = write_id()
        # Most are of one part, which may be short.
        length = self.rng.choice((1_000, 40_000, 1_200_000)) if self.rng.random() < 0.7 else PART + 5_000
        body = bodies.make(key, write, length)
        pieces = {n + 1: body[at : at + PART] for n, at in enumerate(range(0, len(body), PART))}
        if self.rng.random() < 0.3:
            # It is going to be replaced.
            self.part(path, upload, state, 1, b"replaced" * self.rng.choice((1, 10_000)))
        etags = {n: self.part(path, upload, state, n, piece) for n, piece in pieces.items()}
        draw = self.rng.random()
        if draw < 0.15:
            # It stays open over a crash or two.
            return
        if draw < 0.35:
            state["ends"] = "aborted"
            answer = self.connection.request("DELETE", path, query=[("uploadId", upload)])
            assert answer.status == 204, answer
            state["ended"] = True
            return
        digests = b"".join(hashlib.md5(piece).digest() for piece in pieces.values())
        self.world.etags[write] = f'"{hashlib.md5(digests).hexdigest()}-{len(pieces)}"'
        xml = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{e}</ETag></Part>"
                      for n, e in etags.items())
        operation = self.world.oracle.send(key, write)
        state["ends"] = operation
        answer = self.connection.request(
            "POST", path, query=[("uploadId", upload)],
            body=f"<CompleteMultipartUpload>{xml}</CompleteMultipartUpload>".encode())
        assert answer.status == 200 and b"<Error>" not in answer.body, answer
        self.world.oracle.acknowledge(operation)
        state["ended"] = True

    def part(self, path, upload, state, number, piece):
        """Uploads a part."""
        etag = f'"{hashlib.md5(piece).hexdigest()}"'
        # Until it is answered either it or what it replaces is there.
        state["sent"].setdefault(number, {state["parts"].get(number)}).add(etag)
        answer = self.connection.request("PUT", path, body=piece, payload=sigv4.UNSIGNED,
                                         query=[("partNumber", str(number)), ("uploadId", upload)])
        assert answer.status == 200, answer
        assert answer.header("etag") == etag
        state["parts"][number] = etag
        state["sent"].pop(number)
        return etag


class Namer(Worker):
    """Changes names over the admin protocol."""

    def open(self):
        super().open()
        self.admin = Admin(self.world.daemon.admin_socket)

    def command(self, name, value, command, *arguments):
        """Runs one command and notes it."""
        operation = self.world.oracle.send(name, value)
        try:
            command(self.admin, *arguments)
        except Refused as refused:
            raise AssertionError(f"{name} to {value}: {refused}") from refused
        self.world.oracle.acknowledge(operation)


class Linker(Namer):
    """Creates and deletes links."""

    def step(self):
        name = f"{self.name}-{self.rng.randrange(4)}"
        if self.world.oracle.allowed(f"link:{name}") != [ABSENT]:
            self.command(f"link:{name}", ABSENT, delete_bucket, f"/s3v/{name}")
        else:
            source = f"target-{self.rng.randrange(TARGETS)}"
            self.command(f"link:{name}", source, create_link, f"/vol1/{source}", f"/s3v/{name}")


class Relinker(Namer):
    """Points a link elsewhere, again and again; what is read through it is never older than the
    last change that was acknowledged, and of two reads the later one is not older either."""

    def open(self):
        super().open()
        self.link = f"{self.name}-link"
        if self.world.oracle.allowed(f"link:{self.link}") == [ABSENT]:
            self.command(f"link:{self.link}", "target-0", create_link, "/vol1/target-0",
                         f"/s3v/{self.link}")

    def step(self):
        source = f"target-{self.rng.randrange(TARGETS)}"
        self.command(f"link:{self.link}", source, set_link_source, f"/s3v/{self.link}",
                     f"/vol1/{source}")
        for _ in range(self.rng.randrange(4)):
            answer = self.connection.request("GET", f"/{self.link}/who")
            assert answer.body == source.encode(), f"{self.link} leads to {source}, shows {answer}"


class LinkReader(Worker):
    """Reads through links that others change: whatever a link leads to, one bucket is seen."""

    def step(self):
        link = f"relink{self.rng.randrange(2)}-link"
        answer = self.connection.request("GET", f"/{link}/who")
        if answer.status == 404:
            assert answer.code == "NoSuchBucket", answer
        else:
            assert answer.body in [f"target-{n}".encode() for n in range(TARGETS)], answer


class Bucketeer(Namer):
    """Buckets that come and go, each with an object in between: no bucket shows what an earlier one
    of its name held, and none goes while it holds something."""

    def step(self):
        name = f"{self.name}-{self.rng.randrange(3)}"
        key = f"bucket:{name}"
        if self.world.oracle.allowed(key) == [ABSENT]:
            if self.rng.random() < 0.5:
                self.command(key, "there", create_bucket, f"/s3v/{name}")
            else:
                self.s3(key, "there", "PUT", f"/{name}", 200)
            answer = self.connection.request("GET", f"/{name}")
            assert answer.status == 200 and b"<Contents>" not in answer.body, answer
            return
        inside = f"{key}/inside"
        if self.rng.random() < 0.6:
            write = write_id()
            body = bodies.make(inside, write, self.rng.choice((10, 40_000)))
            self.s3(inside, write, "PUT", f"/{name}/inside", 200, body=body)
            answer = self.connection.request("DELETE", f"/{name}")
            assert (answer.status, answer.code) == (409, "BucketNotEmpty"), answer
        self.s3(inside, ABSENT, "DELETE", f"/{name}/inside", 204)
        if self.rng.random() < 0.5:
            self.command(key, ABSENT, delete_bucket, f"/s3v/{name}")
        else:
            self.s3(key, ABSENT, "DELETE", f"/{name}", 204)

    def s3(self, name, value, method, path, expected, **how):
        """Sends one change over S3 and notes it."""
        operation = self.world.oracle.send(name, value)
        answer = self.connection.request(method, path, **how)
        assert answer.status == expected, f"{method} {path}: {answer}"
        self.world.oracle.acknowledge(operation)
