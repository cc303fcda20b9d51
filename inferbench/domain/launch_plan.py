"""A launch plan: every process of a deployment with its place, its environment and its command."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, NonNegativeInt

from .launch import FlagValue
from .marks import Mark
from .value import Value


class Process(Value):
    """One process to start."""

    name: str
    role: Literal["prefill", "decode", "router", "service"]
    node: NonNegativeInt
    """Which of the plan's nodes it runs on, from 0."""
    first_gpu: NonNegativeInt = 0
    gpus: NonNegativeInt = 0
    port: int
    environment: dict[str, str] = Field(default_factory=dict)
    prepare: tuple[tuple[str, ...], ...] = ()
    """Commands to run before it, in the same container."""
    command: tuple[str, ...]
    """The program and its first words."""
    flags: dict[str, FlagValue] = Field(default_factory=dict)
    """Its flags. `${HOST_<NAME>}` stands for the address of the node of the process <name>,
    `${MY_ADDRESS}` for that of its own node."""
    arguments: tuple[str, ...] = ()
    """Words after the flags."""
    image: str | None = None
    """Its container image, where it is not the plan's."""
    ready: str | None = None
    """HTTP path that answers with 200 when it can work."""


class LaunchPlan(Value):
    """What is needed to start one topology of a deployment, before it is written for one kind of cluster."""

    format: Literal[1] = 1
    scenario: str
    deployment: str
    topology: str
    engine: str
    engine_version: str
    image: str
    vendor: Literal["AMD", "NVIDIA"]
    gpus_per_node: int
    rdma_resource: str
    """Kubernetes' name for a worker's RDMA devices."""
    nodes: int
    model: str
    """The name that requests give."""
    processes: tuple[Process, ...]
    files: dict[str, str] = Field(default_factory=dict)
    """Files that the processes read, by name: text."""
    unlike_production: tuple[Mark, ...] = ()
    """What makes a benchmark of this plan unlike production."""
    notes: tuple[str, ...] = ()
    """What the person who runs it should know."""

    @property
    def router(self) -> Process:
        """The process that clients talk to."""
        return next(process for process in self.processes if process.role == "router")
