"""The columns of a record file: nulls are what did not happen."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from ..domain.record import PassChunks, RequestRecord, StampedChunks

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

PASSES = pa.schema([pa.field("worker", pa.int32(), False), pa.field("pass_ns", pa.list_(pa.int64()), False)])

_FACTS = (
    "seq", "status", "error", "isl", "isl_source", "osl", "osl_source", "planned_ns", "slot_free_ns", "connect_ns",
    "sent_ns", "first_byte_ns", "end_ns", "answer_ns", "first_late_ns", "last_late_ns", "cached_tokens",
    "accepted_tokens", "attempts", "earlier_error",
)  # fmt: skip


def to_batch(records: Sequence[RequestRecord]) -> pa.RecordBatch:
    """Put records into columns."""
    columns: dict[str, list[object]] = {name: [getattr(r, name) for r in records] for name in _FACTS}
    columns["chunk_tokens_source"] = [r.chunk_tokens for r in records]
    columns["client_worker"] = [r.worker for r in records]
    stamped = [r.chunks if isinstance(r.chunks, StampedChunks) else None for r in records]
    passes = [r.chunks if isinstance(r.chunks, PassChunks) else None for r in records]
    columns["chunk_ns"] = [c and c.times_ns for c in stamped]
    columns["chunk_tokens"] = [c and c.tokens for c in stamped]
    columns["first_chunk_ns"] = [c and c.first_ns for c in passes]
    for name in ("worker", "first_pass", "last_pass"):
        columns[name] = [c and getattr(c, name) for c in passes]
    return pa.record_batch(columns, schema=RECORDS)
