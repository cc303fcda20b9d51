"""Records into a summary."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inferbench.arrays import NEVER
from inferbench.metrics.failure_kinds import failures
from inferbench.metrics.goodput import GoodputSlo
from inferbench.metrics.percentiles import distribution
from inferbench.metrics.request_counts import Counts
from inferbench.metrics.steady_state import Span, steady_state, whole_run
from inferbench.metrics.summary import (
    Basis,
    BasisSummary,
    ClientHealth,
    EnergySummary,
    Origin,
    PointSummary,
    SweepPoint,
    Throughput,
)
from inferbench.metrics.token_counts import token_counts
from inferbench.metrics.ttft_tpot import Latencies, latencies
from inferbench.records.columns import Records
from inferbench.records.request_record import ChunkTokens, Status
from inferbench.units import MS_PER_S, NS_PER_MS
from inferbench.workload.plan import Plan

Rows = NDArray[np.bool_]


def cache_hit_rate(records: Records, rows: Rows) -> float | None:
    """Cached over all prompt tokens of the requests for which the server told; None where it never did."""
    told = rows & (records.cached_tokens != NEVER)
    prompts = int(records.isl[told].sum())
    return int(records.cached_tokens[told].sum()) / prompts if prompts else None


def accepted_length(records: Records, rows: Rows) -> float | None:
    """Tokens per step: a step makes one token and keeps the drafted ones that were accepted.

    All tokens over the tokens that were not drafted, of the requests for which the server told; None where it
    never did.
    """
    told = rows & (records.accepted_tokens != NEVER)
    made = int(records.osl[told].sum())
    steps = made - int(records.accepted_tokens[told].sum())
    return made / steps if steps > 0 else None


def chunk_token_shares(records: Records, rows: Rows) -> dict[str, float] | None:
    """Shares of requests by how it is known how many tokens each chunk held; None where that was not kept."""
    if records.chunk_tokens_source is None or not rows.any():
        return None
    found = records.chunk_tokens_source[rows]
    shares = {kind.name.lower(): float((found == kind).mean()) for kind in ChunkTokens}
    return {name: share for name, share in shares.items() if share}


def summarise(
    records: Records,
    plan: Plan,
    point: SweepPoint,
    origin: Origin,
    *,
    partial: bool = False,
    client: ClientHealth | None = None,
    energy: EnergySummary | None = None,
    slo: GoodputSlo | None = None,
) -> PointSummary:
    """Summarise a sweep point over the whole run and over its steady state; with an SLO, its goodput too."""
    lat = latencies(records, plan.arrival)
    run = whole_run(records, lat)
    steady = steady_state(records, lat, plan)
    return PointSummary(
        point=point,
        origin=origin,
        partial=partial,
        counts=_counts(records, len(plan)),
        isl_mean=_mean(records.isl[lat.ok]),
        osl_mean=_mean(records.osl[lat.ok]),
        prompt_hash=plan.prompt_hash,
        whole_run=run and _on(Basis.WHOLE_RUN, run, records, lat, point.gpus, slo),
        window=_on(Basis.WINDOW, steady, records, lat, point.gpus, slo) if isinstance(steady, Span) else None,
        window_reason=steady if isinstance(steady, str) else None,
        client=client,
        energy=energy,
        tokens=token_counts(records, plan, lat.ok) if origin is Origin.MEASURED else None,
        failures=failures(records),
    )


def _mean(values: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float:
    return float(values.mean()) if len(values) else 0.0


def _counts(records: Records, planned: int) -> Counts:
    by_status = {status.name.lower(): int((records.status == status).sum()) for status in Status}
    again = np.maximum(records.attempts - 1, 0)
    retried = {"retried": int((again > 0).sum()), "retries": int(again.sum())}
    return Counts(planned=planned, unsent=planned - len(records), **by_status, **retried)


def _on(basis: Basis, span: Span, records: Records, lat: Latencies, gpus: int, slo: GoodputSlo | None) -> BasisSummary:
    """Take all figures over one span.

    Latencies are those of requests that began and ended within it. Tokens count when they arrive; those of a prompt,
    and generated ones that were never streamed, when the first token arrives.
    """
    inside = lat.ok & (lat.start_ns >= span.begin_ns) & (records.chunks.last_ns <= span.end_ns)
    gaps, counts = records.chunks.token_gaps(inside)
    tpot = distribution(lat.tpot[inside])
    return BasisSummary(
        basis=basis,
        begin_ns=span.begin_ns,
        end_ns=span.end_ns,
        throughput=_throughput(span, records, lat, gpus, _goodput(basis, span, records, lat, slo)),
        ttft_ms=distribution(lat.ttft[inside]),
        ttft_queued_ms=distribution(lat.ttft_queued[inside]),
        tpot_ms=tpot,
        itl_ms=distribution(gaps / NS_PER_MS, counts),
        e2el_ms=distribution(lat.e2el[inside]),
        interactivity_p50=MS_PER_S / tpot.p50 if tpot and tpot.p50 > 0 else None,
        ttfat_ms=distribution(lat.ttfat[inside]),
        cache_hit_rate=cache_hit_rate(records, inside),
        accepted_length=accepted_length(records, inside),
        chunk_tokens=chunk_token_shares(records, inside),
    )


def _goodput(
    basis: Basis, span: Span, records: Records, lat: Latencies, slo: GoodputSlo | None
) -> tuple[float | None, float | None]:
    """Requests that kept the SLO, per second and as a share of those that ended in the span.

    On the whole run all requests that ended count, whenever that was.
    """
    if slo is None:
        return None, None
    end = records.end_ns
    ended = np.ones(len(records), dtype=np.bool_)
    if basis is Basis.WINDOW:
        ended = (end >= span.begin_ns) & (end <= span.end_ns)
    good = int((ended & slo.kept(lat)).sum())
    return good / span.seconds, good / int(ended.sum()) if ended.any() else None


def _throughput(
    span: Span, records: Records, lat: Latencies, gpus: int, goodput: tuple[float | None, float | None]
) -> Throughput:
    chunks, ok, seconds = records.chunks, lat.ok, span.seconds
    first, last = chunks.first_ns, chunks.last_ns
    begun = ok & (first >= span.begin_ns) & (first <= span.end_ns)
    prompts = int(records.isl[begun].sum())
    output = int((chunks.tokens_before(span.end_ns) - chunks.tokens_before(span.begin_ns - 1))[ok].sum())
    output += int((records.osl - chunks.held)[begun].sum())  # what no chunk held had come before the first that did
    requests = int((ok & (last >= span.begin_ns) & (last <= span.end_ns)).sum())
    busy = np.minimum(last[ok], span.end_ns) - np.maximum(lat.start_ns[ok], span.begin_ns)
    return Throughput(
        seconds=seconds,
        request_tput=requests / seconds,
        input_tput=prompts / seconds,
        output_tput=output / seconds,
        total_tput=(prompts + output) / seconds,
        tput_per_gpu=(prompts + output) / seconds / gpus,
        in_flight_mean=float(np.maximum(busy, 0).sum()) / (span.end_ns - span.begin_ns),
        goodput=goodput[0],
        goodput_fraction=goodput[1],
    )
