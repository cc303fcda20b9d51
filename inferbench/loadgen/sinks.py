"""Sinks that touch no disk: for requests that nobody counts, and for records that are looked at once."""

from __future__ import annotations

from typing_extensions import override

from inferbench.loadgen.port import Sink
from inferbench.records.request_record import RequestRecord


class Discard(Sink):
    """Forgets what happens."""

    @override
    def started(self, seq: int, slot_free_ns: int) -> None: ...

    @override
    def ended(self, record: RequestRecord) -> None: ...


class Kept(Sink):
    """Keeps records in memory, in the order in which requests ended."""

    def __init__(self) -> None:
        self.records: list[RequestRecord] = []

    @override
    def started(self, seq: int, slot_free_ns: int) -> None: ...

    @override
    def ended(self, record: RequestRecord) -> None:
        self.records.append(record)
