"""The spans that figures are taken over: the whole run, and its steady state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..domain.records import Records
from ..domain.units import NS_PER_S
from .requests import Latencies

MAX_TREND = 0.10
"""Largest change of output tok/s between the halves of a window that still counts as steady."""


@dataclass(frozen=True, slots=True)
class Span:
    """From `begin_ns` to `end_ns` on the run's clock."""

    begin_ns: int
    end_ns: int

    @property
    def seconds(self) -> float:
        """Length, s."""
        return (self.end_ns - self.begin_ns) / NS_PER_S


def whole_run(records: Records, lat: Latencies) -> Span | None:
    """From the first start to the last token, as vLLM and InferenceX take it; None where nothing succeeded."""
    if not lat.ok.any():
        return None
    begin, end = int(lat.start_ns[lat.ok].min()), int(records.chunks.last_ns[lat.ok].max())
    return Span(begin, end) if end > begin else None


def steady_state(records: Records, lat: Latencies, concurrency: int) -> Span | str:
    """The span in which every slot was busy: from the end of the first wave to the last start.

    The first wave is over when as many requests have ended as there are slots; after the last start slots run
    dry. Returns the reason as text where there is no such span, or where output tok/s still changes by more
    than MAX_TREND between its halves.
    """
    if not lat.ok.any():
        return "no request succeeded"
    if lat.ok.sum() <= 2 * concurrency:
        return f"{int(lat.ok.sum())} requests are too few for a steady state of {concurrency} streams"
    begin = int(np.partition(records.end_ns[lat.ok], concurrency - 1)[concurrency - 1])
    end = int(records.slot_free_ns[lat.ok].max())
    if end <= begin:
        return "the last request started before the first wave had ended"
    middle = (begin + end) // 2
    before, half, after = (int(records.chunks.tokens_before(t)[lat.ok].sum()) for t in (begin, middle, end))
    if half == before or after == half:
        return "no tokens came in one half of the window"
    trend = (after - half) / (half - before) - 1
    if abs(trend) > MAX_TREND:
        return f"output tok/s still changed by {trend:+.0%} from the first to the second half of the window"
    return Span(begin, end)
