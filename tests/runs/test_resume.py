"""A run that was cut short goes on where it was; an old run comes out again."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import inferbench
from inferbench.errors import IncomparableError, StoreError, UsageError
from inferbench.records import layout
from inferbench.runs import resume as resuming
from inferbench.runs.recorder import Recorder
from inferbench.runs.resume import resume, run_from_manifest
from inferbench.runs.sweep import PointOutcome
from inferbench.store.manifest import PointManifest, RunState
from inferbench.store.run_directory import RunDirectory
from inferbench.store.verify import verify
from tests.support.scenarios_for_tests import small_scenario, write_scenario

RESULTS = (layout.SUMMARY, layout.COST, layout.VERDICT)
KILLS = 10
POINTS = 48


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    small = small_scenario()
    small["load"]["prompts_per_concurrency"] = 2
    for deployment in small["deployments"]:
        for topology in deployment["topologies"]:
            topology["concurrency"] = list(range(1, 13))
    return write_scenario(tmp_path_factory.mktemp("scenario") / "small.yaml", small)


@pytest.fixture(scope="module")
def whole(scenario: Path, tmp_path_factory: pytest.TempPathFactory) -> inferbench.Run:
    return inferbench.run(scenario, store=tmp_path_factory.mktemp("store"), live=False, workers=1)


def same_results(a: Path, b: Path) -> bool:
    return all((a / name).read_bytes() == (b / name).read_bytes() for name in RESULTS)


def killed(arguments: list[str], store: Path, more: int, then_s: float) -> None:
    """Start a command and kill it with SIGKILL, which nobody can catch, so long after `more` sweep points began."""
    began = len(list(store.glob("*/*/points/*")))
    process = subprocess.Popen(
        [sys.executable, "-m", "inferbench", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    for _ in range(4_000):
        if process.poll() is not None or len(list(store.glob("*/*/points/*"))) >= began + more:
            break
        time.sleep(0.005)
    time.sleep(then_s)
    process.send_signal(signal.SIGKILL)
    process.wait()


def attempts_of(run: RunDirectory) -> dict[str, int]:
    return {entry.point.key: entry.attempt for entry in run.manifest().points}


def test_killed_at_ten_random_moments_it_ends_as_if_it_had_not_been(
    scenario: Path, whole: inferbench.Run, tmp_path: Path
) -> None:
    """What is killed is resumed and killed again. A kill comes up to 30 ms after a point began, or before any did."""
    rng, store, kills = random.Random(6), tmp_path / "s", 0
    path: Path | None = None
    for _ in range(KILLS):
        command = ["run", str(scenario), "--store", str(store)] if path is None else ["run", "--resume", str(path)]
        more = rng.randrange(4)
        killed([*command, "--no-live", "--workers", "1"], store, more, rng.uniform(0, 0.03 if more else 1.0))
        path = next((p.parent for p in store.glob(f"*/*/{layout.MANIFEST}")), None)
        kills += path is None or RunDirectory(path).manifest().state is RunState.RUNNING
    assert kills == KILLS
    assert path is not None
    finished = resume(path, live=False, workers=1)
    assert same_results(finished.path, whole.path)
    keys = [entry.point.key for entry in finished.manifest.points]
    assert len(keys) == len(set(keys)) == POINTS
    assert max(attempts_of(finished.directory).values()) > 1
    assert verify(finished.path) == ()
    assert finished.manifest.state is RunState.COMPLETE


@pytest.mark.parametrize("done", [0, 1, 5, POINTS])
def test_it_goes_on_at_the_point_that_it_had_reached(
    whole: inferbench.Run, tmp_path: Path, done: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = cut(whole, tmp_path, done)
    before = {p: p.stat().st_mtime_ns for p in run.path.glob(f"points/*/{layout.RECORDS_FILE}")}
    finished = resume(run.path, live=False, workers=1)
    assert same_results(finished.path, whole.path)
    assert {p: p.stat().st_mtime_ns for p in before} == before
    attempts = attempts_of(finished.directory)
    assert sorted(attempts.values()) == ([1] * (POINTS - 1) + [2] if done < POINTS else [1] * POINTS)
    with pytest.raises(UsageError, match="nothing to go on with"):
        resume(run.path)


def cut(whole: inferbench.Run, to: Path, done: int) -> RunDirectory:
    """A run as it would be had it been killed after so many points, the next one half written."""
    run = RunDirectory(to / "s" / "cut")
    run.path.mkdir(parents=True)
    run.write(layout.SCENARIO, (whole.path / layout.SCENARIO).read_bytes())
    entries: tuple[PointManifest, ...] = whole.manifest.points[:done]
    for entry in entries:
        copy_point(whole, run, entry)
    if done < len(whole.manifest.points):
        half = run.point(whole.manifest.points[done].point)
        half.mkdir(parents=True)
        (half / layout.STARTS_STREAM).write_bytes(b"half")
    if done:
        run.write_value(layout.SUMMARY, whole.summaries[:done])
    changed = {"state": RunState.RUNNING, "points": entries, "checksums": {}, "run_id": "cut"}
    run.write_value(layout.MANIFEST, whole.manifest.model_copy(update=changed))
    return run


def copy_point(whole: inferbench.Run, run: RunDirectory, entry: PointManifest) -> None:
    for name in entry.checksums:
        (run.path / name).parent.mkdir(parents=True, exist_ok=True)
        (run.path / name).write_bytes((whole.path / name).read_bytes())


def test_what_a_half_attempt_left_is_kept_and_not_counted(whole: inferbench.Run, tmp_path: Path) -> None:
    run = cut(whole, tmp_path, 3)
    key = whole.manifest.points[3].point.key
    finished = resume(run.path, live=False, workers=1)
    assert (finished.path / layout.ATTEMPTS / f"{key}.1" / layout.STARTS_STREAM).read_bytes() == b"half"
    assert attempts_of(finished.directory)[key] == 2


def test_a_point_whose_file_was_damaged_since_is_measured_again(whole: inferbench.Run, tmp_path: Path) -> None:
    run = cut(whole, tmp_path, 3)
    damaged = run.point(whole.manifest.points[1].point) / layout.RECORDS_FILE
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    finished = resume(run.path, live=False, workers=1)
    assert same_results(finished.path, whole.path)
    assert sorted(attempts_of(finished.directory).values()) == [1] * (POINTS - 2) + [2] * 2
    assert verify(finished.path) == ()


def test_nobody_resumes_what_somebody_is_writing(whole: inferbench.Run, tmp_path: Path) -> None:
    run = cut(whole, tmp_path, 3)
    with run.lock(), pytest.raises(StoreError, match="another process is writing this run"):
        resume(run.path)


def test_a_run_that_the_disk_was_too_small_for_goes_on(
    scenario: Path, whole: inferbench.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added, add = [], Recorder.add

    def add_until_full(self: Recorder, outcome: PointOutcome) -> None:
        if len(added) == 3:
            raise StoreError("summary.json: cannot be written: No space left on device")
        added.append(outcome)
        add(self, outcome)

    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "add", add_until_full)
        with pytest.raises(StoreError, match="No space left"):
            inferbench.run(scenario, store=tmp_path, live=False, workers=1)
    (path,) = (p.parent for p in tmp_path.glob(f"*/*/{layout.MANIFEST}"))
    partial = inferbench.open_run(path)
    assert (partial.manifest.state, len(partial.manifest.points)) == (RunState.PARTIAL, 3)
    assert "No space left" in (partial.manifest.reason or "")
    assert same_results(resume(path, live=False, workers=1).path, whole.path)


def test_a_scenario_that_was_edited_or_removed_is_refused(whole: inferbench.Run, tmp_path: Path) -> None:
    run = cut(whole, tmp_path, 3)
    path = run.path / layout.SCENARIO
    path.write_text(path.read_text() + "\n# edited\n")
    with pytest.raises(StoreError, match="changed since the run began"):
        resume(run.path)
    path.unlink()
    with pytest.raises(StoreError, match="missing"):
        resume(run.path)


def test_an_old_run_comes_out_again_byte_for_byte(scenario: Path, tmp_path: Path) -> None:
    old = inferbench.run(scenario, store=tmp_path / "a", live=False, workers=1, seed=7)
    again = run_from_manifest(old.path, store=tmp_path / "b", live=False, workers=1)
    assert again.manifest.seed == 7
    assert again.manifest.run_id != old.manifest.run_id
    assert same_results(again.path, old.path)
    assert inferbench.summarise(again) == again.summaries


def test_what_has_changed_since_is_named_and_can_be_allowed(
    whole: inferbench.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resuming, "twin_parameters_sha256", lambda: "f" * 64)
    with pytest.raises(IncomparableError, match=r"twin_parameters: [0-9a-f]{12} then, ffffffffffff now"):
        run_from_manifest(whole.path, store=tmp_path)
    with pytest.raises(IncomparableError, match="twin_parameters"):
        resume(cut(whole, tmp_path, 3).path)
    with pytest.raises(UsageError, match="did you mean 'twin_parameters'"):
        run_from_manifest(whole.path, store=tmp_path, allow_different=["twin_parameter"])
    run = run_from_manifest(whole.path, store=tmp_path, live=False, allow_different=["twin_parameters"])
    assert run.manifest.state is RunState.COMPLETE


def test_a_price_book_that_has_changed_is_named(whole: inferbench.Run, tmp_path: Path) -> None:
    run = cut(whole, tmp_path, 3)
    first = run.manifest().price_books[0]
    books = (first.model_copy(update={"sha256": "e" * 64}), *run.manifest().price_books[1:])
    run.write_value(layout.MANIFEST, run.manifest().model_copy(update={"price_books": books}))
    with pytest.raises(IncomparableError, match=f"price_books: {first.name} eeeeeeeeeeee then"):
        resume(run.path)
    assert same_results(resume(run.path, live=False, allow_different=["price_books"]).path, whole.path)


def test_an_ad_hoc_run_keeps_no_scenario(whole: inferbench.Run, tmp_path: Path) -> None:
    run = cut(whole, tmp_path, 3)
    run.write_value(layout.MANIFEST, run.manifest().model_copy(update={"kind": "bench"}))
    for call in (resume, run_from_manifest):
        with pytest.raises(UsageError, match="ad-hoc run"):
            call(run.path)
