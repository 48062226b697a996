"""The few commands that tests send themselves, by `harness.admin`, instead of through the CLI."""

import struct

from .admin import flag, name, optional, text, u64

BUCKET_CREATE, BUCKET_INFO, BUCKET_DELETE, BUCKET_LINK = 0x0201, 0x0202, 0x0204, 0x0205
LINK_SET_SOURCE = 0x0602


def create_bucket(admin, path):
    """`bucket create`."""
    nobody, no_quota = optional(None, name), optional(None, u64)
    admin.call(BUCKET_CREATE, name(path) + nobody + flag(False) + no_quota + no_quota)


def delete_bucket(admin, path):
    """`bucket delete`."""
    admin.call(BUCKET_DELETE, name(path))


def create_link(admin, source, link):
    """`bucket link`."""
    nothing = flag(False)
    admin.call(BUCKET_LINK, name(source) + name(link) + optional(None, text) + nothing + nothing
               + optional(None, text) + optional(None, u64) + nothing + nothing)


def set_link_source(admin, link, source, expect=None, generation=None):
    """`link set-source`."""
    admin.call(LINK_SET_SOURCE, name(link) + name(source) + optional(expect, name)
               + optional(generation, u64) + flag(False))


class _Reader:
    def __init__(self, data):
        self.data = data

    def take(self, count):
        piece, self.data = self.data[:count], self.data[count:]
        assert len(piece) == count, "the reply is too short"
        return piece

    def number(self, form):
        return struct.unpack("<" + form, self.take(struct.calcsize(form)))[0]

    def text(self):
        return self.take(self.number("H")).decode()

    def name(self):
        return f"/{self.text()}/{self.text()}"


def link_generation(admin, path):
    """The generation that `bucket info` shows of a link."""
    reply = _Reader(admin.call(BUCKET_INFO, name(path)))
    assert reply.name() == path
    reply.text()
    reply.take(3 * 8)
    assert reply.number("B") == 1, f"{path} is no link"
    reply.name()
    reply.number("B")
    if reply.number("B"):
        reply.name()
    for _ in range(reply.number("H")):
        reply.name()
    return reply.number("Q")
