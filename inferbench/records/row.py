"""A record as a row: plain values in the order of the file's columns, cheap to send to another process."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from inferbench.records.request_record import PassChunks, RequestRecord, StampedChunks

Row = tuple[Any, ...]
"""Values of FACTS, then of CHUNKS. Lists of stamps and of tokens are the bytes of int64 and of int32."""

FACTS = (
    "seq", "status", "error", "isl", "isl_source", "osl", "osl_source", "planned_ns", "slot_free_ns", "connect_ns",
    "sent_ns", "first_byte_ns", "end_ns", "chunk_tokens_source", "answer_ns", "first_late_ns", "last_late_ns",
    "cached_tokens", "accepted_tokens", "attempts", "earlier_error", "client_worker", "remark",
)  # fmt: skip
"""Columns that hold one fact of a record."""
CHUNKS = ("chunk_ns", "chunk_tokens", "first_chunk_ns", "worker", "first_pass", "last_pass")
"""Columns that hold the chunks: with their own stamps in the first two, by reference to passes in the others."""

_ATTRIBUTES = {"chunk_tokens_source": "chunk_tokens", "client_worker": "worker"}
_CODES = [FACTS.index(name) for name in ("status", "isl_source", "osl_source", "chunk_tokens_source")]
_facts = attrgetter(*(_ATTRIBUTES.get(name, name) for name in FACTS))


def to_row(record: RequestRecord) -> Row:
    """Put a record into a row."""
    facts = list(_facts(record))
    for index in _CODES:
        facts[index] = int(facts[index])
    return (*facts, *_chunks(record))


def _chunks(record: RequestRecord) -> Row:
    match record.chunks:
        case StampedChunks(times_ns, tokens):
            return _bytes("q", times_ns), _bytes("i", tokens), None, None, None, None
        case PassChunks(first_ns, worker, first_pass, last_pass):
            return None, None, first_ns, worker, first_pass, last_pass
        case None:
            return (None,) * len(CHUNKS)


def _bytes(code: str, values: Sequence[int]) -> bytes:
    return (values if isinstance(values, array) and values.typecode == code else array(code, values)).tobytes()
