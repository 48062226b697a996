"""Small disks of their own: an ext4 in a file, mounted over a loop device."""

import contextlib
import os
import subprocess

import pytest
from harness import paths
from harness.daemon import wait_until


def _run(*command):
    return subprocess.run(command, capture_output=True, text=True)


@contextlib.contextmanager
def loop_disk(megabytes):
    """A mounted ext4 of a fixed size; skips the test where there can be none."""
    if os.geteuid() != 0:
        pytest.skip("a loop mount needs root")
    folder = paths.scratch("disk")
    image, mount = folder / "image", folder / "mount"
    mount.mkdir()
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True, capture_output=True)
    done = _run("mount", "-o", "loop", image, mount)
    if done.returncode != 0:
        image.unlink()
        pytest.skip(f"no loop mounts here: {done.stderr.strip()}")
    try:
        yield mount
    finally:
        # Lazily, because a daemon that was just killed may hold it for another moment.
        subprocess.run(["umount", "--lazy", mount], check=True)
        image.unlink()
        mount.rmdir()
        folder.rmdir()


def remount(mount):
    """Takes a disk away and brings it back, with whatever recovery its file system does."""
    image = mount.parent / "image"
    # A daemon that has just ended may hold it for another moment.
    wait_until("unmounted", lambda: _run("umount", mount).returncode == 0, seconds=30)
    subprocess.run(["mount", "-o", "loop", image, mount], check=True)
