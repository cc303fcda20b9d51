"""Shared by all tests. That this file lies here puts tests/ on the path, so that `import factories` works."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from inferbench.secrets.values import KNOWN

# How long an example takes says what else the machine does, and nothing of the code.
settings.register_profile("inferbench", deadline=None)
settings.load_profile("inferbench")

ALLOWED_SKIPS = ("measured data", "GPU")
"""What CI may lack."""

_forbidden: list[str] = []


@pytest.fixture(autouse=True)
def _own_secrets() -> Iterator[None]:
    """A test's credentials are no secrets of the next one."""
    yield
    KNOWN.forget()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Where INFERBENCH_FORBID_SKIPS is set, a skip for any other reason is a failure: CI installs what tests need."""
    if report.skipped and "INFERBENCH_FORBID_SKIPS" in os.environ and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if not hasattr(report, "wasxfail") and not reason.startswith(ALLOWED_SKIPS):
            _forbidden.append(f"{report.nodeid}: {reason}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _forbidden and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in _forbidden:
        terminalreporter.write_line(f"skipped, and must not be here: {line}", red=True)
