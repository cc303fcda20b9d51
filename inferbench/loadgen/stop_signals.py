"""Signals that ask a process to end: Ctrl-C, SIGTERM of a container or a queue, SIGHUP of a terminal that is gone."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING

from inferbench.errors import Interruption
from inferbench.processes.child import HEEDED

if TYPE_CHECKING:
    import asyncio

_terminals: list[int] = []
"""Outputs that are a terminal: one that is gone no longer says that it is one."""


def heed_signals() -> None:
    """Have SIGTERM and SIGHUP end this process as Ctrl-C does; one that is ignored (`nohup`) stays ignored."""
    _terminals[:] = [fd for fd in (1, 2) if os.isatty(fd)]
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)


class PassedOn:
    """Interruptions of work in a thread, where no signal comes: whoever waits for the work passes them on."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a second signal may come while the first is passed on
        self._takers: list[tuple[asyncio.AbstractEventLoop, Callable[[int], object]]] = []
        self.number: int | None = None
        """The signal that was passed on, None where none was."""

    def interrupt(self, number: int) -> None:
        """Tell whoever takes interruptions now, and, from now on, whoever begins to."""
        with self._lock:
            self.number = number
            for loop, take in self._takers[-1:]:
                loop.call_soon_threadsafe(take, number)

    @contextlib.contextmanager
    def taken_by(self, loop: asyncio.AbstractEventLoop, take: Callable[[int], object]) -> Iterator[None]:
        """Have `take` called on `loop`, in place of what took them before."""
        with self._lock:
            self._takers.append((loop, take))
            if self.number is not None:
                self.interrupt(self.number)
        try:
            yield
        finally:
            with self._lock:
                self._takers.pop()

    @contextlib.contextmanager
    def from_signals(self) -> Iterator[None]:
        """Pass on signals that come to this thread, of the kinds that `on_interrupt` takes."""
        before = {number: signal.getsignal(number) for number in _taken()}
        try:
            for number in before:
                signal.signal(number, lambda number, _: self.interrupt(number))
        except ValueError:  # not the main thread: none comes here either
            before = {}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


PASSED_ON: ContextVar[PassedOn | None] = ContextVar("passed_on", default=None)
"""Where interruptions of this work come from; None: from signals."""


def _taken() -> list[int]:
    return [number for number in HEEDED if number is signal.SIGINT or signal.getsignal(number) is _interrupt]


@contextlib.contextmanager
def raising_at_ctrl_c() -> Iterator[None]:
    """Have Ctrl-C raise KeyboardInterrupt at once, also where an event loop runs that would wait for its next turn."""
    try:
        before = signal.signal(signal.SIGINT, signal.default_int_handler) if loop_runs() else None
    except ValueError:  # not the main thread
        before = None
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)


def loop_runs() -> bool:
    """Whether an event loop runs in this thread, as it does in a notebook."""
    if "asyncio" not in sys.modules:  # importing it takes as long as all else that `inferbench --help` does
        return False
    from asyncio import _get_running_loop

    return _get_running_loop() is not None


@contextlib.contextmanager
def on_interrupt(action: Callable[[str], None]) -> Iterator[None]:
    """Turn signals into calls of `action` with the reason, while the running loop drives a load.

    SIGTERM and SIGHUP are taken only where `heed_signals` was called: a program that uses inferbench has its own ways.
    Outside the main thread, where no signals come, what is passed on is taken.
    """
    from asyncio import get_running_loop

    loop, passed_on = get_running_loop(), PASSED_ON.get()
    if passed_on is not None:
        with passed_on.taken_by(loop, partial(_act, action)):
            yield
        return
    before = {number: signal.getsignal(number) for number in _taken()}
    try:
        for number in before:
            loop.add_signal_handler(number, partial(_act, action, number))
    except (RuntimeError, ValueError):
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


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
