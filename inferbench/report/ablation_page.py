"""An ablation as one self-contained page."""

from __future__ import annotations

from ..domain.ablation_result import AblationResult
from . import html
from .figures_ablation import ablation_charts
from .tables_ablation import ablation_tables, sentences


def render_ablation(result: AblationResult) -> str:
    """Render the page. It opens from a file and loads nothing from anywhere."""
    charts, tables, scripts = ablation_charts(result), ablation_tables(result), html.scripts()
    return (
        html.environment()
        .get_template("ablation.html.j2")
        .render(
            result=result,
            figures=tables[0],
            tables=tables[1:],
            sentences=sentences(result),
            charts=charts,
            scripts=scripts,
            hashes=[html.policy_hash(script) for script in scripts],
            figure_json=html.figure_json,
        )
    )
