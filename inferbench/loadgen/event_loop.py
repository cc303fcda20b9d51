"""Event loops of our own for loads, whether or not the caller has one running, as a notebook has."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

import uvloop

from inferbench.errors import Interruption
from inferbench.loadgen.stop_signals import PASSED_ON, PassedOn, loop_runs

T = TypeVar("T")


def run_in_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run on an event loop of its own; where this thread has one running, in another thread while this one waits.

    Ctrl-C ends the work either way: what takes interruptions (`on_interrupt`) is told, otherwise the work is cancelled
    and KeyboardInterrupt raised.
    """
    if not loop_runs():
        return _run(work)
    passed_on = PassedOn()
    with passed_on.from_signals():
        return _in_thread(partial(_run, work), passed_on).result()


async def beside_this_loop(do: Callable[[], T]) -> T:
    """Do something that blocks, loops of its own included, in another thread, and leave the running loop free.

    Where the caller is cancelled, what is being done is interrupted as by Ctrl-C, and has ended when this does.
    """
    passed_on = PassedOn()
    done = asyncio.wrap_future(_in_thread(do, passed_on))
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        done.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # nobody else asks for it
        passed_on.interrupt(signal.SIGINT)
        await asyncio.wait([done])
        raise


def _in_thread(do: Callable[[], T], passed_on: PassedOn) -> Future[T]:
    done: Future[T] = Future()

    def go() -> None:
        PASSED_ON.set(passed_on)
        try:
            done.set_result(do())
        except BaseException as error:
            done.set_exception(error)

    # The caller's context: a notebook knows by it to which cell belongs what is printed.
    threading.Thread(target=copy_context().run, args=(go,), name="inferbench").start()
    return done


def _run(work: Coroutine[Any, Any, T]) -> T:
    passed_on = PASSED_ON.get()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if passed_on is None:
            return runner.run(work)
        try:
            return runner.run(_heeding(work, passed_on))
        except asyncio.CancelledError:
            if passed_on.number is None:
                raise
            raise Interruption(passed_on.number) from None


async def _heeding(work: Coroutine[Any, Any, T], passed_on: PassedOn) -> T:
    """Cancel the work at an interruption that nothing else takes."""
    task = asyncio.ensure_future(work)
    with passed_on.taken_by(asyncio.get_running_loop(), lambda _: task.cancel()):
        return await task
