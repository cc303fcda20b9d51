"""Checks that look at one point alone: does it agree with itself and with its own topology?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inferbench.audits.cases import Case, checks, on
from inferbench.audits.report import Check
from inferbench.evidence.measured_point import MeasuredPoint, RoleWorkers
from inferbench.units import MS_PER_S

LITTLE_LOW, LITTLE_HIGH = 0.75, 1.05
"""Lengths are 0.9 of nominal and ramp and drain count, so 0.80 to 0.90 is usual."""
ACCOUNTING_TOLERANCE = 0.01
LITTLE_SOURCE = "Little (1961): requests in flight = arrival rate x time in the system, on nominal lengths"
WAITING = 0.5
"""Share of a request's time before its first token."""
WAITING_SOURCE = "a closed loop in which most requests wait measures the queue, not the decode that it is labelled with"
ACCOUNTING_SOURCE = (
    "SemiAnalysisAI/InferenceX utils/process_result.py: input over prefill GPUs, output over decode GPUs"
)
COUNT_SOURCE = "SemiAnalysisAI/InferenceX-app packages/db/src/etl/benchmark-mapper.ts: TP x EP is stored as a GPU count"


@checks(Check.LITTLES_LAW, LITTLE_SOURCE)
def littles_law(points: Sequence[MeasuredPoint]) -> Iterator[Case]:
    """Throughput times latency over the tokens of a request must be about the concurrency."""
    for point in points:
        ratio = littles_ratio(point)
        if ratio is None:
            continue
        said = (
            f"throughput x latency is {ratio:.2f} of the {point.concurrency} requests in flight; "
            f"{LITTLE_LOW} to {LITTLE_HIGH} is plausible"
        )
        yield on(point, "" if LITTLE_LOW <= ratio <= LITTLE_HIGH else said)


def littles_ratio(point: MeasuredPoint) -> float | None:
    """Requests in flight by Little's law over the concurrency; None where the point does not say enough."""
    latency = point.e2el_ms and (point.e2el_ms.mean or point.e2el_ms.p50)
    if not latency or not point.concurrency or point.open_loop:  # whose concurrency comes from that law
        return None
    lengths = (point.isl_mean or point.isl) + (point.osl_mean or point.osl)
    requests_per_s = point.tput_per_gpu * point.gpus / lengths
    return requests_per_s * latency / MS_PER_S / point.concurrency


@checks(Check.WAITING, WAITING_SOURCE)
def waiting(points: Sequence[MeasuredPoint]) -> Iterator[Case]:
    """Requests should spend less than half of their time before their first token."""
    for point in points:
        ttft, e2el = (latency and latency.p50 for latency in (point.ttft_ms, point.e2el_ms))
        if not ttft or not e2el:
            continue
        said = (
            f"median TTFT {ttft / MS_PER_S:.1f} s is {ttft / e2el:.0%} of the median latency "
            f"{e2el / MS_PER_S:.1f} s: most of the {point.concurrency} requests in flight are not in decode"
        )
        yield on(point, said if ttft > WAITING * e2el else "")


@checks(Check.GPU_COUNT, COUNT_SOURCE)
def gpu_count(points: Sequence[MeasuredPoint]) -> Iterator[Case]:
    """The GPU count that a publisher states must be that of the topology; a worker must use all its GPUs."""
    for point in points:
        roles = {"prefill": point.prefill, "decode": point.decode}
        idle = [f"{name}: {words}" for name, role in roles.items() if role and (words := _idle(role))]
        yield on(point, _miscounted(point), *idle)


def _miscounted(point: MeasuredPoint) -> str:
    if point.stated_gpus is None or point.stated_gpus == point.gpus:
        return ""
    role = point.decode
    product = role.tp * role.ep
    slip = f", which is TP x EP ({role.tp} x {role.ep})" if product * role.workers == point.stated_gpus else ""
    return f"{point.stated_gpus} GPUs stated{slip}, {point.gpus} by the topology"


def _idle(role: RoleWorkers) -> str:
    """Where a worker has more, or fewer, GPUs than its parallelism uses."""
    each, needed = role.gpus / role.workers, max(role.tp, role.ep)
    if each == needed and (role.tp == each or role.dp_attention):
        return ""
    if each == needed:
        return f"TP{role.tp}/EP{role.ep} on {each:g} GPUs per worker without DP attention"
    return f"{role.workers} worker(s) of TP{role.tp}/EP{role.ep} on {role.gpus} GPUs, {each:g} each"


@checks(Check.ACCOUNTING, ACCOUNTING_SOURCE)
def accounting(points: Sequence[MeasuredPoint]) -> Iterator[Case]:
    """Input and output throughput must add up to the total, over the GPUs that each is stated over."""
    for point in points:
        if point.input_tput_per_gpu is None or point.output_tput_per_gpu is None:
            continue
        by_role, by_cluster = _sums(point, point.input_tput_per_gpu, point.output_tput_per_gpu)
        expected = by_role if point.prefill else by_cluster
        rest = "whole-cluster accounting fits" if _agrees(by_cluster, point.tput_per_gpu) else "neither accounting fits"
        said = f"input and output add up to {expected:,.1f} tok/s/GPU against {point.tput_per_gpu:,.1f} stated; {rest}"
        yield on(point, "" if _agrees(expected, point.tput_per_gpu) else said)


def _sums(point: MeasuredPoint, into: float, out: float) -> tuple[float, float]:
    """Total throughput per GPU by role accounting, and by whole-cluster accounting."""
    prefill = point.prefill.gpus if point.prefill else 0
    return (into * prefill + out * point.decode.gpus) / point.gpus, into + out


def _agrees(a: float, b: float) -> bool:
    return abs(a / b - 1) <= ACCOUNTING_TOLERANCE
