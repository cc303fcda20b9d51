"""Where workers run: each role on nodes of its own, as many workers on a node as its GPUs hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from inferbench.deploy.launch_plan import Process, host_variable
from inferbench.deploy.settings import LaunchSettings
from inferbench.errors import UsageError
from inferbench.scenario.launch import FlagValue, Role

MOST_WORKERS = 256
"""Of a plan, each of which is a script and, in Kubernetes, a Deployment with a Service."""


@dataclass(frozen=True, slots=True)
class WorkerPlace:
    """One worker's place."""

    role: Role
    index: int
    """Of the role, from 0."""
    node: int
    slot: int
    """On its node, from 0."""
    first_gpu: int

    @property
    def name(self) -> str:
        """The worker's name."""
        return f"{self.role}-{self.index}"


def places(settings: LaunchSettings) -> tuple[WorkerPlace, ...]:
    """Return the places of all workers, prefill first. Raises UsageError for a worker larger than a node."""
    found: list[WorkerPlace] = []
    node = 0
    if (workers := sum(settings.group(role).workers for role in roles())) > MOST_WORKERS:
        raise UsageError(
            f"{settings.deployment.name} {settings.topology.name}: {workers:,} workers; launch plans hold at most "
            f"{MOST_WORKERS}"
        )
    for role in roles():
        group = settings.group(role)
        slots = settings.gpu.gpus_per_node // group.gpus
        if not slots:
            raise UsageError(
                f"{settings.deployment.name} {settings.topology.name}: a {role} worker of {group.gpus} GPUs "
                f"spans nodes of {settings.gpu.gpus_per_node}; launch plans hold workers of one node only"
            )
        for index in range(group.workers):
            slot = index % slots
            found.append(WorkerPlace(role, index, node + index // slots, slot, slot * group.gpus))
        node = found[-1].node + 1
    return tuple(found)


def roles() -> Iterator[Role]:
    """The roles in the order of the nodes."""
    yield "prefill"
    yield "decode"


STRIDE = 100
"""Ports between two workers of a node: SGLang's ranks listen on those that follow the worker's own."""


def worker_port(settings: LaunchSettings, place: WorkerPlace) -> int:
    """The port on which a worker answers HTTP."""
    return settings.launch.ports.worker + STRIDE * place.slot


def worker_process(
    settings: LaunchSettings,
    place: WorkerPlace,
    *,
    environment: Mapping[str, str],
    command: tuple[str, ...],
    flags: Mapping[str, FlagValue],
    prepare: tuple[tuple[str, ...], ...] = (),
) -> Process:
    """A worker at its place: what every engine's has in common."""
    return Process(
        name=place.name,
        role=place.role,
        node=place.node,
        first_gpu=place.first_gpu,
        gpus=settings.group(place.role).gpus,
        port=worker_port(settings, place),
        environment=dict(environment),
        prepare=prepare,
        command=command,
        flags=dict(flags),
        ready="/health",
    )


def host(name: str) -> str:
    """What stands for the address of a process's node."""
    return f"${{{host_variable(name)}}}"
