"""Many commands over one connection: --execute, batch, shell."""

import os
import socket
import threading

import pytest
from harness import paths
from harness.daemon import Daemon
from harness.terminal import Terminal

pytestmark = pytest.mark.skipif(
    "CHAINRING_TEST_ENDPOINT" in os.environ, reason="tests of our own daemon")


@pytest.fixture(scope="module")
def daemon():
    """A daemon for all tests here."""
    daemon = Daemon("batch").start()
    yield daemon
    daemon.close()


class Counter:
    """Stands before the admin socket and counts connections."""

    def __init__(self, daemon):
        self.target = str(daemon.admin_socket)
        self.path = str(daemon.runtime / "counted.sock")
        self.count = 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            self.count += 1
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.target)
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # One of them is gone.


@pytest.fixture
def counter(daemon):
    """A counting socket."""
    counter = Counter(daemon)
    yield counter
    counter.listener.close()
    os.unlink(counter.path)


def chainring(daemon):
    """The command and the environment that finds the daemon."""
    return str(paths.BINARIES / "chainring"), {"CHAINRING_ADMIN_SOCKET": str(daemon.admin_socket)}


def test_a_batch_is_one_connection(daemon, counter):
    lines = ["volume create /hundred"]
    lines += [f"bucket create /hundred/bucket-{n}" for n in range(100)]
    done = daemon.cli_result("--admin-socket", counter.path, "batch", "-", input="\n".join(lines))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert counter.count == 1
    assert len(daemon.cli_json("bucket", "list", "/hundred")) == 100


def test_outputs_are_those_of_the_single_commands(daemon):
    daemon.cli("volume", "create", "/same")
    commands = ["volume info /same", "volume list --table", "status --json", "user list"]
    single = [daemon.cli(*command.split()) for command in commands]
    together = daemon.cli(*[word for command in commands for word in ("--execute", command)])
    # The status counts seconds.
    drop = lambda text: [line for line in text.splitlines() if "uptime" not in line]
    assert drop(together) == drop("".join(single))


def test_a_failure_names_its_line_and_ends_the_batch(daemon, tmp_path):
    file = tmp_path / "commands.txt"
    file.write_text("# A comment.\nvolume create /here\n\nbucket create /nowhere/b\nvolume create /not\n")
    done = daemon.cli_result("batch", str(file))
    assert done.returncode == 1
    assert done.stderr.startswith(f"{file}:4: VOLUME_NOT_FOUND ")
    assert daemon.cli_result("volume", "info", "/here").returncode == 0
    assert daemon.cli_result("volume", "info", "/not").returncode == 1


def test_keep_going_does_the_rest_and_still_fails(daemon):
    lines = "volume create /rest\nvolume create /rest\nnonsense\nbucket create /rest/'b-1'\n"
    done = daemon.cli_result("batch", "--keep-going", "-", input=lines)
    assert done.returncode == 1
    assert "stdin:2: VOLUME_ALREADY_EXISTS " in done.stderr
    assert "stdin:3: error: " in done.stderr
    assert daemon.cli_result("bucket", "info", "/rest/b-1").returncode == 0


def test_a_shell_prompts_completes_and_remembers_on_a_terminal(daemon, tmp_path):
    command, env = chainring(daemon)
    env["XDG_STATE_HOME"] = str(tmp_path)
    with Terminal([command, "shell"], env) as shell:
        shell.until("chainring> ")
        shell.type("vol\tcr\t/typed\r")
        shell.until("created volume /typed")
        shell.until("chainring> ")
        shell.type("volume info /missing\r")
        shell.until("VOLUME_NOT_FOUND ")
        shell.until("chainring> ")
        # What is half typed is given up, the shell is not.
        shell.type("volume del\x03")
        shell.until("chainring> ")
        shell.type("user create eve --access-key EVE --secret-key not-to-be-remembered\r")
        shell.until("chainring> ")
        shell.type("\x04")
        assert shell.end()[0] == 0
    history = tmp_path / "chainring" / "history"
    text = history.read_text()
    assert "volume create /typed" in text and "not-to-be-remembered" not in text
    assert history.stat().st_mode & 0o077 == 0
    with Terminal([command, "shell"], env) as shell:
        shell.until("chainring> ")
        shell.type("\x1b[A")
        shell.until("volume info /missing")
        shell.type("\x03")
        shell.until("chainring> ")
        shell.type("exit\r")
        assert shell.end()[0] == 0


def test_a_shell_outlives_its_daemon(daemon, tmp_path):
    own = Daemon("restarted").start()
    try:
        command, env = chainring(own)
        env["XDG_STATE_HOME"] = str(tmp_path)
        with Terminal([command, "shell"], env) as shell:
            shell.until("chainring> ")
            own.terminate()
            own.restart()
            shell.type("volume list\r")
            shell.until("chainring> ")
            shell.type("volume info /s3v\r")
            shell.until("owner")
    finally:
        own.close()


def test_a_shell_without_a_terminal_prints_no_prompt(daemon):
    done = daemon.cli_result("shell", input="volume info /s3v\nvolume info /s3v\n")
    assert done.stdout == daemon.cli("volume", "info", "/s3v") * 2
    assert done.stderr == ""
