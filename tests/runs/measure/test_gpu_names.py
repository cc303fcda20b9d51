"""Which GPUs stand in a deployment, by what is watched: a page as DCGM's exporter has it, and scripts as tools."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from inferbench.errors import ExitCode
from inferbench.loadgen.event_loop import run_in_loop
from inferbench.runs.measure.gpu_names import gpus_seen
from inferbench.runs.measure.monitored_deployment import WhatToWatch
from inferbench.simulator.server.server_process import start_paced
from inferbench.telemetry.monitor import WatchedGpus
from tests.end_to_end.test_attach import MI355X, MODEL, answering, attach, attached_scenario
from tests.support.scenarios_for_tests import write_scenario

DCGM = (Path(__file__).parents[2] / "telemetry" / "transcripts" / "dcgm-exporter.txt").read_text()
NOWHERE = "http://127.0.0.1:1/metrics"


def tool(folder: Path, prints: str) -> tuple[str]:
    """A prefix that stands before a tool's name, as ssh does, and prints instead of it."""
    (folder / "answer").write_text(prints)
    script = folder / "node"
    script.write_text(f"#!/bin/sh\ncat {folder / 'answer'}\n")
    script.chmod(stat.S_IRWXU)
    return (str(script),)


@pytest.mark.parametrize(
    ("name", "prints", "seen"),
    [
        ("nvidia-smi", "NVIDIA H200\nNVIDIA H200\n", ("h200",)),
        ("nvidia-smi", "Warning: infoROM is corrupted\nNVIDIA B200\n", ("b200",)),
        ("amd-smi", '[{"gpu": 0, "asic": {"market_name": "AMD Instinct MI355X", "vendor_id": "0x1002"}}]', ("mi355x",)),
        ("amd-smi", '{"gpu_data": [{"gpu": 0, "asic": {"market_name": "AMD Instinct MI300X"}}]}', ("mi300x",)),
        ("amd-smi", "no JSON at all", ()),
    ],
)
def test_a_tool_is_asked_for_names(tmp_path: Path, name: str, prints: str, seen: tuple[str, ...]) -> None:
    gpus = WatchedGpus.model_validate({"tool": name, "prefix": tool(tmp_path, prints)})
    assert run_in_loop(gpus_seen(WhatToWatch(gpus=(gpus,)))) == seen


def test_what_cannot_be_asked_is_passed_over() -> None:
    gpus = WatchedGpus(tool="nvidia-smi", prefix=("/nowhere/ssh",))
    assert run_in_loop(gpus_seen(WhatToWatch(gpu_urls=(NOWHERE,), gpus=(gpus,)))) == ()


def test_other_gpus_than_the_scenarios_are_refused_before_any_load(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = write_scenario(tmp_path / "small.yaml", attached_scenario())
    with start_paced(5, 1, MODEL) as server, answering({"/metrics": (200, DCGM)}) as exporter:
        watch = ("--gpu-metrics-url", f"{exporter}/metrics")
        assert attach(scenario, server.url, tmp_path / "s", *MI355X, *watch) == ExitCode.INCOMPARABLE
    assert "what runs there: mi355x in the scenario, b200 there; --allow-different" in capsys.readouterr().err
    assert not (tmp_path / "s").exists()
