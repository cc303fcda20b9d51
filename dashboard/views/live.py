"""Runs that are going on, looked at again every two seconds."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from dashboard import data
from dashboard.page import Page
from dashboard.text import plain
from inferbench.errors import InferbenchError
from inferbench.render.format import utc
from inferbench.runs.figures.frontier import throughput_chart
from inferbench.runs.figures.latency import ttft_chart
from inferbench.runs.report.sweep_tables import sweep_table
from inferbench.runs.report.view import RunView
from inferbench.store.manifest import RunState

EVERY_S = 2.0
SHOWN = 4
"""Runs that are shown at once."""


@st.fragment(run_every=EVERY_S)
def watch() -> None:
    """Show every run that has not ended, with the points that it has so far."""
    page = Page("live", "What is going on")
    going = [row["name"] for row in data.listing().rows if row["state"] == RunState.RUNNING.value]
    if not going:
        st.info("No run of this store is going on. This view looks again every two seconds.")
        st.code("inferbench run deepseek-r1-mi355x-vs-b200", language="shell")
        return
    for number, name in enumerate(going[:SHOWN]):
        page.lead(name)
        try:
            _run(page, data.view_of(name), number)
        except InferbenchError as error:
            st.error(plain(f"It cannot be shown: {error}"), icon=":material/broken_image:")
    if len(going) > SHOWN:
        page.say(f"{len(going) - SHOWN:,} more are going on.", small=True)
    page.exports()


def _run(page: Page, view: RunView, number: int) -> None:
    began, done = utc(view.manifest.benchmark_start_time_unix), len(view.summaries)
    planned = sum(len(t.concurrency) for d in view.scenario.deployments for t in d.topologies) if view.scenario else 0
    if planned:
        st.progress(min(done / planned, 1.0), text=plain(f"{done} of {planned} sweep points"))
    page.say(f"Began {began}. {'No sweep point' if not done else f'{done:,} sweep points'} so far.", small=True)
    if done:
        chart = throughput_chart(view) if view.scenario else ttft_chart(view)
        page.chart(replace(chart, key=f"{chart.key}-{number}"))
        page.table(sweep_table(view))


watch()
