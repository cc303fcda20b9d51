"""One row as InferenceX aggregates or serves it: `agg_*.json`, an API row, or a line of the CSV export.

Rates are tok/s/GPU, times are seconds. TPOT is its formula, (E2EL - TTFT)/(OSL - 1), also where chunks hold several
tokens. GPU counts come from the topology: its own fields for aggregated servers held TP x EP at times.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping
from typing import Any

from inferbench.evidence.measured_point import Latency, MeasuredPoint, RoleWorkers
from inferbench.formats.inferencex import names
from inferbench.formats.validity_keys import reasons_in
from inferbench.metrics.families import LATENCIES
from inferbench.units import MS_PER_S

Row = Mapping[str, Any]
STATISTICS = {
    "mean": "mean",
    "median": "p50",
    "p90": "p90",
    "p95": "p95",
    "p99": "p99",
    "p99.9": "p999",
    "std": "std",
}
_SPLIT = re.compile(r"derived_split_prefill=(\d+)_decode=(\d+)")


def point_of(row: Row, model: str | None = None) -> MeasuredPoint:
    """Read a row. Raises ValueError (pydantic's too) that says which key is missing or wrong."""
    row = {**row, **(row.get("metrics") or {})}
    marks = tuple(m for m in str(row.get("flags") or "").split(";") if m)
    prefill, decode, stated = _topology(row, marks)
    return MeasuredPoint(
        date=_date(row.get("date")),
        gpu=names.gpu(_text(row, "hw", "hardware")),
        framework=names.framework(_text(row, "framework")),
        model=model or _text(row, "model"),
        precision=_text(row, "precision").lower(),
        speculation=names.speculation(_first(row, "spec_decoding", "spec_method", "mtp")),
        isl=_whole(row, "isl"),
        osl=_whole(row, "osl"),
        concurrency=_whole(row, "conc") if _first(row, "conc") is not None else None,
        prefill=prefill,
        decode=decode,
        stated_gpus=stated,
        tput_per_gpu=number(row, "tput_per_gpu"),
        input_tput_per_gpu=maybe(row, "input_tput_per_gpu"),
        output_tput_per_gpu=maybe(row, "output_tput_per_gpu"),
        interactivity=_interactivity(row),
        **_latencies(row),
        image=_first(row, "image"),
        run=_first(row, "run_url"),
        marks=(*((str(row["kind"]),) if row.get("kind") else ()), *marks),
        invalid=reasons_in(row),
    )


def _topology(row: Row, marks: tuple[str, ...]) -> tuple[RoleWorkers | None, RoleWorkers, int | None]:
    """Prefill and decode roles, and the publisher's own GPU count where it is another than theirs together."""
    stated = maybe_whole(row, "num_decode_gpu")
    if not _true(row.get("disagg")):
        decode = _role(row, "decode", None) if _first(row, "decode_tp") is not None else _role(row, "", None)
        known = maybe_whole(row, "total_gpus")
        decode = decode.model_copy(update={"gpus": known or decode.gpus})
        return None, decode, stated if stated != decode.gpus else None
    split = next((m for mark in marks if (m := _SPLIT.search(mark))), None)
    gpus = (int(split[1]), int(split[2])) if split else (_whole(row, "num_prefill_gpu"), _whole(row, "num_decode_gpu"))
    prefixes = ("prefill", "decode") if _first(row, "prefill_tp") is not None else ("", "")
    prefill, decode = (_role(row, prefix, n) for prefix, n in zip(prefixes, gpus, strict=True))
    own = _whole(row, "num_prefill_gpu") + _whole(row, "num_decode_gpu")
    return prefill, decode, own if own != sum(gpus) else None


def _role(row: Row, prefix: str, gpus: int | None) -> RoleWorkers:
    """The workers of a role; `gpus` None: TP x PP of one worker, as an aggregated server has."""
    lead = f"{prefix}_" if prefix else ""
    workers = max(maybe_whole(row, f"{lead}num_workers") or 1, 1) if gpus is not None else 1
    tp = maybe_whole(row, f"{lead}tp") or (gpus // workers if gpus else maybe_whole(row, "total_gpus"))
    if tp is None:
        raise ValueError(f"{lead}tp is missing")
    pp, pcp = (maybe_whole(row, f"{lead}{key}") or 1 for key in ("pp", "pcp_size"))
    return RoleWorkers(
        workers=workers,
        gpus=gpus if gpus is not None else tp * pp * pcp,
        tp=tp,
        ep=max(maybe_whole(row, f"{lead}ep") or 1, 1),
        dp_attention=_true(row.get(f"{lead}dp_attention")),
    )


def _interactivity(row: Row) -> float | None:
    stored = maybe(row, "median_intvty")
    if stored:
        return stored
    tpot = maybe(row, "median_tpot")
    return 1 / tpot if tpot else None


def _latencies(row: Row) -> dict[str, Any]:
    return {metric.field: _latency(row, metric.name) for metric in LATENCIES}


def _latency(row: Row, metric: str) -> Latency | None:
    found = {name: maybe(row, f"{key}_{metric}") for key, name in STATISTICS.items()}
    if all(value is None for value in found.values()):
        return None
    return Latency(**{name: None if value is None else value * MS_PER_S for name, value in found.items()})


def _first(row: Row, *keys: str) -> Any:
    return next((row[key] for key in keys if row.get(key) not in (None, "")), None)


def _text(row: Row, *keys: str) -> str:
    value = _first(row, *keys)
    if value is None:
        raise ValueError(f"{' or '.join(keys)} is missing")
    return str(value)


def maybe(row: Row, key: str) -> float | None:
    """A number of a row; None where it is not there. Raises ValueError for what is none, or not finite."""
    value = _first(row, key)
    if value is None:
        return None
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{key}: {value!r} is not a number") from None
    if not math.isfinite(found):
        raise ValueError(f"{key}: {value!r} is not finite")
    return found


def number(row: Row, key: str) -> float:
    """A number that must be there. Raises ValueError where it is not."""
    value = maybe(row, key)
    if value is None:
        raise ValueError(f"{key} is missing")
    return value


def maybe_whole(row: Row, key: str) -> int | None:
    """A whole number of a row; None where it is not there. Raises ValueError for what is none."""
    value = maybe(row, key)
    if value is not None and value != int(value):
        raise ValueError(f"{key}: {value} is not a whole number")
    return None if value is None else int(value)


def _whole(row: Row, key: str) -> int:
    value = maybe_whole(row, key)
    if value is None:
        raise ValueError(f"{key} is missing")
    return value


def _true(value: Any) -> bool:
    return str(value).lower() in ("true", "1")


def _date(value: Any) -> datetime.date | None:
    if value in (None, ""):
        return None
    try:
        return datetime.date.fromisoformat(str(value)[:10])
    except ValueError:
        raise ValueError(f"date: {value!r} is not a date") from None
