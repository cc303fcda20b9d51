"""Measured points that were never measured: a CSV whose figures the twin itself made, with constants that we know."""

from __future__ import annotations

import csv
import datetime
import os
from pathlib import Path
from typing import Any

import pytest

from inferbench.catalog.bundled import gpus, models
from inferbench.evidence.points_csv import COLUMNS, Point, Workers, read_points
from inferbench.simulator.calibration.configuration import Configuration, configurations

MODEL = models()["deepseek-r1-0528"]
GPUS = gpus()
ROW = {
    "kind": "snapshot_latest", "date": "2026-05-27", "hw": "b200", "framework": "dynamo-trt", "precision": "fp4",
    "disagg": "true", "spec_decoding": "none", "isl": "8192", "osl": "1024", "conc": "60",
    "prefill_tp": "4", "prefill_ep": "4", "prefill_dp_attn": "true", "prefill_workers": "1", "num_prefill_gpu": "4",
    "decode_tp": "8", "decode_ep": "8", "decode_dp_attn": "false", "decode_workers": "5", "num_decode_gpu": "40",
    "total_gpus": "44", "tput_per_gpu": "1000.5", "interactivity_median": "80", "median_ttft_s": "1.25",
    "median_tpot_s": "0.0125", "flags": "",
}  # fmt: skip


def write(path: Path, *rows: dict[str, Any]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows([{**ROW, **row} for row in rows])
    return path


def point(**changes: Any) -> Point:
    own = {
        "line": 2, "hw": "b200", "framework": "dynamo-trtllm", "precision": "fp4", "disaggregated": True, "mtp": False,
        "isl": 8192, "osl": 1024, "concurrency": 60, "prefill": Workers(1, 4, 4, 4, True),
        "decode": Workers(5, 8, 8, 8, False), "gpus": 44, "date": datetime.date(2026, 5, 27), "kind": "snapshot_latest",
        "tpot_s": 0.0125, "tokens_s_gpu": 1000.5, "ttft_s": 1.25,
    }  # fmt: skip
    return Point(**{**own, **changes})


def configured(*points: Point) -> list[Configuration]:
    found, reasons = configurations(points)
    assert not reasons
    return found


def measured() -> Path:
    """The shared file of measured points; the test is skipped where there is none."""
    places = [Path(os.environ.get("INFERBENCH_DATA", "")), Path(__file__).parents[3] / "shared" / "data"]
    for place in places:
        path = place / "inferencex_points.csv"
        if path.is_file():
            return path
    pytest.skip("measured data: no inferencex_points.csv in INFERBENCH_DATA or ../shared/data")


def measured_points() -> tuple[Point, ...]:
    return read_points(measured()).points
