"""Names what holds a sweep point back: client, router, prefill queue, KV transfer, decode or host streaming.

By Little's law (J. D. C. Little, Oper. Res. 9, 1961) the mean number of requests in a place is their rate times the
mean time that each spends there. So the time of a request divides over places as the requests in flight do, and both
sides tell numbers of requests: the client how many are in flight, and how many of those still wait for a token; the
engines how many they hold in each of their queues. What the client has in flight and no engine holds is on its way: in
the router where it is before the first token, in the host's path from scheduler to socket where it is after.

In a closed loop requests pile up before what is saturated. Decode is where requests live even at no load, so that a
share of them there is no sign by itself: another place that holds a material share goes before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from inferbench.metrics.summary import BasisSummary, PointSummary
from inferbench.telemetry.bottleneck_values import Bottleneck, Stage
from inferbench.telemetry.series import Metric, Series, Telemetry, WorkerRole
from inferbench.units import MS_PER_S

MATERIAL = 0.25
"""Share of the requests in flight from which a place other than decode holds the point back."""
CLEAR = 0.10
"""By how much the leading place must exceed the next: the shares are means of samples, and not better than that."""
LEAST_LOOKS = 3
"""Looks within the span below which a source's numbers say nothing of it."""

ENGINES = (WorkerRole.SERVER, WorkerRole.PREFILL, WorkerRole.DECODE)
GENERATING = (WorkerRole.SERVER, WorkerRole.DECODE)


@dataclass(frozen=True, slots=True)
class _ClientLoad:
    """What the client says, requests on average."""

    in_flight: float
    before_first: float
    """Of those, without a token yet."""
    rate: float
    """Requests that ended, per second."""


def find_bottleneck(summary: PointSummary, telemetry: Telemetry | None) -> Bottleneck:
    """Name the place that holds a sweep point back, or say what is missing to name it.

    `telemetry` is on the run's clock, None where nothing was watched. The span is the steady state where there is one,
    else the whole run.
    """
    client = summary.client
    if client is not None and not client.valid:
        return Bottleneck(place=Stage.CLIENT, evidence=(f"The client is INVALID: {'; '.join(client.reasons)}.",))
    figures = summary.window or summary.whole_run
    if figures is None:
        return _undecided("No request succeeded.")
    load = _load(figures)
    if load is None or figures.begin_ns is None or figures.end_ns is None:
        return _undecided("The client's own figures do not say how many requests were in flight.")
    if telemetry is None:
        return _undecided("Nothing was watched: the client alone cannot tell one place of the server from another.")
    inside = _Watched(telemetry, figures.begin_ns, figures.end_ns)
    missing = tuple(inside.missing())
    if missing:
        return _undecided(*missing)
    return _judge(_shares(load, inside), load, inside)


def _undecided(*why: str) -> Bottleneck:
    return Bottleneck(place=None, evidence=why)


def _load(figures: BasisSummary) -> _ClientLoad | None:
    throughput, ttft = figures.throughput, figures.ttft_ms
    if not throughput.in_flight_mean or ttft is None or ttft.mean is None:
        return None
    waiting = throughput.request_tput * ttft.mean / MS_PER_S
    return _ClientLoad(throughput.in_flight_mean, min(waiting, throughput.in_flight_mean), throughput.request_tput)


class _Watched:
    """Means over the span."""

    def __init__(self, telemetry: Telemetry, begin_ns: int, end_ns: int) -> None:
        self._telemetry, self._begin, self._end = telemetry, begin_ns, end_ns
        self.roles = {source.role for source in telemetry.sources}

    def missing(self) -> Iterator[str]:
        """What there would have to be for an answer."""
        if not self.roles & set(ENGINES):
            yield "No engine was watched, so that nobody says where requests wait."
        if WorkerRole.PREFILL in self.roles and WorkerRole.DECODE not in self.roles:
            yield "Prefill workers were watched and no decode worker."
        if WorkerRole.DECODE in self.roles and WorkerRole.PREFILL not in self.roles:
            yield "Decode workers were watched and no prefill worker."
        for source in self._telemetry.sources:
            if source.role in ENGINES:
                told = [s for s in self._telemetry.of(Metric.RUNNING) if s.source == source]
                looks = sum(len(self._inside(s).values) for s in told)
                if looks < LEAST_LOOKS:
                    yield f"{source.name} told its running requests {looks} times in the span, not {LEAST_LOOKS}."

    def mean(self, metric: Metric, *roles: WorkerRole) -> float:
        """Sum over sources of the mean of a gauge; 0 where nobody tells it."""
        return sum(float(s.values.mean()) for s in self._of(metric, roles) if len(s.values))

    def highest(self, metric: Metric, *roles: WorkerRole) -> float | None:
        """Highest mean of a gauge over sources; None where nobody tells it."""
        return max((float(s.values.mean()) for s in self._of(metric, roles) if len(s.values)), default=None)

    def rise(self, metric: Metric, *roles: WorkerRole) -> float:
        """Sum over sources of a counter's rise."""
        return sum(s.rise() for s in self._of(metric, roles) if len(s.values))

    def mean_time(self, total: Metric, count: Metric, *roles: WorkerRole) -> float | None:
        """Mean of a histogram over the span, s; None where nothing was added to it."""
        n = self.rise(count, *roles)
        return self.rise(total, *roles) / n if n else None

    @property
    def is_sequential(self) -> bool:
        """Whether the router asks decode after prefill has answered, as vLLM's does."""
        return any(s.role is WorkerRole.DECODE and s.engine == "vllm" for s in self._telemetry.sources)

    def _of(self, metric: Metric, roles: Iterable[WorkerRole]) -> Iterator[Series]:
        return (self._inside(series) for series in self._telemetry.of(metric, *roles))

    def _inside(self, series: Series) -> Series:
        return series.within(self._begin, self._end)


def _shares(load: _ClientLoad, watched: _Watched) -> dict[Stage, float]:
    """Share of the requests in flight that was in each place."""
    server, prefill, decode = WorkerRole.SERVER, WorkerRole.PREFILL, WorkerRole.DECODE
    before_prefill = watched.mean(Metric.QUEUED, server, prefill) + watched.mean(Metric.RUNNING, prefill)
    moving = max(watched.mean(Metric.KV_SENDING, prefill), watched.mean(Metric.KV_RECEIVING, decode))
    # A request that waits for memory on the decode side waits for it on the prefill side too.
    for_memory = max(watched.mean(Metric.KV_WAITING, decode), watched.mean(Metric.BOOTSTRAPPING, prefill))
    generating = watched.mean(Metric.RUNNING, *GENERATING) + watched.mean(Metric.QUEUED, decode)
    elsewhere = max(0.0, load.in_flight - before_prefill - moving - for_memory - generating)
    router = min(
        elsewhere, max(0.0, load.before_first - _first_token_in_engines(load, watched, before_prefill + moving))
    )
    numbers = {
        Stage.ROUTER: router,
        Stage.PREFILL_QUEUE: before_prefill,
        Stage.KV_TRANSFER: moving,
        Stage.DECODE: for_memory + generating,
        Stage.HOST_STREAMING: elsewhere - router,
    }
    return {place: number / load.in_flight for place, number in numbers.items()}


def _first_token_in_engines(load: _ClientLoad, watched: _Watched, in_queues: float) -> float:
    """Requests that wait for their first token in an engine, on average: by its own latency, or by its queues."""
    seconds = watched.mean_time(Metric.TTFT_SUM, Metric.TTFT_COUNT, *GENERATING) or 0.0
    if watched.is_sequential:
        seconds += watched.mean_time(Metric.TTFT_SUM, Metric.TTFT_COUNT, WorkerRole.PREFILL) or 0.0
    return max(in_queues, load.rate * seconds)


def _judge(shares: dict[Stage, float], load: _ClientLoad, watched: _Watched) -> Bottleneck:
    others = sorted((p for p in shares if p is not Stage.DECODE), key=lambda p: -shares[p])
    first, second = others[0], others[1]
    if shares[first] >= MATERIAL:
        if shares[second] >= MATERIAL and shares[first] - shares[second] < CLEAR:
            why = f"{_share(first, shares)} and {_share(second, shares)} are too near to each other to name one."
            return Bottleneck(place=None, evidence=(why,), shares=shares)
        return Bottleneck(place=first, evidence=(_held(first, shares, load), *_signs(first, watched)), shares=shares)
    if shares[Stage.DECODE] >= 0.5:
        return Bottleneck(
            place=Stage.DECODE,
            evidence=(_held(Stage.DECODE, shares, load), *_signs(Stage.DECODE, watched),
                      f"No other place held {MATERIAL:.0%}: the next is {_share(first, shares)}."),
            shares=shares,
        )  # fmt: skip
    why = f"No place held a material share of the {load.in_flight:.1f} requests in flight."
    return Bottleneck(place=None, evidence=(why,), shares=shares)


def _share(place: Stage, shares: dict[Stage, float]) -> str:
    return f"{place.value} ({shares[place]:.0%} of requests in flight)"


_WHERE = {
    Stage.ROUTER: "were on their way to an engine, and in no engine's queue",
    Stage.PREFILL_QUEUE: "waited for prefill or were in it",
    Stage.KV_TRANSFER: "had their KV cache on its way",
    Stage.DECODE: "were in decode, or waited for room in it",
    Stage.HOST_STREAMING: "had been let go by the scheduler with tokens that had not reached the client",
}


def _held(place: Stage, shares: dict[Stage, float], load: _ClientLoad) -> str:
    return f"Of {load.in_flight:.1f} requests in flight {shares[place]:.0%} {_WHERE[place]}."


def _signs(place: Stage, watched: _Watched) -> Iterator[str]:
    """What else speaks for a place."""
    if place is Stage.KV_TRANSFER:
        seconds = watched.mean_time(Metric.KV_TRANSFER_TIME_SUM, Metric.KV_TRANSFER_TIME_COUNT)
        if seconds is not None:
            yield f"A transfer took {seconds * MS_PER_S:.1f} ms on average."
    if place is Stage.DECODE:
        usage = watched.highest(Metric.KV_USAGE, *GENERATING)
        if usage is not None:
            yield f"The KV cache of the fullest decode worker was {usage:.0%} full."
        for_memory = watched.mean(Metric.KV_WAITING, WorkerRole.DECODE)
        if for_memory >= 1:
            yield f"{for_memory:.1f} requests waited for room in it."
    if place in (Stage.ROUTER, Stage.HOST_STREAMING):
        engine = watched.mean_time(Metric.TTFT_SUM, Metric.TTFT_COUNT, *GENERATING)
        if engine is not None:
            yield f"The engine's own mean time to the first token was {engine * MS_PER_S:.1f} ms."
