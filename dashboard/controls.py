"""Controls that live in the URL: a link opens the picture that it was copied from.

Streamlit binds a widget to a parameter of its key's name, leaves defaults out and drops what is not allowed; what it
drops is said here, so that a stale link does not quietly show something else.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import streamlit as st

from dashboard import data
from dashboard.text import plain
from inferbench.pricing.owned_book import Book

HEADLINE_BOOK = "inferencex-2026-09"
"""The book that is open where a link names none."""


def select(label: str, options: Sequence[str], key: str, default: str | None = None, help: str | None = None) -> str:
    """One of some names; the first where no default is given."""
    _say_dropped(key, options)
    first = options.index(default) if default in options else 0
    return str(st.selectbox(label, options, index=first, key=key, help=help, bind="query-params"))


def pinned(label: str, options: Sequence[str], key: str) -> str:
    """One of some names that the URL always holds, for a default that will be another one tomorrow.

    It is kept from view to view, and a link inside the dashboard may set it.
    """
    _say_dropped(key, options)
    box, kept, asked = f"{key}-box", f"{key}-kept", st.query_params.get(key)
    if asked in options and asked != st.session_state.get(kept):
        st.session_state[box] = asked
    elif st.session_state.get(box) not in options:
        before = st.session_state.get(kept)
        st.session_state[box] = before if before in options else options[0]
    chosen = str(st.selectbox(label, options, key=box))
    st.session_state[kept] = st.query_params[key] = chosen
    return chosen


def choice(label: str, options: Sequence[str], key: str, default: str | None = None, help: str | None = None) -> str:
    """One of a few names that fit beside each other. They are words of ours: Streamlit reads Markdown in them."""
    _say_dropped(key, options)
    chosen = st.segmented_control(
        label, options, default=default or options[0], key=key, help=help, required=True, bind="query-params"
    )
    return str(chosen or default or options[0])


def several(label: str, options: Sequence[str], key: str, default: Sequence[str] = ()) -> list[str]:
    """Any of some names; none chosen means that all count."""
    _say_dropped(key, options)
    return list(st.multiselect(label, options, default=list(default), key=key, placeholder="all", bind="query-params"))


def slider(
    label: str, low: float, high: float, value: float, key: str, *, step: float, form: str | None = None,
    help: str | None = None,
) -> float:  # fmt: skip
    """A number between two ends, in steps from the lower one."""
    value = min(max(low, value), high)
    return float(
        st.slider(
            label, float(low), float(high), float(value), step=float(step), format=form, key=key, help=help,
            bind="query-params",
        )
    )  # fmt: skip


def toggle(label: str, key: str, value: bool = False, help: str | None = None) -> bool:
    """Yes or no."""
    return bool(st.toggle(label, value, key=key, help=help, bind="query-params"))


def day(label: str, first: datetime.date, last: datetime.date, value: datetime.date, key: str) -> datetime.date:
    """A day between two."""
    chosen = st.date_input(label, value, first, last, key=key, bind="query-params")
    return chosen if isinstance(chosen, datetime.date) else value


def price_choice() -> tuple[Book, str]:
    """A price book and one of its tiers."""
    books = data.books()
    left, right = st.columns(2)
    with left:
        book = books[select("Price book", list(books), "book", HEADLINE_BOOK)]
    with right:
        tier = select("Tier", book.tiers, "tier")
    return book, tier


def headline() -> tuple[Book, str]:
    """The price book that is open where a link names none, and its first tier."""
    book = data.books()[HEADLINE_BOOK]
    return book, book.tiers[0]


def _say_dropped(key: str, options: Sequence[str]) -> None:
    """Say what a link asked for and this store does not have."""
    asked = [] if key in st.session_state else st.query_params.get_all(key)
    missing = [value for value in asked if value not in options]
    if missing:
        st.warning(plain(f"The link asks for {key} {', '.join(missing)}, which is not here."))
