"""Child processes of inferbench: how each runs its work, and how whoever started one ends it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from inferbench.errors import InferbenchError

if TYPE_CHECKING:
    import asyncio
    import subprocess

HEEDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that ask a process to end."""


def ignore_signals() -> None:
    """Leave it to whoever started this process what they mean: it ends with its input, or is told to."""
    for number in HEEDED:
        signal.signal(number, signal.SIG_IGN)


def exit_code(work: Callable[[], None], failed: int | None = None) -> int:
    """Run a child's work and return 0, or after an InferbenchError, said on stderr, `failed` (None: its own code)."""
    try:
        work()
    except InferbenchError as error:
        print(error, file=sys.stderr)
        return error.exit_code if failed is None else failed
    return 0


def last_line(said: bytes, nothing: str) -> str:
    """What a child that failed said last on its stderr, which `exit_code` makes the reason; else `nothing`."""
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else nothing


def end(process: subprocess.Popen[Any], patience_s: float) -> None:
    """Ask a child to end, and kill it where that takes longer than `patience_s`."""
    import subprocess  # the command line heeds signals before it knows whether it needs any of this

    process.terminate()
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


async def ended(process: asyncio.subprocess.Process, patience_s: float) -> int:
    """Wait for a child whose input has ended, kill it where that takes longer than `patience_s`; return its code."""
    import asyncio

    try:
        return await asyncio.wait_for(process.wait(), patience_s)
    except TimeoutError:
        process.kill()
        return await process.wait()
