"""Runs the commands of a document and compares what they print with what it shows.

A block fenced as `console` is a session: lines that begin with `$ ` are commands, run by one shell
after the other in one folder; the lines below a command are what it prints, as a
terminal shows it. `...` stands for any text, within a line or, alone on a line, for any
number of lines; blanks in a row count as one. What no session shows is not compared.
"""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios


class GuideError(AssertionError):
    """A command that did not do what the document shows."""


def sessions(text):
    """The `console` blocks: for each the line it begins on and its (command, expected lines)."""
    blocks, steps = [], None
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() == "```console":
            steps = []
            blocks.append((number, steps))
        elif line.startswith("```"):
            steps = None
        elif steps is not None:
            if line.startswith("$ "):
                steps.append((line[2:], []))
            elif steps and steps[-1][0].endswith("\\") and not steps[-1][1]:
                steps[-1] = (f"{steps[-1][0]}\n{line}", [])
            else:
                assert steps, f"line {number}: output without a command"
                steps[-1][1].append(line)
    return blocks


def _pattern(lines):
    """A pattern for the expected lines."""
    pieces = []
    for line in lines:
        if line.strip() == "...":
            pieces.append(r"(?:[^\n]*\n)*")
            continue
        words = [r"[^\n]*".join(re.escape(part) for part in word.split("..."))
                 for word in line.split()]
        pieces.append(r"[ \t]+".join(words) + r"[ \t]*\n")
    return re.compile(r"\s*" + "".join(pieces) + r"\s*")


def _on_a_terminal(command, folder, env):
    """Runs a command as a person would; returns its exit status and what the terminal shows."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
    process = subprocess.Popen(["bash", "-c", command], cwd=folder, env=env,
                               stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
    os.close(theirs)
    output = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the end of a terminal
            break
        if not piece:
            break
        output += piece
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output.decode(errors="replace"))
    # A progress bar writes its line again and again: what remains is what it wrote last.
    lines = [line.rstrip("\r").rpartition("\r")[2].strip() for line in text.split("\n")]
    return process.wait(timeout=60), "\n".join(lines).strip("\n") + "\n"


def run(text, folder, env):
    """Runs all sessions; returns how many commands that were."""
    count = 0
    for number, steps in sessions(text):
        for command, expected in steps:
            status, printed = _on_a_terminal(command, folder, env)
            count += 1
            while expected and not expected[-1].strip():
                expected.pop()
            if expected and not _pattern(expected).fullmatch(printed):
                shown = "\n".join(expected)
                raise GuideError(f"the session in line {number}: $ {command}\n"
                                 f"printed:\n{printed}\nthe document shows:\n{shown}")
            if not expected and status:
                raise GuideError(f"the session in line {number}: $ {command}\n"
                                 f"ended with status {status}:\n{printed}")
    return count
