"""An empty store, and the button that fills it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.apps import open_view, words
from tests.support.scenarios_for_tests import small_scenario, write_scenario


def test_an_empty_store_says_how_to_get_a_first_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_view(tmp_path, monkeypatch)
    assert app.title[0].value == "No runs yet"
    assert "inferbench run" in app.code[0].value
    assert [button.label for button in app.button] == ["Run the example"]


def test_the_button_runs_the_example_and_the_store_fills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_view(tmp_path / "store", monkeypatch)
    first_run = sys.modules["dashboard.first_run"]
    scenario = write_scenario(tmp_path / "small.yaml", small_scenario() | {"live": None})
    monkeypatch.setattr(first_run, "EXAMPLE", str(scenario))
    monkeypatch.setattr(first_run.start, "__defaults__", (str(scenario),))
    app.button[0].click().run()
    started = first_run._started()[(tmp_path / "store").resolve()]
    assert started.process.wait(timeout=300) == 0, started.said
    assert "At 100 tok/s/user" in words(open_view(tmp_path / "store", monkeypatch))


def test_a_run_that_fails_says_what_it_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_view(tmp_path, monkeypatch)
    first_run = sys.modules["dashboard.first_run"]
    started = first_run.start(tmp_path, "no-such-scenario")
    assert started.process.wait(timeout=300) != 0
    first_run._started()[tmp_path.resolve()] = started
    monkeypatch.setattr(sys.modules["tests.support.apps"].st.cache_resource, "clear", lambda: None)
    app = open_view(tmp_path, monkeypatch)
    assert "did not come to its end" in words(app)
    assert "no-such-scenario" in app.code[1].value
