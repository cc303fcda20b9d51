"""A point as a line of a flat table: the columns that the CSV importer reads, times in seconds."""

from __future__ import annotations

from inferbench.evidence.measured_point import Latency, MeasuredPoint, RoleWorkers
from inferbench.files.csv_cells import inert
from inferbench.formats.inferencex.aggregate_row import UNOFFICIAL
from inferbench.formats.validity_keys import REASONS
from inferbench.metrics.families import OF_ONE_REQUEST
from inferbench.units import MS_PER_S

_ROLE = ("tp", "ep", "dp_attn", "workers")
COLUMNS = (
    "kind", "date", "hw", "framework", "precision", "disagg", "spec_decoding", "model", "isl", "osl", "conc",
    *(f"prefill_{key}" for key in _ROLE), "num_prefill_gpu",
    *(f"decode_{key}" for key in _ROLE), "num_decode_gpu", "total_gpus",
    "tput_per_gpu", "output_tput_per_gpu", "input_tput_per_gpu", "interactivity_median",
    *(f"{statistic}_{metric.name}_s" for metric in OF_ONE_REQUEST for statistic in ("mean", "median", "p99")),
    "image", "run_url", "flags", REASONS,
)  # fmt: skip


def table_row(point: MeasuredPoint) -> dict[str, object]:
    """Return one line by column; what is not known is empty."""
    row: dict[str, object] = {
        "kind": UNOFFICIAL,
        "date": point.date,
        "hw": point.gpu,
        "framework": point.framework,
        "precision": point.precision,
        "disagg": str(point.prefill is not None).lower(),
        "spec_decoding": point.speculation,
        "model": point.model,
        "isl": point.isl,
        "osl": point.osl,
        "conc": point.concurrency,
        **_role("prefill", point.prefill),
        **_role("decode", point.decode),
        "total_gpus": point.gpus,
        "tput_per_gpu": point.tput_per_gpu,
        "output_tput_per_gpu": point.output_tput_per_gpu,
        "input_tput_per_gpu": point.input_tput_per_gpu,
        "interactivity_median": point.interactivity,
        "image": point.image,
        "run_url": point.run,
        "flags": ";".join(point.marks),
        REASONS: "; ".join(point.invalid),
    }
    for metric in OF_ONE_REQUEST:
        row |= _statistics(metric.name, getattr(point, metric.field) or Latency())
    return {name: inert(value) if isinstance(value, str) else value for name, value in row.items()}


def _role(name: str, role: RoleWorkers | None) -> dict[str, object]:
    if role is None:
        return {}
    return {
        f"{name}_tp": role.tp,
        f"{name}_ep": role.ep,
        f"{name}_dp_attn": str(role.dp_attention).lower(),
        f"{name}_workers": role.workers,
        f"num_{name}_gpu": role.gpus,
    }


def _statistics(metric: str, latency: Latency) -> dict[str, object]:
    values = {"mean": latency.mean, "median": latency.p50, "p99": latency.p99}
    return {f"{key}_{metric}_s": None if value is None else value / MS_PER_S for key, value in values.items()}
