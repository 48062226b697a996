"""Where things are. Everything is found from the repository or the environment."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target")).resolve()
#: The folder of the two binaries under test.
BINARIES = Path(os.environ.get("CHAINRING_BIN", TARGET / "release")).resolve()

#: The long programmes (`tests/run --long`).
LONG = os.environ.get("CHAINRING_TEST_LONG") == "1"


def scratch(prefix):
    """A new folder on the disk that holds the build, which is one that takes direct I/O."""
    base = TARGET / "tmp"
    base.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f"{prefix}-", dir=base))


def tool(name):
    """The path of a client program, or None; those of our own Python's environment come first."""
    beside = str(Path(sys.executable).parent)
    search = os.pathsep.join(filter(None, [beside, os.environ.get("PATH")]))
    return shutil.which(name, path=search)
