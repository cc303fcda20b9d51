"""The run that a view is about: chosen in the sidebar, held in the URL, whatever state it is in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard import controls, data
from dashboard.text import plain
from inferbench.errors import InferbenchError
from inferbench.runs.report.view import RunView
from inferbench.scenario.scenario import OperatingPoint


def run_name(fits: Callable[[dict[str, Any]], bool]) -> str | None:
    """The name of the chosen run among those that fit a view; None, with a word about it, where none does."""
    listing = data.listing()
    names = [row["name"] for row in listing.rows if fits(row)]
    with st.sidebar:
        for note in listing.notes:
            st.caption(plain(note))
        if not names:
            return None
        asked = st.query_params.get("run")
        if asked in listing.names and asked not in names:
            names.insert(0, asked)
        return controls.pinned("Run", names, "run")


def pace(view: RunView) -> OperatingPoint:
    """An operating point at a pace that the reader may move, at first the middle one of the scenario's own."""
    paces = sorted(p.interactivity for p in view.scenario.operating_points if p.interactivity) if view.scenario else []
    fastest = max((point.interactivity for front in view.fronts.values() for point in front), default=2.0)
    at = controls.slider(
        "Pace for each user, tok/s/user", 1, max(round(fastest), 2), paces[len(paces) // 2] if paces else fastest / 2,
        "pace", step=1, form="%d",
    )  # fmt: skip
    return OperatingPoint(name=f"{at:g} tok/s/user", interactivity=at)


def readable(show: Callable[[], None]) -> None:
    """Show something of a run; where the run cannot be read, show why instead."""
    try:
        show()
    except InferbenchError as error:
        st.error(plain(f"This run cannot be shown: {error}"), icon=":material/broken_image:")
        st.caption("The other runs of this store are not touched by it.")
