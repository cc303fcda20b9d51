"""All points of a store in one picture."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inferbench.formats.inferencex.aggregate_row import agg_row
from inferbench.runs.interchange.import_inferencex import import_inferencex
from tests.support.apps import open_view, traces, words
from tests.support.measured_points import DAY, point
from tests.support.store_factories import change_summary, write_run


def test_simulated_points_are_open_dashed_and_have_their_interval(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_view(store, monkeypatch, "frontier")
    fronts = [t for t in traces(app) if t["mode"] == "lines+markers"]
    assert len(fronts) == 2
    for trace in fronts:
        assert "(simulated)" in trace["name"]
        assert trace["marker"]["symbol"].endswith("-open")
        assert trace["line"]["dash"] == "dash"
        assert trace["error_y"]["array"]
    assert "12 of 12 points are drawn" in words(app)


def test_measured_points_are_filled_and_solid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = write_run(tmp_path, "r0")
    change_summary(directory, '"simulated"', '"measured"')
    (front,) = [t for t in traces(open_view(tmp_path, monkeypatch, "frontier")) if t["mode"] == "lines+markers"]
    assert "(simulated)" not in front["name"]
    assert not front["marker"]["symbol"].endswith("-open")
    assert front["line"]["dash"] == "solid"
    assert "error_y" not in front


def test_filters_come_from_the_link_and_are_kept_in_it(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_view(store, monkeypatch, "frontier", gpu="b200", y="cost", front="true")
    names = {t["name"] for t in traces(app)}
    assert {name.split()[0] for name in names} == {"b200"}
    assert "under inferencex-2026-09 hyperscaler" in words(app)
    app.multiselect("gpu").set_value(["mi355x"]).run()
    assert {t["name"].split()[0] for t in traces(app)} == {"mi355x"}


@pytest.mark.parametrize("link", [{"gpu": "abacus"}, {"y": "luck"}, {"from": "yesterday"}, {"book": "../../etc"}])
def test_a_bad_link_draws_the_default(store: Path, monkeypatch: pytest.MonkeyPatch, link: dict[str, str]) -> None:
    assert len(traces(open_view(store, monkeypatch, "frontier", **link))) >= 2


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ("interactivity", "per_mw"),
        ("ttft_p50", "energy"),
        ("ttft_p99", "throughput"),
        ("e2el_p50", "cost"),
    ],
)
def test_every_axis_draws(store: Path, monkeypatch: pytest.MonkeyPatch, x: str, y: str) -> None:
    assert traces(open_view(store, monkeypatch, "frontier", x=x, y=y, tokens="output"))


def test_cost_is_price_over_throughput(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """$1.73 an hour of a B200 (pricing/inferencex-2026-09.yaml) over its tokens."""
    tput = traces(open_view(store, monkeypatch, "frontier", gpu="b200", front="true"))
    cost = traces(open_view(store, monkeypatch, "frontier", gpu="b200", front="true", y="cost"))
    by_x = {x: y for t in tput for x, y in zip(t["x"], t["y"], strict=True)}
    for trace in cost:
        for x, y in zip(trace["x"], trace["y"], strict=True):
            assert y == pytest.approx(1.73e6 / 3600 / by_x[x])


def test_a_figure_that_no_point_has_says_so(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_view(store, monkeypatch, "frontier", y="gpu_energy", tokens="input")
    assert "No point of this store passes these filters and has these figures" in app.info[0].value


def test_nothing_left_says_so(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_view(store, monkeypatch, "frontier", split="aggregated")
    assert "No point of this store passes" in app.info[0].value


def test_published_points_have_the_interval_of_re_runs_and_others_say_that_none_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = (tmp_path / "a.json", tmp_path / "b.json")
    for path, framework in zip(paths, ("mori-sglang", "atom"), strict=True):
        row = agg_row(point(framework=framework, gpu="mi355x")) | {"date": DAY.isoformat()}
        path.write_text(json.dumps([row]))
        import_inferencex(path, store=tmp_path / "store")
    app = open_view(tmp_path / "store", monkeypatch, "frontier")
    fronts = {t["name"].split()[1]: t for t in traces(app) if t["mode"] == "lines+markers"}
    assert "error_y" in fronts["mori-sglang"]
    assert "error_y" not in fronts["atom"]
    assert fronts["atom"]["customdata"][0][-1] == "no known interval"
    assert "Intervals of published points: run to run" in words(app)
