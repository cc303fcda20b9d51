"""One configuration at one load, measured on several days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from inferbench.audits.report import AuditFlag, Check
from inferbench.audits.single_point import Checked
from inferbench.evidence.measured_point import MeasuredPoint

FACTOR = 1.5
"""Beyond this much between two days a point says as much about its day as about its configuration."""
SOURCE = (
    "same topology, shape, precision and concurrency; over 3 weeks software moves throughput by 14 % at the median "
    f"and 40 % at p90 in InferenceX's rows, {FACTOR}x is beyond that"
)


def over_time(points: Sequence[MeasuredPoint]) -> Checked:
    """Throughput of one configuration must not differ between days by more than `FACTOR`."""
    groups: dict[tuple[object, ...], list[MeasuredPoint]] = defaultdict(list)
    for point in points:
        groups[point.stack, point.shape, point.prefill, point.decode, point.concurrency].append(point)
    repeated = [own for own in groups.values() if len({p.date for p in own}) > 1]
    return len(repeated), [flag for own in repeated if (flag := _differs(own))]


def _differs(own: Sequence[MeasuredPoint]) -> AuditFlag | None:
    low, high = (choose(own, key=lambda p: p.tput_per_gpu) for choose in (min, max))
    ratio = high.tput_per_gpu / low.tput_per_gpu
    if ratio <= FACTOR:
        return None
    return AuditFlag(
        check=Check.OVER_TIME,
        observation=f"{low.tput_per_gpu:,.0f} tok/s/GPU ({_when(low)}) against {high.tput_per_gpu:,.0f} "
        f"({_when(high)}), {ratio:.1f}x, over {len(own)} measurements",
        points=tuple(p.label for p in own),
        source=SOURCE,
    )


def _when(point: MeasuredPoint) -> str:
    return "median over days" if point.date is None else point.date.isoformat()
