"""A run that was INVALID is so wherever it is shown or taken to, with its reasons, and once in each output."""

from __future__ import annotations

import io
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pytest

import inferbench
from inferbench.cli import execute
from inferbench.cli.bench.bench import _search
from inferbench.cli.bench.output import code_of, show_repeats
from inferbench.errors import ExitCode
from inferbench.metrics.goodput import GoodputSlo
from inferbench.metrics.summary import PointSummary
from inferbench.runs.bench.bench import BenchRun
from inferbench.runs.bench.bench_plan import BenchLoad
from inferbench.runs.bench.repeats import repeated
from inferbench.simulator.server.server_process import PacedServer, start_paced

HELPS = "What helps: "
BENCH = ("--isl", "4", "--osl", "4", "--num-prompts", "6", "--max-concurrency", "2")
SAID = ("--gpu", "h200", "--gpus", "1", "--framework", "sglang", "--precision", "fp8")


@pytest.fixture(scope="module")
def server() -> Iterator[PacedServer]:
    with start_paced(100, 20, "paced") as running:
        yield running


@contextmanager
def starved() -> Iterator[None]:
    """A thread of this process holds the interpreter for most of the time, so that every read is late."""
    over, before = threading.Event(), sys.getswitchinterval()

    def hog() -> None:
        while not over.is_set():
            sum(range(1000))

    thread = threading.Thread(target=hog)
    sys.setswitchinterval(0.01)  # a tenth of the TTFT; whatever else the command does waits as long, too
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        sys.setswitchinterval(before)


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    """All that was printed, as one line."""
    printed = capsys.readouterr()
    return " ".join((printed.out + printed.err).split())


@dataclass(frozen=True)
class Late:
    """A run of a starved client."""

    folder: Path
    """It holds a store, s, and result files, r."""
    run: inferbench.Run
    out: str
    err: str

    @property
    def summary(self) -> PointSummary:
        return self.run.summaries[0]

    @property
    def reason(self) -> str:
        client = self.summary.client
        assert client is not None
        assert client.reasons
        assert client.remedies
        return client.reasons[0]


@pytest.fixture(scope="module")
def late(server: PacedServer, tmp_path_factory: pytest.TempPathFactory) -> Late:
    folder = tmp_path_factory.mktemp("late")
    asked = ["--store", str(folder / "s"), "--result-dir", str(folder / "r")]
    out, err = io.StringIO(), io.StringIO()
    with starved(), redirect_stdout(out), redirect_stderr(err):
        code = execute(["bench", "--base-url", server.url, *BENCH, *asked])
    assert code == ExitCode.INVALID
    (path,) = (folder / "s").glob("bench/*")
    return Late(folder, inferbench.open_run(path), out.getvalue(), err.getvalue())


def bench_run(late: Late) -> BenchRun:
    """The run as the command has it when it has ended."""
    records = late.run.directory.point(late.summary.point)
    return BenchRun(late.run, late.summary, "paced", records, 0.0, 1.0, None)


def test_bench_says_why_and_what_helps_once(late: Late) -> None:
    assert "6 of 6 requests succeeded (INVALID)" in " ".join(late.out.split())
    assert (late.err.count(late.reason), late.err.count(HELPS)) == (1, 1)
    assert (late.out.count(late.reason), late.out.count(HELPS)) == (0, 0)


def test_bench_says_why_where_it_stopped_early_too(late: Late, capsys: pytest.CaptureFixture[str]) -> None:
    stopped = replace(bench_run(late), stop_reason="interrupted by SIGTERM")
    assert code_of(stopped, None) == ExitCode.TERMINATED
    why, end = capsys.readouterr().err.splitlines()
    assert why.startswith(f"inferbench: INVALID: {late.reason}")
    assert HELPS in why
    assert end == "inferbench: stopped early: interrupted by SIGTERM"
    nothing = late.summary.counts.model_copy(update={"ok": 0})
    code_of(replace(stopped, summary=late.summary.model_copy(update={"counts": nothing})), None)
    assert capsys.readouterr().err.splitlines() == [end]


def test_repeats_leave_it_out_of_their_means(late: Late, capsys: pytest.CaptureFixture[str]) -> None:
    client = late.summary.client
    assert client is not None
    good = late.summary.model_copy(update={"client": client.model_copy(update={"valid": True, "reasons": ()})})
    runs = [bench_run(late), *(replace(bench_run(late), summary=good) for _ in range(2))]
    show_repeats(BenchLoad(max_concurrency=2), runs)
    assert "Run 1 is left out: INVALID." in shown(capsys)
    assert {len(figure.values) for figure in repeated([run.summary for run in runs])} == {2}


def test_a_search_counts_what_is_invalid_and_is_so_itself_where_that_decides(
    late: Late, capsys: pytest.CaptureFixture[str]
) -> None:
    load = BenchLoad(max_concurrency=1, slo=GoodputSlo(ttft=1000))
    assert _search([load], lambda _: bench_run(late)) == ExitCode.INVALID
    printed = shown(capsys)
    assert f"concurrency 1: client INVALID: {late.reason}" in printed
    assert "12 of them INVALID" in printed


def test_reports_say_it_once(late: Late, capsys: pytest.CaptureFixture[str]) -> None:
    run = late.run
    capsys.readouterr()
    for format in ("text", "markdown"):
        execute(["report", str(run.path), "--format", format])
        printed = shown(capsys)
        assert (printed.count(late.reason), printed.count(HELPS)) == (1, 1)
    page = run.write_report().read_text()
    assert (page.count(late.reason), page.count(HELPS)) == (1, 1)


def test_the_store_lists_it_and_the_data_frame_has_it(late: Late, capsys: pytest.CaptureFixture[str]) -> None:
    folder, run = late.folder, late.run
    store = str(folder / "s")
    capsys.readouterr()
    execute(["runs", "list", "--store", store])
    assert "complete; 1 INVALID" in shown(capsys)
    execute(["runs", "list", "--store", store, "--json"])
    assert json.loads(capsys.readouterr().out)[0]["n_invalid"] == 1
    execute(["runs", "show", run.path.name, "--store", store])
    assert shown(capsys).count(late.reason) == 1
    execute(["runs", "query", "SELECT client_reasons FROM points WHERE NOT client_valid", "--store", store, "--json"])
    assert json.loads(capsys.readouterr().out)[0]["client_reasons"].startswith(late.reason)
    (row,) = run.points().to_dict("records")
    assert row["valid"] is False
    assert row["invalid"].startswith(late.reason)
    assert HELPS in row["invalid"]


def test_results_carry_it_and_imports_take_it_up(
    late: Late, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, run = late.folder, late.run
    for format in ("vllm", "parquet"):
        assert execute(["export", format, str(run.path), "--out", str(tmp_path / format)]) == ExitCode.OK
    (result,) = (folder / "r").glob("*.json")
    for path in (result, *(tmp_path / "vllm").glob("*.json")):
        content = json.loads(path.read_bytes())
        assert (content["client_valid"], content["client_invalid_reasons"][0]) == (False, late.reason)
        assert content["client_remedies"]
        assert content["failures"] == []
    assert not pd.read_parquet(tmp_path / "parquet" / "points.parquet")["valid"].any()
    capsys.readouterr()
    assert execute(["import", "inferencex", str(result), "--store", str(tmp_path / "s"), *SAID]) == ExitCode.OK
    assert shown(capsys).count(late.reason) == 1
    imported = inferbench.open_run(next((tmp_path / "s").glob("imported/*")))
    client = imported.summaries[0].client
    assert client is not None
    assert (client.valid, client.reasons[0]) == (False, late.reason)
    assert not any(imported.fronts.values())
    assert late.reason in imported.write_report().read_text()
    assert imported.points()["valid"].tolist() == [False]


def test_a_comparison_says_it(late: Late, capsys: pytest.CaptureFixture[str]) -> None:
    run = late.run
    capsys.readouterr()
    execute(["compare", str(run.path), str(run.path), "--json"])
    assert f"a: client INVALID: {late.reason}" in json.loads(capsys.readouterr().out)[0]["not_compared"]
