"""One configuration at one load, measured on several days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from inferbench.audits.cases import Case, CasesSeen, checks
from inferbench.audits.report import Check
from inferbench.evidence.measured_point import MeasuredPoint

FACTOR = 1.5
"""Beyond this much between two days a point says as much about its day as about its configuration."""
SOURCE = (
    "same topology, shape, precision and concurrency; over 3 weeks software moves throughput by 14 % at the median "
    f"and 40 % at p90 in InferenceX's rows, {FACTOR}x is beyond that"
)


@checks(Check.OVER_TIME, SOURCE)
def over_time(points: Sequence[MeasuredPoint]) -> Iterator[Case]:
    """Throughput of one configuration must not differ between days by more than `FACTOR`."""
    groups: dict[tuple[object, ...], list[MeasuredPoint]] = defaultdict(list)
    for point in points:
        groups[point.stack, point.shape, point.prefill, point.decode, point.concurrency].append(point)
    for own in groups.values():
        if len({p.date for p in own}) > 1:
            yield _differs(own)


def _differs(own: Sequence[MeasuredPoint]) -> Case:
    low, high = (choose(own, key=lambda p: p.tput_per_gpu) for choose in (min, max))
    ratio = high.tput_per_gpu / low.tput_per_gpu
    said = (
        f"{low.tput_per_gpu:,.0f} tok/s/GPU ({_when(low)}) against {high.tput_per_gpu:,.0f} ({_when(high)}), "
        f"{ratio:.1f}x, over {len(own)} measurements"
    )
    return [CasesSeen(own, said)] if ratio > FACTOR else []


def _when(point: MeasuredPoint) -> str:
    return "median over days" if point.date is None else point.date.isoformat()
