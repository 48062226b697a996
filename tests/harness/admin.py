"""A client of the admin protocol, written from `docs/format/admin-protocol.md` alone.

For tests that need many commands on one connection with the exact time of each; the CLI is what
everything else uses.
"""

import socket
import struct

HEADER = struct.Struct("<4sBBBxIHHI")
MAGIC, VERSION = b"CHNR", 1
REQUEST, RESPONSE = 1, 2
HELLO = 0x0001


class Refused(Exception):
    """A result other than OK."""

    def __init__(self, result, text):
        super().__init__(f"result {result}: {text}")
        self.result, self.text = result, text


def text(value):
    """A text."""
    data = value.encode()
    return struct.pack("<H", len(data)) + data


def optional(value, encode):
    """A value that may be missing."""
    return b"\0" if value is None else b"\1" + encode(value)


def u64(value):
    """A number of eight bytes."""
    return struct.pack("<Q", value)


def flag(value):
    """A bool."""
    return b"\1" if value else b"\0"


def name(path):
    """A `/volume/bucket`."""
    volume, bucket = path.strip("/").split("/")
    return text(volume) + text(bucket)


class Admin:
    """One connection to a daemon's unix socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(str(path))
        self.number = 0
        body = bytes([VERSION, VERSION]) + bytes(32) + text("") + text("test")
        body += optional(None, text)
        self.call(HELLO, body)

    def close(self):
        """Closes the connection."""
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def call(self, opcode, body):
        """Sends a request and returns the body of its reply, or raises Refused."""
        self.number += 1
        self.socket.sendall(
            HEADER.pack(MAGIC, VERSION, REQUEST, 0, self.number, opcode, 0, len(body)) + body)
        magic, version, kind, flags, number, answered, result, length = HEADER.unpack(
            self._exactly(HEADER.size))
        assert (magic, version, kind, flags) == (MAGIC, VERSION, RESPONSE, 0)
        assert (number, answered) == (self.number, opcode), (number, answered)
        body = self._exactly(length)
        if result:
            raise Refused(result, body[2:].decode())
        return body

    def _exactly(self, count):
        data = bytearray()
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise ConnectionResetError("the daemon closed the connection")
            data += piece
        return bytes(data)
