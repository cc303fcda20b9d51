"""An ablation as one self-contained page."""

from __future__ import annotations

from inferbench.render import page
from inferbench.simulator.ablation.figures import ablation_charts
from inferbench.simulator.ablation.result import AblationResult
from inferbench.simulator.ablation.tables import ablation_tables, sentences


def render_ablation(result: AblationResult) -> str:
    """Render the page. It opens from a file and loads nothing from anywhere."""
    charts, tables, scripts = ablation_charts(result), ablation_tables(result), page.scripts()
    return (
        page.environment()
        .get_template("ablation.html.j2")
        .render(
            result=result,
            figures=tables[0],
            tables=tables[1:],
            sentences=sentences(result),
            charts=charts,
            scripts=scripts,
            hashes=[page.policy_hash(script) for script in scripts],
            figure_json=page.figure_json,
        )
    )
