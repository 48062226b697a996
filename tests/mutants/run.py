#!/usr/bin/env python3
"""Breaks the daemon on purpose, one fault of `faults.toml` after the other, and sees whether a test
notices.

    tests/mutants/run.py [--only NAME ...] [--markdown FILE] [--check]

It works on a copy of the last commit below `target/mutants`, never in the checked-out tree, and
builds there. A fault counts as caught when the tests named for it build and fail, or hang; the same
tests must pass without it. The exit status is 0 only if every fault still applies and is caught.
`--check` looks only whether every fault still applies.
"""

import argparse
import dataclasses
import os
import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
FAULTS = Path(__file__).with_name("faults.toml")
#: Tests that take longer than this hang.
HANG = 300


@dataclasses.dataclass
class Fault:
    """One deliberate fault."""

    name: str
    breaks: str
    edits: list
    tests: list
    package: str = "chainringd"
    target: tuple = ("--lib",)

    @property
    def command(self):
        """What has to fail."""
        return ["cargo", "test", "--locked", "-q", "-p", self.package, *self.target]

    def problems(self, tree):
        """Why it does not apply to a tree, if so."""
        for edit in self.edits:
            path = tree / edit["file"]
            count = path.read_text().count(edit["old"]) if path.exists() else 0
            if count != 1:
                yield f"{self.name}: {edit['file']} holds the text to be replaced {count} times, not once"
            elif edit["old"] == edit["new"]:
                yield f"{self.name}: replaces nothing"

    def apply(self, tree):
        """Breaks the tree."""
        for edit in self.edits:
            path = tree / edit["file"]
            path.write_text(path.read_text().replace(edit["old"], edit["new"]))


def faults():
    """All of them."""
    found = []
    for entry in tomllib.loads(FAULTS.read_text())["fault"]:
        edits = entry.pop("edits", None) or [{key: entry.pop(key) for key in ("file", "old", "new")}]
        found.append(Fault(edits=edits, **{**entry, "target": tuple(entry.get("target", ("--lib",)))}))
    names = [fault.name for fault in found]
    assert len(set(names)) == len(names), "two faults of one name"
    return found


def run(tree, fault, extra, seconds):
    """Runs cargo; (status, output), status None for a hang."""
    env = {**os.environ, "CARGO_TARGET_DIR": str(tree.parent / "build"), "RUST_BACKTRACE": "0"}
    process = subprocess.Popen([*fault.command, *extra], cwd=tree, env=env, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        out, _ = process.communicate(timeout=seconds)
        return process.returncode, out
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        out, _ = process.communicate()
        return None, out


def judge(tree, fault):
    """(caught by which test, or None; seconds of building; of testing)."""
    start = time.monotonic()
    status, out = run(tree, fault, ["--no-run"], 1800)
    built = time.monotonic()
    if status != 0:
        sys.exit(f"{fault.name} does not build:\n{out}")
    status, out = run(tree, fault, ["--", *fault.tests], HANG)
    seconds = time.monotonic() - built
    if status == 0:
        return None, built - start, seconds
    failed = re.findall(r"^test (\S+) \.\.\. FAILED|^---- (\S+) stdout ----", out, re.MULTILINE)
    names = list(dict.fromkeys(a or b for a, b in failed))
    if status is None:
        return " ".join([*names[:1], "(hangs)"]), built - start, seconds
    if not names and "test failed" not in out and "process didn't exit" not in out:
        sys.exit(f"{fault.name}: {out}")
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return (names[0] if names else "(the process ended)") + more, built - start, seconds


def restore(tree):
    """As it was committed, without the failing cases that property tests left behind."""
    subprocess.run(["git", "-C", tree, "checkout", "-q", "--force", "."], check=True)
    subprocess.run(["git", "-C", tree, "clean", "-fdq"], check=True)


def copy_tree():
    """A tree of its own, of the last commit."""
    tree = REPOSITORY / "target" / "mutants" / "tree"
    if not tree.exists():
        tree.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["git", "-C", REPOSITORY, "worktree", "prune"], check=True)
        subprocess.run(["git", "-C", REPOSITORY, "worktree", "add", "-q", "--detach", tree, "HEAD"],
                       check=True)
    head = subprocess.check_output(["git", "-C", REPOSITORY, "rev-parse", "HEAD"], text=True).strip()
    subprocess.run(["git", "-C", tree, "checkout", "-q", "--force", "--detach", head], check=True)
    restore(tree)
    return tree


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only these faults")
    parser.add_argument("--markdown", type=Path, help="also write the table to this file")
    parser.add_argument("--check", action="store_true", help="only look whether all of them apply")
    options = parser.parse_args()
    chosen = [fault for fault in faults() if not options.only or fault.name in options.only]
    tree = REPOSITORY if options.check else copy_tree()
    problems = [problem for fault in chosen for problem in fault.problems(tree)]
    if options.check or problems:
        sys.exit("\n".join(problems) or 0)
    sound = {}
    rows, survivors = [], 0
    for fault in chosen:
        fault.apply(tree)
        try:
            caught, building, testing = judge(tree, fault)
        finally:
            restore(tree)
        survivors += caught is None
        sound[fault.package, fault.target] = sound.get((fault.package, fault.target), set()) | set(fault.tests)
        rows.append((fault, caught, building, testing))
        print(f"{fault.name:40} {caught or 'SURVIVED'}  ({building:.0f} s + {testing:.0f} s)", flush=True)
    # A test that always fails catches everything.
    for (package, target), tests in sound.items():
        whole = Fault("nothing", "", [], sorted(tests), package, target)
        caught, _, _ = judge(tree, whole)
        if caught:
            sys.exit(f"without any fault {caught} fails")
    if options.markdown:
        lines = ["| fault | what it breaks | caught by | s |", "|---|---|---|---|"]
        lines += [f"| {fault.name} | {fault.breaks} | {f'`{caught}`' if caught else '**nothing**'} | {testing:.0f} |"
                  for fault, caught, _, testing in rows]
        options.markdown.write_text("\n".join(lines) + "\n")
    print(f"{len(rows)} faults, {len(rows) - survivors} caught, {survivors} survived")
    sys.exit(1 if survivors else 0)


if __name__ == "__main__":
    main()
