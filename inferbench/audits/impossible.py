"""What no deployment can do, however it is tuned: hold weights that do not fit, and wait longer than it takes.

Both bounds are on the safe side, so that what breaks one is not as it is described.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inferbench.audits.cases import Case, checks, on
from inferbench.audits.report import Check
from inferbench.audits.roofline import BYTES, Facts, known
from inferbench.catalog.gpu import Gpu
from inferbench.catalog.model import ModelSpec
from inferbench.evidence.measured_point import Latency, MeasuredPoint
from inferbench.units import MS_PER_S

WEIGHTS_SOURCE = (
    "all parameters at the precision's bits over the memory of a worker's GPUs (vendor data sheets, config.json); "
    "scales, KV cache and layers kept in more bits would come on top"
)
ROUNDING = 1.01
"""Figures are published rounded, and the two of a pair each in its own way."""
RESIDENCE = 1.05
"""Tolerance on the mean residence: a run's last requests may end outside the time that its throughput is over."""
TTFT_SOURCE = (
    "a first token comes before the last, so no statistic of TTFT exceeds that of the latency; and in a closed loop "
    "requests stay concurrency / (requests per second) on average (Little 1961), the rate on nominal lengths"
)
_AVERAGES = {"mean": 1.0, "p50": 2.0}
"""How far above the mean residence a statistic can lie: half of all requests cannot stay twice the mean (Markov)."""


@checks(Check.WEIGHTS_FIT, WEIGHTS_SOURCE)
def weights_fit(points: Sequence[MeasuredPoint], facts: Facts) -> Iterator[Case]:
    """The weights must fit the memory of one worker's GPUs, of each role by itself."""
    for point, gpu, model in known(points, facts):
        yield on(point, *_too_large(point, gpu, model))


def _too_large(point: MeasuredPoint, gpu: Gpu, model: ModelSpec) -> Iterator[str]:
    needed = model.total_params_b * BYTES[point.precision]
    roles = {"prefill": point.prefill, "decode" if point.prefill else "aggregated": point.decode}
    for name, role in roles.items():
        if role is None:
            continue
        each = role.gpus / role.workers
        if needed > each * gpu.hbm_gb:
            yield (
                f"{name}: {point.precision} weights of {needed:,.0f} GB in workers of {each:g} GPUs with "
                f"{each * gpu.hbm_gb:,.0f} GB"
            )


@checks(Check.TTFT_IN_REQUEST, TTFT_SOURCE)
def ttft_in_request(points: Sequence[MeasuredPoint]) -> Iterator[Case]:
    """TTFT must be no longer than the request that it is a part of: by its latency, and by the closed loop's own."""
    for point in points:
        if point.ttft_ms is None or (point.e2el_ms is None and point.concurrency is None):
            continue
        yield on(point, *_beyond_latency(point.ttft_ms, point.e2el_ms), *_beyond_residence(point, point.ttft_ms))


def _beyond_latency(ttft: Latency, latency: Latency | None) -> Iterator[str]:
    for name in ("mean", "p50", "p90", "p99", "p999"):
        first, whole = getattr(ttft, name), getattr(latency, name, None)
        if first is not None and whole is not None and first > ROUNDING * whole:
            yield f"{name} TTFT {first / MS_PER_S:.2f} s is above the {name} latency {whole / MS_PER_S:.2f} s"


def _beyond_residence(point: MeasuredPoint, ttft: Latency) -> Iterator[str]:
    if point.concurrency is None or point.open_loop:
        return
    # A publisher's own count, where it is less than the topology's, is what its rate was divided by.
    gpus = min(point.gpus, point.stated_gpus or point.gpus)
    tokens = (point.isl_mean or point.isl) + (point.osl_mean or point.osl)
    requests_per_s = point.tput_per_gpu * gpus / tokens
    stay = point.concurrency / requests_per_s
    for name, most in _AVERAGES.items():
        first = getattr(ttft, name)
        if first is not None and first / MS_PER_S > RESIDENCE * most * stay:
            yield (
                f"{name} TTFT {first / MS_PER_S:.2f} s, but {point.concurrency} requests in flight at "
                f"{requests_per_s:.3g} requests/s stay {stay:.2f} s on average"
            )
