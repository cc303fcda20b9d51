"""A process of the pool: `python -m inferbench.processes.pool_process FD`, FD its end of a pair of sockets."""

from __future__ import annotations

import os
import pickle
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from inferbench.files.tracebacks import watch_stderr
from inferbench.processes.child import ignore_signals
from inferbench.processes.pool import Done, Raised


def _listen(connection: Connection, jobs: SimpleQueue[Any]) -> None:
    """Take in jobs. The process ends with whoever started it: who resumes a run must be the only one to write it."""
    try:
        while True:
            jobs.put(connection.recv())
    except (EOFError, OSError):
        os._exit(1)


def _do(work: Callable[..., Any], job: Any, say: Callable[[Any], None]) -> Done | Raised:
    try:
        return Done(work(job, say))
    except Exception as error:
        error.add_note(f"In a process of the pool:\n{traceback.format_exc()}")
        return Raised(_picklable(error))


def _picklable(error: Exception) -> Exception:
    """An error as it can be told: some exceptions of libraries are not made again from their arguments."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError("".join(traceback.format_exception(error)))
    return error


def main() -> None:
    """Run the child."""
    ignore_signals()
    watch_stderr()
    jobs: SimpleQueue[Any] = SimpleQueue()
    with Connection(int(sys.argv[1])) as connection:
        threading.Thread(target=_listen, args=(connection, jobs), name="jobs", daemon=True).start()
        while True:
            work, job = jobs.get()
            connection.send(_do(work, job, connection.send))


if __name__ == "__main__":
    main()
