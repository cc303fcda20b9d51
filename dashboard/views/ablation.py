"""The parts of a stack, turned on one by one on the twin, beside what was published of them."""

from __future__ import annotations

import streamlit as st

from dashboard import chosen, data
from dashboard.page import Page
from inferbench.simulator.ablation.figures import ablation_charts
from inferbench.simulator.ablation.tables import ablation_tables, sentences


def show() -> None:
    """Show the ablation that came with inferbench."""
    with st.spinner("The twin turns the parts on and off"):
        result = data.ablation()
    page = Page("ablation", result.title)
    page.say(f"As of {result.as_of}. Modelled by the twin, beside what was published.", small=True)
    for chart in ablation_charts(result):
        page.chart(chart)
    for table in ablation_tables(result):
        page.table(table)
    with st.expander("What each published figure stands on, and what was assumed"):
        for sentence in sentences(result):
            page.say(sentence)
    page.exports()


chosen.readable(show)
