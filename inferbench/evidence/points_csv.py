"""Reader of measured serving points: a CSV with InferenceX's columns, one row per measured point."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from inferbench.files.csv_cells import read_table
from inferbench.metrics.catalog import TPOT, TTFT
from inferbench.scenario.deployment import stack_name

DROPPED_FLAGS = ("known_accuracy_issue_run", "littles_law_outlier")
"""Runs that their own publisher lists as wrong, and rows whose figures contradict each other by Little's law."""
NOT_MEASURED = ("vendor_blog_interpolated", "blog_table", "issue_table", "third_party_run")
"""Kinds of row that are rounded, interpolated, or from somebody else's machine."""
MIXED_RUNS = "median_over_runs"
FRAMEWORKS = {"mori-sglang": "sglang", "dynamo-trt": "dynamo-trtllm", "trt": "trtllm"}
"""Names in the file that the twin calls otherwise."""
FIGURES = {TPOT.name: "tpot_s", "tokens_s_gpu": "tokens_s_gpu", TTFT.name: "ttft_s"}
"""What the twin is scored on, and the field that holds it; scores call tput_per_gpu `tokens_s_gpu`."""
COLUMNS = (
    "kind", "date", "hw", "framework", "precision", "disagg", "spec_decoding", "isl", "osl", "conc", "prefill_tp",
    "prefill_ep", "prefill_dp_attn", "prefill_workers", "num_prefill_gpu", "decode_tp", "decode_ep", "decode_dp_attn",
    "decode_workers", "num_decode_gpu", "total_gpus", "tput_per_gpu", "interactivity_median", "median_ttft_s",
    "median_tpot_s", "flags",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Workers:
    """Equal workers of one role. GPUs come from the row's GPU counts: its TP of 1 with EP of 8 is 8 GPUs."""

    workers: int
    gpus: int
    tp: int
    ep: int
    dp_attention: bool

    @property
    def kind(self) -> Literal["tp", "tep", "dep"]:
        """Parallelism: tensor, tensor with whole experts, DP attention."""
        return "dep" if self.dp_attention else "tep" if self.ep > 1 else "tp"

    def __str__(self) -> str:
        return f"{self.workers}x{self.kind.upper()}{self.gpus}"


@dataclass(frozen=True, slots=True)
class Point:
    """One measured point. Times in s, throughput in tokens (in and out) per s and GPU, whole run."""

    line: int
    hw: str
    framework: str
    precision: str
    disaggregated: bool
    mtp: bool
    isl: int
    osl: int
    concurrency: int
    prefill: Workers | None
    decode: Workers
    gpus: int
    date: datetime.date | None
    """None: a median over runs of several dates."""
    kind: str
    tpot_s: float | None
    tokens_s_gpu: float | None
    ttft_s: float | None

    def figure(self, metric: str) -> float | None:
        """A figure that the twin is scored on, in s or tok/s/GPU; None where it was not measured."""
        value: float | None = getattr(self, FIGURES[metric])
        return value

    @property
    def stack(self) -> str:
        """Hardware and framework; aggregated servers are a stack of their own."""
        return f"{self.hw} {stack_name(self.framework, aggregated=not self.disaggregated)}"

    @property
    def shape(self) -> tuple[object, ...]:
        """Workers and precision: what stays the same when lengths, speculation and load change."""
        return self.stack, self.precision, str(self.prefill), str(self.decode)

    @property
    def topology(self) -> tuple[object, ...]:
        """What is deployed and what it is asked: the shape with its lengths and speculation, at every concurrency."""
        return *self.shape, self.isl, self.osl, self.mtp

    @property
    def group(self) -> str:
        """Class of its errors: hardware, framework, precision and parallelism of the decode worker."""
        return f"{self.stack} {self.precision} {self.decode.kind}"

    @property
    def weight(self) -> float:
        """Weight in a fit: little for a median over runs, which mixes software and repeats rows that are dated."""
        return 0.25 if self.kind == MIXED_RUNS else 1.0


@dataclass(frozen=True, slots=True)
class Points:
    """The usable points of a file, how many rows were left out on purpose, and the lines that cannot be used."""

    points: tuple[Point, ...]
    dropped: dict[str, int]
    """Rows by the flag or kind that they were left out for."""
    bad: dict[int, str]
    """What is wrong, by line."""


def read_points(path: Path) -> Points:
    """Read a file of measured points. Raises FileError where it is missing, no CSV, or lacks a column."""
    points: list[Point] = []
    dropped: dict[str, int] = {}
    bad: dict[int, str] = {}
    for line, row in read_table(path, COLUMNS):
        reason = _left_out(row)
        if reason:
            dropped[reason] = dropped.get(reason, 0) + 1
            continue
        try:
            points.append(_point(line, row))
        except ValueError as error:
            bad[line] = str(error)
    return Points(tuple(points), dropped, bad)


def _left_out(row: dict[str, str]) -> str | None:
    flags = row["flags"]
    found = next((flag for flag in DROPPED_FLAGS if flag in flags.split(";")), None)
    return found or (row["kind"] if row["kind"] in NOT_MEASURED else None)


def _point(line: int, row: dict[str, str]) -> Point:
    disaggregated = _flag(row, "disagg")
    interactivity = _number(row, "interactivity_median")
    return Point(
        line=line,
        hw=row["hw"],
        framework=FRAMEWORKS.get(row["framework"], row["framework"]),
        precision=row["precision"],
        disaggregated=disaggregated,
        mtp=row["spec_decoding"] not in ("", "none"),
        isl=_count(row, "isl"),
        osl=_count(row, "osl"),
        concurrency=_count(row, "conc"),
        prefill=_workers(row, "prefill") if disaggregated else None,
        decode=_workers(row, "decode") if disaggregated else _aggregated(row),
        gpus=_count(row, "total_gpus"),
        date=_date(row["date"]) if row["kind"] != MIXED_RUNS else None,
        kind=row["kind"],
        tpot_s=_number(row, "median_tpot_s") or (1 / interactivity if interactivity else None),
        tokens_s_gpu=_number(row, "tput_per_gpu"),
        ttft_s=_number(row, "median_ttft_s"),
    )


def _workers(row: dict[str, str], role: str) -> Workers:
    workers = _count(row, f"{role}_workers")
    total = _count(row, f"num_{role}_gpu")
    if total % workers:
        raise ValueError(f"num_{role}_gpu {total} is no multiple of {role}_workers {workers}")
    gpus, ep = total // workers, int(_number(row, f"{role}_ep") or 1)
    # Rows that give TP 1 to a worker of 8 GPUs count the ranks of DP attention or of EP; the worker spans its GPUs.
    return Workers(workers, gpus, gpus, gpus if ep > 1 else 1, _flag(row, f"{role}_dp_attn"))


def _aggregated(row: dict[str, str]) -> Workers:
    gpus = _count(row, "total_gpus")
    ep = int(_number(row, "decode_ep") or 1)
    return Workers(1, gpus, gpus, gpus if ep > 1 else 1, _flag(row, "decode_dp_attn"))


def _count(row: dict[str, str], name: str) -> int:
    value = _number(row, name)
    if value is None or value < 1 or value != int(value):
        raise ValueError(f"{name} must be a whole number of at least 1, not {row[name]!r}")
    return int(value)


def _number(row: dict[str, str], name: str) -> float | None:
    text = row[name].strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{name} must be a number, not {text!r}") from None
    if not 0 < value < float("inf"):
        raise ValueError(f"{name} must be positive, not {text!r}")
    return value


def _flag(row: dict[str, str], name: str) -> bool:
    text = row[name].strip().lower()
    if text not in ("true", "false", ""):
        raise ValueError(f"{name} must be true or false, not {row[name]!r}")
    return text == "true"


def _date(text: str) -> datetime.date | None:
    if not text:
        return None
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"date must be YYYY-MM-DD, not {text!r}") from None
