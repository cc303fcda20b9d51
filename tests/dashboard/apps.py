"""A view of the dashboard in Streamlit's own test harness, without a browser."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

DASHBOARD = Path(__file__).parents[2] / "dashboard"


def open_view(store: Path, monkeypatch: pytest.MonkeyPatch, view: str = "overview", **link: str) -> AppTest:
    """Open a view on a store, as a link with these parameters does."""
    monkeypatch.setattr(sys, "argv", ["app.py", str(store)])
    monkeypatch.syspath_prepend(str(DASHBOARD))
    # Streamlit leaves the application behind as the main module, which process pools of later tests would run.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    st.cache_resource.clear()
    app = AppTest.from_file(str(DASHBOARD / "app.py"), default_timeout=60)
    if view != "overview":
        app.run()
        app.switch_page(f"views/{view}.py")
    for name, value in link.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    """All that a view says, its escapes taken away."""
    kinds = ("header", "subheader", "markdown", "caption", "warning", "error", "info", "title")
    return "\n".join(element.value for kind in kinds for element in getattr(app, kind)).replace("\\", "")
