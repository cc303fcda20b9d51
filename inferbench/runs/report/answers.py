"""The answer at each operating point, in sentences that need no other page."""

from __future__ import annotations

from dataclasses import dataclass

from inferbench.comparison import explain
from inferbench.comparison.verdict import Conclusion, Outcome
from inferbench.metrics.goodput import limits
from inferbench.runs.report.view import RunView
from inferbench.scenario.scenario import OperatingPoint


@dataclass(frozen=True)
class PointAnswer:
    """What is said about one operating point."""

    point: str
    outcome: Outcome
    sentence: str
    details: tuple[str, ...]
    """What the outcome rests on and what would change it."""


def answers(view: RunView) -> tuple[PointAnswer, ...]:
    """One answer per operating point, in the scenario's order."""
    return tuple(_answer(view, conclusion) for conclusion in view.conclusions)


def describe(point: OperatingPoint) -> str:
    """What it means to be at an operating point."""
    if point.slo is None:
        return f"median interactivity {point.interactivity:g} tok/s/user"
    kept = " and ".join(f"p99 {metric.label} within {limit:,g} ms" for metric, limit in limits(point.slo))
    return f"highest throughput per GPU with {kept}" if kept else "highest throughput per GPU"


def _answer(view: RunView, conclusion: Conclusion) -> PointAnswer:
    verdict = view.headline(conclusion)
    compared = verdict is not None and Outcome.UNREACHABLE not in (conclusion.outcome, verdict.outcome)
    return PointAnswer(
        conclusion.operating_point.name,
        conclusion.outcome,
        explain.answer(conclusion, verdict),
        explain.details(conclusion, verdict) if verdict and compared else (),
    )
