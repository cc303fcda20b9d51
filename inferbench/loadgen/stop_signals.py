"""Signals that ask a process to end: Ctrl-C, SIGTERM of a container or a queue, SIGHUP of a terminal that is gone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType

from inferbench.errors import Interruption
from inferbench.processes.child import HEEDED

_terminals: list[int] = []
"""Outputs that are a terminal: one that is gone no longer says that it is one."""


def heed_signals() -> None:
    """Have SIGTERM and SIGHUP end this process as Ctrl-C does; one that is ignored (`nohup`) stays ignored."""
    _terminals[:] = [fd for fd in (1, 2) if os.isatty(fd)]
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)


@contextlib.contextmanager
def on_interrupt(action: Callable[[str], None]) -> Iterator[None]:
    """Turn signals into calls of `action` with the reason, while the running loop drives a load.

    SIGTERM and SIGHUP are taken only where `heed_signals` was called: a program that uses inferbench has its own ways.
    Outside the main thread nothing is taken, since signals do not come there.
    """
    loop, before = asyncio.get_running_loop(), {number: signal.getsignal(number) for number in HEEDED}
    taken = [number for number in HEEDED if number is signal.SIGINT or before[number] is _interrupt]
    try:
        for number in taken:
            loop.add_signal_handler(number, partial(_act, action, number))
    except (RuntimeError, ValueError):
        yield
        return
    try:
        yield
    finally:
        for number in taken:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])


def _act(action: Callable[[str], None], number: int) -> None:
    _let_go_of_terminal(number)
    action(Interruption(number).reason)


def _interrupt(number: int, _: FrameType | None) -> None:
    _let_go_of_terminal(number)
    raise Interruption(number)


def _let_go_of_terminal(number: int) -> None:
    """After SIGHUP nobody reads a terminal, and whoever prints to it fails before all is on disk."""
    while number == signal.SIGHUP and _terminals:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, _terminals.pop())
        os.close(nowhere)
