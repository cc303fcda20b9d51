"""All points of the store: what each deployment reaches, at what cost, by which trade."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import controls, data
from dashboard.page import Page
from dashboard.text import plain
from inferbench.comparison.axes import TOKENS, X_AXES, Y_AXES
from inferbench.pareto.plot import ShownPoints, store_frontier_chart
from inferbench.pareto.question import FrontierQuestion, choices, store_frontier
from inferbench.pareto.words import cloud_table, point_facts
from inferbench.pricing.owned_book import Book

DRAWN = 5_000
"""Points that are drawn unless all are asked for."""
DAY_S = 86_400
FILTERS = {
    "gpu": "Hardware",
    "framework": "Framework",
    "precision": "Precision",
    "speculation": "Speculation",
    "origin": "Measured or simulated",
}
DISAGGREGATED = {"any": None, "disaggregated": True, "aggregated": False}


@dataclass(frozen=True)
class Asked:
    """What the controls say."""

    question: FrontierQuestion
    book: Book
    tier: str
    logs: tuple[bool, bool]


def filters(frame: pd.DataFrame) -> Asked:
    """The axes above the chart, everything else in the sidebar."""
    left, middle, right = st.columns([2, 2, 1.4])
    with left:
        y = controls.select("Upwards", list(Y_AXES), "y")
    with middle:
        x = controls.select("Sideways", list(X_AXES), "x")
    with right:
        tokens = controls.select("Tokens", list(TOKENS), "tokens")
    with st.sidebar:
        model = controls.select("Model", choices(frame, "model") or ["unknown"], "model")
        lengths = controls.select("Lengths, in/out", _lengths(frame, model), "lengths")
        chosen: dict[str, Any] = {
            column: controls.several(label, choices(frame, column), column) for column, label in FILTERS.items()
        }
        every = controls.toggle("Every run, not only the latest of a point", "every")
        front = controls.toggle("Fronts only", "front")
        with st.popover("Dates and more", icon=":material/tune:", width="stretch"):
            split = controls.select("Prefill and decode", list(DISAGGREGATED), "split")
            since, until = _days(frame)
            whole = controls.toggle("Draw all points", "all", help=f"Without it at most {DRAWN:,} are drawn.")
            logs = (
                controls.toggle("Logarithmic sideways", "logx"),
                controls.toggle("Logarithmic upwards", "logy", value=True),
            )
        book, tier = controls.price_choice() if Y_AXES[y].priced else controls.headline()
    isl, _, osl = lengths.partition("/")
    shape = {"isl": [int(isl)], "osl": [int(osl)]} if isl.isdecimal() else {}
    question = FrontierQuestion(
        x=x, y=y, tokens=tokens, filters={**chosen, "model": [model], **shape}, disaggregated=DISAGGREGATED[split],
        since_unix=since, until_unix=until, latest_only=not every, front_only=front, limit=None if whole else DRAWN,
    )  # fmt: skip
    return Asked(question, book, tier, logs)


def _lengths(frame: pd.DataFrame, model: str) -> list[str]:
    own = frame[frame["model"] == model]
    counts = own.groupby(["isl", "osl"], observed=True).size().sort_values(ascending=False)
    return [f"{isl:.0f}/{osl:.0f}" for isl, osl in counts.index] or ["any"]


def _days(frame: pd.DataFrame) -> tuple[float | None, float | None]:
    """The days that a point may be from, both ends included; None where the ends were not moved."""
    at = frame["at_unix"].dropna()
    if at.empty:
        return None, None
    first, last = (datetime.datetime.fromtimestamp(t, datetime.UTC).date() for t in (at.min(), at.max()))
    since = controls.day("From", first, last, first, "from")
    until = controls.day("To", first, last, last, "to")
    return (
        None if since <= first else _unix(since),
        None if until >= last else _unix(until) + DAY_S,
    )


def _unix(day: datetime.date) -> float:
    return datetime.datetime.combine(day, datetime.time(), datetime.UTC).timestamp()


def show(frame: pd.DataFrame) -> None:
    """Show the view."""
    page = Page("frontier", "What each deployment reaches")
    asked = filters(frame)
    question, book, tier = asked.question, asked.book, asked.tier
    words = f" under {book.name} {tier}" if Y_AXES[question.y].priced else ""
    shown = store_frontier(frame, question, book, tier)
    if not len(shown.x):
        st.info("No point of this store passes these filters and has these figures.")
        return
    chart = store_frontier_chart(shown, X_AXES[question.x], Y_AXES[question.y], asked.logs, words)
    _clicked(shown, page.chart(chart, select=True))
    if controls.toggle("The best points as a table", "table"):
        page.table(cloud_table(shown, X_AXES[question.x], Y_AXES[question.y]))
    page.exports()


def _clicked(shown: ShownPoints, row: int | None) -> None:
    """What is known of the point that was clicked, and the way to its run."""
    if row is None or row >= len(shown.x):
        st.caption("Click a point to see what is known of it.")
        return
    with st.container(border=True):
        for name, value in point_facts(shown, row):
            st.markdown(f"{plain(name)}: **{plain(value)}**")
        run = str(shown.facts["name"][row])
        st.page_link("views/run.py", label="Open its run", icon=":material/open_in_new:", query_params={"run": run})


points = data.points()
if points.empty:
    st.info("No run of this store has a sweep point yet.")
else:
    show(points)
