"""Telemetry beside the records of a sweep point: an Arrow stream while it runs, one Parquet file afterwards.

One row is one value of one metric at one time, or a look that failed and why. Times are CLOCK_MONOTONIC of the machine
that watched, ns; the manifest's anchor of the point sets them beside the records.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from inferbench.errors import StoreError
from inferbench.files.untrusted_files import file_inside
from inferbench.records.arrow_writer import ArrowStream, write_parquet
from inferbench.records.layout import TELEMETRY_FILE, TELEMETRY_STREAM
from inferbench.records.parquet import read_batches, read_whole
from inferbench.telemetry.possible_values import limits
from inferbench.telemetry.series import Gap, Metric, MetricReading, Series, Telemetry, TelemetrySource, WorkerRole

VERSION = 1
_KEY = b"inferbench.telemetry"

COLUMNS = pa.schema(
    [
        pa.field("at_ns", pa.int64(), False),
        pa.field("source", pa.string(), False),
        pa.field("role", pa.string(), False),
        pa.field("engine", pa.string()),
        pa.field("device", pa.string()),
        pa.field("metric", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("problem", pa.string()),
    ],
    metadata={_KEY: str(VERSION).encode()},
)
"""`metric` and `value` are null where `problem` says why there are none."""


class TelemetrySink:
    """Writes what sources tell to a sweep point's directory. Raises StoreError where it cannot be written."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        with _writable(directory):
            directory.mkdir(parents=True, exist_ok=True)
            self._stream = ArrowStream(directory / TELEMETRY_STREAM, COLUMNS)

    def told(self, source: TelemetrySource, at_ns: int, readings: Iterable[MetricReading]) -> None:
        """A source has answered."""
        self._write(source, at_ns, [(r.device, r.metric.value, r.value, None) for r in readings])

    def failed(self, source: TelemetrySource, at_ns: int, reason: str) -> None:
        """A source has not answered."""
        self._write(source, at_ns, [(None, None, None, reason)])

    def close(self) -> None:
        """Make the stream into a Parquet file and remove it."""
        with _writable(self._directory):
            self._stream.close()
            write_parquet(_table(self._directory), self._directory / TELEMETRY_FILE)
            (self._directory / TELEMETRY_STREAM).unlink()

    def _write(
        self,
        source: TelemetrySource,
        at_ns: int,
        cells: list[tuple[str | None, str | None, float | None, str | None]],
    ) -> None:
        rows = [(at_ns, source.name, source.role.value, source.engine, *cell) for cell in cells]
        if rows:
            columns = [pa.array(c, field.type) for c, field in zip(zip(*rows, strict=True), COLUMNS, strict=True)]
            with _writable(self._directory):
                self._stream.write(pa.record_batch(columns, schema=COLUMNS))


@contextlib.contextmanager
def _writable(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"{directory}: cannot be written: {error.strerror or error}") from None


def has_telemetry(directory: Path) -> bool:
    """Whether anything was watched while a sweep point ran."""
    return any((directory / name).exists() for name in (TELEMETRY_FILE, TELEMETRY_STREAM))


def read_telemetry(directory: Path, zero_ns: int = 0) -> Telemetry | None:
    """Read what was told while a sweep point ran, on a clock whose zero is `zero_ns`; None where nobody watched.

    `zero_ns` is the `monotonic_ns` of the point's anchor. Raises StoreError where the file is damaged or newer than
    this version reads.
    """
    if not has_telemetry(directory):
        return None
    try:
        table = _table(directory)
        return _telemetry(table).since(zero_ns)
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError) as error:
        raise StoreError(f"{directory}: the telemetry cannot be read: {' '.join(str(error).split())}") from None


def _table(directory: Path) -> pa.Table:
    path = directory / TELEMETRY_FILE
    if path.exists():
        table = read_whole(file_inside(directory, TELEMETRY_FILE), str(path), path.stat().st_size)
    else:
        table = _stream(directory / TELEMETRY_STREAM)
    version = (table.schema.metadata or {}).get(_KEY, b"none").decode()
    if version != str(VERSION):
        raise StoreError(f"{path}: telemetry of version {version}; this inferbench reads version {VERSION}")
    return table.select(COLUMNS.names).cast(COLUMNS)


def _stream(path: Path) -> pa.Table:
    with file_inside(path.parent, path.name).open("rb") as file:
        batches = list(read_batches(file, str(path), path.stat().st_size))
    return pa.Table.from_batches(batches, schema=COLUMNS)


def _telemetry(table: pa.Table) -> Telemetry:
    """Group rows by source, device and metric. A source has the engine that it was recognised as."""
    sources = {}
    for row in _grouped(table, ["source", "role"], "engine", "max"):
        sources[row["source"]] = TelemetrySource(
            name=row["source"], role=WorkerRole(row["role"]), engine=row["engine_max"]
        )
    told = table.filter(pc.is_valid(table["metric"]))
    all_series = (
        _series(sources[row["source"]], row["device"], row["metric"], row["at_ns_list"], row["value_list"])
        for row in _grouped(told, ["source", "device", "metric"], ("at_ns", "value"), "list")
    )
    series = tuple(one for one in all_series if len(one.values))
    looks = table.group_by(["source", "at_ns"], use_threads=False).aggregate([("problem", "max")])
    gaps = (
        gap
        for row in _grouped(looks, ["source"], ("at_ns", "problem_max"), "list")
        for gap in _gaps(row["source"], sorted(zip(row["at_ns_list"], row["problem_max_list"], strict=True)))
    )
    return Telemetry(tuple(sources.values()), series, tuple(gaps))


def _grouped(table: pa.Table, by: list[str], columns: str | tuple[str, ...], how: str) -> list[dict[str, Any]]:
    """Rows of a table put together, in the order in which they first came."""
    chosen = (columns,) if isinstance(columns, str) else columns
    rows: list[dict[str, Any]] = table.group_by(by, use_threads=False).aggregate([(c, how) for c in chosen]).to_pylist()
    return rows


def _series(source: TelemetrySource, device: str | None, name: str, at_ns: list[int], values: list[float]) -> Series:
    """What a source told of one metric; in runs of before 2026-12 are numbers that mean "I do not know"."""
    metric = Metric(_MEANT.get((source.engine, name), name))
    at, told = np.asarray(at_ns, dtype=np.int64), np.asarray(values, dtype=np.float64)
    order = np.argsort(at, kind="stable")
    low, high = limits(metric)
    order = order[(told[order] >= low) & (told[order] <= high)]
    return Series(source, device, metric, at[order], told[order])


_MEANT: Mapping[tuple[str | None, str], str] = {
    ("vllm", "itl_sum"): "step_gap_sum",
    ("vllm", "itl_count"): "step_gap_count",
}
"""What runs of before 2026-12 call by a name that means something else."""


def _gaps(source: str, looks: Iterable[tuple[int, str | None]]) -> Iterator[Gap]:
    """Failed looks that follow each other for one reason make one gap."""
    for reason, run in groupby(looks, key=itemgetter(1)):
        if reason is not None:
            times = [at for at, _ in run]
            yield Gap(source=source, begin_ns=times[0], end_ns=times[-1], reason=reason)
