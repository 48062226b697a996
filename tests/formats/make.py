#!/usr/bin/env python3
"""Makes the format fixtures of this version: small stores that every later version must open.

    tests/formats/make.py [NAME]     needs the release build, and what tests/requirements.txt names

Two archives with a description each are written: a store that was closed in an orderly way, and one
whose daemon was killed. They are called after the version, or NAME when the format grows within one.
A fixture that is there is never overwritten: stores out there do not
change either.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness import fixture_store as store  # noqa: E402


def write(daemon, name, seen):
    """Packs the store of a daemon that is down."""
    archive = store.FOLDER / f"{name}.tar.xz"
    description = store.FOLDER / f"{name}.json"
    with description.open("x") as out:
        json.dump(seen, out, sort_keys=True, ensure_ascii=True)
        out.write("\n")
    store.pack(daemon.data, archive)
    print(f"{archive}: {archive.stat().st_size} bytes")


def main():
    """Makes both."""
    daemon = store.start()
    try:
        version = sys.argv[1] if len(sys.argv) > 1 else daemon.cli_json("status")["version"]
        names = [f"{version}-closed", f"{version}-killed"]
        taken = [name for name in names if (store.FOLDER / f"{name}.tar.xz").exists()]
        if taken:
            sys.exit(f"{', '.join(taken)}: there already, and never overwritten")
        store.fill(daemon)
        assert daemon.terminate() == 0
        daemon.restart()
        store.change(daemon)
        seen = store.dump(daemon)
        daemon.kill()
        write(daemon, names[1], seen)
        daemon.restart()
        store.client(daemon).put_object(Bucket="plain", Key="last", Body=b"written after a crash")
        seen = store.dump(daemon)
        assert daemon.terminate() == 0
        write(daemon, names[0], seen)
    finally:
        daemon.close()


if __name__ == "__main__":
    main()
