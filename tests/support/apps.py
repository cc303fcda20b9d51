"""A view of the dashboard in Streamlit's own test harness, without a browser."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

DASHBOARD = Path(__file__).parents[2] / "dashboard"
HOSTILE = "MI355X <script>alert(1)</script> *against* B200 for $1"
"""The title of the run in the store of these tests."""


def open_view(store: Path, monkeypatch: pytest.MonkeyPatch, view: str = "overview", **link: str) -> AppTest:
    """Open a view on a store, as a link with these parameters does."""
    monkeypatch.setattr(sys, "argv", ["app.py", str(store)])
    # Streamlit leaves the application behind as the main module, which process pools of later tests would run.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    st.cache_resource.clear()
    app = AppTest.from_file(str(DASHBOARD / "app.py"), default_timeout=180)
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


def charts(app: AppTest) -> list[Any]:
    """The charts of a view."""
    return [shown for shown in app.get("bidi_component") if shown.proto.component_name == "inferbench.plot"]


def traces(app: AppTest, chart: int = 0) -> list[dict[str, Any]]:
    """The traces of a chart, as the browser gets them."""
    data = json.loads(charts(app)[chart].proto.bytes)["data"]
    return [{name: _numbers(value) for name, value in trace.items()} for trace in data]


def _numbers(value: Any) -> Any:
    """Plotly sends arrays of numbers as base64."""
    if isinstance(value, dict) and "bdata" in value:
        return np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"]).tolist()
    return {k: _numbers(v) for k, v in value.items()} if isinstance(value, dict) else value
