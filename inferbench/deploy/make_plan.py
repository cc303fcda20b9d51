"""From a deployment of a scenario to its launch plan."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import ValidationError

from inferbench.deploy.constraints import check
from inferbench.deploy.launch_commands.dynamo import frontend, services, sglang_under_dynamo
from inferbench.deploy.launch_commands.routers import sglang_router, vllm_router
from inferbench.deploy.launch_commands.sglang import sglang_workers
from inferbench.deploy.launch_commands.trtllm import engine_files, trtllm_workers
from inferbench.deploy.launch_commands.vllm import vllm_workers
from inferbench.deploy.launch_plan import LaunchPlan, Process
from inferbench.deploy.settings import LaunchSettings
from inferbench.errors import UsageError
from inferbench.files.yaml_values import describe
from inferbench.scenario.launch_caveats import caveats_of_deployment


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
