"""Runs that are going on, looked at again every two seconds."""

from __future__ import annotations

import data
import streamlit as st
from text import plain

from inferbench.domain.errors import InferbenchError
from inferbench.domain.manifest import RunState
from inferbench.report.format import utc
from inferbench.report.tables_points import sweep_table

EVERY_S = 2.0


@st.fragment(run_every=EVERY_S)
def watch() -> None:
    """Show every run that has not ended, with the points that it has so far."""
    going = [row for row in data.listing().rows if row["state"] == RunState.RUNNING.value]
    if not going:
        st.info("No run of this store is going on. This view looks again every two seconds.")
        st.code("inferbench run deepseek-r1-mi355x-vs-b200", language="shell")
        return
    for row in going[:4]:
        st.subheader(plain(row["name"]), anchor=False)
        try:
            view = data.view_of(row["name"])
        except InferbenchError as error:
            st.error(plain(str(error)))
            continue
        planned = (
            sum(len(t.concurrency) for d in view.scenario.deployments for t in d.topologies) if view.scenario else 0
        )
        if planned:
            done = min(len(view.summaries) / planned, 1.0)
            st.progress(done, text=plain(f"{len(view.summaries)} of {planned} sweep points"))
        st.caption(plain(f"Began {utc(view.manifest.benchmark_start_time_unix)}"))
        table = sweep_table(view)
        names = [f"{c.heading}" for c in table.columns]
        st.dataframe([dict(zip(names, r, strict=True)) for r in table.rows], hide_index=True, alt=table.title)


st.header("What is going on")
watch()
