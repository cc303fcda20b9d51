"""Launch plans of a scenario's deployments, and their files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from inferbench.catalog.bundled import gpus, models
from inferbench.deploy.clusters.render import Cluster, render
from inferbench.deploy.constraints import check
from inferbench.deploy.launch_commands.dynamo import frontend, services, sglang_under_dynamo
from inferbench.deploy.launch_commands.routers import sglang_router, vllm_router
from inferbench.deploy.launch_commands.sglang import sglang_workers
from inferbench.deploy.launch_commands.trtllm import engine_files, trtllm_workers
from inferbench.deploy.launch_commands.vllm import vllm_workers
from inferbench.deploy.launch_plan import LaunchPlan, Process
from inferbench.deploy.settings import LaunchSettings, settings_of
from inferbench.errors import FieldName, UsageError
from inferbench.files.spelling import unknown
from inferbench.files.yaml_values import describe
from inferbench.scenario.deployment import Deployment, Topology
from inferbench.scenario.launch_caveats import caveats_of_deployment
from inferbench.scenario.read_scenario import load_scenario


def launch_plan(settings: LaunchSettings) -> LaunchPlan:
    """Return the plan of one topology.

    Raises UsageError for a version that is not known, a flag that it does not have, a constraint of the engine that
    the deployment breaks, and processes that cannot be started beside each other.
    """
    check(settings)
    try:
        return _plan(settings)
    except ValidationError as error:
        where = f"{settings.deployment.name} {settings.topology.name}"
        raise UsageError(f"{where}: {describe(error, LaunchPlan)}") from None


def _plan(settings: LaunchSettings) -> LaunchPlan:
    notes: list[str] = []
    stack = settings.deployment.stack
    processes = BY_FRAMEWORK[stack.framework](settings, notes)
    return LaunchPlan(
        scenario=settings.scenario.name,
        deployment=settings.deployment.name,
        topology=settings.topology.name,
        engine=stack.framework,
        engine_version=settings.version,
        image=settings.image,
        vendor=settings.default.vendor,
        gpus_per_node=settings.gpu.gpus_per_node,
        rdma_resource=settings.launch.rdma_resource,
        nodes=max(process.node for process in processes) + 1,
        model=settings.model.hugging_face_id,
        processes=tuple(processes),
        files=engine_files(settings) if stack.framework == "dynamo-trtllm" else {},
        unlike_production=caveats_of_deployment(settings.deployment, settings.topology),
        notes=(
            *notes,
            f"defaults of {settings.default.vendor} {settings.default.framework}: {settings.default.source}",
        ),
    )


def _sglang(settings: LaunchSettings, notes: list[str]) -> list[Process]:
    workers = sglang_workers(settings, notes)
    return [*workers, sglang_router(settings, workers)]


def _dynamo_sglang(settings: LaunchSettings, notes: list[str]) -> list[Process]:
    return [*services(settings), *sglang_under_dynamo(settings, notes), frontend(settings)]


def _dynamo_trtllm(settings: LaunchSettings, notes: list[str]) -> list[Process]:
    return [*services(settings), *trtllm_workers(settings, notes), frontend(settings)]


def _vllm(settings: LaunchSettings, notes: list[str]) -> list[Process]:
    workers = vllm_workers(settings, notes)
    return [*workers, vllm_router(settings, workers)]


BY_FRAMEWORK: dict[str, Callable[[LaunchSettings, list[str]], list[Process]]] = {
    "sglang": _sglang,
    "dynamo-sglang": _dynamo_sglang,
    "dynamo-trtllm": _dynamo_trtllm,
    "vllm": _vllm,
}


EXECUTABLE = 0o755


def plan_of(scenario: str | Path, deployment: str, topology: str | None = None) -> LaunchPlan:
    """Return the launch plan of a deployment, in its only topology or in the one that is named.

    Raises FileError for a scenario that cannot be used, UsageError for a name that is not in it and for a deployment
    that cannot be launched as it is described.
    """
    spec = load_scenario(scenario)
    found = _deployment(spec.deployments, deployment)
    chosen = _topology(found, topology)
    return launch_plan(settings_of(spec, models()[spec.model], gpus()[found.gpu], found, chosen))


def write_plan(plan: LaunchPlan, cluster: Cluster, folder: Path) -> list[Path]:
    """Write a plan's files into a folder and return their paths. Raises UsageError where that cannot be done."""
    written = []
    for name, text in render(plan, cluster).items():
        path = folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            if path.suffix == ".sh":
                path.chmod(EXECUTABLE)
        except OSError as error:
            raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
        written.append(path)
    return written


def _deployment(deployments: tuple[Deployment, ...], name: str) -> Deployment:
    by_name = {deployment.name: deployment for deployment in deployments}
    if name not in by_name:
        raise UsageError(FieldName("deployment"), f": {unknown('deployment', name, by_name)}")
    return by_name[name]


def _topology(deployment: Deployment, name: str | None) -> Topology:
    by_name = {topology.name: topology for topology in deployment.topologies}
    if name is None and len(by_name) == 1:
        return deployment.topologies[0]
    if name is None:
        raise UsageError(FieldName("topology"), f": {deployment.name} has several, name one: {', '.join(by_name)}")
    if name not in by_name:
        raise UsageError(FieldName("topology"), f": {unknown('topology', name, by_name)}")
    return by_name[name]
