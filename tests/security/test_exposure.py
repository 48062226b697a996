"""What the daemon lets be known: rows S29 to S36 of docs/security.md, as far as other suites have
them not, and the rows without a number."""

import json
import os
import re
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from harness import paths
from harness.daemon import Daemon
from harness.raw import Raw, exchange

#: What other servers were shipped with, and still are in many a tutorial.
DEFAULTS = [("minioadmin", "minioadmin"), ("rustfsadmin", "rustfsadmin"), ("admin", "admin"),
            ("root", "root"), ("minio", "minio123"), ("test", "test"), ("accessKey1", "verySecretKey1"),
            ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), ("admin", ""),
            ("chainring", "chainring"), ("any", "any"), ("0555b35654ad1656d804", "h7GhxuBLTrlhVUyxSPUKUV8r/2EI4ngqJxD7iBdBYLhwluN30JaT3Q==")]


def test_s29_no_key_is_known_beforehand(raw):
    for key, secret in DEFAULTS:
        answer = Raw(*raw.address, key, secret).request("GET", "/")
        assert (answer.status, answer.code) == (403, "InvalidAccessKeyId"), (key, answer)


def test_s29_no_secret_is_in_the_binary():
    """Nothing in the program looks like a secret that could be read out of it."""
    program = (paths.BINARIES / "chainringd").read_bytes()
    for key, secret in DEFAULTS:
        if len(secret) > 9:
            assert secret.encode() not in program, key
    assert not re.search(rb"AKIA[0-9A-Z]{16}", program)
    assert b"BEGIN RSA PRIVATE" not in program and b"BEGIN PRIVATE KEY" not in program


def test_s29_half_a_key_does_not_start():
    """A key without its secret is a mistake, not a reason to take a default."""
    for env in ({"CHAINRING_ACCESS_KEY": "ONLYTHEKEY0000000"}, {"CHAINRING_SECRET_KEY": "only-the-secret-" * 2},
                {"CHAINRING_ACCESS_KEY": "SHORTSECRET000000", "CHAINRING_SECRET_KEY": "x"}):
        daemon = Daemon("half")
        try:
            clean = {n: v for n, v in os.environ.items() if not n.startswith("CHAINRING_")}
            done = subprocess.run(daemon.command(), env={**clean, **env}, capture_output=True, text=True,
                                  timeout=30, stdin=subprocess.DEVNULL)
            assert done.returncode != 0, done
            assert "x" * 30 not in done.stderr and "only-the-secret" not in done.stderr
        finally:
            daemon.close()


def test_s30_the_admin_doors_are_closed_to_strangers(server, daemon):
    """The socket by its mode and by who connects; the port by a proof of knowledge."""
    assert daemon.admin_socket.stat().st_mode & 0o077 == 0
    if os.geteuid() == 0:
        # Another user who somehow gets at the socket is told no by the credentials of its process.
        program = ("import os, socket, sys\n"
                   "s = socket.socket(socket.AF_UNIX); s.settimeout(20); s.connect(sys.argv[1])\n"
                   "b = bytes([1, 1]) + bytes(32) + b'\\0\\0' + b'\\4\\0test' + b'\\0'\n"
                   "s.sendall(b'CHNR\\1\\1\\0\\0\\1\\0\\0\\0\\1\\0\\0\\0' + len(b).to_bytes(4, 'little') + b)\n"
                   "s.recv(4096)\n"
                   "s.sendall(b'CHNR\\1\\1\\0\\0\\2\\0\\0\\0\\3\\0\\0\\0\\0\\0\\0\\0')\n"
                   "sys.stdout.buffer.write(s.recv(4096))")
        os.chmod(daemon.runtime, 0o755)
        os.chmod(daemon.admin_socket, 0o666)
        try:
            done = subprocess.run(["python3", "-c", program, str(daemon.admin_socket)], capture_output=True,
                                  timeout=30, user=65534, group=65534, extra_groups=[])
        finally:
            os.chmod(daemon.admin_socket, 0o600)
        assert b"only root and the daemon's user" in done.stdout, done
    # Over TCP nothing is done before the login, and nothing that carries a secret after it.
    login = {"CHAINRING_ACCESS_KEY": daemon.access_key, "CHAINRING_SECRET_KEY": daemon.secret_key}
    cli = [str(paths.BINARIES / "chainring"), "--tcp", f"127.0.0.1:{server.admin_port}"]

    def run(*arguments, **env):
        return subprocess.run([*cli, *arguments], env={**os.environ, **env}, capture_output=True, text=True,
                              timeout=60)

    assert run("status", **login).returncode == 0
    wrong = run("status", **{**login, "CHAINRING_SECRET_KEY": "w" * 40})
    assert wrong.returncode != 0 and "the login is wrong" in wrong.stderr
    secret = run("s3", "getsecret", **login)
    assert secret.returncode != 0 and daemon.secret_key not in secret.stdout + secret.stderr


#: Where other servers show their insides, and where ours might.
INSIDES = ["/minio/bootstrap/v1/verify", "/minio/health/live", "/minio/prometheus/metrics", "/debug/pprof/",
           "/debug/vars", "/metrics", "/env", "/environ", "/status", "/health", "/healthz", "/profile",
           "/rustfs/rpc/read_file", "/cluster", "/dir/status", "/swagger", "/_status", "/server-status",
           "/actuator/env", "/admin/v3/export-iam", "/.env", "/proc/self/environ", "/%2fproc%2fself%2fenviron"]


@pytest.mark.parametrize("path", INSIDES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_s31_nothing_shows_its_insides(server, daemon, raw, method, path):
    secrets = [daemon.secret_key, "CHAINRING_SECRET_KEY", str(daemon.data), "PATH="]
    head = f"{method} {path} HTTP/1.1\r\nHost: {raw.host}\r\nContent-Length: 0\r\n\r\n".encode()
    for address in (raw.address, ("127.0.0.1", server.metrics_port)):
        answer = exchange(address, head, method)
        if path == "/metrics" and address != raw.address and method == "GET":
            assert answer.status == 200
        else:
            assert answer.status in (400, 403, 404, 405), answer
        for secret in secrets:
            assert secret.encode() not in answer.body, secret


def test_s32_no_secret_is_written_anywhere(server, daemon, raw, stranger, bucket):
    """Not in the log, the audit log, the metrics, an error or a file: neither secrets nor what
    would do in their place."""
    stranger.request("GET", "/")
    raw.request("PUT", f"/{bucket}/k", body=b"x", headers={
        "x-amz-server-side-encryption-customer-key": "c3NlLWMta2V5LXNzZS1jLWtleS1zc2UtYy1rZXktMDA=",
        "x-amz-server-side-encryption-customer-algorithm": "AES256"})
    raw.request("GET", f"/{bucket}/k", headers={"x-amz-security-token": "the-token-of-a-session"})
    query = raw.signer.presign("GET", f"/{bucket}/presigned", [], raw.host)
    signature = dict(query)["X-Amz-Signature"]
    exchange(raw.address, raw.head("GET", f"/{bucket}/presigned", query, {"host": raw.host}))
    wrong = server.raw(secret_key="w" * 40).request("GET", f"/{bucket}/k")
    data = raw.build("GET", f"/{bucket}/k")
    right = re.search(rb"Signature=([0-9a-f]{64})", data)[1]
    assert right not in wrong.body, "the signature that would have been right"
    daemon.cli("s3", "setsecret", "-u", stranger.user, "--secret", "n3w/secret" + "y" * 30)
    stranger.request("GET", "/")
    wanted = [daemon.secret_key, stranger.signer.secret_key, "n3w/secret", "w" * 40, signature,
              "c3NlLWMta2V5", "the-token-of-a-session", "AWS4-HMAC-SHA256 Credential"]
    texts = {"log": daemon.log.read_text(errors="replace"), "audit": server.audit.read_text(),
             "metrics": server.scrape()}
    for where, text in texts.items():
        for secret in wanted:
            assert secret not in text, (where, secret)
    for path in Path(daemon.data).rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for secret in wanted[:4]:
                assert secret.encode() not in content, (path, secret)


def test_s33_listings_show_no_secret(daemon, stranger):
    tenant = f"t{stranger.user}"
    daemon.cli("tenant", "create", tenant)
    made = daemon.cli("tenant", "user", "assign", stranger.user, "--tenant", tenant)
    secret = re.search(r"AWS_SECRET_ACCESS_KEY='([^']+)'", made)[1]
    for command in (["user", "list"], ["tenant", "user", "list", tenant], ["tenant", "info", tenant],
                    ["tenant", "user", "info", stranger.user], ["status"], ["volume", "list"]):
        shown = json.dumps(daemon.cli_json(*command))
        for hidden in (secret, stranger.signer.secret_key, daemon.secret_key):
            assert hidden not in shown, command
    # What was shown once is not shown again.
    again = daemon.cli_result("tenant", "user", "getsecret", f"{tenant}${stranger.user}")
    assert secret not in again.stdout + again.stderr


def test_s34_failed_logins_read_alike_and_take_their_time(server, daemon):
    """Over the admin port an unknown key, a revoked one and a wrong secret differ in nothing, and one
    address cannot try in parallel."""
    import time

    cli = [str(paths.BINARIES / "chainring"), "--tcp", f"127.0.0.1:{server.admin_port}", "status"]
    said = set()
    for key, secret in [(daemon.access_key, "w" * 40), ("NOBODYATALL000000", "w" * 40), ("admin", "w" * 40)]:
        env = {**os.environ, "CHAINRING_ACCESS_KEY": key, "CHAINRING_SECRET_KEY": secret}
        start = time.monotonic()
        done = subprocess.run(cli, env=env, capture_output=True, text=True, timeout=60)
        assert time.monotonic() - start > 0.9
        said.add((done.returncode, done.stderr))
    assert len(said) == 1, said
    idle = [socket.create_connection(("127.0.0.1", server.admin_port), timeout=20) for _ in range(12)]
    try:
        closed = 0
        for connection in idle:
            connection.settimeout(1)
            try:
                closed += connection.recv(1) == b""
            except TimeoutError:
                pass
            except ConnectionResetError:
                closed += 1
        assert closed == 8, "four may try at once"
        assert daemon.cli_result("status").returncode == 0, "the socket is another door"
    finally:
        for connection in idle:
            connection.close()


def test_s35_there_are_no_figures_unless_asked():
    with Daemon("quiet") as quiet:
        listening = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True)
        if listening.returncode == 0 and f"pid={quiet.process.pid}," in listening.stdout:
            own = [line.split()[3] for line in listening.stdout.splitlines()
                   if f"pid={quiet.process.pid}," in line]
            assert {address.rpartition(":")[2] for address in own} == {str(quiet.port)}
            assert all(address.startswith("127.0.0.1:") for address in own)
        answer = exchange(("127.0.0.1", quiet.port), b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n")
        assert answer.status in (403, 404) and b"chainring_" not in answer.body


def test_s36_one_access_key_is_one_users(daemon, raw, stranger):
    """No user gets the access key of another, the first one's included, nor the name."""
    for arguments in (["user", "create", "thief", "--access-key", daemon.access_key],
                      ["user", "create", "thief", "--access-key", stranger.signer.access_key],
                      ["user", "create", "admin"], ["user", "create", stranger.user],
                      ["user", "create", f"t${stranger.user}"]):
        done = daemon.cli_result(*arguments)
        assert done.returncode != 0, arguments
    assert raw.request("GET", "/").status == 200
    assert stranger.request("GET", "/").status == 200
    assert daemon.cli_result("user", "info", "thief").returncode != 0


def test_u01_the_daemon_fetches_nothing(raw, bucket):
    """No request makes it open a connection to an address that a client names."""
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.2)
        url = f"http://127.0.0.1:{trap.getsockname()[1]}/x"
        raw.request("PUT", f"/{bucket}/k", body=b"x")
        for headers in ({"x-amz-copy-source": url}, {"x-amz-copy-source": url.removeprefix("http:/")},
                        {"x-amz-website-redirect-location": url}, {"x-amz-fetch-from": url},
                        {"referer": url, "origin": url}):
            answer = raw.request("PUT", f"/{bucket}/k2", headers=headers)
            assert answer.status in (200, 400, 404, 501), answer
        for query in (["notification"], ["replication"], ["website"], ["logging"]):
            body = f"<X><Endpoint>{url}</Endpoint></X>".encode()
            answer = raw.request("PUT", f"/{bucket}", query=[(query[0], None)], body=body)
            assert answer.status == 501
        with pytest.raises(TimeoutError):
            trap.accept()


def test_u02_what_was_to_be_encrypted_is_not_stored(daemon, raw, bucket):
    """A client that asks for encryption is told that there is none; its bytes reach no disk."""
    mark = b"plain-text-that-was-to-be-encrypted-" * 50
    for headers in ({"x-amz-server-side-encryption": "AES256"}, {"x-amz-server-side-encryption": "aws:kms"},
                    {"x-amz-server-side-encryption-customer-algorithm": "AES256",
                     "x-amz-server-side-encryption-customer-key": "a" * 44}):
        for query in ([], [("uploads", None)]):
            method = "POST" if query else "PUT"
            answer = raw.request(method, f"/{bucket}/k", query=query, headers=headers,
                                 body=b"" if query else mark)
            assert answer.status == 501, answer
    for path in Path(daemon.data).rglob("*"):
        if path.is_file():
            assert mark[:36] not in path.read_bytes(), path
    assert raw.request("GET", f"/{bucket}/k").status == 404


def test_u03_locks_that_are_not_kept_are_not_taken(raw, bucket):
    """Object lock is refused as a whole: nothing may seem retained that is not."""
    new = f"{bucket}-locked"
    answer = raw.request("PUT", f"/{new}", headers={"x-amz-bucket-object-lock-enabled": "true"})
    assert answer.status == 501 and raw.request("HEAD", f"/{new}").status == 404
    for headers in ({"x-amz-object-lock-mode": "GOVERNANCE"}, {"x-amz-object-lock-legal-hold": "ON"},
                    {"x-amz-object-lock-retain-until-date": "2031-01-01T00:00:00Z"}):
        assert raw.request("PUT", f"/{bucket}/k", headers=headers, body=b"x").status == 501
    for query in ("object-lock", "retention", "legal-hold", "policy", "versioning"):
        for path in (f"/{bucket}", f"/{bucket}/k"):
            assert raw.request("PUT", path, query=[(query, None)], body=b"<X/>").status in (400, 405, 501)
    assert raw.request("GET", f"/{bucket}/k").status == 404


def test_u04_many_threads_of_noise(server, raw):
    """Bytes without sense on every door at once stop nobody (a fixed seed, so that it repeats)."""
    import random

    doors = [raw.address, ("127.0.0.1", server.admin_port), ("127.0.0.1", server.metrics_port)]
    fronts = [b"", b"GET / HTTP/1.1\r\n", b"CHNR\x01\x01\0\0", b"\x16\x03\x01", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]

    def noise(seed):
        rng = random.Random(seed)
        for _ in range(25):
            try:
                with socket.create_connection(rng.choice(doors), timeout=5) as connection:
                    connection.sendall(rng.choice(fronts) + rng.randbytes(rng.choice([1, 20, 500, 40_000])))
                    connection.settimeout(0.3)
                    connection.recv(1000)
            except OSError:
                pass

    threads = [threading.Thread(target=noise, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert raw.request("GET", "/").status == 200
        threads[0].join(0.2)
    for thread in threads:
        thread.join()
