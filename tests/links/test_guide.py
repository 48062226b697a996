"""Every command in the documents works, and prints what they show."""

import os
from pathlib import Path

import pytest
from harness import guide, paths
from harness.daemon import Daemon

DOCUMENTS = {"docs/links.md": 30}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_of_the_guide(document, tmp_path):
    with Daemon("guide") as daemon:
        virtual = Path(os.sys.executable).parent
        env = {
            **os.environ,
            "PATH": f"{paths.BINARIES}:{virtual}:{os.environ['PATH']}",
            "CHAINRING_ADMIN_SOCKET": str(daemon.admin_socket),
            "AWS_ACCESS_KEY_ID": daemon.access_key,
            "AWS_SECRET_ACCESS_KEY": daemon.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": daemon.endpoint,
        }
        commands = guide.run((paths.REPOSITORY / document).read_text(), tmp_path, env)
    assert commands >= DOCUMENTS[document], "the sessions of the document were not found"


def test_the_runner_refuses_what_the_document_does_not_show(tmp_path):
    for fine in ("$ echo a; echo b\n...\nb", "$ echo a b\na   b", "$ echo a1z\na...z", "$ true",
                 "$ false || echo 1\n1", "$ echo a; echo b\na\nb"):
        assert guide.run(f"```console\n{fine}\n```\n", tmp_path, None) == 1
    for wrong in ("$ echo a\nb", "$ echo a; echo b\na", "$ false", "$ echo ab\na b"):
        with pytest.raises(guide.GuideError):
            guide.run(f"```console\n{wrong}\n```\n", tmp_path, None)
