"""Deployments and runs side by side."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from inferbench.pricing.bundled_books import open_book
from inferbench.runs.answers.held_equal import equal
from inferbench.runs.opened_run import open_run
from tests.support.apps import open_view, traces, words
from tests.support.store_factories import change_summary, write_run


def test_one_thing_is_held_equal_at_a_time(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_view(store, monkeypatch, "compare")
    said = words(app)
    assert "At 205 tok/s/user (simulated): b200-trtllm $" in said
    (run,) = store.glob("*/2*")
    book = open_book("inferencex-2026-09")
    found = equal(open_run(run), book, "hyperscaler", interactivity=205, ttft_p99_ms=2000, usd_per_hour=500)
    expected = [r.usd_per_mtok for own in found.values() for r in own if r.reading.deployment == "b200-trtllm"]
    (drawn,) = [t for t in traces(app) if t["name"].startswith("b200")]
    assert drawn["x"] == pytest.approx([cost for cost in expected if cost is not None])


def test_what_differs_between_deployments_is_listed(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_view(store, monkeypatch, "compare")
    (frame,) = [f.value for f in app.dataframe if "field" in f.value.columns]
    rows = frame.set_index("field")
    assert list(rows.loc["gpu"]) == ["mi355x", "b200"]
    assert "precision" not in rows.index  # both are fp4


def test_a_run_is_set_beside_its_like(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "store"
    shutil.copytree(store, copy)
    (run,) = copy.glob("*/2*")
    shutil.copytree(run, run.with_name("20200101-000000-aaaaaa"))
    app = open_view(copy, monkeypatch, "compare", compare="runs")
    assert {x for trace in traces(app) for x in trace["x"]} == {1.0}
    assert "Nothing that would make their figures incomparable" in words(app)


def test_runs_that_differ_say_in_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path, "r0", seed=1)
    write_run(tmp_path, "r1", seed=2, tput=1.1, began=1.0)
    app = open_view(tmp_path, monkeypatch, "compare", compare="runs")
    assert "They differ in seed" in words(app)
    (tput,) = [t for t in traces(app) if t["name"] == "tput_per_gpu"]
    assert tput["x"] == pytest.approx([1.1, 1.1])


def test_runs_without_a_common_point_are_no_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path, "r0", scenario="a")
    other = write_run(tmp_path, "r1", scenario="b", began=1.0)
    manifest = other.path / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"topology": "t"', '"topology": "u"'))
    change_summary(other, '"topology": "t"', '"topology": "u"')
    app = open_view(tmp_path, monkeypatch, "compare", compare="runs")
    assert "no sweep point in common" in words(app)


def test_a_run_without_a_scenario_compares_no_deployments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path, "r0")
    assert "has no scenario" in words(open_view(tmp_path, monkeypatch, "compare"))
