"""What a candidate is against a baseline: worse, better, the same within what matters, or not yet known."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import NonNegativeInt

from inferbench.regression.policy import RegressionMetric, RegressionPolicy
from inferbench.values import DescribedValue


class RegressionOutcome(StrEnum):
    """What can be said of a candidate."""

    PASS = "PASS"
    """The whole interval of every metric lies inside the effect that matters."""
    IMPROVED = "IMPROVED"
    REGRESSED = "REGRESSED"
    UNDECIDED = "UNDECIDED"
    INCOMPARABLE = "INCOMPARABLE"
    """The runs were made under different conditions."""
    INVALID = "INVALID"
    """The client or the engine was unfit in at least one run."""


class ChangeInterval(DescribedValue):
    """A relative change, candidate over baseline - 1, with its two-sided interval."""

    estimate: float
    low: float
    high: float


class MetricRegression(DescribedValue):
    """One metric of the family, over all sweep points that count: geometric means, one per run."""

    metric: RegressionMetric
    unit: str
    higher_is_better: bool
    baseline: tuple[float, ...]
    candidate: tuple[float, ...]
    effect: float
    """The relative change that matters."""
    outcome: RegressionOutcome
    method: Literal["welch", "bootstrap"] | None = None
    """None where there are too few runs for an interval."""
    change: ChangeInterval | None = None
    worse_by_at_least: float | None = None
    """One-sided bound on the loss, corrected for the family, relative; below 0: it may be no loss at all."""
    p_worse: float | None = None
    """One-sided p-value of "no worse", before the correction."""
    loss_ruled_out: bool = False
    """Whether a loss as large as the effect lies outside the interval."""
    further_repeats: NonNegativeInt | None = None
    """Further runs on each side that would decide, if the estimate and the noise stay; None: decided, or no number
    of runs that anybody makes would."""
    reason: str


class PointChange(DescribedValue):
    """Where a metric moved: the change at one sweep point. Not tested, so not a verdict."""

    point: str
    metric: RegressionMetric
    change: float


class DifferingKey(DescribedValue):
    """A condition in which runs differ."""

    key: str
    baseline: str
    candidate: str


class ScenarioRegression(DescribedValue):
    """The verdict on one scenario."""

    scenario: str
    outcome: RegressionOutcome
    reason: str
    simulated: bool
    """Whether any figure comes from the twin: then this tests the plumbing or the twin, not a deployment."""
    baseline_runs: tuple[str, ...]
    candidate_runs: tuple[str, ...]
    metrics: tuple[MetricRegression, ...] = ()
    points: tuple[PointChange, ...] = ()
    cost_change: ChangeInterval | None = None
    """$ per million generated tokens at a fixed price per GPU-hour: derived from output tok/s/GPU, not tested again."""
    differing: tuple[DifferingKey, ...] = ()
    further_repeats: NonNegativeInt | None = None

    @property
    def loss_ruled_out(self) -> bool:
        """Whether a loss that matters is ruled out in every metric, decided or not."""
        return bool(self.metrics) and all(m.loss_ruled_out for m in self.metrics)


class RegressionReport(DescribedValue):
    """All scenarios of a comparison."""

    layout: Literal["inferbench.regression/1"] = "inferbench.regression/1"
    policy: RegressionPolicy
    outcome: RegressionOutcome
    """The gravest of the scenarios' outcomes."""
    failed: bool
    """Whether the policy fails the build."""
    scenarios: tuple[ScenarioRegression, ...]
