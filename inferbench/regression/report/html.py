"""A regression verdict as one self-contained page, under the same content policy as the page of a run."""

from __future__ import annotations

from inferbench.regression.report.figures import change_chart, distribution_chart
from inferbench.regression.report.tables import SIMULATED, headline, points_table, verdict_table
from inferbench.regression.verdicts import RegressionReport
from inferbench.render.page import environment, figure_json, policy_hash, scripts


def regression_html(report: RegressionReport) -> str:
    """Render the page."""
    sections = []
    for number, scenario in enumerate(report.scenarios):
        charts = [distribution_chart(scenario, number)] if scenario.metrics else []
        if any(m.change for m in scenario.metrics):
            charts.insert(0, change_chart(scenario, number))
        tables = [verdict_table(report, scenario)] if scenario.metrics else []
        sections.append(
            (scenario, headline(scenario), charts, [*tables, *([points_table(scenario)] if tables else [])])
        )
    shown = scripts() if any(charts for _, _, charts, _ in sections) else ()
    return (
        environment()
        .get_template("regression.html.j2")
        .render(
            report=report,
            sections=sections,
            simulated=SIMULATED,
            scripts=shown,
            hashes=[policy_hash(script) for script in shown],
            figure_json=figure_json,
        )
    )
