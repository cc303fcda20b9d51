"""Lines up what the client saw with what servers and GPUs told, in equal steps of one time axis."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np

from inferbench.arrays import NEVER, Floats, Ints
from inferbench.metrics.summary import PointSummary, SweepPoint
from inferbench.metrics.ttft_tpot import Latencies, latencies
from inferbench.records.columns import Records
from inferbench.telemetry.bottleneck import find_bottleneck
from inferbench.telemetry.bottleneck_values import Bottleneck
from inferbench.telemetry.series import Metric, Series, Telemetry, WorkerRole
from inferbench.units import MS_PER_S, NS_PER_S
from inferbench.values import Value
from inferbench.workload.plan import Arrival


class TimelineCurve(Value):
    """One curve: a value for each instant of the timeline, None where there is none."""

    name: str
    values: tuple[float | None, ...]


class Lane(Value):
    """Curves of one unit, drawn above each other with all other lanes."""

    title: str
    unit: str
    traces: tuple[TimelineCurve, ...]


class WatchedPoint(Value):
    """A sweep point whose servers were watched."""

    point: SweepPoint
    seconds: tuple[float, ...]
    """Instants, s from the first request: the middles of equal steps."""
    lanes: tuple[Lane, ...]
    window: tuple[float, float] | None
    """Begin and end of the steady state, s; None where there was none."""
    bottleneck: Bottleneck
    gaps: tuple[str, ...]
    """What could not be read, one line each."""


STEPS = 60
"""Most steps of a timeline; none is shorter than a second, which is how often servers are looked at."""
ENGINES = (WorkerRole.SERVER, WorkerRole.PREFILL, WorkerRole.DECODE)
GAUGES = {
    "running in engines": (Metric.RUNNING, ENGINES),
    "queued in engines": (Metric.QUEUED, ENGINES),
    "KV on its way": (Metric.KV_RECEIVING, (WorkerRole.DECODE,)),
    "waiting for KV room": (Metric.KV_WAITING, (WorkerRole.DECODE,)),
}


def watched_point(summary: PointSummary, records: Records, telemetry: Telemetry) -> WatchedPoint:
    """Return a sweep point's timeline and its bottleneck. `telemetry` and `records` are on the run's clock."""
    closed = bool((records.planned_ns == NEVER).all())
    lat = latencies(records, Arrival.CLOSED if closed else Arrival.POISSON)
    sent = lat.start_ns != NEVER
    begin = int(lat.start_ns[sent].min()) if sent.any() else 0
    end = int(records.end_ns.max()) if len(records) else begin
    edges = _edges(begin, end)
    lanes = [
        *_client_lanes(records, lat, edges, telemetry),
        *_kv_lanes(telemetry, edges),
        *_gpu_lanes(telemetry, edges),
    ]
    steady = summary.window
    window = None
    if steady is not None and steady.begin_ns is not None and steady.end_ns is not None:
        window = ((steady.begin_ns - begin) / NS_PER_S, (steady.end_ns - begin) / NS_PER_S)
    middles = (edges[1:] + edges[:-1]) / 2
    return WatchedPoint(
        point=summary.point,
        seconds=tuple(float(t) for t in (middles - begin) / NS_PER_S),
        lanes=tuple(lane for lane in lanes if lane.traces),
        window=window,
        bottleneck=find_bottleneck(summary, telemetry),
        gaps=tuple(dict.fromkeys(gap.reason for gap in telemetry.gaps)),
    )


def _edges(begin: int, end: int) -> Floats:
    steps = int(np.clip((end - begin) // NS_PER_S, 1, STEPS))
    return np.linspace(begin, max(end, begin + 1), steps + 1)


def _client_lanes(records: Records, lat: Latencies, edges: Floats, telemetry: Telemetry) -> Iterator[Lane]:
    first, last = records.chunks.first_ns, records.chunks.last_ns
    yield Lane(title="TTFT", unit="ms", traces=(_medians("client, median", first, lat.ttft, lat.ok, edges),))
    yield Lane(title="TPOT", unit="ms", traces=(_medians("client, median", last, lat.tpot, lat.ok, edges),))
    flying = TimelineCurve(name="in flight (client)", values=_in_flight(records, lat, edges))
    gauges = (
        trace
        for name, (metric, roles) in GAUGES.items()
        if (trace := _sum(name, telemetry.of(metric, *roles), edges)) is not None
    )
    yield Lane(title="Requests", unit="requests", traces=(flying, *gauges))


def _medians(name: str, at_ns: Ints, values: Floats, ok: np.ndarray, edges: Floats) -> TimelineCurve:
    """Median of what fell into each step."""
    told = ok & np.isfinite(values)
    steps = np.clip(np.searchsorted(edges, at_ns[told], side="right") - 1, 0, len(edges) - 2)
    parts = (values[told][steps == step] for step in range(len(edges) - 1))
    return TimelineCurve(name=name, values=tuple(float(np.median(part)) if len(part) else None for part in parts))


def _in_flight(records: Records, lat: Latencies, edges: Floats) -> tuple[float | None, ...]:
    """Mean number of requests in flight in each step."""
    sent = lat.start_ns != NEVER
    start, end = lat.start_ns[sent], records.end_ns[sent]
    steps = pairwise(edges)
    return tuple(float(np.maximum(np.minimum(end, b) - np.maximum(start, a), 0).sum() / (b - a)) for a, b in steps)


def _kv_lanes(telemetry: Telemetry, edges: Floats) -> Iterator[Lane]:
    total = _rates(telemetry.of(Metric.KV_TRANSFER_TIME_SUM), edges)
    count = _rates(telemetry.of(Metric.KV_TRANSFER_TIME_COUNT), edges)
    if total is not None and count is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = np.where(count > 0, total / count * MS_PER_S, np.nan)
        yield Lane(title="KV transfer", unit="ms", traces=(TimelineCurve(name="mean time", values=_known(mean)),))
    moved = _rates(telemetry.of(Metric.KV_TRANSFER_BYTES_SUM), edges)
    if moved is not None:
        yield Lane(
            title="KV moved", unit="MB/s", traces=(TimelineCurve(name="all workers", values=_known(moved / 1e6)),)
        )


def _gpu_lanes(telemetry: Telemetry, edges: Floats) -> Iterator[Lane]:
    power = _sum("all GPUs", telemetry.of(Metric.POWER), edges)
    if power is not None:
        yield Lane(title="Power", unit="W", traces=(power,))


def _sum(name: str, series: Iterable[Series], edges: Floats) -> TimelineCurve | None:
    """Sum over sources of a gauge's mean in each step; None where nobody tells it, or it never was above 0."""
    steps = [_step_means(s, edges) for s in series if len(s.values)]
    if not steps:
        return None
    total = np.sum(steps, axis=0)
    return TimelineCurve(name=name, values=_known(total)) if np.nansum(total) > 0 else None


def _step_means(series: Series, edges: Floats) -> Floats:
    """Mean of a gauge's samples in each step, NaN where it has none."""
    steps = np.searchsorted(edges, series.at_ns, side="right") - 1
    inside = (steps >= 0) & (steps < len(edges) - 1)
    n = np.bincount(steps[inside], minlength=len(edges) - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.bincount(steps[inside], series.values[inside], minlength=len(edges) - 1) / n


def _rates(series: Iterable[Series], edges: Floats) -> Floats | None:
    """Sum over sources of a counter's rise per second in each step; None where nobody tells it."""
    rates = []
    for s in series:
        if len(s.values) > 1:
            steps = np.diff(s.values)
            risen = np.concatenate([[0.0], np.cumsum(np.where(steps >= 0, steps, s.values[1:]))])
            rates.append(np.diff(np.interp(edges, s.at_ns, risen)) / (np.diff(edges) / NS_PER_S))
    return np.sum(rates, axis=0) if rates else None


def _known(values: Floats) -> tuple[float | None, ...]:
    return tuple(float(v) if np.isfinite(v) else None for v in values)
