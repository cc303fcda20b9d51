"""The sweep points of a run as the index keeps them: their figures, and the facts that one filters by."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pyarrow as pa
import yaml

from inferbench.files.yaml_text import parse
from inferbench.files.yaml_values import as_value
from inferbench.metrics.families import INDEXED, INDEXED_ENERGY
from inferbench.metrics.summary import Basis, PointSummary
from inferbench.scenario.deployment import Deployment, Topology, WorkerGroup
from inferbench.scenario.scenario import Scenario
from inferbench.store.manifest import PointManifest, RunManifest

_TEXT = (
    "point", "deployment", "topology", "origin", "model", "gpu", "framework", "precision", "speculation", "launch",
    "client_reasons",
)  # fmt: skip
_COUNTS = ("concurrency", "gpus", "prefill_gpus", "isl", "osl", "planned", "ok", "failed")
_FIGURES = (*(metric.name for metric in INDEXED), "at_unix", *(metric.name for metric in INDEXED_ENERGY))
POINT = pa.struct(
    [(name, pa.string()) for name in _TEXT]
    + [(name, pa.int64()) for name in _COUNTS]
    + [(name, pa.float64()) for name in _FIGURES]
    + [(name, pa.bool_()) for name in ("partial", "client_valid")]
)
"""A sweep point over the whole run: latencies in ms, throughputs in tok/s/GPU of all GPUs, interactivity in
tok/s/user, energy of the GPUs alone, nominal lengths in tokens, the wall clock at its begin.
A fact that nothing states is null."""


def point_rows(
    manifest: RunManifest, summaries: tuple[PointSummary, ...], scenario: bytes | None
) -> list[dict[str, Any]]:
    """The rows of a run's points; `scenario` is the content of its scenario file."""
    entries = {entry.point.key: entry for entry in sorted(manifest.points, key=lambda entry: entry.attempt)}
    spec = None if scenario is None else _scenario(scenario)
    return [_figures(s) | _facts(s, entries.get(s.point.key), spec) for s in summaries]


@lru_cache(maxsize=8)
def _scenario(content: bytes) -> Scenario | None:
    """The scenario, None where it cannot be read: then its points lack facts, and their figures stand."""
    try:
        return as_value(parse(content.decode()), Scenario)
    except (yaml.YAMLError, ValueError):  # not text, or not a scenario
        return None


def _figures(summary: PointSummary) -> dict[str, Any]:
    point, counts = summary.point, summary.counts
    row: dict[str, Any] = {
        "point": point.key,
        "deployment": point.deployment,
        "topology": point.topology,
        "concurrency": point.concurrency,
        "gpus": point.gpus,
        "prefill_gpus": point.prefill_gpus,
        "origin": summary.origin.value,
        "partial": summary.partial,
        "client_valid": summary.client is None or summary.client.valid,
        "client_reasons": "; ".join(summary.client.reasons) if summary.client and not summary.client.valid else None,
        "planned": counts.planned,
        "ok": counts.ok,
        "failed": counts.failed,
    }
    return row | {metric.name: metric.read(summary, Basis.WHOLE_RUN) for metric in (*INDEXED, *INDEXED_ENERGY)}


def _facts(summary: PointSummary, entry: PointManifest | None, scenario: Scenario | None) -> dict[str, Any]:
    """What the run's scenario says of a point; where there is none, what its manifest says of who answered."""
    own = {} if entry is None else _of_target(entry)
    deployment = (
        next((d for d in scenario.deployments if d.name == summary.point.deployment), None) if scenario else None
    )
    if scenario is None or deployment is None:
        return own
    return own | {
        "model": scenario.model,
        "gpu": deployment.gpu,
        "framework": deployment.stack.framework,
        "precision": deployment.precision,
        "isl": scenario.load.isl.nominal,
        "osl": scenario.load.osl.nominal,
        **_of_topology(deployment, summary.point.topology),
    }


def _of_target(entry: PointManifest) -> dict[str, Any]:
    target = entry.target
    launch = (target.engine_version, target.launch_command, target.base_url)
    return {
        "model": target.model,
        "gpu": target.gpu,
        "framework": target.engine,
        "precision": target.precision,
        "isl": entry.isl,
        "osl": entry.osl,
        "launch": ", ".join(part for part in launch if part) or None,
        "at_unix": entry.benchmark_start_time_unix,
    }


def _of_topology(deployment: Deployment, name: str) -> dict[str, Any]:
    topology = next((t for t in deployment.topologies if t.name == name), None)
    if topology is None:
        return {}
    return {"speculation": "mtp" if topology.mtp else "none", "launch": _launch(deployment, topology)}


def _launch(deployment: Deployment, topology: Topology) -> str:
    """The launch facts of a topology in a line."""
    apart = topology.prefill is not None
    parts = [
        *([] if topology.prefill is None else [f"prefill {_workers(topology.prefill)}"]),
        f"{'decode' if apart else 'aggregated'} {_workers(topology.decode)}",
        f"KV {deployment.kv_precision}" + (f" over {deployment.stack.kv_transfer}" if apart else ""),
        f"all-to-all {deployment.stack.all_to_all} ({deployment.stack.dispatch})",
    ]
    if topology.mtp:
        parts.append(f"MTP depth {topology.mtp}")
    if topology.stream_interval > 1:
        parts.append(f"stream interval {topology.stream_interval}")
    return ", ".join(parts)


def _workers(group: WorkerGroup) -> str:
    expert = f"/EP{group.ep}" if group.ep > 1 else ""
    return f"{group.workers}x{group.gpus} GPUs TP{group.tp}{expert}{'+DP' if group.dp_attention else ''}"
