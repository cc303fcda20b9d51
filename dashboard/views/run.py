"""One run: whether it can be trusted, what was measured, request by request, and under which conditions."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st

from dashboard import chosen, controls, data
from dashboard.page import Page
from inferbench.errors import InferbenchError
from inferbench.render.format import utc
from inferbench.render.table import Column, Table
from inferbench.runs.figures.charts import live_charts
from inferbench.runs.figures.latency import ttft_chart
from inferbench.runs.figures.requests import distributions_chart, failures_table, requests_chart, slowest_table
from inferbench.runs.point_requests import point_requests
from inferbench.runs.report.conditions import conditions, points_table
from inferbench.runs.report.notices import live_notice, notices
from inferbench.runs.report.sweep_tables import bench_table, live_table, sweep_table
from inferbench.runs.report.view import RunView
from inferbench.telemetry.timeline_figure import timeline_chart


def show(name: str) -> None:
    """Show a run."""
    view = data.view_of(name)
    page = Page("run", view.title)
    page.say(f"Run {name}, {view.manifest.state.value}, {utc(view.manifest.benchmark_start_time_unix)}", small=True)
    for notice in notices(view):
        page.notice(notice)
    looks = {"One point": _point, "All points": _points, "Client": _client, "Manifest": _manifest}
    looks[controls.choice("Look at", list(looks), "look")](page, name, view)
    page.exports()


def _point(page: Page, name: str, view: RunView) -> None:
    summaries = {summary.point.key: summary for summary in view.summaries}
    key = controls.select("Sweep point", list(summaries), "point")
    page.table(bench_table(summaries[key]))
    for watched in view.watched:
        if watched.point.key == key:
            page.chart(timeline_chart(watched))
    if view.manifest.kind == "import":
        st.info("An imported point has no records: only what was published is known.")
        return
    try:
        found = point_requests(data.run_of(name), key)
    except InferbenchError as error:
        page.say(f"Its requests cannot be shown: {error}")
        return
    page.chart(requests_chart(found))
    page.chart(distributions_chart(found))
    page.table(failures_table(found))
    page.table(slowest_table(found))


def _points(page: Page, name: str, view: RunView) -> None:
    page.say(f"{len(view.summaries):,} sweep points of {name}.", small=True)
    page.chart(ttft_chart(view))
    page.table(sweep_table(view))


def _client(page: Page, name: str, view: RunView) -> None:
    if view.live is None or not view.live.steps:
        page.say(f"{name} has no live leg: nothing checked the client against a server of known pace.")
        return
    if notice := live_notice(view):
        page.notice(notice)
    for chart in live_charts(view):
        page.chart(chart)
    page.table(live_table(view))


def _manifest(page: Page, name: str, view: RunView) -> None:
    facts = Table(
        title="Conditions",
        columns=(Column("what", align="left"), Column("value", align="left")),
        rows=conditions(view),
        note=f"In {Path(name) / 'manifest.json'} of the store.",
    )
    page.table(facts)
    page.table(points_table(view))


chosen_run = chosen.run_name(lambda row: bool(row["n_points"]) or row["state"] == "broken")
if chosen_run is None:
    st.info("No run of this store has a sweep point yet.")
else:
    chosen.readable(partial(show, chosen_run))
