"""A published claim, line by line: what reproduces, and what it hangs on."""

from __future__ import annotations

import streamlit as st

from dashboard import chosen, controls, data
from dashboard.page import Page
from dashboard.text import plain
from inferbench.audits.tables import observation
from inferbench.claim.answer import ClaimReport
from inferbench.claim.figures import claim_charts
from inferbench.claim.tables import INTERVALS, answer_table, tables, tally

MARKS = {"reproduced": "✓", "not reproduced": "✗", "undecidable": "?", "found": "•"}


def show(name: str) -> None:
    """Show a claim."""
    report = data.claim(name)
    page = Page("claims", report.title)
    page.say(f"Claimed: {report.statement}")
    page.say(f"{report.as_of}. Source: {report.source}. {report.attribution}.", small=True)
    page.lead(tally(report))
    for verdict in report.verdicts[:2]:
        page.say(f"Against {verdict.against}: {verdict.outcome.value}. {verdict.reason}.")
    _lines(report)
    for chart in claim_charts(report):
        page.chart(chart)
    if report.verdicts:
        page.say(INTERVALS, small=True)
    page.table(answer_table(report))
    for table in tables(report):
        page.table(table)
    for why in report.unanswered:
        page.say(f"Not judged: {why}.", small=True)
    if report.audit and report.audit.flags:
        with st.expander(plain(f"What stands out in the measured points ({len(report.audit.flags):,})")):
            for flag in report.audit.flags[:40]:
                st.markdown(f"- {plain(observation(flag))}")
    page.exports()


def _lines(report: ClaimReport) -> None:
    for line in report.lines:
        with st.expander(plain(f"{MARKS.get(line.answer.value, '')} {line.answer.value}: {line.text}")):
            st.markdown(plain(line.found))
            if line.claimed:
                st.caption(plain(f"Claimed: {line.claimed}"))
            if line.flips:
                st.caption(plain(f"Would flip with: {line.flips}"))


names = data.claim_names()
with st.sidebar:
    asked = controls.select("Claim", names, "claim")
chosen.readable(lambda: show(asked))
