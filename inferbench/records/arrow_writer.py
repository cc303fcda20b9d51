"""Records on disk while the run goes on: two Arrow streams, made into Parquet at the end."""

from __future__ import annotations

import contextlib
import io
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from typing_extensions import Buffer, override

from inferbench.errors import StoreError
from inferbench.records import schema
from inferbench.records.layout import PASSES_FILE, RECORDS_FILE, RECORDS_STREAM, STARTS_STREAM
from inferbench.records.reader import recover
from inferbench.records.request_record import RequestRecord
from inferbench.records.row import Row, to_row

FLUSH_S = 0.75
"""Longest time that a completed record stays in memory only."""


class _WholeWrites(io.RawIOBase):
    """A file without a buffer whose writes write all that they are given: a nearly full disk takes a part, silently."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)

    @override
    def fileno(self) -> int:
        return self._fd

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, data: Buffer, /) -> int:
        left = memoryview(data).cast("B")
        size = len(left)
        while len(left):
            left = left[os.write(self._fd, left) :]
        return size

    @override
    def tell(self) -> int:
        return os.lseek(self._fd, 0, os.SEEK_CUR)

    @override
    def truncate(self, size: int | None = None, /) -> int:
        os.ftruncate(self._fd, size or 0)
        return os.lseek(self._fd, 0, os.SEEK_END)

    @override
    def close(self) -> None:
        if not self.closed:
            super().close()
            os.close(self._fd)


class ArrowStream:
    """An Arrow IPC stream that is whole after every write, whatever happens to the process next."""

    def __init__(self, path: Path, columns: pa.Schema) -> None:
        self._file = _WholeWrites(path)
        self._writer = pa.ipc.new_stream(self._file, columns)

    def write(self, batch: pa.RecordBatch) -> None:
        """Write a batch, or nothing of it where the disk is full: what that took is free again then."""
        whole = self._file.tell()
        try:
            self._writer.write_batch(batch)  # unbuffered: from here on the kernel has it
        except OSError:
            with contextlib.suppress(OSError):
                self._file.truncate(whole)
            raise

    def close(self) -> None:
        """End the stream."""
        self._writer.close()
        self._file.close()


class ArrowSink:
    """Writes starts and records of one sweep point to its directory: the load generator's Sink, and its PassSink.

    Both streams are flushed at least every FLUSH_S while records come in; who has nothing to report for longer
    calls `flush_if_due`. Raises StoreError where the disk is full or cannot be written.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._starts: list[tuple[int, int]] = []
        self._rows: list[Row] = []
        self._passes: list[list[int]] = []
        self._flushed = time.monotonic()
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._starts_stream = ArrowStream(directory / STARTS_STREAM, schema.STARTS)
            self._records_stream = ArrowStream(directory / RECORDS_STREAM, schema.RECORDS)
        except OSError as error:
            raise _unwritable(directory, error) from None

    def started(self, seq: int, slot_free_ns: int) -> None:
        """A request is about to be sent."""
        self._starts.append((seq, slot_free_ns))

    def ended(self, record: RequestRecord) -> None:
        """A request has ended."""
        self.ended_row(to_row(record))

    def ended_row(self, row: Row) -> None:
        """A request has ended, and its record comes as a row."""
        self._rows.append(row)
        self.flush_if_due()

    def decode_worker(self, index: int) -> Callable[[int], None]:
        """A simulated deployment has this decode worker: return what takes the times of its passes."""
        if index != len(self._passes):
            raise ValueError(f"decode worker {index} comes after {len(self._passes)}")
        times: list[int] = []
        self._passes.append(times)
        return times.append

    def flush_if_due(self) -> None:
        """Write what is in memory where the last time is FLUSH_S past."""
        if time.monotonic() - self._flushed > FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """Write what is in memory. Starts go first, so that every record on disk has its start there."""
        try:
            if self._starts:
                seqs, times = zip(*self._starts, strict=True)
                self._starts_stream.write(pa.record_batch([seqs, times], schema=schema.STARTS))
            if self._rows:
                self._records_stream.write(schema.to_batch(self._rows))
        except OSError as error:
            raise _unwritable(self._directory, error) from None
        self._starts, self._rows = [], []
        self._flushed = time.monotonic()

    def close(self) -> None:
        """Make the streams into Parquet files and remove them. They stay where that fails, and can be read."""
        self.flush()
        try:
            self._starts_stream.close()
            self._records_stream.close()
        except OSError as error:
            raise _unwritable(self._directory, error) from None
        finalise(self._directory, self._passes)


def finalise(directory: Path, pass_times_ns: Sequence[Sequence[int]] = ()) -> None:
    """Turn the streams of a sweep point, whole or cut short, into its Parquet files.

    pass_times_ns: those of each decode worker, where records keep chunk times by reference to them.
    """
    try:
        table = recover(directory)
        if pass_times_ns:
            times = [np.array(each, dtype=np.int64) for each in pass_times_ns]
            passes = {"worker": range(len(times)), "pass_ns": times}
            write_parquet(pa.table(passes, schema=schema.PASSES), directory / PASSES_FILE)
        write_parquet(table, directory / RECORDS_FILE)
        for name in (STARTS_STREAM, RECORDS_STREAM):
            (directory / name).unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(directory, error) from None


def _unwritable(directory: Path, error: OSError) -> StoreError:
    """The error of who cannot write; pyarrow words what the system said in its own way, and keeps the number."""
    why = os.strerror(error.errno) if error.errno else " ".join(str(error).split())
    return StoreError(f"{directory}: cannot be written: {why}")


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write beside, then rename: a Parquet file in a run directory is always whole."""
    part = path.with_suffix(".part")
    try:
        pq.write_table(table, part, compression="zstd")
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
