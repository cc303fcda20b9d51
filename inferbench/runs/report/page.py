"""A run as one self-contained page: no network, no other file, nothing from a file or a server read as markup."""

from __future__ import annotations

from inferbench.audits.tables import audit_table, flag_table
from inferbench.comparison import explain
from inferbench.render.format import utc
from inferbench.render.page import environment, figure_json, policy_hash, scripts
from inferbench.render.table import Table
from inferbench.runs.figures.charts import comparison_charts, live_charts, timeline_charts
from inferbench.runs.report.accuracy import accuracy_lines
from inferbench.runs.report.answers import answers, describe
from inferbench.runs.report.attachment import attachment_lines
from inferbench.runs.report.conditions import conditions, points_table
from inferbench.runs.report.glossary import TERMS
from inferbench.runs.report.notices import live_notice, notices
from inferbench.runs.report.sweep_tables import bench_table, live_table, sweep_table
from inferbench.runs.report.verdict_tables import conclusions_table, verdict_matrix
from inferbench.runs.report.view import RunView


def render_html(view: RunView) -> str:
    """Render the page. It opens from a file, and its content policy lets it load nothing from anywhere."""
    charts = comparison_charts(view)
    live = live_charts(view)
    timelines = timeline_charts(view)
    shown = scripts() if charts or live or timelines else ()
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            view=view,
            answers=answers(view),
            tally=explain.tally(view.conclusions) if view.conclusions else "",
            describe={point.name: describe(point) for point in view.operating_points},
            notices=notices(view),
            attachments=(*attachment_lines(view), *accuracy_lines(view, passed=True)),
            live_notice=live_notice(view),
            charts=charts,
            live_charts=live,
            watched=tuple(zip(view.watched, timelines, strict=True)),
            tables=_tables(view),
            live_tables=(live_table(view),) if live else (),
            conditions=conditions(view),
            points=points_table(view),
            glossary=TERMS,
            scripts=shown,
            hashes=[policy_hash(script) for script in shown],
            figure_json=figure_json,
            utc=utc,
        )
    )


def _tables(view: RunView) -> tuple[Table, ...]:
    if view.audit is not None:
        return sweep_table(view), audit_table(view.audit), flag_table(view.audit)
    if view.scenario is None:
        return tuple(bench_table(summary) for summary in view.summaries)
    verdicts = (conclusions_table(view), verdict_matrix(view)) if view.conclusions else ()
    return (*verdicts, sweep_table(view))
