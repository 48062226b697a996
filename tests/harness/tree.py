"""A real source tree to copy about, taken from what every machine that builds this project has."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

#: Files larger than this are left out: many files are wanted here, not many bytes.
FILE_BYTES_MAX = 256 << 10


def roots():
    """Folders with sources: the crates of this build, the Go and the Rust toolchain, Python."""
    cargo = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")) / "registry" / "src"
    found = [cargo]
    for command in (["go", "env", "GOROOT"], ["rustc", "--print", "sysroot"]):
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found.append(Path(done.stdout.strip()))
        except (OSError, subprocess.CalledProcessError):
            continue
    found.append(Path(os.__file__).parent)
    return [root for root in found if root.is_dir()]


def make(target, count):
    """Copies `count` files of the machine's source trees below `target`, always the same ones."""
    made = 0
    for number, root in enumerate(roots()):
        for folder, folders, files in os.walk(root):
            folders.sort()
            for name in sorted(files):
                source = Path(folder) / name
                try:
                    source.relative_to(root).as_posix().encode("utf-8")
                    size = source.lstat().st_size
                except (UnicodeEncodeError, OSError):
                    continue
                if source.is_symlink() or not source.is_file() or size > FILE_BYTES_MAX:
                    continue
                copy = target / f"tree{number}" / source.relative_to(root)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy)
                made += 1
                if made == count:
                    return made
    return made


def digest_file(path):
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digests(root):
    """Relative path -> SHA-256 of every file below a folder."""
    found = {}
    for folder, _, files in os.walk(root):
        for name in files:
            path = Path(folder) / name
            found[path.relative_to(root).as_posix()] = digest_file(path)
    return found


def random_file(path, size):
    """A file that does not compress."""
    with path.open("wb") as file:
        while size > 0:
            size -= file.write(os.urandom(min(size, 16 << 20)))
