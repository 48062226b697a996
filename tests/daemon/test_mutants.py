"""Every deliberate fault of `tests/mutants` still applies to the sources as they are."""

import subprocess
import sys

from harness import paths


def test_every_fault_still_applies():
    script = paths.REPOSITORY / "tests" / "mutants" / "run.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
