"""Cached reads of the store. What is kept is known by what the files said when they were read."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from inferbench.catalog.bundled import bundled
from inferbench.claim.answer import ClaimReport
from inferbench.claim.answer_file import claims
from inferbench.pareto.store_points import store_points
from inferbench.pricing.bundled_books import open_book
from inferbench.pricing.owned_book import Book
from inferbench.records.layout import MANIFEST
from inferbench.runs.opened_run import Run, open_run
from inferbench.runs.report.view import RunView
from inferbench.simulator.ablation.ablate_scenario import ablate
from inferbench.simulator.ablation.result import AblationResult
from inferbench.store.index import BROKEN
from inferbench.store.liveness import is_held
from inferbench.store.operations import list_runs
from inferbench.store.run_directory import DEFAULT_STORE

FRESH_S = 2
"""The store is listed again after this long."""


@dataclass(frozen=True)
class Listing:
    """The runs of the store, the latest first, and a digest that changes when one of them does."""

    rows: tuple[dict[str, Any], ...]
    stamp: str
    notes: tuple[str, ...]
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(row["name"] for row in self.rows))

    def __bool__(self) -> bool:
        return bool(self.rows)

    def row(self, name: str) -> dict[str, Any]:
        """What the index knows of a run."""
        return self.rows[self.names.index(name)]

    def broken(self) -> list[dict[str, Any]]:
        """Runs that cannot be read."""
        return [row for row in self.rows if row["state"] == BROKEN]


def store() -> Path:
    """The store that the dashboard was started on: the argument after `--`, or ./reports."""
    return Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_STORE


def listing() -> Listing:
    """The runs of the store."""
    return _listing(store())


@st.cache_resource(ttl=FRESH_S, max_entries=4, show_spinner=False)
def _listing(place: Path) -> Listing:
    rows, index = list_runs(place)
    rows.sort(key=lambda row: (row["began_unix"] or 0.0, row["name"]), reverse=True)
    known = "\n".join(f"{row['name']} {row['state']} {_stamp(place / row['name'])}" for row in rows)
    return Listing(tuple(rows), hashlib.sha256(known.encode()).hexdigest(), index.notes)


def _stamp(run: Path) -> int:
    try:
        return (run / MANIFEST).stat().st_mtime_ns
    except OSError:
        return 0


def _seen(run: Path) -> tuple[int, bool]:
    """What a run was like when it was read: a killed one leaves its manifest as it was."""
    return _stamp(run), is_held(run)


def run_of(name: str) -> Run:
    """A run, opened; read again when its manifest has changed. Raises InferbenchError where it cannot be."""
    return _run(store() / name, _seen(store() / name))


@st.cache_resource(max_entries=16, show_spinner=False)
def _run(path: Path, seen: tuple[int, bool]) -> Run:  # noqa: ARG001  (part of the cache's key)
    return open_run(path)


def view_of(name: str) -> RunView:
    """A run as its reports need it."""
    return _view(store() / name, _seen(store() / name))


@st.cache_resource(max_entries=16, show_spinner=False)
def _view(path: Path, seen: tuple[int, bool]) -> RunView:
    return _run(path, seen).view()


def books() -> dict[str, Book]:
    """The price books that came with inferbench, the templates left out."""
    names = sorted(path.stem for path in bundled("pricing").glob("*.yaml") if not path.stem.startswith("template"))
    return {name: _book(name) for name in names}


@st.cache_resource(show_spinner=False)
def _book(name: str) -> Book:
    return open_book(name)


def points() -> pd.DataFrame:
    """All sweep points of the store that have figures."""
    return _points(store(), listing().stamp)


@st.cache_resource(max_entries=2, show_spinner=False)
def _points(place: Path, stamp: str) -> pd.DataFrame:  # noqa: ARG001  (part of the cache's key)
    return store_points(place)


def claim_names() -> list[str]:
    """The claims that came with inferbench, the templates left out."""
    return sorted(path.stem for path in bundled("scenarios/claims").glob("*.yaml") if path.stem != "template")


@st.cache_resource(show_spinner=False)
def claim(name: str) -> ClaimReport:
    """The answer to a claim."""
    return claims(name)


@st.cache_resource(show_spinner=False)
def ablation() -> AblationResult:
    """The ablation that came with inferbench, on the twin."""
    return ablate()
