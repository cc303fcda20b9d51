"""Reading the records of a sweep point back, from a finished run or from one that was killed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from inferbench.arrays import NEVER, Ints
from inferbench.errors import StoreError
from inferbench.files.untrusted_files import file_inside, inside
from inferbench.records import schema
from inferbench.records.columns import ChunkColumn, PassColumn, Records, StampedColumn
from inferbench.records.layout import PASSES_FILE, RECORDS_FILE, RECORDS_STREAM, STARTS_STREAM, WORKER
from inferbench.records.parquet import read_batches, read_whole
from inferbench.records.request_record import CountSource, RequestRecord, Status
from inferbench.records.row import to_row

LOST = "in flight when the run was killed"


def read_records(directory: Path) -> Records:
    """Read the records of one sweep point. Raises StoreError where there are none or they are damaged."""
    table = read_table(directory)
    with _readable(directory):
        passes = (directory / PASSES_FILE).exists()
        pass_times = _pass_times(_read_parquet(directory, PASSES_FILE, schema.PASSES)) if passes else []
    return _columns(table.combine_chunks(), pass_times)


def read_table(directory: Path) -> pa.Table:
    """Read the records of one sweep point as a table, in the order in which requests ended.

    Where several workers wrote them, their files are put together. Raises StoreError.
    """
    numbers = (part.name.removeprefix(WORKER) for part in directory.glob(f"{WORKER}*"))
    parts = {int(number): inside(directory, f"{WORKER}{number}") for number in numbers if number.isdecimal()}
    if not parts:
        return _one_table(directory)
    column = schema.RECORDS.get_field_index("client_worker")
    tables = []
    for number, part in sorted(parts.items()):
        table = _one_table(part)
        own = pa.array([number] * len(table), pa.int32())  # a worker need not know its number
        tables.append(table.set_column(column, schema.RECORDS.field(column), own))
    return pa.concat_tables(tables).sort_by([("end_ns", "ascending"), ("seq", "ascending")])


def _one_table(directory: Path) -> pa.Table:
    with _readable(directory):
        there = (directory / RECORDS_FILE).exists()
        return _read_parquet(directory, RECORDS_FILE, schema.RECORDS) if there else recover(directory)


def _read_parquet(directory: Path, name: str, columns: pa.Schema) -> pa.Table:
    path = file_inside(directory, name)
    table = read_whole(path, str(path), path.stat().st_size)
    table = _with_later_columns(table, columns).select(columns.names)
    return table if table.schema.equals(columns) else table.cast(columns)


def _with_later_columns(table: pa.Table, columns: pa.Schema) -> pa.Table:
    """Give a table of an older inferbench the columns that have come since, empty."""
    for name in schema.LATER.intersection(columns.names).difference(table.column_names):
        table = table.append_column(columns.field(name), pa.nulls(len(table), columns.field(name).type))
    return table


@contextlib.contextmanager
def _readable(directory: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException, KeyError) as error:
        raise StoreError(f"{directory}: the records cannot be read: {' '.join(str(error).split())}") from None


def recover(directory: Path) -> pa.Table:
    """Read the streams of a point, up to where a killed run left them.

    Requests that had started and not ended come back as CANCELLED.
    """
    starts = _read_stream(directory / STARTS_STREAM, schema.STARTS)
    records = _read_stream(directory / RECORDS_STREAM, schema.RECORDS)
    ended = set(records["seq"].to_pylist())
    pairs = zip(starts["seq"].to_pylist(), starts["slot_free_ns"].to_pylist(), strict=True)
    lost = [_lost(seq, slot_free_ns) for seq, slot_free_ns in pairs if seq not in ended]
    if not lost:
        return records
    rows = [to_row(record) for record in lost]
    return pa.concat_tables([records, pa.Table.from_batches([schema.to_batch(rows)])])


def _lost(seq: int, slot_free_ns: int) -> RequestRecord:
    return RequestRecord(
        seq=seq, status=Status.CANCELLED, error=LOST, isl=0, isl_source=CountSource.PLAN, osl=0,
        osl_source=CountSource.CHUNKS, planned_ns=None, slot_free_ns=slot_free_ns, connect_ns=None, sent_ns=None,
        first_byte_ns=None, chunks=None, end_ns=slot_free_ns,
    )  # fmt: skip


def _read_stream(path: Path, columns: pa.Schema) -> pa.Table:
    if not path.exists():
        raise StoreError(f"{path.parent}: holds no records")
    with file_inside(path.parent, path.name).open("rb") as file:
        batches = list(read_batches(file, str(path), path.stat().st_size))
    if not batches:
        return columns.empty_table()
    return _with_later_columns(pa.Table.from_batches(batches), columns).select(columns.names).cast(columns)


def _pass_times(table: pa.Table) -> list[Ints]:
    order = np.argsort(table["worker"].to_numpy())
    return [np.asarray(table["pass_ns"][int(i)].values.to_numpy()) for i in order]


def _ints(table: pa.Table, name: str, missing: int = NEVER) -> Ints:
    column = table[name].combine_chunks()
    return np.where(_valid(column), _values(column), missing)


def _values(column: pa.Array) -> Ints:
    """A column of whole numbers as numpy has it. `to_numpy` would do it too, and import pandas for that."""
    if not len(column):
        return np.empty(0, dtype=np.int64)
    values = np.frombuffer(column.buffers()[1], dtype=f"i{column.type.bit_width // 8}")
    return values[column.offset : column.offset + len(column)].astype(np.int64)


def _valid(column: pa.Array) -> NDArray[np.bool_]:
    """Where a column holds a value: Arrow's bitmap, least bit first, that it leaves out where there is no null."""
    bitmap = column.buffers()[0]
    if bitmap is None:
        return np.ones(len(column), dtype=np.bool_)
    bits = np.unpackbits(np.frombuffer(bitmap, dtype=np.uint8), bitorder="little")
    return bits[column.offset : column.offset + len(column)].astype(np.bool_)


def _columns(table: pa.Table, pass_times: list[Ints]) -> Records:
    names = (
        "seq", "status", "isl", "osl", "osl_source", "planned_ns", "slot_free_ns", "connect_ns", "sent_ns",
        "first_byte_ns", "end_ns", "answer_ns", "first_late_ns", "last_late_ns", "cached_tokens", "accepted_tokens",
        "attempts", "client_worker", "chunk_tokens_source",
    )  # fmt: skip
    return Records(
        **{name: _ints(table, name) for name in names},
        chunks=_passes(table, pass_times) if pass_times else _stamped(table),
        errors=table["error"].to_pylist(),
        remarks=table["remark"].to_pylist(),
    )


def _passes(table: pa.Table, pass_times: list[Ints]) -> ChunkColumn:
    return PassColumn(
        first_chunk_ns=_ints(table, "first_chunk_ns"),
        worker=_ints(table, "worker", -1),
        first_pass=_ints(table, "first_pass", 0),
        last_pass=_ints(table, "last_pass", -1),
        osl=_ints(table, "osl"),
        pass_times_ns=pass_times,
    )


def _stamped(table: pa.Table) -> ChunkColumn:
    times, tokens = table["chunk_ns"].combine_chunks(), table["chunk_tokens"].combine_chunks()
    sizes = np.where(_valid(times), np.diff(_values(times.offsets)), 0)
    return StampedColumn(
        offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        times_ns=_values(times.flatten()),
        tokens=_values(tokens.flatten()),
    )
