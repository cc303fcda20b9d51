"""InferenceX's aggregate row, written from a point: the keys of `agg_*.json`, marked Unofficial.

Seconds, `p99.9_*` names, `dp_attention` as a string and `disagg` as a boolean, as its own script writes them. Input
and output rates of a disaggregated point are per prefill and per decode GPU.
"""

from __future__ import annotations

from typing import Any

from inferbench.evidence.measured_point import Latency, MeasuredPoint, RoleWorkers
from inferbench.formats.validity_keys import row_keys
from inferbench.metrics.families import LATENCIES
from inferbench.units import MS_PER_S

UNOFFICIAL = "Unofficial: not an InferenceX result. Made by inferbench; InferenceX is SemiAnalysis's benchmark."
STATISTICS = {"mean": "mean", "p50": "median", "std": "std", "p90": "p90", "p99": "p99", "p999": "p99.9"}


def agg_row(point: MeasuredPoint) -> dict[str, Any]:
    """Return the row of one point. A statistic that is not known is left out, never zero."""
    row: dict[str, Any] = {
        "unofficial": UNOFFICIAL,
        "hw": point.gpu,
        "conc": point.concurrency,
        "image": point.image,
        "model": point.model,
        "infmax_model_prefix": "dsr1" if "deepseek-r1" in point.model.lower() else point.model,
        "framework": point.framework,
        "precision": point.precision,
        "spec_decoding": point.speculation,
        "disagg": point.prefill is not None,
        "isl": point.isl,
        "osl": point.osl,
        "is_multinode": point.prefill is not None,
        **_topology(point),
        "tput_per_gpu": point.tput_per_gpu,
        **_rates(point),
    }
    for metric in LATENCIES:
        row |= _statistics(metric.name, getattr(point, metric.field))
    return row | _interactivity(point) | row_keys(point.invalid)


def _topology(point: MeasuredPoint) -> dict[str, Any]:
    if point.prefill is None:
        return _role("", point.decode)
    return {
        **_role("prefill_", point.prefill),
        "prefill_num_workers": point.prefill.workers,
        **_role("decode_", point.decode),
        "decode_num_workers": point.decode.workers,
        "num_prefill_gpu": point.prefill.gpus,
        "num_decode_gpu": point.decode.gpus,
    }


def _role(lead: str, role: RoleWorkers) -> dict[str, Any]:
    return {
        f"{lead}tp": role.tp,
        f"{lead}pp": 1,
        f"{lead}dcp_size": 1,
        f"{lead}pcp_size": 1,
        f"{lead}ep": role.ep,
        f"{lead}dp_attention": "true" if role.dp_attention else "false",
    }


def _rates(point: MeasuredPoint) -> dict[str, float]:
    rates = {"output_tput_per_gpu": point.output_tput_per_gpu, "input_tput_per_gpu": point.input_tput_per_gpu}
    return {key: rate for key, rate in rates.items() if rate is not None}


def _statistics(metric: str, latency: Latency | None) -> dict[str, float]:
    values = {} if latency is None else {key: getattr(latency, name) for name, key in STATISTICS.items()}
    return {f"{key}_{metric}": value / MS_PER_S for key, value in values.items() if value is not None}


def _interactivity(point: MeasuredPoint) -> dict[str, float]:
    """1000 / TPOT under each name, as theirs; `std_intvty` is left out, since the inverse of a spread means nothing."""
    tpot = point.tpot_ms or Latency()
    values = {key: getattr(tpot, name) for name, key in STATISTICS.items() if name != "std"}
    inverse = {f"{key}_intvty": MS_PER_S / value for key, value in values.items() if value}
    return inverse | ({"median_intvty": point.interactivity} if point.interactivity else {})
