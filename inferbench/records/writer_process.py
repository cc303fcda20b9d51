"""Keeping records without touching the disk, or importing pyarrow, in the process that stamps them.

The child is `python -m inferbench.records.writer_process DIRECTORY`: it reads pickled batches from its standard
input and
writes them with the one `ArrowSink`. Where the parent is killed it reads to the end of its input, and what was
in flight is there as CANCELLED. Where the child cannot write, or is killed, the parent learns of it within a second.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType
from typing import IO

from typing_extensions import override

from inferbench.errors import StoreError
from inferbench.processes.child import exit_code, ignore_signals, last_line
from inferbench.records.layout import RECORDS_FILE
from inferbench.records.request_record import RequestRecord
from inferbench.records.row import Row, to_row

_BATCH = 64
"""Events that are pickled in one go: few enough that the event loop does not notice."""
_EVERY_S = 0.2
"""What has come goes out so often, and an empty batch where nothing has, so that the child flushes in time. To wake
the sender for each event would cost more than all else that it does."""
_READY = b"ready\n"
_ORPHAN_S = 60
"""Longest to wait for a child whose parent was killed."""


class SpooledSink:
    """Hands starts and records to a child process that writes them: a Sink that never blocks its caller.

    `on_broken` is called once, from a thread of the sink's own, where the child is gone before `close`: what happens
    from then on is lost.
    """

    def __init__(self, directory: Path, on_broken: Callable[[], object] = lambda: None) -> None:
        # A session of its own, so that Ctrl-C reaches the parent alone and the child can write to the end.
        self._child = subprocess.Popen(
            [sys.executable, "-m", "inferbench.records.writer_process", str(directory)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},  # numpy would start threads that spin beside the load
        )  # fmt: skip
        self._on_broken = on_broken
        self._rows: deque[Row] = deque()  # of two values for a start, of a whole record for an end
        self._closing = threading.Event()
        self._sender = threading.Thread(target=self._send, name="spool", daemon=True)
        self._sender.start()
        assert self._child.stdout is not None
        if self._child.stdout.readline() != _READY:  # it imports pyarrow before the first request leaves
            self.close()

    def started(self, seq: int, slot_free_ns: int) -> None:
        """A request is about to be sent."""
        self._rows.append((seq, slot_free_ns))

    def ended(self, record: RequestRecord) -> None:
        """A request has ended."""
        self._rows.append(to_row(record))

    def close(self) -> None:
        """Wait until all is on disk as Parquet. Raises StoreError where the child could not write it."""
        self._closing.set()
        self._sender.join()
        _, message = self._child.communicate()
        if self._child.returncode != 0:
            raise StoreError(last_line(message, "the process that writes records was killed"))

    def _send(self) -> None:
        pipe = self._child.stdin
        assert pipe is not None
        try:
            while not self._closing.wait(_EVERY_S):
                self._send_all(pipe)
            self._send_all(pipe)
        except OSError:  # close() says why
            if not self._closing.is_set():
                self._on_broken()
        with contextlib.suppress(OSError):
            pipe.close()
        self._child.stdin = None  # communicate() would flush it again

    def _send_all(self, pipe: IO[bytes]) -> None:
        rows = self._rows
        while True:
            batch = [rows.popleft() for _ in range(min(len(rows), _BATCH))]
            pickle.dump(batch, pipe, protocol=pickle.HIGHEST_PROTOCOL)
            pipe.flush()
            if len(batch) < _BATCH:
                return


def wait_until_written(directory: Path) -> None:
    """Wait for the child of a killed process to turn what it has of `directory` into Parquet. It may block."""
    give_up = time.monotonic() + _ORPHAN_S
    while directory.exists() and not (directory / RECORDS_FILE).exists() and time.monotonic() < give_up:
        time.sleep(0.02)


class _NoPandas(MetaPathFinder):
    """Lets no pandas in: pyarrow imports it to see whether a list is a series, at the price of all else done here."""

    @override
    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname)


def keep_pandas_out() -> None:
    """Let this process, which only writes, never import pandas."""
    sys.meta_path.insert(0, _NoPandas())


def _write_all(directory: Path, source: IO[bytes]) -> None:
    """Write batches as they come, until the input ends or breaks off."""
    ignore_signals()  # it may be sent what its parent is sent
    keep_pandas_out()
    from inferbench.records.arrow_writer import ArrowSink

    sink = ArrowSink(directory)
    sys.stdout.buffer.write(_READY)
    sys.stdout.buffer.flush()
    with contextlib.suppress(EOFError, pickle.UnpicklingError):
        while True:
            for row in pickle.load(source):
                if len(row) == 2:
                    sink.started(*row)
                else:
                    sink.ended_row(row)
            sink.flush_if_due()
    sink.close()


def main() -> int:
    """Run the child."""
    return exit_code(lambda: _write_all(Path(sys.argv[1]), sys.stdin.buffer), failed=1)


if __name__ == "__main__":
    sys.exit(main())
