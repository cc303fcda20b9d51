"""Checks along a curve: one topology in one run, by rising concurrency."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from inferbench.audits.cases import Case, CasesSeen, checks, on
from inferbench.audits.report import Check
from inferbench.evidence import rerun_noise
from inferbench.evidence.measured_point import MeasuredPoint

COLLAPSE = 0.7
"""A neighbour below this share of throughput has collapsed; overload alone costs about a tenth."""
WIDEST = 4
"""Neighbours further apart in load than this factor bend too much in between to say anything."""
BEND = 0.10
"""How far a smooth curve may leave the straight line through its neighbours on logarithmic axes, beside the floor."""
RISES_SOURCE = f"more requests share the same GPUs, so none gets faster; floor: {rerun_noise.SOURCE}"
COLLAPSE_SOURCE = (
    f"more load on one topology; below {COLLAPSE:.0%} of the neighbour is called a collapse; "
    f"floor: {rerun_noise.SOURCE}"
)
OFF_SOURCE = f"neighbours on logarithmic axes, {BEND:.0%} for the bend; floor: {rerun_noise.SOURCE}"


def curves_of(points: Iterable[MeasuredPoint]) -> list[list[MeasuredPoint]]:
    """Group dated points by stack, shape, topology and day, by rising concurrency; two points at least."""
    groups: dict[tuple[object, ...], dict[int, MeasuredPoint]] = defaultdict(dict)
    for point in points:
        if point.concurrency is not None and point.date is not None and point.interactivity is not None:
            key = (point.stack, point.shape, point.prefill, point.decode, point.date)
            groups[key].setdefault(point.concurrency, point)
    return [[own[c] for c in sorted(own)] for own in groups.values() if len(own) > 1]


@checks(Check.INTERACTIVITY_RISES, RISES_SOURCE)
def interactivity_rises(points: Sequence[MeasuredPoint]) -> Iterator[Case]:
    """Interactivity must not rise with load on one topology by more than re-runs differ."""
    for curve in curves_of(points):
        case = []
        for run in _rising(curve):
            if _pace(run[-1]) / _pace(run[0]) > 1 + rerun_noise.interactivity_floor(run[0]):
                paces, loads = (" -> ".join(f"{v:.0f}" for v in values) for values in _steps(run))
                case.append(CasesSeen(run, f"interactivity rises {paces} tok/s/user as concurrency goes {loads}"))
        yield case


@checks(Check.THROUGHPUT_COLLAPSES, COLLAPSE_SOURCE)
def throughput_collapses(points: Sequence[MeasuredPoint]) -> Iterator[Case]:
    """Throughput must not fall below the neighbour's with less load by more than re-runs differ."""
    for low, high in (pair for curve in curves_of(points) for pair in pairwise(curve)):
        share = high.tput_per_gpu / low.tput_per_gpu
        said = (
            f"throughput {'collapses' if share < COLLAPSE else 'falls'} {low.tput_per_gpu:,.0f} -> "
            f"{high.tput_per_gpu:,.0f} tok/s/GPU as concurrency goes {low.concurrency} -> {high.concurrency}"
        )
        yield [CasesSeen((low, high), said)] if share < 1 / (1 + rerun_noise.throughput_floor(low)) else []


@checks(Check.OFF_CURVE, OFF_SOURCE)
def off_curve(points: Sequence[MeasuredPoint]) -> Iterator[Case]:
    """A point between two neighbours must lie near the line that joins them, on logarithmic axes."""
    between = [
        (left, point, right)
        for curve in curves_of(points)
        for left, point, right in zip(curve, curve[1:], curve[2:], strict=False)
        if _load(right) <= WIDEST * _load(left)
    ]
    for left, point, right in between:
        off = (_off(left, point, right, _pace), _off(left, point, right, lambda p: p.tput_per_gpu))
        limits = (rerun_noise.interactivity_floor(point) + BEND, rerun_noise.throughput_floor(point) + BEND)
        names = ("interactivity", "throughput")
        words = [f"{n} {x:+.0%}" for n, x, y in zip(names, off, limits, strict=True) if abs(math.log1p(x)) > y]
        line = f"off the line between concurrency {left.concurrency} and {right.concurrency}"
        yield on(point, f"{' and '.join(words)} {line}" if words else "")


def _pace(point: MeasuredPoint) -> float:
    assert point.interactivity is not None, "points of a curve have one"
    return point.interactivity


def _load(point: MeasuredPoint) -> float:
    assert point.concurrency is not None, "points of a curve have one"
    return float(point.concurrency)


def _rising(curve: Sequence[MeasuredPoint]) -> list[list[MeasuredPoint]]:
    """The longest stretches over which interactivity rises at every step."""
    runs: list[list[MeasuredPoint]] = [[curve[0]]]
    for before, point in pairwise(curve):
        if _pace(point) > _pace(before):
            runs[-1].append(point)
        else:
            runs.append([point])
    return [run for run in runs if len(run) > 1]


def _steps(run: Sequence[MeasuredPoint]) -> tuple[list[float], list[float]]:
    return [_pace(p) for p in run], [_load(p) for p in run]


def _off(left: MeasuredPoint, point: MeasuredPoint, right: MeasuredPoint, of: rerun_noise.Reader) -> float:
    """How far a figure is off the straight line of its neighbours on logarithmic axes, as a fraction."""
    a, at, b = (math.log(_load(p)) for p in (left, point, right))
    line = math.log(of(left)) + (math.log(of(right)) - math.log(of(left))) * (at - a) / (b - a)
    return of(point) / math.exp(line) - 1
