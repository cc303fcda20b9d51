"""The points of a run as an importer, an audit or another tool's format sees them."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from inferbench.errors import StoreError, UsageError
from inferbench.evidence.measured_point import Latency, MeasuredPoint, RoleWorkers
from inferbench.files.yaml_values import describe
from inferbench.formats.validity_keys import reasons_of
from inferbench.metrics.families import LATENCIES
from inferbench.metrics.summary import BasisSummary, Distribution, PointSummary
from inferbench.records import layout
from inferbench.runs.opened_run import Run
from inferbench.scenario.deployment import Deployment, Topology, WorkerGroup
from inferbench.scenario.scenario import Scenario

PRECISION_UNKNOWN = "unknown"


def measured_points(run: Run) -> tuple[MeasuredPoint, ...]:
    """Return a run's points over the whole run: as published where it was imported, else from its summaries.

    Raises UsageError for a run without a point that succeeded, StoreError for a summary with impossible figures.
    """
    published = run.directory.measured()
    points = published or tuple(_measured(summary, run) for summary in run.summaries if summary.whole_run is not None)
    if not points:
        raise UsageError(f"{run.path}: no point has figures over the whole run")
    return points


def _measured(summary: PointSummary, run: Run) -> MeasuredPoint:
    try:
        return _of_scenario(summary, run.scenario) if run.scenario else _ad_hoc(summary, run)
    except ValidationError as error:
        problem = describe(error, MeasuredPoint)
        raise StoreError(f"{run.path}: {layout.SUMMARY}: {summary.point.key}: {problem}") from None


def _of_scenario(summary: PointSummary, scenario: Scenario) -> MeasuredPoint:
    deployment = scenario.deployment(summary.point.deployment)
    topology = deployment.topology(summary.point.topology)
    return _point(
        summary,
        gpu=deployment.gpu,
        framework=_framework(deployment),
        model=scenario.model,
        precision=deployment.precision,
        speculation="mtp" if topology.mtp else "none",
        isl=scenario.load.isl.nominal,
        osl=scenario.load.osl.nominal,
        prefill=None if topology.prefill is None else _role(topology.prefill),
        decode=_role(topology.decode),
        marks=_marks(summary, topology),
    )


def _ad_hoc(summary: PointSummary, run: Run) -> MeasuredPoint:
    target = next((entry.target for entry in run.manifest.points if entry.point.key == summary.point.key), None)
    if target is None:
        raise StoreError(f"{run.path}: {layout.SUMMARY}: {summary.point.key!r} is no point of this run")
    gpus = summary.point.gpus
    return _point(
        summary,
        gpu=target.gpu or "unknown",
        framework=target.engine or "unknown",
        model=target.model,
        precision=target.precision or PRECISION_UNKNOWN,
        speculation="none",
        isl=round(summary.isl_mean),
        osl=round(summary.osl_mean),
        prefill=None,
        decode=RoleWorkers(workers=1, gpus=gpus, tp=gpus),
        marks=(summary.origin.value,),
    )


def _point(
    summary: PointSummary,
    *,
    gpu: str,
    framework: str,
    model: str,
    precision: str,
    speculation: str,
    isl: int,
    osl: int,
    prefill: RoleWorkers | None,
    decode: RoleWorkers,
    marks: tuple[str, ...],
) -> MeasuredPoint:
    figures = summary.whole_run
    assert figures is not None, "points without whole-run figures are left out"
    throughput = figures.throughput
    input_gpus = prefill.gpus if prefill else decode.gpus
    return MeasuredPoint(
        gpu=gpu,
        framework=framework,
        model=model,
        precision=precision,
        speculation=speculation,
        isl=isl,
        osl=osl,
        concurrency=summary.point.concurrency,
        prefill=prefill,
        decode=decode,
        tput_per_gpu=throughput.tput_per_gpu,
        input_tput_per_gpu=throughput.input_tput / input_gpus or None,
        output_tput_per_gpu=throughput.output_tput / decode.gpus or None,
        interactivity=figures.interactivity_p50,
        **_latencies(figures),
        marks=marks,
        invalid=reasons_of(summary),
    )


def _framework(deployment: Deployment) -> str:
    """The name that InferenceX gives to a stack."""
    names = {"sglang": "mori-sglang" if deployment.stack.kv_transfer == "mori-io" else "sglang"}
    return names.get(deployment.stack.framework, deployment.stack.framework.replace("trtllm", "trt"))


def _role(group: WorkerGroup) -> RoleWorkers:
    return RoleWorkers(
        workers=group.workers, gpus=group.total_gpus, tp=group.tp, ep=group.ep, dp_attention=group.dp_attention
    )


def _marks(summary: PointSummary, topology: Topology) -> tuple[str, ...]:
    interval = (f"stream interval {topology.stream_interval}",) if topology.stream_interval > 1 else ()
    return (summary.origin.value, *interval)


def _latencies(figures: BasisSummary) -> dict[str, Any]:
    return {metric.field: _latency(metric.of(figures)) for metric in LATENCIES}


def _latency(distribution: Distribution | None) -> Latency | None:
    if distribution is None:
        return None
    return Latency(**distribution.model_dump(include=set(Latency.model_fields)))
