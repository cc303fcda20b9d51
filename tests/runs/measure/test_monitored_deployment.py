"""A measured deployment whose engine and GPUs are watched: its counters, its energy, its bottleneck, its page."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from inferbench.cli import execute
from inferbench.endpoint.discovery import Site
from inferbench.errors import ExitCode
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.runs.measure.attach import Choice, attach
from inferbench.runs.measure.attached_point import HowToMeasure
from inferbench.runs.measure.monitored_deployment import WhatToWatch
from inferbench.runs.sweep import point_plan, warmup_plan
from inferbench.simulator.server.server_process import start_paced
from inferbench.telemetry.monitor import WatchedGpus
from inferbench.telemetry.series import Metric, WorkerRole
from inferbench.telemetry.storage import read_telemetry
from tests.end_to_end.test_attach import MODEL, attached_scenario, only_run
from tests.support.scenarios_for_tests import write_scenario

GPUS, WATTS = 44, 700
KEY = "b200-trtllm.1p5d-tep8-b1.c4"
NOWHERE = "http://127.0.0.1:1"


def test_what_was_watched_ends_in_the_summary_and_on_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    warning = "WARNING: infoROM is corrupted at gpu 0000:5D:00.0"
    lines = "".join(f"{i}, {WATTS}, {WATTS}, 1965, 3996, 60, 55, 1000, 99\\n" for i in range(GPUS))
    (tools / "nvidia-smi").write_text(f"#!/bin/sh\nprintf '{warning}\\n{lines}'\n")
    (tools / "nvidia-smi").chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    path = write_scenario(tmp_path / "small.yaml", attached_scenario(prompts=6, osl=40))
    watch = WhatToWatch(router_urls=(NOWHERE,), gpus=(WatchedGpus(tool="nvidia-smi"),), every_s=0.05)
    with start_paced(20, 10, MODEL) as server:
        attach(
            path,
            Site((Endpoint(server.url, "/v1/completions"),)),
            Choice("b200-trtllm", "1p5d-tep8-b1", (4,)),
            how=HowToMeasure(watch=watch),
            store=tmp_path / "store",
        )
    run = only_run(tmp_path / "store")
    (summary,), (entry,) = run.summaries, run.manifest.points
    point = run.path / "points" / KEY
    assert f"points/{KEY}/telemetry.parquet" in entry.checksums
    telemetry = read_telemetry(point, entry.anchor.monotonic_ns)
    assert telemetry is not None

    # The engine's own counter, from the look before the load to the one after it, is what was asked for.
    assert run.scenario is not None
    plans = point_plan(run.scenario.load, 4), warmup_plan(run.scenario.load, 4)
    (tokens,) = telemetry.of(Metric.GENERATION_TOKENS, WorkerRole.SERVER)
    assert tokens.source.engine == "sglang"
    assert tokens.rise() == sum(int(plan.osl.sum()) for plan in plans if plan is not None)
    (running,) = telemetry.of(Metric.RUNNING, WorkerRole.SERVER)
    assert summary.whole_run is not None
    assert summary.whole_run.begin_ns is not None
    assert running.at_ns[0] < summary.whole_run.begin_ns

    energy = summary.energy
    assert energy is not None
    assert energy.mean_power_w_per_gpu == pytest.approx(WATTS)
    assert all("apart" in reason for reason in energy.reasons)  # a machine too busy to look every 3 s says so

    (seen,) = run.watched
    assert [lane.title for lane in seen.lanes][:3] == ["TTFT", "TPOT", "Requests"]
    assert seen.lanes[-1].title == "Power"
    unread = f"{NOWHERE}/metrics cannot be reached: Connection refused"
    assert seen.gaps == (unread,)
    assert f"not watched: {unread}" in entry.notes
    assert [note for note in entry.notes if note.startswith("watched: ")] == [
        f"watched: nvidia-smi also printed {warning!r}"
    ]
    page = (run.path / "report.html").read_text()
    assert f"{KEY}, bottleneck: {seen.bottleneck.outcome}." in page


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (("--gpu-tool", "rocm-smi"), "--gpu-tool 'rocm-smi' must end with nvidia-smi or amd-smi"),
        (("--gpu-metrics-url", "node:9400"), "base URL 'node:9400' cannot be used"),
        (("--router-metrics-url", "ftp://x"), "base URL 'ftp://x' cannot be used"),
    ],
)
def test_what_cannot_be_watched_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], why: str
) -> None:
    path = write_scenario(tmp_path / "small.yaml", attached_scenario())
    assert execute(["run", str(path), "--base-url", NOWHERE, "--store", str(tmp_path), *more]) == ExitCode.USAGE
    error = capsys.readouterr().err
    assert why in error
    assert error.count("\n") == 1
