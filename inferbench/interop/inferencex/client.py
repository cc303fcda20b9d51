"""The client's own result file, before InferenceX aggregates it; also what `vllm bench serve` saves.

It knows its requests and not the deployment: GPU, GPU count, framework and precision come from its metadata or from
whoever imports it.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from ...domain.measured import Latency, MeasuredPoint, Role
from ..trust import reasons_in
from . import names
from .row import STATISTICS, Row

KEY = "total_token_throughput"
"""Only a client's result has it."""
NEEDED = ("gpu", "gpus", "framework", "precision")


def client_point(row: Row, said: Mapping[str, str]) -> MeasuredPoint:
    """Read a client's result; `said` adds what the file does not say. Raises ValueError for what is missing."""
    known = {**said, **{key: str(row[key]) for key in (*NEEDED, "speculation") if row.get(key)}}
    if missing := [key for key in NEEDED if key not in known]:
        raise ValueError(f"a client's result does not say {', '.join(missing)}; give --{missing[0]}")
    gpus = int(known["gpus"])
    tpot = _latency(row, "tpot")
    return MeasuredPoint(
        date=_date(str(row.get("date", ""))),
        gpu=names.gpu(known["gpu"]),
        framework=names.framework(known["framework"]),
        model=str(row.get("model_id", "unknown")),
        precision=known["precision"].lower(),
        speculation=names.speculation(known.get("speculation")),
        isl=_longest(row, "input_lens", "total_input_tokens"),
        osl=_longest(row, "output_lens", "total_output_tokens"),
        concurrency=_whole(row.get("max_concurrency") or row.get("num_prompts")),
        decode=Role(workers=1, gpus=gpus, tp=gpus),
        tput_per_gpu=float(row[KEY]) / gpus,
        output_tput_per_gpu=float(row["output_throughput"]) / gpus,
        input_tput_per_gpu=(float(row[KEY]) - float(row["output_throughput"])) / gpus,
        interactivity=1000 / tpot.p50 if tpot and tpot.p50 else None,
        ttft_ms=_latency(row, "ttft"),
        tpot_ms=tpot,
        itl_ms=_latency(row, "itl"),
        e2el_ms=_latency(row, "e2el"),
        invalid=reasons_in(row),
    )


def _latency(row: Row, metric: str) -> Latency | None:
    found = {name: row.get(f"{key}_{metric}_ms") for key, name in STATISTICS.items()}
    return None if all(value is None for value in found.values()) else Latency(**found)


def _longest(row: Row, lengths: str, total: str) -> int:
    """The nominal length: the longest, since lengths are drawn up to it; else the mean of those that completed."""
    each: Sequence[Any] = row.get(lengths) or ()
    if each:
        return max(int(length) for length in each)
    completed = _whole(row.get("completed"))
    if not completed or not row.get(total):
        raise ValueError(f"neither {lengths} nor {total} and completed say how long requests are")
    return round(int(row[total]) / completed)


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _date(text: str) -> datetime.date | None:
    try:
        return datetime.datetime.strptime(text[:8], "%Y%m%d").date()
    except ValueError:
        return None
