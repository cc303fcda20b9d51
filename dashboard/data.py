"""Cached reads of the store."""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st

from inferbench.api.runs import open_run
from inferbench.report.view import RunView
from inferbench.store.layout import MANIFEST
from inferbench.store.rundir import DEFAULT_STORE


def store() -> Path:
    """The store that the dashboard was started on: the argument after `--`, or ./reports."""
    return Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_STORE


def runs() -> dict[str, Path]:
    """All runs of the store by `<scenario>/<run_id>`, the latest first."""
    found = [path.parent for path in store().glob(f"*/*/{MANIFEST}")]
    return {f"{p.parent.name}/{p.name}": p for p in sorted(found, key=lambda p: p.name, reverse=True)}


def view_of(run: Path) -> RunView:
    """A run as its reports need it, read again when its manifest has changed."""
    return _view(run, (run / MANIFEST).stat().st_mtime_ns)


@st.cache_resource(max_entries=16)
def _view(run: Path, changed_ns: int) -> RunView:  # noqa: ARG001  (part of the cache's key)
    return open_run(run).view()
