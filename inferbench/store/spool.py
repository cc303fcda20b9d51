"""Keeping records without touching the disk, or importing pyarrow, in the process that stamps them.

The child is `python -m inferbench.store.spool DIRECTORY`: it reads pickled batches from its standard input and
writes them with the one `ArrowSink`. Where the parent is killed it reads to the end of its input, and what was
in flight is there as CANCELLED.
"""

from __future__ import annotations

import contextlib
import pickle
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

from ..domain.errors import InferbenchError
from ..domain.record import RequestRecord
from .layout import StoreError

_Start = tuple[int, int]
_Event = _Start | RequestRecord

_BATCH = 64
"""Events that are pickled in one go: few enough that the event loop does not notice."""
_IDLE_S = 0.25
"""An empty batch goes out after so long without events, so that the child flushes in time."""
_READY = b"ready\n"


class SpooledSink:
    """Hands starts and records to a child process that writes them: a Sink that never blocks its caller."""

    def __init__(self, directory: Path) -> None:
        # A session of its own, so that Ctrl-C reaches the parent alone and the child can write to the end.
        self._child = subprocess.Popen(
            [sys.executable, "-m", "inferbench.store.spool", str(directory)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        self._events: queue.SimpleQueue[_Event | None] = queue.SimpleQueue()
        self._sender = threading.Thread(target=self._send, name="spool", daemon=True)
        self._sender.start()
        assert self._child.stdout is not None
        if self._child.stdout.readline() != _READY:  # it imports pyarrow before the first request leaves
            self.close()

    def started(self, seq: int, slot_free_ns: int) -> None:
        """A request is about to be sent."""
        self._events.put((seq, slot_free_ns))

    def ended(self, record: RequestRecord) -> None:
        """A request has ended."""
        self._events.put(record)

    def close(self) -> None:
        """Wait until all is on disk as Parquet. Raises StoreError where the child could not write it."""
        self._events.put(None)
        self._sender.join()
        _, message = self._child.communicate()
        if self._child.returncode != 0:
            lines = message.decode(errors="replace").strip().splitlines()
            raise StoreError(lines[-1] if lines else "the process that writes records was killed")

    def _send(self) -> None:
        pipe = self._child.stdin
        assert pipe is not None
        with contextlib.suppress(OSError):  # a child that has failed: close() says why
            while (batch := self._next_batch()) is not None:
                pickle.dump(batch, pipe, protocol=pickle.HIGHEST_PROTOCOL)
                pipe.flush()
        with contextlib.suppress(OSError):
            pipe.close()
        self._child.stdin = None  # communicate() would flush it again

    def _next_batch(self) -> list[_Event] | None:
        """Up to _BATCH events; none of them after _IDLE_S of silence; None at the end."""
        batch: list[_Event] = []
        try:
            event = self._events.get(timeout=_IDLE_S)
            while event is not None:
                batch.append(event)
                if len(batch) == _BATCH:
                    return batch
                event = self._events.get_nowait()
        except queue.Empty:
            return batch
        if batch:
            self._events.put(None)  # the end, once more, for the next call
            return batch
        return None


def _write_all(directory: Path, source: IO[bytes]) -> None:
    """Write batches as they come, until the input ends or breaks off."""
    from .sink import ArrowSink

    sink = ArrowSink(directory)
    sys.stdout.buffer.write(_READY)
    sys.stdout.buffer.flush()
    with contextlib.suppress(EOFError, pickle.UnpicklingError):
        while True:
            for event in pickle.load(source):
                if isinstance(event, tuple):
                    sink.started(*event)
                else:
                    sink.ended(event)
            sink.flush_if_due()
    sink.close()


def main() -> int:
    """Run the child."""
    try:
        _write_all(Path(sys.argv[1]), sys.stdin.buffer)
    except InferbenchError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
