"""Which traces can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from inferbench.errors import FieldName, FileError, UsageError
from inferbench.files.spelling import unknown
from inferbench.workload.traces import azure, bailian, burstgpt, mooncake, sharegpt
from inferbench.workload.traces.block_hashes import block_size
from inferbench.workload.traces.request_selection import Pick
from inferbench.workload.traces.request_selection import pick as picked
from inferbench.workload.traces.session_turns import in_context
from inferbench.workload.traces.trace_request import BadLines, TraceRequest

UNITS_S = {"s": 1.0, "ms": 0.001}
"""Units of time that can be said, in seconds."""
BLOCKS = {"mooncake": mooncake.BLOCK, "bailian": bailian.BLOCK}
"""Kinds with block ids, and the usual tokens of a block."""
KINDS = ("mooncake", "bailian", "azure", "burstgpt", "sharegpt", "custom")
TIMELESS = ("azure", "sharegpt", "custom")
"""Kinds whose times have no unit: dates, or none at all."""

CROWDED = 1000
"""Requests a second, over a trace, above which times were not in ms: there are more of them than milliseconds."""
BUSY = 100
"""And above which it is said how they were read."""

ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace that is being read. `bad` is complete when `requests` has been gone through."""

    kind: str
    requests: Iterator[TraceRequest]
    bad: BadLines
    block: int | None = None
    """Tokens of a block, where that was said."""
    unit: str | None = None
    """Unit of its times, where that was said."""

    def settled(self, taken: Sequence[TraceRequest]) -> Settled:
        """Find out what a trace does not say itself, from all requests that are taken of it.

        Raises FileError where what was said of it, or is usual, cannot be so.
        """
        said = [self._pace(taken)]
        block, remark = mooncake.BLOCK, None
        if self.kind in BLOCKS:
            block, remark = block_size(taken, BLOCKS[self.kind], self.block, self.bad.path)
        requests, read_as = in_context(taken)
        remarks = [*said, remark, *read_as, *self.bad.remarks]
        return Settled(requests, block, tuple(remark for remark in remarks if remark))

    def _pace(self, taken: Sequence[TraceRequest]) -> str | None:
        """Say how times were read that may be those of another unit. Raises FileError where they must be."""
        times = [request.at_s for request in taken if request.at_s is not None]
        span_s = max(times, default=0.0) - min(times, default=0.0)
        if self.kind != "mooncake" or self.unit is not None or not span_s or (len(times) - 1) / span_s <= BUSY:
            return None
        read = f"read as milliseconds, the trace's times are {len(times):,} requests in {span_s:g} s"
        if (len(times) - 1) / span_s > CROWDED:
            raise FileError(
                f"{self.bad.path}: {read}: say which unit they have with ", FieldName("trace.time_unit"), " s or ms"
            )
        return f"{read}; if they are seconds, --trace-time-unit s says so"


@dataclass(frozen=True, slots=True)
class Settled:
    """Requests of a trace of which all is known."""

    requests: list[TraceRequest]
    block: int
    """Tokens of a block."""
    remarks: tuple[str, ...]
    """How they were read, where that is not plain."""


def count_words(text: str) -> int:
    """One word, one token: approximate, for want of the server's tokenizer."""
    return len(text.split())


def open_trace(
    kind: str,
    path: str | Path,
    *,
    strict: bool = False,
    count: Callable[[str], int] = count_words,
    one_turn: bool = False,
    pick: Pick | None = None,
    block: int | None = None,
    unit: str | None = None,
) -> Trace:
    """Begin to read a trace of one of the KINDS.

    `count` counts the tokens of texts, for kinds that hold texts; `one_turn` takes only the first turn of ShareGPT's
    conversations; `pick` takes a sample of a data set, which custom prompts need. `block` (tokens) and `unit` (of
    UNITS_S) are what the trace does not say and is known of it. Raises UsageError for an unknown kind or unit, or one
    that the kind has no use for; going through it raises FileError where the file cannot be used, or no line of it.
    """
    if kind not in KINDS:
        raise UsageError(unknown("trace", kind, KINDS))
    if unit is not None and unit not in UNITS_S:
        raise UsageError(unknown("unit of time", unit, tuple(UNITS_S)))
    if unit is not None and kind in TIMELESS:
        raise UsageError(
            FieldName("trace.time_unit"), f" is of no use to a trace of the kind {kind}: its times have no unit"
        )
    if block is not None and kind not in BLOCKS:
        raise UsageError(
            FieldName("trace.block_size"), f" is for {' and '.join(BLOCKS)}; a trace of the kind {kind} has no blocks"
        )
    bad = BadLines(Path(path), strict)
    taken = None if pick is None else picked(kind, bad.path, bad, count, pick)
    if taken is not None:
        return Trace(kind, some(taken, bad), bad)
    unit_s = None if unit is None else UNITS_S[unit]
    readers: dict[str, Callable[[], Iterator[TraceRequest]]] = {
        "mooncake": partial(mooncake.read, bad.path, bad, count, unit_s),
        "bailian": partial(bailian.read, bad.path, bad, unit_s or 1.0),
        "azure": partial(azure.read, bad.path, bad),
        "burstgpt": partial(burstgpt.read, bad.path, bad, unit_s or 1.0),
        "sharegpt": partial(sharegpt.read, bad.path, bad, count, one_turn),
    }
    return Trace(kind, some(readers[kind](), bad), bad, block, unit)


def some(items: Iterator[ItemT], bad: BadLines) -> Iterator[ItemT]:
    """Go through what is read of a file. Raises FileError at its end where that was nothing."""
    found = False
    for item in items:
        found = True
        yield item
    if not found and bad.count:
        raise FileError(f"{bad.examples[0]}; no line of the file can be used, of {bad.count}")
    if not found:
        raise FileError(f"{bad.path}: holds nothing that could be sent")
