"""Is a candidate worse than its baseline? A verdict per metric of a small family, with the error rates kept.

Each metric is turned so that a rise is a loss. REGRESSED needs two things: the one-sided bound, corrected by Holm over
the family, excludes no change; and the estimate exceeds the effect that matters. PASS needs the whole two-sided
interval inside that effect, which takes no correction: a scenario passes only where every metric does
(Berger, Technometrics 24, 1982). What is neither is UNDECIDED.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inferbench.metrics.families import REGRESSION
from inferbench.metrics.metric import ScalarMetric
from inferbench.regression.intervals import BOOTSTRAP_FROM, RESAMPLES, Floats, difference, holm_levels
from inferbench.regression.policy import RegressionMetric, RegressionPolicy
from inferbench.regression.verdicts import ChangeInterval, MetricRegression, RegressionOutcome

MOST_REPEATS = 1_000
"""A number of repeats beyond this is not worth naming."""


@dataclass(frozen=True)
class Direction:
    """A metric of the family, turned so that a rise is a loss."""

    metric: ScalarMetric

    @property
    def unit(self) -> str:
        """Its unit."""
        return self.metric.unit

    @property
    def higher_is_better(self) -> bool:
        """Whether a rise is a gain."""
        return self.metric.sign > 0

    @property
    def sign(self) -> int:
        """What turns its logarithm so that a rise is a loss."""
        return -1 if self.higher_is_better else 1

    def limit(self, effect: float) -> float:
        """The loss, on the log scale, that an effect is: -2.5 % throughput, or +2.5 % latency; a gain is its mirror."""
        return float(-np.log1p(-effect) if self.higher_is_better else np.log1p(effect))


FAMILY = {RegressionMetric(metric.name): Direction(metric) for metric in REGRESSION}


@dataclass(frozen=True, eq=False)
class Assessment:
    """The decisions on families, with what they rest on; arrays have the family along their last axis."""

    outcomes: NDArray[np.str_]
    loss: Floats
    """Estimated loss, log scale."""
    low: Floats
    high: Floats
    """Two-sided interval of the loss at 1 - 2 alpha."""
    corrected: Floats
    """One-sided lower bound of the loss, corrected for the family."""
    p_worse: Floats


def assess(baseline: Floats, candidate: Floats, limits: Floats, alpha: float, resamples: int = RESAMPLES) -> Assessment:
    """Decide on many families at once: losses on the log scale, shape (..., metrics, runs); limits (metrics,).

    At least two runs a side, and no side constant.
    """
    found = difference(baseline, candidate, resamples)
    tail = np.full(found.estimate.shape, alpha)
    low, high = found.lower(tail), found.upper(tail)
    p_worse, p_better = found.p_above(), found.p_below()
    corrected = found.lower(holm_levels(p_worse, alpha))
    best_case = found.upper(holm_levels(p_better, alpha))
    outcomes = np.select(
        [
            (corrected > 0) & (found.estimate > limits),
            (best_case < 0) & (found.estimate < -limits),
            (low > -limits) & (high < limits),
        ],
        [RegressionOutcome.REGRESSED.value, RegressionOutcome.IMPROVED.value, RegressionOutcome.PASS.value],
        RegressionOutcome.UNDECIDED.value,
    )
    return Assessment(outcomes, found.estimate, low, high, corrected, p_worse)


def judge_family(
    baseline: Mapping[RegressionMetric, Sequence[float]],
    candidate: Mapping[RegressionMetric, Sequence[float]],
    policy: RegressionPolicy,
) -> tuple[MetricRegression, ...]:
    """Judge one scenario: the metrics that both sides have, one value above 0 per run.

    Fewer than two runs a side, or runs that are all the same, say nothing about noise: UNDECIDED.
    """
    metrics = [m for m in FAMILY if m in baseline and m in candidate]
    if not metrics:
        return ()
    values = [(np.array([baseline[m]]), np.array([candidate[m]])) for m in metrics]
    if missing := _without_noise(values):
        more, reason = missing
        return tuple(
            _undecided(m, baseline[m], candidate[m], getattr(policy.effects, m), more, reason) for m in metrics
        )
    signs = np.array([[FAMILY[m].sign] for m in metrics])
    effects = [getattr(policy.effects, m) for m in metrics]
    limits = np.array([FAMILY[m].limit(e) for m, e in zip(metrics, effects, strict=True)])
    a, b = (signs * np.log(np.concatenate(side)) for side in zip(*values, strict=True))
    found = assess(a, b, limits, policy.alpha)
    further = [
        further_repeats(found.loss[i], a[i], b[i], limits[i], policy.alpha, len(metrics)) for i in range(len(metrics))
    ]
    return tuple(_judged(m, baseline[m], candidate[m], effects[i], found, i, further[i]) for i, m in enumerate(metrics))


def _without_noise(values: Sequence[tuple[Floats, Floats]]) -> tuple[int | None, str] | None:
    """Why no noise can be estimated, and the further repeats that would let it; None where it can be."""
    sizes = [side.shape[-1] for side in values[0]]
    if min(sizes) < 2:
        return 2 - min(sizes), f"{sizes[0]} against {sizes[1]} runs: at least 2 on each side show how much runs differ"
    if any(np.ptp(side) == 0 for pair in values for side in pair):
        return None, "all runs of one side are the same to the last digit: repeats of a simulation need their own seeds"
    return None


def further_repeats(
    loss: float, baseline: Floats, candidate: Floats, limit: float, alpha: float, family: int
) -> int | None:
    """Further runs on each side until the interval would decide, if estimate and noise stay as they are.

    The least n at which t(1 - level, 2n - 2) * sqrt((s_a^2 + s_b^2) / n) is below the room that there is: up to the
    effect for an estimate inside it, at alpha; down to no change for one beyond, at alpha over the family's size,
    the worst that Holm can ask. None where more than MOST_REPEATS.
    """
    from scipy.special import stdtrit  # where it is used: it takes longer to import than all else here

    inside = abs(loss) <= limit
    room, level = (limit - abs(loss), alpha) if inside else (abs(loss), alpha / family)
    have = min(baseline.shape[-1], candidate.shape[-1])
    n = np.arange(have + 1, have + MOST_REPEATS + 1)
    spread = np.sqrt((baseline.var(ddof=1) + candidate.var(ddof=1)) / n)
    enough = -stdtrit(2 * n - 2, level) * spread < room
    return int(n[enough.argmax()]) - have if enough.any() else None


def _undecided(
    metric: RegressionMetric,
    baseline: Sequence[float],
    candidate: Sequence[float],
    effect: float,
    further: int | None,
    reason: str,
) -> MetricRegression:
    return MetricRegression(
        metric=metric,
        unit=FAMILY[metric].unit,
        higher_is_better=FAMILY[metric].higher_is_better,
        baseline=tuple(baseline),
        candidate=tuple(candidate),
        effect=effect,
        outcome=RegressionOutcome.UNDECIDED,
        further_repeats=further,
        reason=reason,
    )


def _judged(
    metric: RegressionMetric,
    baseline: Sequence[float],
    candidate: Sequence[float],
    effect: float,
    found: Assessment,
    at: int,
    further: int | None,
) -> MetricRegression:
    direction, outcome = FAMILY[metric], RegressionOutcome(str(found.outcomes[at]))
    limit = direction.limit(effect)
    ends = sorted(float(np.expm1(direction.sign * x[at])) for x in (found.low, found.high))
    change = ChangeInterval(estimate=float(np.expm1(direction.sign * found.loss[at])), low=ends[0], high=ends[1])
    at_least = float(found.corrected[at])
    undecided = outcome is RegressionOutcome.UNDECIDED
    return MetricRegression(
        metric=metric,
        unit=direction.unit,
        higher_is_better=direction.higher_is_better,
        baseline=tuple(baseline),
        candidate=tuple(candidate),
        effect=effect,
        outcome=outcome,
        method="bootstrap" if min(len(baseline), len(candidate)) >= BOOTSTRAP_FROM else "welch",
        change=change,
        worse_by_at_least=float(-np.expm1(-at_least) if direction.higher_is_better else np.expm1(at_least)),
        p_worse=float(found.p_worse[at]),
        loss_ruled_out=bool(found.high[at] < limit),
        further_repeats=further if undecided else None,
        reason=_reason(outcome, change, effect, float(found.loss[at]), limit, further),
    )


def _reason(
    outcome: RegressionOutcome, change: ChangeInterval, effect: float, loss: float, limit: float, further: int | None
) -> str:
    span = f"{change.low:+.1%} to {change.high:+.1%}"
    if outcome is RegressionOutcome.PASS:
        return f"{span} lies inside the effect that matters, {effect:.1%}"
    if outcome is RegressionOutcome.REGRESSED:
        return f"{change.estimate:+.1%} ({span}): a loss beyond noise, and beyond {effect:.1%}"
    if outcome is RegressionOutcome.IMPROVED:
        return f"{change.estimate:+.1%} ({span}): a gain beyond noise, and beyond {effect:.1%}"
    many = f"about {further} further repeats on each side" if further else f"more than {MOST_REPEATS:,} further repeats"
    what = f"reaches beyond the effect that matters, {effect:.1%}" if abs(loss) <= limit else "is not beyond noise"
    return f"{span} {what}; {many} would decide"
