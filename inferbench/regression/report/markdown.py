"""A regression verdict for a pull-request comment or a step summary, and as annotations of a GitHub job."""

from __future__ import annotations

from inferbench.regression.report.tables import headline, points_table, verdict_table
from inferbench.regression.verdicts import RegressionOutcome, RegressionReport, ScenarioRegression
from inferbench.render.markdown import plain, render

MARKER = "<!-- inferbench regression -->"
"""First line of the comment, by which the next run finds it to replace it."""
_LEVELS = {
    RegressionOutcome.PASS: "notice",
    RegressionOutcome.IMPROVED: "notice",
    RegressionOutcome.UNDECIDED: "warning",
}


def regression_markdown(report: RegressionReport) -> str:
    """The whole report; per sweep point folded away."""
    parts = [MARKER, f"## inferbench: {report.outcome.value}\n"]
    for scenario in report.scenarios:
        parts.append(f"{plain(headline(scenario))}\n")
        if scenario.metrics:
            parts.append(render(verdict_table(report, scenario)))
        if scenario.points:
            parts.append(
                f"<details><summary>Where it moved</summary>\n\n{render(points_table(scenario))}\n</details>\n"
            )
    return "\n".join(parts)


def workflow_commands(report: RegressionReport) -> list[str]:
    """One workflow command per scenario, which GitHub shows at the top of a job.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    return [
        f"::{_level(s, report)} title={_property(f'inferbench {s.scenario}')}::{_data(headline(s))}"
        for s in report.scenarios
    ]


def _level(scenario: ScenarioRegression, report: RegressionReport) -> str:
    undecided = scenario.outcome is RegressionOutcome.UNDECIDED
    if undecided and report.policy.undecided == "fail" and not scenario.loss_ruled_out:
        return "error"
    return _LEVELS.get(scenario.outcome, "error")


def _data(text: str) -> str:
    return " ".join(text.split()).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
