"""The main job on a small scenario: what it leaves behind, and that it leaves the same again."""

from __future__ import annotations

from pathlib import Path

import pytest

import inferbench
from inferbench.catalog.bundled import find
from inferbench.errors import FileError, IncomparableError, UsageError
from inferbench.files.whole_files import sha256
from inferbench.metrics.summary import Origin
from inferbench.records import layout
from inferbench.scenario.read_scenario import load_scenario
from inferbench.store.manifest import RunState
from tests.support.scenarios_for_tests import small_scenario, write_scenario


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scenario(tmp_path_factory.mktemp("scenario") / "small.yaml", small_scenario())


@pytest.fixture(scope="module")
def finished(scenario: Path, tmp_path_factory: pytest.TempPathFactory) -> inferbench.Run:
    return inferbench.run(scenario, store=tmp_path_factory.mktemp("store"))


def test_every_point_is_there_in_the_scenarios_order(finished: inferbench.Run) -> None:
    keys = [s.point.key for s in finished.summaries]
    assert keys == [
        f"{d}.{t}.c{c}"
        for d, topologies in {
            "mi355x-sglang-mori": ["1p1d-tp8", "1p2d-tp8"],
            "b200-trtllm": ["1p5d-tep8-b1", "1p5d-tep8-b8"],
        }.items()
        for t in topologies
        for c in [1, 4]
    ]
    assert all(s.origin is Origin.SIMULATED and s.counts.ok == s.counts.planned for s in finished.summaries)


def test_every_deployment_gets_the_same_prompts(finished: inferbench.Run) -> None:
    hashes = {(s.point.concurrency, s.prompt_hash) for s in finished.summaries}
    assert len(hashes) == 2


def test_the_manifest_holds_what_made_the_numbers(finished: inferbench.Run) -> None:
    manifest = finished.manifest
    assert manifest.state is RunState.COMPLETE
    assert {book.name for book in manifest.price_books} == {
        "inferencex-2025-08", "inferencex-2026-07", "inferencex-2026-09",
    }  # fmt: skip
    assert manifest.benchmark_end_time_unix is not None
    assert manifest.benchmark_end_time_unix > manifest.benchmark_start_time_unix
    for entry in manifest.points:
        assert entry.benchmark_end_time_unix >= entry.benchmark_start_time_unix
        for name, checksum in entry.checksums.items():
            assert sha256(finished.path / name) == checksum
        assert {Path(name).name for name in entry.checksums} == {layout.RECORDS_FILE, layout.PASSES_FILE}
    for name, checksum in manifest.checksums.items():
        assert sha256(finished.path / name) == checksum


def test_the_manifest_says_what_the_scenario_launches_unlike_production(finished: inferbench.Run) -> None:
    marks = {
        deployment: {topology: [mark.name for mark in found] for topology, found in by_topology.items()}
        for deployment, by_topology in finished.manifest.unlike_production.items()
    }
    every = {"prefix cache off", "stream interval 100"}
    assert {name for names in marks["b200-trtllm"].values() for name in names} == every
    assert [*marks["mi355x-sglang-mori"].values()] == [["prefix cache off"]] * 2


def test_summaries_can_be_derived_again_from_the_records(finished: inferbench.Run) -> None:
    assert inferbench.summarise(finished) == finished.summaries


def test_the_same_seed_gives_byte_identical_results(finished: inferbench.Run, scenario: Path, tmp_path: Path) -> None:
    again = inferbench.run(scenario, store=tmp_path, live=False, workers=1)
    for name in (layout.SUMMARY, layout.COST, layout.VERDICT):
        assert (again.path / name).read_bytes() == (finished.path / name).read_bytes()
    assert again.live is None


def test_costs_and_conclusions_follow_from_the_summaries(finished: inferbench.Run) -> None:
    assert len(finished.costs) == len(
        [1 for s in finished.summaries for basis in (s.whole_run, s.window) if basis is not None]
    ) * (3 + 3 + 2)
    reached, beyond = finished.conclusions
    assert len(reached.verdicts) == 8
    assert {v.book for v in reached.verdicts} == {b.name for b in finished.manifest.price_books}
    readings = {r.reading.deployment: r.reading for r in beyond.verdicts[0].readings}
    assert all(not r.reachable and "tok/s/user" in (r.unreachable or "") for r in readings.values())


def test_the_live_leg_is_set_beside_the_servers_own_record(finished: inferbench.Run) -> None:
    live = finished.live
    assert live is not None
    step = live.steps[0]
    assert step.summary.origin is Origin.MEASURED
    assert step.summary.counts.ok == 8
    assert step.truth_ttft_p50_ms >= 50
    assert step.truth_tpot_p50_ms == pytest.approx(20, rel=0.2)


def test_frames_hold_a_row_per_thing(finished: inferbench.Run) -> None:
    points = finished.points()
    assert len(points) == len(finished.summaries)
    assert points["tput_per_gpu"].gt(0).all()
    assert len(finished.cost_table()) == len(finished.costs)
    first = finished.summaries[0]
    records = finished.records(first.point.key)
    assert len(records) == first.counts.planned
    with pytest.raises(UsageError, match="did you mean"):
        finished.records(first.point.key + "0")


def test_a_run_opens_again_from_its_directory(finished: inferbench.Run) -> None:
    again = inferbench.open_run(finished.path)
    assert again.summaries == finished.summaries
    assert again.scenario is not None
    page = again.write_report().read_text()
    assert "SIMULATED" in page.upper()


def test_unlike_runs_are_refused_unless_the_difference_is_the_question(
    finished: inferbench.Run, tmp_path: Path
) -> None:
    other = small_scenario()
    other["load"]["seed"] = 1
    changed = inferbench.run(write_scenario(tmp_path / "small.yaml", other), store=tmp_path / "s", live=False)
    with pytest.raises(IncomparableError, match="seed"):
        inferbench.compare(finished, changed)
    points = inferbench.compare(finished, changed, allow_different=["seed", "scenario", "prompt_hash"])
    ratios = {m.metric: m.ratio for m in points[0].metrics}
    assert ratios["tput_per_gpu"] == pytest.approx(1, abs=0.2)
    same = inferbench.compare(finished, finished)
    assert all(m.ratio == 1 for point in same for m in point.metrics if m.ratio is not None)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"model": "deepseek-r1"}, "model: unknown model 'deepseek-r1'; allowed: deepseek-r1-0528; did you mean"),
        ({"price_books": ["inferencex-2026-9"]}, "did you mean 'inferencex-2026-09'?"),
        ({"headline": {"book": "inferencex-2026-09", "tier": "neocloud"}}, "headline.tier: unknown tier 'neocloud'"),
        ({"headline": {"book": "mine", "tier": "hyperscaler"}}, "headline.book: unknown price book 'mine'"),
    ],
)
def test_a_scenario_is_checked_against_the_facts_before_any_load(
    tmp_path: Path, change: dict[str, object], expected: str
) -> None:
    path = write_scenario(tmp_path / "bad.yaml", small_scenario() | change)
    with pytest.raises(FileError) as caught:
        load_scenario(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert expected in str(caught.value)


def test_gpu_and_context_are_checked(tmp_path: Path) -> None:
    bad = small_scenario()
    bad["deployments"][1]["gpu"] = "b20"
    with pytest.raises(FileError, match=r"deployments\[1\].gpu: unknown GPU 'b20'.*did you mean 'b200'"):
        load_scenario(write_scenario(tmp_path / "bad.yaml", bad))
    bad["deployments"][1]["gpu"] = "h200"
    with pytest.raises(FileError, match="no 4-bit arithmetic"):
        load_scenario(write_scenario(tmp_path / "bad.yaml", bad))
    bad["deployments"][1]["gpu"] = "b200"
    bad["load"]["isl"]["max"] = 170_000
    with pytest.raises(FileError, match="beyond the 163840 of DeepSeek-R1-0528's context"):
        load_scenario(write_scenario(tmp_path / "bad.yaml", bad))


def test_a_name_that_is_neither_file_nor_bundled_says_what_there_is() -> None:
    with pytest.raises(FileError, match=r"deepseek-r1-mi355x-vs-b20: no such file.*did you mean"):
        find("scenarios", "deepseek-r1-mi355x-vs-b20")
