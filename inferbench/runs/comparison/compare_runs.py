"""Two runs side by side, refused where they differ in more than the question asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set

from inferbench.comparison.usable_points import why_unusable
from inferbench.errors import IncomparableError, UsageError
from inferbench.files.spelling import unknown
from inferbench.metrics.families import COMPARED
from inferbench.metrics.metric import ScalarMetric
from inferbench.metrics.summary import Basis, PointSummary
from inferbench.store.manifest import PointManifest, RunManifest
from inferbench.values import Value


class MetricRatio(Value):
    """One figure in both runs."""

    metric: str
    unit: str
    a: float | None
    """None where the run has no such figure."""
    b: float | None
    ratio: float | None
    """b over a; None where either is missing or a is 0."""


class PointComparison(Value):
    """A sweep point that both runs have, on one basis."""

    point: str
    """Key of the sweep point."""
    basis: Basis
    metrics: tuple[MetricRatio, ...]
    """Empty where the point cannot be compared."""
    not_compared: str | None = None
    """Why the point cannot be compared although both runs have it."""


UNSTATED = "unstated"
"""Of a key that a run's manifest does not hold: nothing can be said to differ there."""
LENGTHS: dict[str, Callable[[PointSummary], float]] = {
    "isl": lambda summary: summary.isl_mean,
    "osl": lambda summary: summary.osl_mean,
}
"""Lengths as they were, looked at where manifests do not state them."""
SAME_LENGTH = 0.05
"""Mean lengths of one workload may differ by this much: a server may stop early."""


def _short(digest: str | None) -> str:
    """Enough of a digest to tell two apart in a message of one line."""
    return (digest or "none")[:12]


RUN_KEYS: dict[str, Callable[[RunManifest], str]] = {
    "format": lambda run: str(run.format),
    "scenario": lambda run: f"{run.scenario} {_short(run.scenario_sha256)}",
    "seed": lambda run: str(run.seed),
    "price_books": lambda run: ", ".join(sorted(f"{b.name} {_short(b.sha256)}" for b in run.price_books)) or "none",
}
"""What two runs must share as a whole. Hosts may differ: each run says how its own client did."""

POINT_KEYS: dict[str, Callable[[PointManifest], str]] = {
    "origin": lambda point: str(point.origin),
    "prompt_hash": lambda point: _short(point.prompt_hash),
    "engine": lambda point: point.target.engine or "none",
    "model": lambda point: point.target.model,
    "gpu": lambda point: point.target.gpu or "none",
    "precision": lambda point: point.target.precision or UNSTATED,
    "isl": lambda point: UNSTATED if point.isl is None else str(point.isl),
    "osl": lambda point: UNSTATED if point.osl is None else str(point.osl),
    "gpus": lambda point: f"{point.point.prefill_gpus} prefill + {point.point.decode_gpus} decode",
}
"""What two attempts at one sweep point must share. Versions of an engine may differ: they are what one compares."""


def differing(a: RunManifest, b: RunManifest) -> dict[str, tuple[str, str]]:
    """Return the keys that make two runs unlike, with the value of each run.

    Keys of sweep points are looked at in the points that both runs have; the first that differs gives the values.
    """
    found = {key: (read(a), read(b)) for key, read in RUN_KEYS.items() if read(a) != read(b)}
    points_a, points_b = _last_attempts(a), _last_attempts(b)
    for name in (name for name in points_a if name in points_b):
        for key, read in POINT_KEYS.items():
            values = read(points_a[name]), read(points_b[name])
            if values[0] != values[1] and UNSTATED not in values and key not in found:
                found[key] = (f"{values[0]} in {name}", f"{values[1]} in {name}")
    return found


def lengths_differing(a: Sequence[PointSummary], b: Sequence[PointSummary]) -> dict[str, tuple[str, str]]:
    """Return `isl` and `osl` where the mean lengths of a shared sweep point are further apart than one workload's."""
    others = {summary.point.key: summary for summary in b}
    found: dict[str, tuple[str, str]] = {}
    for left in a:
        right = others.get(left.point.key)
        if right is None:
            continue
        for key, read in LENGTHS.items():
            values = read(left), read(right)
            if abs(values[0] - values[1]) > SAME_LENGTH * max(values) and key not in found:
                found[key] = (f"mean {values[0]:.0f} in {left.point.key}", f"mean {values[1]:.0f}")
    return found


def compare(
    a_manifest: RunManifest,
    a_summaries: Sequence[PointSummary],
    b_manifest: RunManifest,
    b_summaries: Sequence[PointSummary],
    *,
    basis: Basis,
    allow_different: Set[str] = frozenset(),
) -> tuple[PointComparison, ...]:
    """Set the sweep points that two runs share side by side: ratios of b over a, in the order of a.

    Raises IncomparableError where the runs differ in a key that `allow_different` does not name, or share no
    sweep point; UsageError where `allow_different` names a key that does not exist.
    """
    _check_keys(allow_different)
    found = lengths_differing(a_summaries, b_summaries) | differing(a_manifest, b_manifest)
    unlike = {key: values for key, values in found.items() if key not in allow_different}
    if unlike:
        listed = "; ".join(f"{key}: {left} against {right}" for key, (left, right) in unlike.items())
        raise IncomparableError(f"{a_manifest.run_id} and {b_manifest.run_id} differ in {listed}")
    by_key = {summary.point.key: summary for summary in b_summaries}
    pairs = [(summary, by_key[summary.point.key]) for summary in a_summaries if summary.point.key in by_key]
    if not pairs:
        raise IncomparableError(f"{a_manifest.run_id} and {b_manifest.run_id} have no sweep point in common")
    return tuple(_compare_point(left, right, basis) for left, right in pairs)


def _last_attempts(run: RunManifest) -> dict[str, PointManifest]:
    return {entry.point.key: entry for entry in sorted(run.points, key=lambda entry: entry.attempt)}


def _check_keys(names: Set[str]) -> None:
    known = [*RUN_KEYS, *POINT_KEYS]
    for name in sorted(names):
        if name not in known:
            raise UsageError(unknown("key to allow a difference in", name, known))


def _compare_point(a: PointSummary, b: PointSummary, basis: Basis) -> PointComparison:
    unusable = [f"{run}: {why}" for run, why in zip("ab", (why_unusable(s, basis) for s in (a, b)), strict=True) if why]
    if unusable or a.on(basis) is None or b.on(basis) is None:
        return PointComparison(point=a.point.key, basis=basis, metrics=(), not_compared="; ".join(unusable))
    metrics = tuple(_ratio(metric, metric.read(a, basis), metric.read(b, basis)) for metric in COMPARED)
    return PointComparison(point=a.point.key, basis=basis, metrics=metrics)


def _ratio(metric: ScalarMetric, a: float | None, b: float | None) -> MetricRatio:
    ratio = b / a if a and b is not None else None
    return MetricRatio(metric=metric.name, unit=metric.unit, a=a, b=b, ratio=ratio)
