"""The life of a daemon: first start, first user, signals, refusals to start, the README's scene."""

import os
import re
import signal
import socket
import subprocess
import threading

import pytest
from harness import paths
from harness.daemon import Daemon, free_port, wait_until
from harness.s3 import Server

pytestmark = pytest.mark.skipif(
    "CHAINRING_TEST_ENDPOINT" in os.environ, reason="tests of our own daemon")


@pytest.fixture
def daemon():
    """A fresh daemon."""
    daemon = Daemon("life").start()
    yield daemon
    daemon.close()


def refuses(daemon, *words):
    """Starting must fail by itself with a message that has these words."""
    daemon.spawn()
    try:
        status = daemon.process.wait(timeout=30)
    finally:
        text = daemon.log.read_text(errors="replace")
    assert status != 0, text
    assert "panicked" not in text, text
    for word in words:
        assert word.lower() in text.lower(), (word, text)
    return text


def test_the_scene_of_the_readme():
    """Two commands, a volume, a bucket, a link, and an object through it, with all defaults."""
    daemon = Daemon("scene")
    env = {**os.environ, "PATH": f"{paths.BINARIES}{os.pathsep}{os.environ['PATH']}"}
    for name in ("CHAINRING_ACCESS_KEY", "CHAINRING_SECRET_KEY", "CHAINRING_ADMIN_SOCKET"):
        env.pop(name, None)
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", 9878))
        except OSError:
            pytest.skip("somebody else has the default port")
    # The default socket lies in the data directory; a deep folder would make its path too long.
    home = daemon.runtime
    with daemon.log.open("wb") as log:
        daemon.process = subprocess.Popen(
            [paths.BINARIES / "chainringd", "--data-dir", daemon.folder / "data", "--admin-socket",
             home / "admin.sock"],
            cwd=home, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def sh(command):
        return subprocess.run(command, cwd=home, shell=True, capture_output=True, text=True,
                              timeout=60, env={**env, "CHAINRING_ADMIN_SOCKET": str(home / "admin.sock")})

    try:
        wait_until("status", lambda: sh("chainring status").returncode == 0)
        for command in ("chainring volume create /vol1", "chainring bucket create /vol1/bucket1",
                        "chainring bucket link /vol1/bucket1 /s3v/common-bucket"):
            done = sh(command)
            assert done.returncode == 0, (command, done.stderr)
        printed = daemon.log.read_text()
        assert "127.0.0.1:9878" in printed
        # The keys are shown once, at the first start, and nowhere else.
        words = re.findall(r"[A-Za-z0-9+/=_-]{16,}", printed)
        assert words
        daemon.terminate()
        with daemon.log.open("wb") as log:
            daemon.process = subprocess.Popen(
                [paths.BINARIES / "chainringd", "--data-dir", daemon.folder / "data",
                 "--admin-socket", home / "admin.sock"],
                cwd=home, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_until("status", lambda: sh("chainring status").returncode == 0)
        again = daemon.log.read_text()
        secret = max((w for w in words if w not in str(daemon.folder)), key=len)
        assert secret not in again
    finally:
        daemon.close()


def test_s29_random_keys_work_and_differ():
    """Without keys from the environment each store makes its own; there is no default secret."""
    found = []
    for _ in range(2):
        daemon = Daemon("keys", env={"CHAINRING_ACCESS_KEY": "", "CHAINRING_SECRET_KEY": ""})
        saved = {n: os.environ.pop(n, None) for n in ("CHAINRING_ACCESS_KEY", "CHAINRING_SECRET_KEY")}
        try:
            daemon.extra_env = {}
            command = daemon.command()
            env = dict(os.environ)
            with daemon.log.open("wb") as log:
                daemon.process = subprocess.Popen(command, stdout=log, stderr=log, env=env,
                                                  stdin=subprocess.DEVNULL)
            wait_until("ready", daemon._ready)
            found.append(set(re.findall(r"[A-Za-z0-9+/=_-]{16,}", daemon.log.read_text())))
        finally:
            for name, value in saved.items():
                if value is not None:
                    os.environ[name] = value
            daemon.close()
    assert found[0] != found[1]


def test_sigterm_drains(daemon):
    """An upload under way when SIGTERM comes is finished and acknowledged; the status is 0."""
    from harness.raw import Raw, read_answer

    daemon.cli("bucket", "create", "/s3v/drain")
    raw = Raw("127.0.0.1", daemon.port, daemon.access_key, daemon.secret_key)
    body = os.urandom(4 << 20)
    request = raw.build("PUT", "/drain/k", body=body)
    with socket.create_connection(raw.address, timeout=30) as connection:
        connection.sendall(request[: len(request) // 2])
        # The daemon has seen the head when another request on the same core has been served.
        for _ in range(20):
            assert raw.request("GET", "/").status == 200
        daemon.process.send_signal(signal.SIGTERM)

        def refused():
            try:
                socket.create_connection(raw.address, timeout=1).close()
            except OSError:
                return True
            return False

        connection.sendall(request[len(request) // 2 :])
        assert read_answer(connection, "PUT").status == 200
        wait_until("listener closed", refused)
    assert daemon.process.wait(timeout=60) == 0
    daemon.restart()
    assert raw.request("GET", "/drain/k").body == body


def test_sigint_stops_too(daemon):
    daemon.process.send_signal(signal.SIGINT)
    assert daemon.process.wait(timeout=60) == 0


def test_a_stop_and_a_start_keep_everything(daemon):
    daemon.cli("volume", "create", "/keep")
    daemon.cli("bucket", "create", "/keep/bkt")
    daemon.cli("bucket", "link", "/keep/bkt", "/s3v/keep-link")
    daemon.cli("user", "create", "somebody")
    before = [daemon.cli("volume", "list", "--json"), daemon.cli("bucket", "list", "/s3v", "--json"),
              daemon.cli("user", "list", "--json")]
    for stop in (daemon.terminate, daemon.kill):
        stop()
        daemon.restart()
        after = [daemon.cli("volume", "list", "--json"),
                 daemon.cli("bucket", "list", "/s3v", "--json"), daemon.cli("user", "list", "--json")]
        assert after == before


def test_a_data_directory_in_use(daemon):
    second = Daemon("second", data=daemon.data)
    try:
        refuses(second, "in use")
        assert daemon.alive()
        assert daemon.cli_result("status").returncode == 0
    finally:
        second.close()


def test_a_port_in_use(daemon):
    second = Daemon("second")
    second.port = daemon.port
    try:
        refuses(second, str(daemon.port))
    finally:
        second.close()


def test_another_format_version(daemon):
    """A store of a version that this build does not know is left alone, and so is a damaged one."""
    daemon.terminate()
    superblock = daemon.data / "superblock"
    content = bytearray(superblock.read_bytes())

    def sizes():
        return {p: p.stat().st_size for p in daemon.data.rglob("*") if p.name != "lock"}

    before = sizes()
    for at, words in ((8, "format version"), (0, "damaged"), (20, "damaged")):
        changed = bytearray(content)
        changed[at] ^= 0x80
        superblock.write_bytes(changed)
        refuses(daemon, words)
        assert sizes() == before
    superblock.write_bytes(content)
    daemon.restart()


def test_a_folder_that_is_no_store():
    """Foreign files are not overwritten by a new store."""
    daemon = Daemon("foreign")
    try:
        daemon.data.mkdir()
        (daemon.data / "letter.txt").write_text("dear reader")
        refuses(daemon)
        assert (daemon.data / "letter.txt").read_text() == "dear reader"
        assert not (daemon.data / "superblock").exists()
    finally:
        daemon.close()


@pytest.mark.parametrize("arguments", [["--no-such-flag"], ["--durability", "maybe"],
                                       ["--s3-listen", "nowhere"], ["--cores", "0"],
                                       ["--shards", "0"], ["--log-format", "prose"]])
def test_flags_that_make_no_sense(arguments):
    daemon = Daemon("flags", args=arguments)
    try:
        refuses(daemon)
        assert not daemon.data.exists()
    finally:
        daemon.close()


def test_a_configuration_file():
    daemon = Daemon("config")
    config = daemon.folder / "chainring.toml"
    daemon.extra_args = ["--config", str(config)]
    try:
        config.write_text('no_such_key = "x"\n')
        refuses(daemon, "no_such_key")
        config.write_text('durability = "relaxed"\n')
        daemon.start()
        assert "relaxed" in daemon.cli("status").lower()
    finally:
        daemon.close()


def test_relaxed_durability_says_so():
    daemon = Daemon("relaxed", args=["--durability", "relaxed"]).start()
    try:
        assert "relaxed" in daemon.cli("status").lower()
    finally:
        daemon.close()


@pytest.mark.parametrize("cores, shards", [(1, 1), (1, 4), (2, 2), (2, 5)])
def test_cores_and_shards(cores, shards):
    """Any number of shards works on any number of cores, and on another number later."""
    daemon = Daemon("cores", args=["--cores", str(cores), "--shards", str(shards)]).start()
    try:
        from harness.raw import Raw

        raw = Raw("127.0.0.1", daemon.port, daemon.access_key, daemon.secret_key)
        daemon.cli("bucket", "create", "/s3v/bkt")
        for n in range(50):
            assert raw.request("PUT", f"/bkt/k{n}", body=b"%d" % n * 99).status == 200
        daemon.terminate()
        daemon.extra_args = ["--cores", str(3 - cores)]
        daemon.restart()
        for n in range(50):
            assert raw.request("GET", f"/bkt/k{n}").body == b"%d" % n * 99
    finally:
        daemon.close()


def test_json_log():
    import json

    daemon = Daemon("json", args=["--log-format", "json"]).start()
    try:
        daemon.terminate()
        lines = [line for line in daemon.log.read_text().splitlines() if line.startswith("{")]
        assert lines
        for line in lines:
            json.loads(line)
    finally:
        daemon.close()


def test_an_idle_daemon_is_small():
    """On two cores less than 64 MiB."""
    daemon = Daemon("idle", args=["--cores", "2"]).start()
    try:
        assert daemon.rss_bytes() < 64 << 20, daemon.rss_bytes()
    finally:
        daemon.close()


def test_the_binaries_are_small():
    sizes = [(paths.BINARIES / name).stat().st_size for name in ("chainringd", "chainring")]
    assert sum(sizes) < 30 * 10**6, sizes


def test_s30_the_socket_is_private(daemon):
    """Nobody but the daemon's user (and root) may even connect."""
    assert daemon.admin_socket.stat().st_mode & 0o077 == 0


def test_the_cli_without_a_daemon():
    done = subprocess.run([paths.BINARIES / "chainring", "status"], capture_output=True, text=True,
                          env={**os.environ, "CHAINRING_ADMIN_SOCKET": "/nonexistent/admin.sock"})
    assert done.returncode == 1
    assert "chainringd" in done.stderr


def test_exit_statuses_of_the_cli(daemon):
    for arguments, status, code in [
        (["volume", "create", "/v-1"], 0, None), (["volume", "create", "/v-1"], 1, "VOLUME_ALREADY_EXISTS"),
        (["volume", "create", "/X"], 1, "INVALID_VOLUME_NAME"),
        (["bucket", "create", "/none/b-1"], 1, "VOLUME_NOT_FOUND"),
        (["bucket", "create", "/v-1/B"], 1, "INVALID_BUCKET_NAME"),
        (["bucket", "create", "/v-1/b-1"], 0, None),
        (["bucket", "create", "/v-1/b-1"], 1, "BUCKET_ALREADY_EXISTS"),
        (["bucket", "info", "/v-1/none"], 1, "BUCKET_NOT_FOUND"),
        (["volume", "delete", "/v-1"], 1, "VOLUME_NOT_EMPTY"),
        (["bucket", "delete", "/v-1/b-1"], 0, None),
        (["volume", "delete", "/v-1"], 0, None), (["volume", "info", "/v-1"], 1, "VOLUME_NOT_FOUND"),
        (["user", "delete", "nobody"], 1, "USER_NOT_FOUND"),
        (["volume", "frobnicate"], 2, None), (["bucket"], 2, None), (["--no-such"], 2, None),
    ]:
        done = daemon.cli_result(*arguments)
        assert done.returncode == status, (arguments, done)
        if code:
            assert done.stderr.split()[0] == code, (arguments, done.stderr)


def test_users_and_their_secrets(daemon):
    """A revoked secret stops working at once, on every core."""
    from harness.raw import Raw

    daemon.cli("user", "create", "eve", "--access-key", "EVEACCESSKEY", "--secret-key", "e" * 40)
    raw = Raw("127.0.0.1", daemon.port, "EVEACCESSKEY", "e" * 40)
    assert raw.request("GET", "/").status == 200
    assert "e" * 40 not in daemon.cli("user", "list", "--json")
    daemon.cli("s3", "revokesecret", "eve")
    for _ in range(8):
        answer = raw.request("GET", "/")
        assert (answer.status, answer.code) in [(403, "InvalidAccessKeyId"),
                                                (403, "SignatureDoesNotMatch"),
                                                (403, "AccessDenied")], answer
    daemon.cli("user", "delete", "eve")
    assert "eve" not in daemon.cli("user", "list", "--json")


def test_key_put_and_get(daemon):
    """The CLI moves objects too."""
    daemon.cli("volume", "create", "/v-2")
    daemon.cli("bucket", "create", "/v-2/b-2")
    content = os.urandom(300_000)
    source, back = daemon.folder / "in", daemon.folder / "out"
    source.write_bytes(content)
    daemon.cli("key", "put", "/v-2/b-2/some/key", str(source))
    assert "some/key" in daemon.cli("key", "list", "/v-2/b-2")
    daemon.cli("key", "get", "/v-2/b-2/some/key", str(back))
    assert back.read_bytes() == content
    daemon.cli("key", "delete", "/v-2/b-2/some/key")
    done = daemon.cli_result("key", "get", "/v-2/b-2/some/key", str(daemon.folder / "none"))
    assert (done.returncode, done.stderr.split()[0]) == (1, "KEY_NOT_FOUND")


def test_noise_on_the_admin_socket(daemon):
    """Whatever comes in by the socket, the daemon stays."""
    import random

    rng = random.Random(1)
    threads = []

    def send(data):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(daemon.admin_socket))
            try:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass
            except (BrokenPipeError, ConnectionResetError):
                pass

    for _ in range(100):
        data = rng.randbytes(rng.choice([0, 1, 3, 4, 8, 16, 64, 5000]))
        thread = threading.Thread(target=send, args=(data,))
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()
    assert daemon.cli_result("status").returncode == 0


def test_the_cli_is_quick(daemon):
    """Starts, asks and exits in under 10 ms, the best of many (others may use the machine)."""
    import time

    best = 1.0
    for _ in range(30):
        start = time.perf_counter()
        assert daemon.cli_result("status").returncode == 0
        best = min(best, time.perf_counter() - start)
    # Forking from Python is in this figure and takes some of it.
    assert best < 0.02, best


def test_servers_close_is_clean():
    """The harness itself: a server of the S3 suites starts and ends."""
    server = Server()
    assert server.client().list_buckets()["Buckets"] == []
    server.close()
    assert not server.daemon.alive()
    assert free_port() != 0
