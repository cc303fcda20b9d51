"""The client's own result file, before InferenceX aggregates it; also what `vllm bench serve` saves.

It knows its requests and not the deployment: GPU, GPU count, framework and precision come from its metadata or from
whoever imports it.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from inferbench.evidence.measured_point import Latency, MeasuredPoint, MeasuredRequests, RoleWorkers
from inferbench.formats.inferencex import names
from inferbench.formats.inferencex.row import STATISTICS, Row, maybe, maybe_whole, number
from inferbench.formats.validity_keys import reasons_in
from inferbench.formats.vllm.per_request import per_request
from inferbench.metrics.catalog import E2EL, TPOT, TTFT
from inferbench.metrics.families import LATENCIES
from inferbench.units import MS_PER_S

KEY = "total_token_throughput"
"""Only a client's result has it."""
NEEDED = ("gpu", "gpus", "framework", "precision")
TOGETHER = 0.5
"""Share of the requests that is in flight at one time, and more, where all were sent at once."""
ALIKE = 0.05
"""Mean lengths that differ by less are those of one load: each run draws its own."""


def client_point(row: Row, said: Mapping[str, str]) -> MeasuredPoint:
    """Read a client's result; `said` adds what the file does not say. Raises ValueError for what is missing."""
    known = {**said, **{key: str(row[key]) for key in (*NEEDED, "speculation") if row.get(key)}}
    if missing := [key for key in NEEDED if key not in known]:
        raise ValueError(f"a client's result does not say {', '.join(missing)}; give --{missing[0]}")
    gpus, requests, seconds = int(known["gpus"]), _requests(row), maybe(row, "duration")
    isl, osl = (number(row, f"total_{side}_tokens") / requests.ok for side in ("input", "output"))
    total, output = number(row, KEY), number(row, "output_throughput")
    told = per_request(row, requests.ok) or {}
    latency = {one.name: told.get(one.name) or _latency(row, one.name) for one in LATENCIES}
    fields: dict[str, Any] = {one.field: latency[one.name] for one in LATENCIES}
    tpot = latency[TPOT.name]
    in_flight = _in_flight(row, latency, requests.ok, osl, seconds)
    load = _load(row, requests, in_flight)
    return MeasuredPoint(
        date=_date(str(row.get("date", ""))),
        gpu=names.gpu(known["gpu"]),
        framework=names.framework(known["framework"]),
        model=str(row.get("model_id", "unknown")),
        precision=known["precision"].lower(),
        speculation=names.speculation(known.get("speculation")),
        isl=max(1, round(isl)),
        osl=max(1, round(osl)),
        isl_mean=isl,
        osl_mean=osl,
        concurrency=load.concurrency,
        open_loop=load.is_open,
        request_rate=load.rate,
        burstiness=maybe(row, "burstiness") if load.is_open else None,
        requests=requests,
        seconds=seconds,
        in_flight_mean=in_flight,
        decode=RoleWorkers(workers=1, gpus=gpus, tp=gpus),
        tput_per_gpu=total / gpus,
        output_tput_per_gpu=output / gpus,
        input_tput_per_gpu=(total - output) / gpus,
        interactivity=MS_PER_S / tpot.p50 if tpot and tpot.p50 else None,
        **fields,
        marks=load.marks + ((f"{requests.error} of {requests.planned} requests failed",) if requests.error else ()),
        invalid=reasons_in(row),
    )


def of_one_load(points: Sequence[MeasuredPoint]) -> list[MeasuredPoint]:
    """Give the same nominal lengths to results whose mean lengths are about the same, so that they are one curve."""
    nominal: list[tuple[int, int]] = []
    return [point if point.requests is None else point.model_copy(update=_nominal(point, nominal)) for point in points]


def _nominal(point: MeasuredPoint, known: list[tuple[int, int]]) -> dict[str, int]:
    for isl, osl in known:
        if abs(point.isl / isl - 1) < ALIKE and abs(point.osl / osl - 1) < ALIKE:
            return {"isl": isl, "osl": osl}
    known.append((point.isl, point.osl))
    return {}


def _requests(row: Row) -> MeasuredRequests:
    """Files of before 2026 do not say how many failed: those that were asked for and not completed."""
    completed, asked, failed = (maybe_whole(row, key) for key in ("completed", "num_prompts", "failed"))
    if completed is None:
        raise ValueError("completed is missing")
    if failed is None:
        failed = max((asked or completed) - completed, 0)
    if completed < 1:
        raise ValueError(f"none of its {completed + failed} requests succeeded")
    return MeasuredRequests(planned=completed + failed, ok=completed, error=failed)


class _RequestPattern(NamedTuple):
    """How requests came."""

    concurrency: int | None
    rate: float | None = None
    is_open: bool = False
    marks: tuple[str, ...] = ()


def _load(row: Row, requests: MeasuredRequests, in_flight: float | None) -> _RequestPattern:
    """Without a rate, requests are sent at once as far as the limit lets them: that is the concurrency.

    With a rate, a ramp, or the times of a trace, the limit is not what was in flight. That they were those of a trace
    is not written; it shows in that few requests were in flight at one time, though nothing held them back.
    """
    limit, most = maybe_whole(row, "max_concurrency"), maybe_whole(row, "max_concurrent_requests")
    rate = _rate(row)
    by_trace = limit is None and most is not None and most < requests.ok * TOGETHER
    if rate is None and row.get("ramp_up_strategy") is None and not by_trace:
        return _RequestPattern(limit or requests.planned)
    flying = max(1, round(in_flight)) if in_flight is not None else most
    how = f"of {rate:g} requests/s" if rate is not None else "at times of its own"
    concurrency = flying if flying is None or limit is None else min(limit, flying)
    return _RequestPattern(concurrency, rate, True, (f"open loop {how}: its concurrency is the mean in flight",))


def _rate(row: Row) -> float | None:
    value = row.get("request_rate")
    if value is None or value in ("inf", "Infinity", math.inf):
        return None
    return maybe(row, "request_rate")


def _in_flight(
    row: Row, latency: Mapping[str, Latency | None], completed: int, osl: float, seconds: float | None
) -> float | None:
    """By Little's law: the time that requests spent, over the time of the run."""
    if not seconds:
        return None
    each = row.get("latencies")
    if isinstance(each, list) and each and all(isinstance(value, (int, float)) for value in each):
        return sum(each) / seconds
    means = {metric: None if found is None else found.mean for metric, found in latency.items()}
    e2el, ttft, tpot = (means[one.name] for one in (E2EL, TTFT, TPOT))
    if e2el is None and ttft is not None and tpot is not None:
        e2el = ttft + tpot * max(osl - 1, 0)
    return None if e2el is None else completed * e2el / MS_PER_S / seconds


def _latency(row: Row, metric: str) -> Latency | None:
    found = {name: maybe(row, f"{key}_{metric}_ms") for key, name in STATISTICS.items()}
    return None if all(value is None for value in found.values()) else Latency(**found)


def _date(text: str) -> datetime.date | None:
    try:
        return datetime.datetime.strptime(text[:8], "%Y%m%d").date()
    except ValueError:
        return None
