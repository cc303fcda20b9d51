"""The columns of a record file: nulls are what did not happen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from inferbench.records.row import Row

STARTS = pa.schema([pa.field("seq", pa.int64(), False), pa.field("slot_free_ns", pa.int64(), False)])

RECORDS = pa.schema(
    [
        pa.field("seq", pa.int64(), False),
        pa.field("status", pa.int8(), False),
        pa.field("error", pa.string()),
        pa.field("isl", pa.int64(), False),
        pa.field("isl_source", pa.int8(), False),
        pa.field("osl", pa.int64(), False),
        pa.field("osl_source", pa.int8(), False),
        pa.field("planned_ns", pa.int64()),
        pa.field("slot_free_ns", pa.int64(), False),
        pa.field("connect_ns", pa.int64()),
        pa.field("sent_ns", pa.int64()),
        pa.field("first_byte_ns", pa.int64()),
        pa.field("end_ns", pa.int64(), False),
        pa.field("chunk_tokens_source", pa.int8(), False),
        pa.field("answer_ns", pa.int64()),
        pa.field("first_late_ns", pa.int64()),
        pa.field("last_late_ns", pa.int64()),
        pa.field("cached_tokens", pa.int64()),
        pa.field("accepted_tokens", pa.int64()),
        pa.field("attempts", pa.int32(), False),
        pa.field("earlier_error", pa.string()),
        pa.field("client_worker", pa.int32(), False),
        pa.field("remark", pa.string()),
        # Chunks with their own stamps ...
        pa.field("chunk_ns", pa.list_(pa.int64())),
        pa.field("chunk_tokens", pa.list_(pa.int32())),
        # ... or by reference into the pass times of a decode worker.
        pa.field("first_chunk_ns", pa.int64()),
        pa.field("worker", pa.int32()),
        pa.field("first_pass", pa.int64()),
        pa.field("last_pass", pa.int64()),
    ]
)

LATER = frozenset({"remark"})
"""Columns that files of before do not have: null there."""

PASSES = pa.schema([pa.field("worker", pa.int32(), False), pa.field("pass_ns", pa.list_(pa.int64()), False)])


def to_batch(rows: Sequence[Row]) -> pa.RecordBatch:
    """Put rows into columns."""
    cells = zip(*rows, strict=True) if rows else [()] * len(RECORDS)
    columns = [_column(field, column) for field, column in zip(RECORDS, cells, strict=True)]
    return pa.record_batch(columns, schema=RECORDS)


def _column(field: pa.Field, cells: Sequence[Any]) -> pa.Array:
    if not pa.types.is_list(field.type):
        return pa.array(cells, field.type)
    return _lists(cells, np.dtype(field.type.value_type.to_pandas_dtype()))


def _lists(cells: Sequence[bytes | None], kind: np.dtype[Any]) -> pa.ListArray:
    """Make a column of lists out of the bytes of their numbers."""
    sizes = [len(cell) if cell else 0 for cell in cells]
    offsets = np.concatenate([[0], np.cumsum(sizes)]) // kind.itemsize
    values = np.frombuffer(b"".join(cell for cell in cells if cell), kind)
    missing = pa.array([cell is None for cell in cells], pa.bool_())
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(values), mask=missing)
