"""`inferbench history` and `inferbench runs`, over stores of run directories."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from inferbench.cli import execute
from inferbench.errors import ExitCode
from inferbench.store.index import INDEX_FILE
from inferbench.store.manifest import RunState
from tests.support.store_factories import write_run


def call(*arguments: object) -> int:
    return execute([str(a) for a in arguments])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 runs, 10 % slower from run 20 on, 1 % noise, in an order that the directories' names do not have."""
    store, rng = tmp_path_factory.mktemp("store"), random.Random(1)
    for number in range(30):
        tput = (1.0 if number < 20 else 0.9) * (1 + rng.gauss(0, 0.01))
        write_run(store, f"{rng.randrange(10**6)}-{number}", tput=tput, seed=number, began=1000.0 * number)
    write_run(store, "cut", state=RunState.PARTIAL, tput=5, began=100.5)
    write_run(store, "late", invalid="late", tput=5, began=101.5)
    write_run(store, "edited", scenario_sha256="9" * 64, tput=5, began=102.5)
    return store


def history(store: Path, capsys: pytest.CaptureFixture[str], metric: str, *options: object) -> dict[str, Any]:
    assert call("history", metric, "--scenario", "s", "--store", store, "--json", *options) == ExitCode.OK
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize(("metric", "change"), [("output_tput_per_gpu", -0.1), ("tpot_p50", 1 / 0.9 - 1)])
def test_the_run_that_a_change_began_with_is_named(
    store: Path, capsys: pytest.CaptureFixture[str], metric: str, change: float
) -> None:
    found = history(store, capsys, metric)
    (step,) = found["changes"]
    assert abs(int(step["run_id"].split("-")[1]) - 20) <= 2
    assert step["change"] == pytest.approx(change, abs=0.02)
    assert (step["worse"], step["matters"]) == (True, True)
    assert len(found["runs"]) == 30
    assert [r["began_unix"] for r in found["runs"]] == [1000.0 * n for n in range(30)]
    assert found["left_out"] == {"partial": 1, "client INVALID": 1, "of another version of the scenario": 1}


def test_whether_a_change_matters_is_the_policys(
    store: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    policy = tmp_path / "p.yaml"
    policy.write_text("effects: {output_tput_per_gpu: 0.2}\n")
    assert [c["matters"] for c in history(store, capsys, "output_tput_per_gpu", "--policy", policy)["changes"]] == [
        False
    ]
    assert call("history", "output_tput_per_gpu", "--scenario", "s", "--store", store) == ExitCode.OK
    assert "worse" in capsys.readouterr().out


def test_unknown_names_are_one_clear_line(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("history", "tpot_p55", "--scenario", "s", "--store", store) == ExitCode.USAGE
    assert "tpot_p50" in capsys.readouterr().err
    assert call("history", "tpot_p50", "--scenario", "t", "--store", store) == ExitCode.USAGE
    assert "unknown scenario 't'; allowed: s" in capsys.readouterr().err


def test_a_scenario_without_a_usable_run_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path, "r", state=RunState.PARTIAL)
    assert call("history", "tpot_p50", "--scenario", "s", "--store", tmp_path) == ExitCode.USAGE
    assert "no run of 's' can be used: 1 partial" in capsys.readouterr().err


def test_runs_are_listed_shown_and_asked(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("runs", "list", "--store", store) == ExitCode.OK
    shown = capsys.readouterr()
    assert "33 runs" in shown.out
    assert shown.err == ""
    assert call("runs", "list", "--store", store, "--last", 2) == ExitCode.OK
    shown = capsys.readouterr()
    assert "33 runs, the latest 2" in shown.out
    assert (shown.out.count("s/"), "-29 " in shown.out) == (2, True)
    assert call("runs", "list", "--store", store, "--rebuild", "--json") == ExitCode.OK
    assert len(json.loads(capsys.readouterr().out)) == 33
    assert call("runs", "show", "s/late", "--store", store) == ExitCode.OK
    assert "d.t.c64" in capsys.readouterr().out
    assert call("runs", "show", "late", "--store", store, "--json") == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["points"][0]["client_valid"] is False
    assert call("runs", "show", "alte", "--store", store) == ExitCode.USAGE
    sql = "SELECT state, count(*) AS n FROM runs GROUP BY 1 ORDER BY 1"
    assert call("runs", "query", sql, "--store", store, "--json") == ExitCode.OK
    assert json.loads(capsys.readouterr().out) == [{"state": "complete", "n": 32}, {"state": "partial", "n": 1}]
    assert call("runs", "query", sql, "--store", store) == ExitCode.OK
    assert call("runs", "query", "SELEC", "--store", store) == ExitCode.USAGE


def test_a_damaged_index_is_told_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path, "r")
    (tmp_path / INDEX_FILE).write_bytes(b"x")
    assert call("runs", "list", "--store", tmp_path) == ExitCode.OK
    shown = capsys.readouterr()
    assert "the index was damaged and has been made anew" in shown.err
    assert "s/r" in shown.out


def test_verify_names_the_file_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path, "good")
    bad = write_run(tmp_path, "bad")
    assert call("runs", "verify", "--store", tmp_path) == ExitCode.OK
    path = next(bad.path.rglob("records.parquet"))
    path.write_bytes(path.read_bytes()[:-1])
    assert call("runs", "verify", "--store", tmp_path) == ExitCode.USAGE
    assert "s/bad: points/d.t.c" in capsys.readouterr().out
    assert call("runs", "verify", "good", "--store", tmp_path) == ExitCode.OK


def test_gc_lists_and_removes_only_when_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path, "r")
    empty = tmp_path / "s" / "never"
    empty.mkdir()
    os.utime(empty, (0, 0))
    assert call("runs", "gc", "--store", tmp_path) == ExitCode.OK
    assert "never: no manifest, and no records" in capsys.readouterr().out
    assert empty.exists()
    assert call("runs", "gc", "--store", tmp_path, "--delete") == ExitCode.OK
    assert not empty.exists()
    assert (tmp_path / "s" / "r").exists()
