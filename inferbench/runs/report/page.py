"""A run as one self-contained page: no network, no other file, nothing from a file or a server read as markup."""

from __future__ import annotations

import base64
import hashlib
from functools import cache

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from inferbench.audits.tables import audit_table, flag_table
from inferbench.comparison import explain
from inferbench.render.chart import CONFIG, Chart, document
from inferbench.render.format import utc
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


def figure_json(chart: Chart) -> Markup:
    """A figure as JSON that may stand inside a script element: `<` is written as an escape, so it cannot close it."""
    shown = {**document(chart), "config": CONFIG}
    text = orjson.dumps(shown, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_SORT_KEYS).decode()
    return Markup(text.replace("<", "\\u003c"))


def _tables(view: RunView) -> tuple[Table, ...]:
    if view.audit is not None:
        return sweep_table(view), audit_table(view.audit), flag_table(view.audit)
    if view.scenario is None:
        return tuple(bench_table(summary) for summary in view.summaries)
    verdicts = (conclusions_table(view), verdict_matrix(view)) if view.conclusions else ()
    return (*verdicts, sweep_table(view))


@cache
def environment() -> Environment:
    """The templates of this room, with escaping on."""
    return Environment(
        loader=PackageLoader("inferbench.render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def scripts() -> tuple[Markup, ...]:
    """The page's only scripts: Plotly, and what draws the figures. Both are ours, so neither is escaped."""
    return Markup(get_plotlyjs()), Markup(environment().get_template("report.js").render())


def policy_hash(script: str) -> str:
    """The source expression that lets exactly this inline script run (W3C Content Security Policy Level 3)."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
