"""An S3 client of sockets and bytes: it sends exactly what a test says."""

import hashlib
import http.client
import socket
import xml.etree.ElementTree as ElementTree

from . import sigv4


class Answer:
    """What came back."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def header(self, name):
        """A header's value, or None."""
        return self.headers.get(name.lower())

    def xml(self):
        """The body as XML without name spaces."""
        root = ElementTree.fromstring(self.body)
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        return root

    @property
    def code(self):
        """The `Code` of an error body, or None."""
        try:
            return self.xml().findtext("Code")
        except ElementTree.ParseError:
            return None

    def __repr__(self):
        return f"<{self.status} {self.code or ''} {self.body[:300]!r}>"


def exchange(address, data, method="GET", timeout=30):
    """Sends bytes over a new connection and reads one answer.

    An answer may arrive while the request is still being sent (a refused upload); the rest of the
    request then fails to be sent, which is no error as long as the answer can be read.
    """
    with socket.create_connection(address, timeout=timeout) as connection:
        try:
            connection.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return read_answer(connection, method)


def read_answer(connection, method="GET"):
    """Reads one answer from a connection."""
    response = http.client.HTTPResponse(connection, method=method)
    response.begin()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, response.read())


class Raw:
    """Builds and sends signed requests to one server for one access key."""

    def __init__(self, host, port, access_key, secret_key, region=sigv4.REGION):
        self.address = (host, port)
        self.host = f"{host}:{port}"
        self.signer = sigv4.Signer(access_key, secret_key, region)

    def head(self, method, path, query, headers):
        """The bytes of a request's head."""
        target = path + ("?" + sigv4.query_string(query) if query else "")
        lines = [f"{method} {target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def build(self, method, path, *, query=(), headers=None, body=b"", payload=None, date=None,
              unsigned=(), edit=None):
        """The bytes of a request whose body is sent as it is.

        `payload` is the declared hash, the true one unless given; `edit(headers)` may change the
        headers after they were signed.
        """
        headers = {"host": self.host, **(headers or {})}
        if body or method in ("PUT", "POST"):
            headers.setdefault("content-length", str(len(body)))
        payload = payload or hashlib.sha256(body).hexdigest()
        self.signer.authorize(
            method, path, query, headers, payload, date=date,
            unsigned={"content-length", *unsigned},
        )
        if edit:
            edit(headers)
        return self.head(method, path, query, headers) + body

    def stream(self, path, body, mode, *, method="PUT", query=(), headers=None, size=65536,
               trailer=None, decoded=None, date=None, edit=None, edit_frames=None):
        """The bytes of a request with an `aws-chunked` body.

        `edit(headers)` works on the signed head, `edit_frames(list)` on the frames of the body.
        """
        headers = {"host": self.host, **(headers or {})}
        headers.setdefault("content-encoding", "aws-chunked")
        headers["x-amz-decoded-content-length"] = str(len(body) if decoded is None else decoded)
        if trailer is not None:
            headers["x-amz-trailer"] = ",".join(name for name, _ in trailer)
        date, seed = self.signer.authorize(
            method, path, query, headers, mode, date=date, unsigned={"content-length"}
        )
        if mode == sigv4.UNSIGNED_CHUNKS_TRAILER:
            frames = sigv4.unsigned_chunks(body, size, trailer or [])
        else:
            frames = sigv4.signed_chunks(self.signer, date, seed, body, size, trailer)
        if edit_frames:
            frames = edit_frames(frames) or frames
        data = b"".join(frames)
        headers["content-length"] = str(len(data))
        if edit:
            edit(headers)
        return self.head(method, path, query, headers) + data

    def send(self, data, method="GET"):
        """Sends bytes made by [`build`] or [`stream`]."""
        return exchange(self.address, data, method)

    def request(self, method, path, **how):
        """Signs, sends and reads."""
        return self.send(self.build(method, path, **how), method)


class Connection:
    """One kept connection for load: signed requests out, answers in, nothing retried."""

    def __init__(self, raw, timeout=60):
        self.raw = raw
        self.socket = socket.create_connection(raw.address, timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def close(self):
        """Closes the connection."""
        self.socket.close()

    def request(self, method, path, **how):
        """Sends one request and reads its answer; any failure of the connection is an OSError."""
        self.socket.sendall(self.raw.build(method, path, **how))
        return self.answer(method)

    def answer(self, method):
        """Reads one answer that has a Content-Length, as all answers to these requests do."""
        while b"\r\n\r\n" not in self.buffer:
            self._receive()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        status = int(lines[0].split(" ", 2)[1])
        length = 0
        if method != "HEAD" and status not in (204, 304):
            length = int(headers.get("content-length", 0))
        pieces, missing = [self.buffer[:length]], length - len(self.buffer)
        self.buffer = self.buffer[length:]
        while missing > 0:
            piece = self.socket.recv(min(missing, 1 << 20))
            if not piece:
                raise ConnectionResetError("closed within an answer")
            pieces.append(piece)
            missing -= len(piece)
        return Answer(status, headers, b"".join(pieces))

    def _receive(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionResetError("closed before an answer")
        self.buffer += piece
