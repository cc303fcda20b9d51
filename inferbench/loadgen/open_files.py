"""Limits of the operating system that a process of many streams meets."""

from __future__ import annotations

import contextlib
import resource

from inferbench.errors import UsageError

SPARE_FILES = 64
"""Open files beside the streams: logs, records, the event loop's own."""


def raise_open_files() -> int:
    """Raise the limit on open files as far as this process may, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError):  # macOS takes no infinity here, and keeps what it had
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return soft


def need_open_files(streams: int) -> None:
    """Make room for `streams` sockets. Raises UsageError where the system does not allow so many."""
    limit, needed = raise_open_files(), streams + SPARE_FILES
    if limit != resource.RLIM_INFINITY and needed > limit:
        raise UsageError(f"{streams} streams need {needed} open files, the limit is {limit}; raise it with ulimit -n")
