"""The spans that figures are taken over: the whole run, and its steady state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inferbench.arrays import NEVER, Floats, Ints
from inferbench.metrics.ttft_tpot import Latencies
from inferbench.records.columns import Records
from inferbench.units import NS_PER_S
from inferbench.workload.plan import Plan

SLICES = 12
"""Equal parts of the run; the mean backlog of each is one point of the regression."""


T_99 = 3.169
"""Student's t for SLICES - 2 degrees of freedom, two-sided 99 %."""


MIN_GROWTH = 0.02
"""Growth, as a share of the arrival rate, that counts: a queue near its limit wanders, and slowly, without growing."""


def growth(start_ns: Ints, end_ns: Ints, begin_ns: int, until_ns: int) -> float | None:
    """Return by how many requests a second the backlog grows from `begin_ns` to `until_ns`; None where it does not.

    The backlog is the number of requests that have started and not ended. A line is fitted through its means over
    SLICES parts, which are far less correlated than its values; it grows where even the lower end of the slope's 99 %
    interval is above MIN_GROWTH of the arrival rate. The first part is left out, since every run begins empty.
    """
    edges = np.linspace(begin_ns, until_ns, SLICES + 2)[1:]
    means = _mean_backlog(start_ns, end_ns, edges)
    middles = (edges[1:] + edges[:-1]) / 2 / NS_PER_S
    slope, half_width = _slope(middles, means)
    arrivals = len(start_ns) / ((until_ns - begin_ns) / NS_PER_S)
    return slope if slope - half_width > MIN_GROWTH * arrivals else None


def _mean_backlog(start_ns: Ints, end_ns: Ints, edges: Floats) -> Floats:
    """Mean number in flight between neighbouring edges: request-time within each part over its length."""

    def time_before(edge: float) -> float:
        return float(np.maximum(np.minimum(end_ns, edge) - start_ns, 0).sum())

    means: Floats = np.diff([time_before(edge) for edge in edges]) / np.diff(edges)
    return means


def _slope(x: Floats, y: Floats) -> tuple[float, float]:
    """Slope of the least-squares line, and half the width of its 99 % interval."""
    x = x - x.mean()
    spread = float((x**2).sum())
    slope = float((x * y).sum()) / spread
    residual = y - y.mean() - slope * x
    error = float(np.sqrt((residual**2).sum() / (len(x) - 2) / spread))
    return slope, T_99 * error


MAX_TREND = 0.10
"""Largest change of output tok/s between the halves of a window that still counts as steady."""

CHANCE = 3.0
"""In an open loop that many standard errors of a Poisson count may come on top: arrivals are uneven by chance."""

MIN_OPEN = 100
"""Requests that an open loop's window must hold: the halves of fewer differ by chance alone."""


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


def steady_state(records: Records, lat: Latencies, plan: Plan) -> Span | str:
    """Find the span in which the load was what was asked for and its course had no trend.

    Returns the reason as text where there is none: "no steady state" is an answer.
    """
    if not lat.ok.any():
        return "no request succeeded"
    if plan.arrival.is_open:
        return _open_loop(records, lat)
    assert plan.max_concurrency is not None, "a closed loop has a limit"
    all_open_ns = 0 if plan.slot_open_ns is None else int(plan.slot_open_ns[-1])
    return _closed_loop(records, lat, plan.max_concurrency, all_open_ns)


def _closed_loop(records: Records, lat: Latencies, concurrency: int, all_open_ns: int) -> Span | str:
    """Every slot was busy: from the end of the first wave, and of a ramp, to the last start.

    The first wave is over when as many requests have ended as there are slots; after the last start slots run
    dry. Output tok/s may not change by more than MAX_TREND between its halves.
    """
    if lat.ok.sum() <= 2 * concurrency:
        return f"{int(lat.ok.sum())} requests are too few for a steady state of {concurrency} streams"
    begin = max(int(np.partition(records.end_ns[lat.ok], concurrency - 1)[concurrency - 1]), all_open_ns)
    end = int(records.slot_free_ns[lat.ok].max())
    if end <= begin:
        return "the last request started before the first wave had ended"
    return _without_trend(records, lat, Span(begin, end), 0.0)


def _open_loop(records: Records, lat: Latencies) -> Span | str:
    """The backlog did not grow: from the end of the first wave to the last start.

    The first wave is over when twice as many requests have ended as were in flight on average. In flight counts from
    when a request was due, so that what the client held back is in the backlog too.
    """
    sent = lat.start_ns != NEVER
    start, end_ns = lat.start_ns[sent], records.end_ns[sent]
    begin, end = int(start.min()), int(start.max())
    if end <= begin:
        return "all requests were due at once"
    within = np.minimum(end_ns, end) - start
    wave = 1 + int(2 * within.sum() / (end - begin))
    if len(start) < wave + MIN_OPEN:
        return f"{len(start)} requests are too few for a steady state of {wave // 2} in flight"
    first_wave_ns = int(np.partition(end_ns, wave - 1)[wave - 1])
    unstable = growth(start, end_ns, begin, end)
    if unstable is not None:
        return f"unstable: the backlog grows by {unstable:.3g} requests/s"
    if first_wave_ns >= end:
        return "the last request was due before the first wave had ended"
    span = Span(first_wave_ns, end)
    halves = [np.sum((start >= a) & (start < b)) for a, b in _halves(span)]
    return _without_trend(records, lat, span, CHANCE * float(np.sqrt(sum(1 / max(n, 1) for n in halves))))


def _halves(span: Span) -> tuple[tuple[int, int], tuple[int, int]]:
    middle = (span.begin_ns + span.end_ns) // 2
    return (span.begin_ns, middle), (middle, span.end_ns)


def _without_trend(records: Records, lat: Latencies, span: Span, by_chance: float) -> Span | str:
    """Return the span, or why its halves differ: by more than MAX_TREND and more than may come by chance."""
    reached: Floats = np.array(
        [records.chunks.tokens_before(t)[lat.ok].sum() for t in (span.begin_ns, _halves(span)[1][0], span.end_ns)],
        dtype=np.float64,
    )
    first, second = np.diff(reached)
    if first == 0 or second == 0:
        return "no tokens came in one half of the window"
    trend = second / first - 1
    if abs(trend) > max(MAX_TREND, by_chance):
        return f"output tok/s still changed by {trend:+.0%} from the first to the second half of the window"
    return span
