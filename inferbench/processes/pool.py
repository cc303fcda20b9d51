"""Work shared out over processes of our own, spoken to over pairs of sockets (`pool_process`).

Not multiprocessing's pools: their start runs the caller's main module again, which a script without a `__main__` guard
does not survive, and which a notebook or a script on standard input does not have.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import Any, Generic, TypeVar

from inferbench.errors import InferbenchError

Job = TypeVar("Job")
Result = TypeVar("Result")
Said = TypeVar("Said")

Work = Callable[[Job, Callable[[Said], None]], Result]
"""Does a job, and says over its second argument how far it is. A function of a module of ours: it is pickled."""


class ProcessLostError(InferbenchError):
    """A process of the pool is gone, and did not say that it would go."""


@dataclass(frozen=True, slots=True)
class Done:
    """A job has come to an end."""

    result: Any


@dataclass(frozen=True, slots=True)
class Raised:
    """A job has come to none."""

    error: BaseException


def in_processes(
    work: Work[Job, Said, Result], jobs: Sequence[Job], processes: int, hear: Callable[[Said], None]
) -> Iterator[tuple[Job, Result]]:
    """Do `jobs`, in their order, in at most `processes` processes, and yield each with its result as it comes.

    `hear` is told what they say meanwhile. Raises what a job raised, with its traceback there as a note, and
    ProcessLostError where a process was killed. However it ends, no process is left.
    """
    todo = iter(jobs)
    children: dict[Connection, _Child[Job]] = {}
    try:
        for job in _first(todo, processes):
            child = _Child[Job]()
            children[child.connection] = child
            child.give(work, job)
        while children:
            for ready in wait(list(children)):
                assert isinstance(ready, Connection)
                child = children[ready]
                said = child.hear()
                if isinstance(said, Raised):
                    raise said.error
                if not isinstance(said, Done):
                    hear(said)
                    continue
                done = child.job
                following = next(todo, None)
                if following is None:
                    children.pop(ready).end()
                else:
                    child.give(work, following)
                yield done, said.result
    finally:
        for child in children.values():
            child.end()


def _first(todo: Iterator[Job], most: int) -> Iterator[Job]:
    for _ in range(most):
        job = next(todo, None)
        if job is not None:
            yield job


class _Child(Generic[Job]):
    """A process of the pool, as its parent sees it."""

    job: Job

    def __init__(self) -> None:
        self.connection, theirs = Pipe()
        with theirs:
            # A session of its own: Ctrl-C is for the parent, which ends it. Nor is the parent's input for it.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "inferbench.processes.pool_process", str(theirs.fileno())],
                stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], start_new_session=True, env=_environment(),
            )  # fmt: skip

    def give(self, work: Work[Job, Any, Any], job: Job) -> None:
        self.job = job
        with suppress(OSError):  # where it is gone, `hear` says how
            self.connection.send((work, job))

    def hear(self) -> Any:
        """The next thing that it says. Raises ProcessLostError where there will be none."""
        try:
            return self.connection.recv()
        except (EOFError, ConnectionError):
            code = self._process.wait()
            how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
            raise ProcessLostError(how) from None

    def end(self) -> None:
        """End it at once: after Ctrl-C nobody waits for a simulation."""
        self._process.kill()
        self._process.wait()
        self.connection.close()


def _environment() -> dict[str, str]:
    """Have the child find modules where this process does: a notebook may have put us on the path by hand."""
    ours = str(Path(__file__).parents[2])
    return os.environ | {"PYTHONPATH": os.pathsep.join([*map(os.path.abspath, sys.path), ours])}
