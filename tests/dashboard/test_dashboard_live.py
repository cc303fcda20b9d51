"""Runs that are going on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from inferbench.records.layout import INDEX
from inferbench.store.manifest import RunState
from inferbench.store.run_directory import RunDirectory
from tests.support.apps import charts, open_view, traces, words
from tests.support.store_factories import write_run


def test_a_run_that_goes_on_is_shown_with_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path, "r0")
    with write_run(tmp_path, "r1", state=RunState.RUNNING).lock():
        app = open_view(tmp_path, monkeypatch, "live")
    assert "s/r1" in words(app)
    assert "s/r0" not in words(app)
    assert len(app.dataframe[0].value) == 2
    assert "2 sweep points so far" in words(app)
    assert len(charts(app)) == 1


def test_a_run_whose_process_was_killed_is_not_going_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path, "r1", state=RunState.RUNNING)
    assert "No run of this store is going on" in open_view(tmp_path, monkeypatch, "live").info[0].value


def test_nothing_going_on_says_so(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No run of this store is going on" in open_view(store, monkeypatch, "live").info[0].value


def test_a_run_of_a_scenario_shows_how_far_it_is_and_its_curve(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(store, tmp_path / "store")
    (manifest,) = tmp_path.glob("store/small/*/manifest.json")
    manifest.write_text(manifest.read_text().replace('"state": "complete"', '"state": "running"'))
    (tmp_path / "store" / INDEX).unlink(missing_ok=True)
    with RunDirectory(manifest.parent).lock():
        app = open_view(tmp_path / "store", monkeypatch, "live")
    assert "12 sweep points so far" in words(app)
    assert len(charts(app)) == 1
    assert any("(simulated)" in trace.get("name", "") for trace in traces(app))
