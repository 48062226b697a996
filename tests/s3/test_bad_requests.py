"""HTTP that is broken or hostile: refused, and the connection closed where its framing is in doubt."""

import socket

import pytest
from harness import sigv4
from harness.raw import exchange, read_answer


def head(raw, *lines):
    """Bytes of a request head."""
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def ask(raw, data):
    """Sends bytes; the status, or None where the server just closed the connection."""
    import http.client

    try:
        return exchange(raw.address, data).status
    except (http.client.BadStatusLine, ConnectionResetError):
        return None


# S28: what two parties could read as two different requests.
SMUGGLING = {
    "both lengths": ["Content-Length: 5", "Transfer-Encoding: chunked"],
    "two lengths": ["Content-Length: 5", "Content-Length: 6"],
    "signed length": ["Content-Length: +5"],
    "negative length": ["Content-Length: -5"],
    "list of lengths": ["Content-Length: 5, 6"],
    "hex length": ["Content-Length: 0x5"],
    "huge length": ["Content-Length: 99999999999999999999999"],
    "other coding": ["Transfer-Encoding: gzip"],
    "coding after chunked": ["Transfer-Encoding: chunked, gzip"],
    "chunked twice": ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
    "odd chunked": ["Transfer-Encoding: xchunked"],
    "space before colon": ["Content-Length : 5"],
    "folded": ["X-A: b", " c"],
    "name with blank": ["X A: b"],
    "nul": ["X-A: \0"],
}


@pytest.mark.parametrize("what", SMUGGLING)
def test_s28_smuggling(server, raw, what):
    if not server.ours:
        pytest.skip("servers differ")
    data = head(raw, "PUT /b/k HTTP/1.1", f"Host: {raw.host}", *SMUGGLING[what])
    inner = head(raw, "GET /inner HTTP/1.1", f"Host: {raw.host}")
    with socket.create_connection(raw.address, timeout=30) as connection:
        connection.sendall(data + b"0\r\n\r\n" + inner)
        answer = read_answer(connection, "PUT")
        assert answer.status in (400, 411, 501), answer
        # The second request must not be answered: nobody knows where it begins.
        try:
            assert connection.recv(100) == b""
        except ConnectionResetError:
            pass


@pytest.mark.parametrize("line", ["GET", "GET /", "GET  / HTTP/1.1", "GET / HTTP/2.0", "GET / HTTP/9",
                                  "GET noslash HTTP/1.1", "\x16\x03\x01\x02", "GET / HTTP/1.1 x",
                                  "G" * 40000])
def test_request_lines_without_sense(server, raw, line):
    if not server.ours:
        pytest.skip("servers differ")
    assert ask(raw, head(raw, line, f"Host: {raw.host}")) in (400, 403, 414, 431, 501, 505, None)


def test_no_host(server, raw):
    if not server.ours:
        pytest.skip("servers differ")
    assert ask(raw, b"GET /b/k HTTP/1.1\r\n\r\n") == 400
    two = b"GET /b/k HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"
    assert ask(raw, two) == 400


def test_s26_heads_over_the_limit(server, raw):
    if not server.ours:
        pytest.skip("servers differ")
    many = [f"X-{n}: v" for n in range(101)]
    assert ask(raw, head(raw, "GET /b/k HTTP/1.1", f"Host: {raw.host}", *many)) in (400, 431)
    long = head(raw, "GET /b/k HTTP/1.1", f"Host: {raw.host}", "X-A: " + "v" * 40000)
    assert ask(raw, long) in (400, 431)
    assert ask(raw, b"GET /" + b"a" * 100_000) in (400, 414, 431, None)


@pytest.mark.parametrize("path", ["/b%/k", "/b/%zz", "/b/k%", "//", "/%00/k", "/" + "a" * 3000,
                                  "/../../etc/passwd", "/b/../../../etc/passwd", "*", "/?x=%"])
def test_paths_without_sense(server, raw, path):
    if not server.ours:
        pytest.skip("servers differ")
    headers = {"host": raw.host}
    raw.signer.authorize("GET", path.partition("?")[0], [], headers, sigv4.EMPTY_SHA256)
    lines = [f"GET {path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
    assert ask(raw, head(raw, *lines)) in (400, 403, 404, 405)


def test_a_chunked_body_by_http(raw, bucket):
    """Transfer-Encoding: chunked around a plain body, in odd pieces."""
    body = bytes(range(256)) * 300
    headers = {"host": raw.host, "transfer-encoding": "chunked"}
    raw.signer.authorize("PUT", f"/{bucket}/k", [], headers, sigv4.UNSIGNED,
                         unsigned={"transfer-encoding"})
    pieces = [body[at : at + 777] for at in range(0, len(body), 777)]
    data = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"
    answer = exchange(raw.address, raw.head("PUT", f"/{bucket}/k", [], headers) + data, "PUT")
    # AWS wants a length of every plain body; taking it is allowed, changing it is not.
    assert answer.status in (200, 411), answer
    if answer.status == 200:
        assert raw.request("GET", f"/{bucket}/k").body == body


@pytest.mark.parametrize("chunk", [b"zz\r\nx\r\n", b"-1\r\n", b"5\r\nab", b"FFFFFFFFFFFFFFFFF\r\n",
                                   b"1;" + b"x" * 5000 + b"\r\na\r\n0\r\n\r\n", b"1\na\n0\n\n"])
def test_s28_broken_chunks(server, raw, bucket, chunk):
    if not server.ours:
        pytest.skip("servers differ")
    headers = {"host": raw.host, "transfer-encoding": "chunked"}
    raw.signer.authorize("PUT", f"/{bucket}/k", [], headers, sigv4.UNSIGNED,
                         unsigned={"transfer-encoding"})
    with socket.create_connection(raw.address, timeout=30) as connection:
        connection.sendall(raw.head("PUT", f"/{bucket}/k", [], headers) + chunk)
        connection.shutdown(socket.SHUT_WR)
        received = connection.recv(65536)
        assert not received.startswith(b"HTTP/1.1 200"), received
    assert raw.request("GET", f"/{bucket}/k").status == 404


def test_a_request_in_single_bytes(raw, bucket):
    """A head that comes byte by byte is read like any other."""
    raw.request("PUT", f"/{bucket}/k", body=b"body")
    data = raw.build("GET", f"/{bucket}/k")
    with socket.create_connection(raw.address, timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(data)):
            connection.sendall(data[at : at + 1])
        assert read_answer(connection).body == b"body"


def test_pipelined_requests(server, raw, bucket):
    """All at once, answered in order."""
    if not server.ours:
        pytest.skip("servers differ")
    data = b"".join(raw.build("PUT", f"/{bucket}/k{n}", body=b"%d" % n * 3000) for n in range(6))
    data += b"".join(raw.build("GET", f"/{bucket}/k{n}") for n in range(6))
    with socket.create_connection(raw.address, timeout=30) as connection:
        reader = connection.makefile("rb")
        connection.sendall(data)
        for n in range(12):
            status = reader.readline()
            assert status.startswith(b"HTTP/1.1 200"), (n, status)
            length = 0
            while (line := reader.readline()) != b"\r\n":
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            body = reader.read(length)
            if n >= 6:
                assert body == b"%d" % (n - 6) * 3000


def test_random_bytes(server, raw):
    """Noise on the wire never stops the daemon (a fixed seed, so that a failure repeats)."""
    if not server.ours:
        pytest.skip("servers differ")
    import random

    rng = random.Random(2)
    valid = raw.build("PUT", "/b/k", body=b"x" * 100)
    for _ in range(300):
        data = bytearray(valid)
        for _ in range(rng.randint(1, 8)):
            at = rng.randrange(len(data))
            kind = rng.random()
            if kind < 0.5:
                data[at] = rng.randrange(256)
            elif kind < 0.8:
                del data[at : at + rng.randint(1, 9)]
            else:
                data[at:at] = rng.randbytes(rng.randint(1, 9))
        with socket.create_connection(raw.address, timeout=30) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            try:
                while connection.recv(65536):
                    pass
            except ConnectionResetError:
                pass
    assert raw.request("GET", "/").status == 200
