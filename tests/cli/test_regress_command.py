"""`inferbench regress` and `inferbench baseline`, through the command line and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from inferbench.cli import execute
from inferbench.errors import ExitCode
from inferbench.store.manifest import RunState
from tests.support.store_factories import write_run, write_side


@pytest.fixture
def store(tmp_path: Path) -> Path:
    store = tmp_path / "store"
    write_side(store / "old", "a")
    return store


def call(*arguments: object) -> int:
    return execute([str(a) for a in arguments])


def regress(store: Path, candidate: object, *options: object) -> int:
    return call("regress", "--baseline", store / "old", "--candidate", candidate, "--store", store, *options)


@pytest.mark.parametrize(("factor", "code"), [(1.0, ExitCode.OK), (1.2, ExitCode.OK), (0.9, ExitCode.REGRESSED)])
def test_the_exit_code_is_the_verdict(store: Path, factor: float, code: ExitCode) -> None:
    write_side(store / "new", "b", factor)
    assert regress(store, store / "new") == code


def test_undecided_fails_only_where_the_policy_says_so(store: Path, tmp_path: Path) -> None:
    path = write_run(store / "new", "b0").path
    assert regress(store, path) == ExitCode.OK
    policy = tmp_path / "regress.yaml"
    policy.write_text("format: 1\nundecided: fail\n")
    assert regress(store, path, "--policy", policy) == ExitCode.UNDECIDED


def test_unlike_and_unfit_runs_have_codes_of_their_own(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unlike = write_side(store / "unlike", "b", scenario_sha256="9" * 64)
    assert regress(store, store / "unlike") == ExitCode.INCOMPARABLE
    assert "differ in scenario" in capsys.readouterr().out
    policy = tmp_path / "regress.yaml"
    policy.write_text("allow_different: [scenario]\n")
    assert regress(store, unlike[0].parent, "--policy", policy) == ExitCode.OK
    write_side(store / "late", "c", invalid="the loop was late")
    assert regress(store, store / "late") == ExitCode.INVALID
    write_side(store / "cut", "d", state=RunState.PARTIAL)
    assert regress(store, store / "cut") == ExitCode.INVALID


def test_reports_are_written_where_asked(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_side(store / "new", "b", 0.9)
    files = {name: tmp_path / "out" / f"r.{name}" for name in ("markdown", "junit", "html")}
    options = [part for name, path in files.items() for part in (f"--{name}", path)]
    assert regress(store, store / "new", "--json", *options) == ExitCode.REGRESSED
    assert json.loads(capsys.readouterr().out)["outcome"] == "REGRESSED"
    assert "REGRESSED" in files["markdown"].read_text()
    assert ET.parse(files["junit"]).getroot().tag == "testsuites"
    assert files["html"].read_text().startswith("<!DOCTYPE html>")
    assert regress(store, store / "new", "--html", tmp_path) == ExitCode.USAGE


def test_a_github_job_gets_annotations_and_its_summary(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_side(store / "new", "b", 0.9)
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    regress(store, store / "new", "--json")
    shown = capsys.readouterr()
    assert shown.err.startswith("::error title=inferbench s::")
    json.loads(shown.out)
    assert summary.read_text().startswith("before\n<!-- inferbench regression -->")


def test_a_baseline_is_a_name_for_runs(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_side(store / "new", "b", 0.9)
    assert call("baseline", "set", "main", store / "old", "--store", store) == ExitCode.OK
    assert call("baseline", "show", "--store", store) == ExitCode.OK
    assert "old/s/a3" in capsys.readouterr().out
    arguments = ("regress", "--candidate", store / "new", "--store", store)
    assert call(*arguments, "--baseline", "main") == ExitCode.REGRESSED
    assert call(*arguments, "--baseline", "mian") == ExitCode.USAGE
    assert "did you mean 'main'?" in capsys.readouterr().err
    assert call("baseline", "set", "main", store / "new", "--store", store) == ExitCode.OK
    assert call("baseline", "show", "main", "--store", store) == ExitCode.OK
    assert "b0" in capsys.readouterr().out
    assert call("baseline", "show", "x", "--store", store) == ExitCode.USAGE
    assert call("baseline", "set", "../x", store / "new", "--store", store) == ExitCode.USAGE


def test_a_damaged_baseline_is_named(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (store / ".baselines").mkdir()
    (store / ".baselines" / "main.json").write_text("{")
    assert regress(store, "x") == ExitCode.USAGE
    assert "main.json: damaged" in capsys.readouterr().err


def test_a_run_on_both_sides_and_a_directory_without_runs_are_refused(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert regress(store, store / "old" / "s" / "a0") == ExitCode.USAGE
    assert "a0 is in the baseline and in the candidate" in capsys.readouterr().err
    assert regress(store, tmp_path) == ExitCode.USAGE
    (tmp_path / "none").mkdir()
    assert regress(store, tmp_path / "none") == ExitCode.USAGE
    assert "holds no runs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("undecided: maybe\n", "undecided: 'maybe' is not allowed"),
        ("effects: {tpot_p51: 0.1}\n", "did you mean 'tpot_p50'?"),
        ("effects: {tpot_p50: 2.5}\n", "effects.tpot_p50"),
        ("alpha: 0\n", "alpha"),
        ("points: []\n", "points"),
        ("allow_different: [scenaro]\n", "did you mean 'scenario'?"),
    ],
)
def test_a_bad_policy_is_one_clear_line(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, expected: str
) -> None:
    policy = tmp_path / "regress.yaml"
    policy.write_text(text)
    assert regress(store, store / "old", "--policy", policy) == ExitCode.USAGE
    assert expected in capsys.readouterr().err


def test_several_scenarios_are_judged_each_against_its_own(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_side(store / "old", "z", scenario="t")
    write_side(store / "new", "b")
    write_side(store / "new", "y", 0.9, scenario="t")
    assert regress(store, store / "new", "--json") == ExitCode.REGRESSED
    found = json.loads(capsys.readouterr().out)
    assert {s["scenario"]: s["outcome"] for s in found["scenarios"]} == {"s": "PASS", "t": "REGRESSED"}
    write_side(store / "new", "x", scenario="u")
    assert regress(store, store / "new", "--json") == ExitCode.REGRESSED
    found = json.loads(capsys.readouterr().out)
    assert [s["differing"] for s in found["scenarios"] if s["scenario"] == "u"] == [
        [{"key": "scenario", "baseline": "s, t", "candidate": "u"}]
    ]
