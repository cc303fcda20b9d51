"""All sweep points of a store: the facts that one filters by, and how sure each figure is."""

from __future__ import annotations

from pathlib import Path

import pytest

import inferbench
from inferbench.pareto.question import FrontierQuestion, choices, store_frontier
from inferbench.pareto.store_points import store_points
from inferbench.pricing.price_books import load_book
from inferbench.records import layout
from inferbench.runs.opened_run import open_run
from inferbench.runs.prediction_interval import half_width_of
from tests.support.factories import point_manifest, run_manifest
from tests.support.scenarios_for_tests import small_scenario, write_scenario
from tests.support.store_factories import write_run

BOOK = load_book(Path(__file__).parents[2] / "pricing" / "inferencex-2026-09.yaml")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("points")
    inferbench.run(write_scenario(place / "small.yaml", small_scenario()), store=place / "store", live=False)
    return place / "store"


def test_facts_come_from_the_scenario_and_intervals_from_the_twin(store: Path) -> None:
    run = open_run(next(store.glob("*/2*")))
    frame = store_points(store)
    assert len(frame) == len(run.summaries)
    for summary, row in zip(run.summaries, frame.itertuples(), strict=True):
        deployment = run.scenario.deployment(summary.point.deployment)
        assert (row.gpu, row.precision, row.isl, row.osl) == (deployment.gpu, deployment.precision, 512, 64)
        assert row.speculation == ("mtp" if deployment.topology(summary.point.topology).mtp else "none")
        assert row.tput_per_gpu == summary.whole_run.throughput.tput_per_gpu
        assert row.half_width == half_width_of(run.scenario, deployment.name, summary.point.topology) > 0


def test_a_run_without_a_scenario_says_what_its_target_says(tmp_path: Path) -> None:
    entry = point_manifest(gpu="h200", engine="vllm")
    manifest = run_manifest(entry)
    write_run(tmp_path, "r0", points=manifest.points)
    frame = store_points(tmp_path)
    assert choices(frame, "gpu") == ["h200"]
    assert choices(frame, "framework") == ["vllm"]
    assert (frame["half_width"] == 0).all()


def test_a_damaged_scenario_takes_facts_and_not_figures(store: Path, tmp_path: Path) -> None:
    run = write_run(tmp_path, "r0")
    (run.path / layout.SCENARIO).write_text("{[")
    assert (store_points(tmp_path)["tput_per_gpu"] == 900.0).all()


def test_unsound_points_are_counted_and_not_drawn(tmp_path: Path) -> None:
    write_run(tmp_path, "r0")
    write_run(tmp_path, "r1", invalid="too late", began=1.0)
    every = FrontierQuestion(latest_only=False)
    shown = store_frontier(store_points(tmp_path), every, BOOK, "hyperscaler")
    assert (shown.total, shown.unsound, len(shown.x)) == (2, 2, 2)


def test_of_each_point_only_the_latest_run_counts_unless_all_are_asked_for(tmp_path: Path) -> None:
    for number in range(3):
        write_run(tmp_path, f"r{number}", began=float(number), tput=1 + number / 10)
    frame = store_points(tmp_path)
    latest = store_frontier(frame, FrontierQuestion(), BOOK, "hyperscaler")
    assert set(latest.facts["name"]) == {"s/r2"}
    assert store_frontier(frame, FrontierQuestion(latest_only=False), BOOK, "hyperscaler").total == 6


def test_a_gpu_without_a_price_is_counted_and_not_drawn(tmp_path: Path) -> None:
    write_run(tmp_path, "r0", points=(point_manifest(gpu="abacus"),))
    shown = store_frontier(store_points(tmp_path), FrontierQuestion(y="cost"), BOOK, "hyperscaler")
    assert shown.total == 0
    assert shown.unpriced == 2


def test_an_empty_store_has_no_points(tmp_path: Path) -> None:
    assert store_points(tmp_path).empty
