"""Shared by all suites: a failed test shows what the daemons printed meanwhile."""

import pytest

from harness import daemon


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        for each in daemon.RUNNING:
            report.sections.append(("daemon", each.log_tail()))
    return report


def pytest_sessionfinish():
    """Ends what a failed fixture left running."""
    for each in list(daemon.RUNNING):
        each.close(keep=True)
