"""A launch plan: every process of a deployment with its place, its environment and its command."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeInt, model_validator

from inferbench.files.allowed_names import (
    FileName,
    FlagName,
    Image,
    Line,
    Name,
    ProcessName,
    Resource,
    VariableName,
    repeated,
)
from inferbench.scenario.caveats import Caveat
from inferbench.scenario.launch import LAST_PORT, FlagValue
from inferbench.values import Value

MY_ADDRESS = "${MY_ADDRESS}"
"""What stands for the address of a process's own node."""
_PORT = re.compile(r"[-_]port$", re.IGNORECASE)
PLACEHOLDER = re.compile(r"\$\{(?:HOST_[A-Z0-9_]+|MY_ADDRESS)\}")
"""What a launch puts an address in for; any other dollar sign is itself."""


Command = Annotated[tuple[Line, ...], Field(min_length=1)]


class Process(Value):
    """One process to start."""

    name: ProcessName
    role: Literal["prefill", "decode", "router", "service"]
    node: NonNegativeInt
    """Which of the plan's nodes it runs on, from 0."""
    first_gpu: NonNegativeInt = 0
    gpus: NonNegativeInt = 0
    port: int
    environment: dict[VariableName, Line] = Field(default_factory=dict)
    prepare: tuple[Command, ...] = ()
    """Commands to run before it, in the same container."""
    command: Command
    """The program and its first words."""
    flags: dict[FlagName, FlagValue] = Field(default_factory=dict)
    """Its flags. `${HOST_<NAME>}` stands for the address of the node of the process <name>,
    `${MY_ADDRESS}` for that of its own node."""
    arguments: tuple[Line, ...] = ()
    """Words after the flags."""
    image: Image | None = None
    """Its container image, where it is not the plan's."""
    ready: str | None = None
    """HTTP path that answers with 200 when it can work."""

    @property
    def words(self) -> tuple[str, ...]:
        """The command as the words that it is made of."""
        flags = [part for flag, value in self.flags.items() for part in (flag, *flag_words(value))]
        return (*self.command, *flags, *self.arguments)

    @property
    def host_variable(self) -> str:
        """The variable with the address of its node."""
        return host_variable(self.name)

    @property
    def addresses(self) -> tuple[str, ...]:
        """The variables with addresses that it needs, MY_ADDRESS among them where it needs its own."""
        texts = (*self.environment.values(), *self.words)
        return tuple(sorted({match[2:-1] for text in texts for match in PLACEHOLDER.findall(text)}))


def flag_words(value: FlagValue) -> tuple[str, ...]:
    """Words after a flag."""
    if value is True:
        return ()
    return tuple(map(str, value)) if isinstance(value, tuple) else (str(value),)


def host_variable(name: str) -> str:
    """The variable with the address of the node that the process of that name runs on."""
    return f"HOST_{name.upper().replace('-', '_')}"


class LaunchPlan(Value):
    """What is needed to start one topology of a deployment, before it is written for one kind of cluster."""

    format: Literal[1] = 1
    scenario: Name
    deployment: Name
    topology: Name
    engine: Line
    engine_version: Line
    image: Image
    vendor: Literal["AMD", "NVIDIA"]
    gpus_per_node: int = Field(ge=1)
    rdma_resource: Resource
    """Kubernetes' name for a worker's RDMA devices."""
    nodes: int = Field(ge=1)
    model: Line
    """The name that requests give."""
    processes: tuple[Process, ...]
    files: dict[FileName, str] = Field(default_factory=dict)
    """Files that the processes read, by name: text."""
    unlike_production: tuple[Caveat, ...] = ()
    """What makes a benchmark of this plan unlike production."""
    notes: tuple[str, ...] = ()
    """What the person who runs it should know."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        for problem in _problems(self):
            raise ValueError(problem)
        return self

    @property
    def router(self) -> Process:
        """The process that clients talk to."""
        return next(process for process in self.processes if process.role == "router")


def _problems(plan: LaunchPlan) -> Iterator[str]:
    """What keeps the processes of a plan from being started together."""
    if twice := repeated(process.name for process in plan.processes):
        yield f"two processes are named {twice[0]}"
    known = {"MY_ADDRESS", *(process.host_variable for process in plan.processes)}
    for process in plan.processes:
        if missing := [name for name in process.addresses if name not in known]:
            yield f"{process.name}: ${{{missing[0]}}} is the address of no process; known: {', '.join(sorted(known))}"
        for name, number in _ports(process):
            if not 1 <= number <= LAST_PORT:
                yield f"{process.name}: {name} is {number}, and ports go to {LAST_PORT}; lower launch.ports"
    listening: dict[tuple[int, int], str] = {}
    for process in plan.processes:
        other = listening.setdefault((process.node, process.port), process.name)
        if other != process.name:
            yield f"{other} and {process.name} would both listen on port {process.port} of node {process.node}"
    if all(process.role != "router" for process in plan.processes):
        yield "no process is the router"


def _ports(process: Process) -> Iterator[tuple[str, int]]:
    """Every port that a process is told, by the name under which it is told."""
    yield "port", process.port
    named = {**process.flags, **process.environment}
    for name, value in named.items():
        if _PORT.search(name) and not isinstance(value, (bool, tuple, float)) and str(value).isdecimal():
            yield name, int(value)
