"""Each view on a store with a run, on an empty one, and on a broken run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from scenarios_for_tests import small_scenario, write_scenario
from streamlit.testing.v1 import AppTest

import inferbench
from inferbench.store.layout import SUMMARY

DASHBOARD = Path(__file__).parents[2] / "dashboard"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("dashboard")
    scenario = small_scenario() | {"title": "MI355X <script>alert(1)</script> *against* B200 for $1"}
    inferbench.run(write_scenario(place / "small.yaml", scenario), store=place / "store", live=False)
    return place / "store"


def open_on(store: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setattr(sys, "argv", ["app.py", str(store)])
    monkeypatch.syspath_prepend(str(DASHBOARD))
    app = AppTest.from_file(str(DASHBOARD / "app.py"), default_timeout=60)
    app.run()
    assert not app.exception
    return app


def test_the_overview_says_what_came_of_a_run(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_on(store, monkeypatch)
    assert app.header[0].value == "MI355X <script>alert(1)</script> *against* B200 for $1"
    assert "SIMULATED" in app.warning[0].value
    assert "operating points" in app.subheader[0].value
    assert len(app.expander) == 2
    assert app.get("plotly_chart")


def test_an_empty_store_says_how_to_get_a_first_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_on(tmp_path, monkeypatch)
    assert app.title[0].value == "No runs yet"
    assert "inferbench run" in app.code[0].value


def test_a_broken_run_says_what_is_broken(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (run,) = [p for p in store.glob("*/*") if p.is_dir()]
    whole = (run / SUMMARY).read_bytes()
    manifest = run / "manifest.json"
    try:
        (run / SUMMARY).write_bytes(b"{")
        manifest.touch()  # a changed run is read again
        app = open_on(store, monkeypatch)
        assert "damaged" in app.error[0].value
    finally:
        (run / SUMMARY).write_bytes(whole)
        manifest.touch()
