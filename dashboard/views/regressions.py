"""How a metric went over the runs of a scenario, and a verdict between two sets of them."""

from __future__ import annotations

import streamlit as st

from dashboard import chosen, controls, data
from dashboard.page import Page
from inferbench.records.layout import REPORT
from inferbench.regression.check import regress
from inferbench.regression.history import history
from inferbench.regression.policy import RegressionMetric
from inferbench.regression.report.figures import change_chart, distribution_chart
from inferbench.regression.report.history_figure import history_chart
from inferbench.regression.report.history_table import history_table
from inferbench.regression.report.tables import headline, runs_line, verdict_table


def show(scenario: str) -> None:
    """Show the history of a metric, and below it a verdict."""
    page = Page("regressions", "Did it get slower?")
    metric = controls.select("Metric", [m.value for m in RegressionMetric], "metric")
    found = history(metric, scenario, store=data.store())
    if found.runs:
        page.chart(history_chart(found))
    page.table(history_table(found))
    for run_id in dict.fromkeys([*(change.run_id for change in found.changes), *(r.run_id for r in found.runs[-1:])]):
        page.link(f"The pull request of {run_id}", data.run_of(f"{scenario}/{run_id}").manifest.pull_request)
    _verdict(page, [run.run_id for run in found.runs], scenario)
    page.exports()


def _verdict(page: Page, runs: list[str], scenario: str) -> None:
    """The last runs against those before them: the reader says how many are new."""
    if len(runs) < 2:
        page.say("A verdict needs at least two runs of the scenario.")
        return
    new = (
        int(
            controls.slider(
                "Newest runs that are judged", 1, len(runs) - 1, max(len(runs) // 2, 1), "new", step=1, form="%d"
            )
        )
        if len(runs) > 2
        else 1
    )
    place = data.store() / scenario
    report = regress([place / run for run in runs[:-new]], [place / run for run in runs[-new:]], store=data.store())
    for number, verdict in enumerate(report.scenarios):
        page.lead(headline(verdict))
        page.say(runs_line(verdict), small=True)
        if verdict.metrics:
            page.chart(change_chart(verdict, number))
            page.chart(distribution_chart(verdict, number))
        page.table(verdict_table(report, verdict))
    if (place / runs[-1] / REPORT).is_file():
        page.say(f"The newest run's own page: {place / runs[-1] / REPORT}", small=True)


scenarios = list(
    dict.fromkeys(row["scenario"] for row in data.listing().rows if row["kind"] != "import" and row["scenario"])
)
if not scenarios:
    st.info("No run of this store has a scenario.")
else:
    with st.sidebar:
        asked = controls.select("Scenario", scenarios, "scenario")
    chosen.readable(lambda: show(asked))
