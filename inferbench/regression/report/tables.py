"""The tables of a regression verdict."""

from __future__ import annotations

from inferbench.numerals import MISSING, significant
from inferbench.regression.intervals import geometric_mean
from inferbench.regression.verdicts import (
    MetricRegression,
    RegressionOutcome,
    RegressionReport,
    ScenarioRegression,
)
from inferbench.render.format import percent
from inferbench.render.table import Column, Table

SIMULATED = "Simulated: figures come from the twin, so this tests the plumbing or the twin and not a deployment."


def verdict_table(report: RegressionReport, scenario: ScenarioRegression) -> Table:
    """A row per metric of the family: means, change with its interval, effect, outcome."""
    note = (
        f"Basis {report.policy.basis.value}. {runs_line(scenario)} Means are geometric, over sweep points and runs. "
        f"The interval is two-sided at {1 - 2 * report.policy.alpha:.0%}. Cost is derived from throughput, not tested."
    )
    return Table(
        title=f"{scenario.scenario}: {scenario.outcome.value}",
        columns=(
            Column("metric", align="left"),
            Column("unit", align="left", priority=2),
            Column("baseline", priority=1),
            Column("candidate", priority=1),
            Column("change"),
            Column("interval"),
            Column("effect"),
            Column("outcome", align="left"),
        ),
        rows=(*(_row(metric) for metric in scenario.metrics), *_cost_row(scenario)),
        note=f"{note} {SIMULATED}" if scenario.simulated else note,
    )


def _row(metric: MetricRegression) -> tuple[str, ...]:
    change = metric.change
    return (
        metric.metric.value,
        metric.unit,
        significant(geometric_mean(metric.baseline)),
        significant(geometric_mean(metric.candidate)),
        percent(change.estimate if change else None),
        f"{change.low:+.1%} to {change.high:+.1%}" if change else MISSING,
        f"{metric.effect:.1%}",
        metric.outcome.value,
    )


def _cost_row(scenario: ScenarioRegression) -> tuple[tuple[str, ...], ...]:
    cost = scenario.cost_change
    if cost is None:
        return ()
    span = f"{cost.low:+.1%} to {cost.high:+.1%}"
    return (("cost of output", "$/Mtok", MISSING, MISSING, percent(cost.estimate), span, MISSING, "derived"),)


def points_table(scenario: ScenarioRegression) -> Table:
    """Where it moved: a row per sweep point and metric."""
    return Table(
        title="Where it moved",
        columns=(Column("sweep point", align="left"), Column("metric", align="left"), Column("change")),
        rows=tuple((p.point, p.metric.value, percent(p.change)) for p in scenario.points),
        note="Changes of single sweep points are not tested: with many of them some move by chance.",
    )


def runs_line(scenario: ScenarioRegression) -> str:
    """How many runs the verdict rests on."""
    return f"{len(scenario.baseline_runs)} baseline and {len(scenario.candidate_runs)} candidate runs."


def headline(scenario: ScenarioRegression) -> str:
    """The verdict in one sentence."""
    known = scenario.outcome is RegressionOutcome.UNDECIDED and scenario.loss_ruled_out
    return f"{scenario.scenario}: {scenario.outcome.value}: {scenario.reason}." + (
        " A loss that matters is ruled out." if known else ""
    )
