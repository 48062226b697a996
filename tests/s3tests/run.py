"""Runs the core cases of a ceph/s3-tests checkout and compares with what passed before.

    CHAINRING_S3_TESTS=/path/to/s3-tests python tests/s3tests/run.py [--update] [--group NAME]
                                                                     [--sign-forms]

The upstream suite is neither part of this repository nor fetched by it. Each worker has a daemon
of its own, because some cases count all buckets of a user. Exit status 1 if a case of passing.txt
fails.
"""

import argparse
import collections
import configparser
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from harness import paths  # noqa: E402
from harness.daemon import Daemon  # noqa: E402
from harness.s3 import Server  # noqa: E402

#: Sections of upstream's configuration and whether the core cases use them.
USERS = ["s3 main", "s3 alt", "s3 tenant", "iam", "iam root", "iam alt root"]


def read_list(path):
    """The lines of a list, without comments."""
    lines = path.read_text().splitlines()
    return [line.split() for line in lines if line.strip() and not line.startswith("#")]


def make_users(server):
    """A user for each section: section -> (name, access key, secret key, canonical id)."""
    users = {}
    for number, section in enumerate(USERS):
        name = section.replace(" ", "-")
        access, secret = f"S3TESTSACCESSKEY{number:04}", f"s3tests-secret-{number}".ljust(40, "x")
        if server.ours:
            server.daemon.cli("user", "create", name, "--access-key", access, "--secret-key", secret)
        else:
            # A foreign server has no users of ours; its first one must do.
            access, secret = server.access_key, server.secret_key
        owner = server.client(access, secret).list_buckets()["Owner"]
        users[section] = (owner.get("DisplayName") or name, access, secret, owner["ID"])
    return users


def configure(server, target):
    """Writes upstream's configuration file."""
    config = configparser.RawConfigParser()
    config["DEFAULT"] = {"host": server.host, "port": str(server.port), "is_secure": "False",
                         "ssl_verify": "False"}
    config["fixtures"] = {"bucket prefix": "chainring-{random}-", "iam name prefix": "s3-tests-",
                          "iam path prefix": "/s3-tests/"}
    for section, (name, access, secret, canonical) in make_users(server).items():
        config[section] = {
            "display_name": name, "user_id": canonical, "email": f"{name}@example.com",
            "access_key": access, "secret_key": secret,
        }
    # The default region has no name in GetBucketLocation.
    config["s3 main"]["api_name"] = ""
    config["s3 tenant"]["tenant"] = "testx"
    config["webidentity"] = {
        "token": "none", "aud": "none", "sub": "none", "azp": "none", "user_token": "none",
        "thumbprint": "none", "kc_realm": "none"}
    with target.open("w") as file:
        config.write(file)


def start(checkout, cases, folder, plugins=()):
    """Starts one worker on its share of the cases; returns what [`finish`] needs."""
    server = Server()
    configure(server, folder / "s3tests.conf")
    report = folder / "report.xml"
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short",
        f"--junitxml={report}", *(f"-p{plugin}" for plugin in plugins), *(f"s3tests/functional/{case}" for case in cases),
    ]
    env = {**os.environ, "S3TEST_CONF": str(folder / "s3tests.conf"), "PYTHONDONTWRITEBYTECODE": "1",
           "PYTHONPATH": os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])}
    with (folder / "output.txt").open("w") as output:
        process = subprocess.Popen(command, cwd=checkout, env=env, stdout=output, stderr=output)
    return server, process, report, folder


def finish(worker):
    """Waits for a worker; which of its cases passed, and why the others did not."""
    server, process, report, folder = worker
    process.wait()
    passed, failed = set(), {}
    if not report.exists():
        print((folder / "output.txt").read_text()[-5000:])
        raise SystemExit("pytest made no report")
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname').rpartition('.')[2]}.py::{case.get('name').partition('[')[0]}"
        bad = [e for e in case if e.tag in ("failure", "error", "skipped")]
        if bad:
            failed[name] = " ".join((bad[0].get("message") or bad[0].tag).split())[:160]
        else:
            passed.add(name)
    if server.ours and not server.daemon.alive():
        print(server.daemon.log_tail())
        failed["daemon"] = "the daemon died"
    server.close()
    return passed - failed.keys(), failed


def main():
    """The whole run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--update", action="store_true", help="add what passes newly to passing.txt")
    parser.add_argument("--group", action="append", help="only this group (may be repeated)")
    parser.add_argument("--sign-forms", action="store_true",
                        help="sign the forms of the group post-form with version 4 (forms_v4.py)")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    checkout = os.environ.get("CHAINRING_S3_TESTS")
    if not checkout or not (Path(checkout) / "s3tests").is_dir():
        parser.error("CHAINRING_S3_TESTS must name a checkout of ceph/s3-tests")

    core = [(g, c) for g, c in read_list(HERE / "core.txt")
            if not arguments.group or g in arguments.group]
    cases = [case for _, case in core]
    if arguments.sign_forms and arguments.update:
        parser.error("passing.txt is about the cases as they stand")
    known = {case for (case,) in read_list(HERE / "passing.txt")} & set(cases)

    plugins = ["forms_v4"] if arguments.sign_forms else []
    passed, failed = set(), {}
    with tempfile.TemporaryDirectory(prefix="s3tests-") as scratch:
        workers = []
        for number in range(arguments.workers):
            share = cases[number :: arguments.workers]
            if share:
                folder = Path(scratch) / str(number)
                folder.mkdir()
                workers.append(start(checkout, share, folder, plugins))
        for worker in workers:
            good, bad = finish(worker)
            passed |= good
            failed |= bad
        kept = paths.scratch("s3tests") / "output.txt"
        kept.write_text("".join((w[3] / "output.txt").read_text() for w in workers))

    groups = collections.Counter(g for g, _ in core)
    good = collections.Counter(g for g, c in core if c in passed)
    for group, total in groups.items():
        print(f"{group:20} {good[group]:4} of {total}")
    print(f"{'total':20} {len(passed):4} of {len(cases)}")
    print("\nnot passed:")
    for group, case in core:
        if case not in passed:
            print(f"  {group:18} {case}: {failed.get(case, 'did not run')}")
    lost, new = sorted(known - passed), sorted(passed - known)
    if new:
        print(f"\n{len(new)} pass that passing.txt does not list (--update adds them)")
    if arguments.update and new:
        head = [line for line in (HERE / "passing.txt").read_text().splitlines() if line.startswith("#")]
        everything = {case for (case,) in read_list(HERE / "passing.txt")} | passed
        (HERE / "passing.txt").write_text("\n".join([*head, *sorted(everything)]) + "\n")
    for case in lost:
        print(f"LOST: {case} is in passing.txt and does not pass")
    print(f"output of the suite: {kept}")
    print(f"{len(passed)} passed, {len(lost)} lost")
    return 1 if lost or "daemon" in failed else 0


if __name__ == "__main__":
    sys.exit(main())
