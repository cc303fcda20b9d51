"""The options of `inferbench run` that make several runs, or one again."""

from __future__ import annotations

from pathlib import Path

import pytest

import inferbench
from inferbench.cli import execute
from inferbench.errors import ExitCode
from inferbench.records import layout
from tests.support.scenarios_for_tests import small_scenario, write_scenario


def tiny(path: Path, name: str) -> Path:
    scenario = small_scenario() | {"name": name}
    for deployment in scenario["deployments"]:
        deployment["topologies"] = deployment["topologies"][:1]
        deployment["topologies"][0]["concurrency"] = [2]
    return write_scenario(path / f"{name}.yaml", scenario)


def call(*arguments: object) -> int:
    return execute([str(a) for a in arguments])


def test_repeats_are_interleaved_and_have_seeds_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = tiny(tmp_path, "aa"), tiny(tmp_path, "bb")
    code = call(
        "run", "--interleave", f"{a},{b}", "--repeat", 2, "--no-live", "--workers", 1, "--store", tmp_path / "s"
    )
    assert code == ExitCode.OK
    runs = [inferbench.open_run(path) for path in capsys.readouterr().out.split()]
    assert [(r.manifest.scenario, r.manifest.seed) for r in runs] == [("aa", 0), ("bb", 0), ("aa", 1), ("bb", 1)]
    assert runs[0].manifest.scenario_sha256 == runs[2].manifest.scenario_sha256
    first, second = (run.summaries[0] for run in (runs[0], runs[2]))
    assert first.prompt_hash != second.prompt_hash
    assert first.whole_run != second.whole_run
    for run in runs:
        assert inferbench.summarise(run) == run.summaries
    began = [run.manifest.benchmark_start_time_unix for run in runs]
    assert began == sorted(began)


def test_an_old_run_can_be_made_again_and_a_whole_one_not_resumed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario, store = tiny(tmp_path, "aa"), tmp_path / "s"
    old = inferbench.run(scenario, store=store, live=False, workers=1, seed=5)
    assert call("run", "--from-manifest", old.path, "--no-live", "--workers", 1, "--store", store) == ExitCode.OK
    again = inferbench.open_run(Path(capsys.readouterr().out.split("Run: ")[1].split("\n")[0].strip()))
    assert again.path != old.path
    assert (again.path / layout.SUMMARY).read_bytes() == (old.path / layout.SUMMARY).read_bytes()
    assert call("run", "--resume", old.path) == ExitCode.USAGE
    assert "is complete" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], "nothing to run; give one of a scenario, --interleave, --resume, --from-manifest"),
        (["x.yaml", "--interleave", "a,b"], "a scenario and --interleave do not go together"),
        (["--resume", "a", "--from-manifest", "b"], "--resume and --from-manifest do not go together"),
        (["--resume", "a", "--repeat", "2"], "--repeat does not go with --resume"),
        (["x.yaml", "--allow-different", "price_books"], "--allow-different goes with --resume or --from-manifest"),
        (["--resume", "nowhere"], "nowhere: not a run"),
        (["--interleave", "deepseek-r1-mi355x-vs-b200,nope"], "nope: no such file"),
        (["x.yaml", "--store", "ftp://a/b"], "x.yaml: no such file"),
    ],
)
def test_bad_combinations_are_one_clear_line(
    options: list[str],
    expected: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("run", *options) == ExitCode.USAGE
    assert expected in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_cannot_be_used_is_refused_before_any_load(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    scenario = tiny(tmp_path, "aa")
    assert call("run", scenario, "--store", "ftp://a/b") == ExitCode.USAGE
    assert "ftp://a/b: cannot be used" in capsys.readouterr().err
    assert not (tmp_path / "reports").exists()
