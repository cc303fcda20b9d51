"""The verdict in words, and the one chart that it can be seen in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from dashboard import chosen, data
from dashboard.page import Page
from dashboard.text import plain
from inferbench.comparison import explain
from inferbench.render.format import utc
from inferbench.render.table import Table
from inferbench.runs.answers.judge import conclusions
from inferbench.runs.figures.charts import comparison_charts
from inferbench.runs.report.answers import answers
from inferbench.runs.report.cards import Card, cards
from inferbench.runs.report.notices import Notice, notices
from inferbench.runs.report.sweep_tables import bench_table, sweep_table
from inferbench.runs.report.view import RunView
from inferbench.scenario.read_scenario import price_books
from inferbench.scenario.scenario import Scenario
from inferbench.store.index import BROKEN

GRAVE = ("invalid", "partial")
"""Banners that come before the answer; the others explain it."""


def show(name: str) -> None:
    """Show a run."""
    view = data.view_of(name)
    page = Page("overview", view.title)
    page.say(f"Run {name}, {utc(view.manifest.benchmark_start_time_unix)}", small=True)
    banners = notices(view)
    _banners(page, [notice for notice in banners if notice.kind in GRAVE])
    if view.scenario is not None and view.conclusions:
        _answer(page, view, view.scenario)
    for chart in comparison_charts(view)[:1]:
        page.chart(chart)
    _operating_points(page, view)
    _banners(page, [notice for notice in banners if notice.kind not in GRAVE])
    for table in _figures(view):
        page.table(table)
    page.exports()


def _banners(page: Page, found: Sequence[Notice]) -> None:
    for notice in found:
        page.notice(notice)


def _operating_points(page: Page, view: RunView) -> None:
    """Every operating point of the scenario in a sentence, with what it rests on."""
    if view.conclusions:
        page.lead(explain.tally(view.conclusions))
    for answer in answers(view):
        with st.expander(plain(answer.sentence)):
            for detail in answer.details:
                st.markdown(f"- {plain(detail)}")


def _figures(view: RunView) -> Sequence[Table]:
    """What there is to show of a run that compares nothing."""
    if view.scenario is not None:
        return ()
    return [sweep_table(view)] if view.audit is not None else [bench_table(s) for s in view.summaries[:4]]


def _answer(page: Page, view: RunView, scenario: Scenario) -> None:
    """Four cards about one pace, which the reader may move."""
    asked = chosen.pace(view)
    (conclusion,) = conclusions(
        view.summaries, scenario.model_copy(update={"operating_points": (asked,)}), price_books(scenario)
    )
    there = replace(view, conclusions=(conclusion,))
    mark = " (simulated)" if view.simulated else ""
    verdict = view.headline(conclusion)
    found = explain.finding(verdict, conclusion.outcome) if verdict else conclusion.outcome.value
    page.lead(f"At {asked.name}{mark}: {found}")
    page.said += [answers(there)[0].sentence, *answers(there)[0].details]
    shown = cards(there, conclusion)
    for place, card in zip(st.columns(len(shown)), shown, strict=True):
        with place.container(border=True, height="stretch"):
            _card(card)


def _card(card: Card) -> None:
    st.caption(plain(card.question))
    st.markdown(f"#### {plain(card.answer)}")
    st.caption(plain(card.detail))


def _has_points(row: dict[str, Any]) -> bool:
    return bool(row["n_points"]) or row["state"] == BROKEN


chosen_run = chosen.run_name(_has_points)
if chosen_run is None:
    st.info("No run of this store has a sweep point yet.")
else:
    chosen.readable(partial(show, chosen_run))
