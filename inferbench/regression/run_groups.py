"""From runs to one verdict per scenario: are they fit, are they alike, and what do they say?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from inferbench.comparison.usable_points import why_unusable
from inferbench.metrics.failure_kinds import listing
from inferbench.metrics.summary import Origin, PointSummary
from inferbench.regression.intervals import geometric_mean
from inferbench.regression.judge import FAMILY, judge_family
from inferbench.regression.policy import RegressionMetric, RegressionPolicy
from inferbench.regression.verdicts import (
    ChangeInterval,
    DifferingKey,
    MetricRegression,
    PointChange,
    RegressionOutcome,
    ScenarioRegression,
)
from inferbench.runs.comparison.compare_runs import POINT_KEYS, RUN_KEYS, differing, lengths_differing
from inferbench.store.manifest import RunManifest, RunState

NEVER_COMPARED = frozenset({"price_books"})
"""Cost is derived at a fixed price, so a newer price book makes no run unlike another."""
OF_THE_SEED = frozenset({"seed", "prompt_hash"})
KEYS = (*RUN_KEYS, *POINT_KEYS, "requests")
"""Every key that a difference can be named by, and allowed in."""


@dataclass(frozen=True)
class MeasuredRun:
    """A run as a regression looks at it."""

    manifest: RunManifest
    summaries: tuple[PointSummary, ...]

    @property
    def run_id(self) -> str:
        """Its name."""
        return self.manifest.run_id

    def counted(self, policy: RegressionPolicy) -> dict[str, PointSummary]:
        """The sweep points that the policy counts, by key."""
        return {
            s.point.key: s
            for s in self.summaries
            if any(fnmatchcase(s.point.key, pattern) for pattern in policy.points)
        }


def judge_scenario(
    baseline: Sequence[MeasuredRun], candidate: Sequence[MeasuredRun], policy: RegressionPolicy
) -> ScenarioRegression:
    """Judge a candidate's runs of one scenario against a baseline's; at least one run on each side.

    The figure of a run is the geometric mean over the sweep points that every run has, so that the test is one per
    metric and scenario and the run stays the unit.
    """
    runs = [*baseline, *candidate]
    head: dict[str, Any] = {
        "scenario": candidate[0].manifest.scenario,
        "simulated": any(s.origin is Origin.SIMULATED for run in runs for s in run.summaries),
        "baseline_runs": tuple(run.run_id for run in baseline),
        "candidate_runs": tuple(run.run_id for run in candidate),
    }
    if unlike := differing_keys(baseline, candidate, frozenset(policy.allow_different)):
        named = "; ".join(f"{d.key}: {d.baseline} against {d.candidate}" for d in unlike)
        return ScenarioRegression(
            **head, outcome=RegressionOutcome.INCOMPARABLE, reason=f"the runs differ in {named}", differing=unlike
        )
    keys = [key for key in runs[0].counted(policy) if all(key in run.counted(policy) for run in runs)]
    if not keys:
        return ScenarioRegression(
            **head, outcome=RegressionOutcome.INCOMPARABLE, reason="no sweep point is in every run"
        )
    if unfit := [why for run in runs for why in why_unfit(run, keys, policy)]:
        more = f" (and {len(unfit) - 3} more)" if len(unfit) > 3 else ""
        return ScenarioRegression(**head, outcome=RegressionOutcome.INVALID, reason="; ".join(unfit[:3]) + more)
    before, after = _figures(baseline, keys, policy), _figures(candidate, keys, policy)
    if lacking := sorted(before.keys() ^ after.keys()):
        reason = f"only one side has a figure of {', '.join(lacking)} at every sweep point"
        return ScenarioRegression(**head, outcome=RegressionOutcome.INVALID, reason=reason)
    metrics = judge_family(before, after, policy)
    outcome, reason = _combined(metrics)
    return ScenarioRegression(
        **head,
        outcome=outcome,
        reason=reason,
        metrics=metrics,
        points=tuple(_point_changes(baseline, candidate, keys, policy)),
        cost_change=_cost_change(metrics),
        further_repeats=max((m.further_repeats for m in metrics if m.further_repeats), default=None),
    )


def differing_keys(
    baseline: Sequence[MeasuredRun], candidate: Sequence[MeasuredRun], allowed: frozenset[str]
) -> tuple[DifferingKey, ...]:
    """The conditions in which runs differ, each once.

    Every run is set beside the first of the baseline; prompts, beside a run of the same seed. Seeds may differ where
    each side drew one per run, so that what a seed does is in the noise; else they must be the same on both sides.
    """
    found: dict[str, DifferingKey] = {}
    ignored = allowed | NEVER_COMPARED
    for run in [*baseline[1:], *candidate]:
        twin = next((b for b in baseline if b.manifest.seed == run.manifest.seed), None)
        for other, keys_out in ((baseline[0], ignored | OF_THE_SEED), (twin, ignored)):
            for key, (left, right) in _unlike(other, run).items() if other else ():
                if key not in keys_out:
                    found.setdefault(key, DifferingKey(key=key, baseline=left, candidate=right))
    sides = [sorted(run.manifest.seed for run in side) for side in (baseline, candidate)]
    drawn = all(len(set(seeds)) == len(seeds) for seeds in sides)
    if set(sides[0]) != set(sides[1]) and not drawn and "seed" not in ignored:
        found["seed"] = DifferingKey(key="seed", baseline=_listed(sides[0]), candidate=_listed(sides[1]))
    return tuple(found.values())


def _unlike(a: MeasuredRun, b: MeasuredRun) -> dict[str, tuple[str, str]]:
    """Keys of the manifests, the number of requests, and the lengths that came out where no manifest states them."""
    found = differing(a.manifest, b.manifest)
    counts = {s.point.key: s.counts.planned for s in b.summaries}
    for s in a.summaries:
        if (other := counts.get(s.point.key, s.counts.planned)) != s.counts.planned:
            found.setdefault("requests", (f"{s.counts.planned} in {s.point.key}", f"{other} in {s.point.key}"))
    stated = a.manifest.scenario_sha256 is not None or any(p.isl is not None for p in a.manifest.points)
    return found if stated else lengths_differing(a.summaries, b.summaries) | found


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))


def why_unfit(run: MeasuredRun, keys: Sequence[str], policy: RegressionPolicy) -> Iterator[str]:
    """Why a run's figures must not be judged: the client, the engine, or a run that did not end."""
    if run.manifest.state is not RunState.COMPLETE:
        yield f"{run.run_id}: {run.manifest.state.value}{f': {run.manifest.reason}' if run.manifest.reason else ''}"
    points = run.counted(policy)
    for key in keys:
        if why := why_unusable(points[key], policy.basis):
            yield f"{run.run_id}, {key}: {why}"
        counts = points[key].counts
        failed = counts.failed / max(counts.planned, 1)
        if failed > policy.max_error_share:
            how = listing(points[key].failures)
            yield f"{run.run_id}, {key}: engine unfit: {failed:.1%} of its requests failed{f' ({how})' if how else ''}"


def _figures(
    runs: Sequence[MeasuredRun], keys: Sequence[str], policy: RegressionPolicy
) -> dict[RegressionMetric, list[float]]:
    """Geometric mean over the points, per metric and run; metrics that a point has no figure of are left out."""
    figures = {metric: [[_read(metric, run.counted(policy)[key], policy) for key in keys] for run in runs]
               for metric in FAMILY}  # fmt: skip
    return {
        metric: [geometric_mean(row) for row in rows]
        for metric, rows in figures.items()
        if all(value for row in rows for value in row)
    }


def _read(metric: RegressionMetric, summary: PointSummary, policy: RegressionPolicy) -> float:
    """A figure above 0; 0 where there is none."""
    return FAMILY[metric].metric.read(summary, policy.basis) or 0.0


def _point_changes(
    baseline: Sequence[MeasuredRun], candidate: Sequence[MeasuredRun], keys: Sequence[str], policy: RegressionPolicy
) -> Iterator[PointChange]:
    for key in keys:
        before, after = _figures(baseline, [key], policy), _figures(candidate, [key], policy)
        for metric in (m for m in FAMILY if m in before and m in after):
            change = geometric_mean(after[metric]) / geometric_mean(before[metric]) - 1
            yield PointChange(point=key, metric=metric, change=change)


ORDER = (RegressionOutcome.REGRESSED, RegressionOutcome.UNDECIDED, RegressionOutcome.IMPROVED, RegressionOutcome.PASS)


def _combined(metrics: Sequence[MetricRegression]) -> tuple[RegressionOutcome, str]:
    """The gravest outcome of a family, and the metrics that it rests on."""
    if not metrics:
        return RegressionOutcome.UNDECIDED, "no metric has a figure at every sweep point of every run"
    outcome = next(o for o in ORDER if any(m.outcome is o for m in metrics))
    named = [f"{m.metric.value}: {m.reason}" for m in metrics if m.outcome is outcome]
    return outcome, "; ".join(named)


def _cost_change(metrics: Sequence[MetricRegression]) -> ChangeInterval | None:
    """Cost of generated tokens at a fixed price: one over throughput, so its interval is the other way round."""
    change = next((m.change for m in metrics if m.metric is RegressionMetric.OUTPUT_TPUT_PER_GPU), None)
    if change is None:
        return None
    low, estimate, high = (1 / (1 + c) - 1 for c in (change.high, change.estimate, change.low))
    return ChangeInterval(estimate=estimate, low=low, high=high)
