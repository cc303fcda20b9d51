"""The settings of one launch: what the scenario says, filled up with the defaults for its GPU and framework."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from inferbench.catalog.gpu import Gpu
from inferbench.catalog.model import ModelSpec
from inferbench.errors import UsageError
from inferbench.files.yaml_values import read_value
from inferbench.scenario.deployment import Deployment, Topology, WorkerGroup
from inferbench.scenario.launch import FlagValue, Launch, Role
from inferbench.scenario.scenario import Scenario
from inferbench.values import Value

FILE = Path(__file__).with_name("defaults.yaml")
Flags = dict[str, FlagValue]


class Default(Value):
    """Defaults for one vendor's GPUs and one framework."""

    vendor: Literal["AMD", "NVIDIA"]
    framework: str
    source: str
    engine_version: str
    dynamo_version: str | None = None
    router_version: str | None = None
    image: str
    weights: dict[str, str]
    draft_weights: dict[str, str] = Field(default_factory=dict)
    rdma_devices: tuple[str, ...]
    interface: str
    flags: dict[str, Flags]
    environment: dict[str, dict[str, str]]
    retired: dict[str, str] = Field(default_factory=dict)
    """Flags and variables that newer versions do without, and what takes their place."""


class DefaultFile(Value):
    """The file of defaults."""

    format: Literal[1]
    defaults: tuple[Default, ...]


@cache
def load_defaults(path: Path = FILE) -> tuple[Default, ...]:
    """Read a file of defaults. Raises FileError where it cannot be used."""
    return read_value(path, DefaultFile).defaults


@dataclass(frozen=True, slots=True)
class LaunchSettings:
    """Everything that a plan is made of."""

    scenario: Scenario
    model: ModelSpec
    gpu: Gpu
    deployment: Deployment
    topology: Topology
    launch: Launch
    default: Default

    @property
    def version(self) -> str:
        """Version of the engine; of Dynamo where it brings the engine."""
        return self.launch.engine_version or self.default.engine_version

    @property
    def dynamo_version(self) -> str:
        """Version of Dynamo, where the framework is one of its."""
        if self.deployment.stack.framework == "dynamo-trtllm":
            return self.version
        return self.launch.dynamo_version or self.default.dynamo_version or self.version

    @property
    def router_version(self) -> str:
        """Version of the router, where there is one of its own."""
        return self.launch.router_version or self.default.router_version or self.version

    @property
    def image(self) -> str:
        """Container image of the workers."""
        return self.launch.image or self.default.image

    @property
    def weights(self) -> str:
        """Checkpoint in the deployment's precision. Raises UsageError where none is known."""
        found = self.launch.weights or self.default.weights.get(self.deployment.precision)
        if found is None:
            raise UsageError(
                f"{self.deployment.name}: no {self.deployment.precision} checkpoint known; give launch.weights"
            )
        return found

    @property
    def draft_weights(self) -> str | None:
        """Where the layer that drafts tokens lies, if not in the checkpoint."""
        return self.launch.draft_weights or self.default.draft_weights.get(self.deployment.precision)

    @property
    def rdma_devices(self) -> tuple[str, ...]:
        """RDMA devices of a node, one a GPU."""
        return self.launch.rdma_devices or self.default.rdma_devices

    @property
    def context_tokens(self) -> int:
        """Longest prompt with its answer, and one token to spare."""
        return self.scenario.load.isl.max + self.scenario.load.osl.max + 1

    def group(self, role: Role) -> WorkerGroup:
        """The workers of a role. Raises UsageError where the topology has no prefill workers."""
        if role == "decode":
            return self.topology.decode
        if self.topology.prefill is None:
            raise UsageError(
                f"{self.deployment.name}: topology {self.topology.name} is aggregated; launch plans are for prefill "
                "and decode workers apart"
            )
        return self.topology.prefill

    def flags(self, role: Role) -> Flags:
        """Default flags of a role's workers, by what they have in common with its parallelism."""
        found: Flags = {}
        for part in self._parts(role):
            found.update(self.default.flags.get(part, {}))
        return found

    def environment(self, role: Role) -> dict[str, str]:
        """Default environment of a role's workers."""
        found: dict[str, str] = {}
        for part in self._parts(role):
            found.update(self.default.environment.get(part, {}))
        return found

    def _parts(self, role: Role) -> tuple[str, ...]:
        group = self.group(role)
        kind = "dp" if group.dp_attention else "ep" if group.ep > 1 else "tp"
        drafting = ("mtp",) if self.topology.mtp else ()
        return ("common", self.deployment.precision, role, kind, *drafting)


def settings_of(
    scenario: Scenario, model: ModelSpec, gpu: Gpu, deployment: Deployment, topology: Topology
) -> LaunchSettings:
    """Return the settings of a launch. Raises UsageError for a GPU and framework without defaults."""
    framework = deployment.stack.framework
    known = {(d.vendor, d.framework): d for d in load_defaults()}
    found = next((d for (vendor, name), d in known.items() if (vendor, name) == (gpu.vendor, framework)), None)
    if found is None:
        pairs = ", ".join(f"{vendor} {name}" for vendor, name in sorted(known))
        raise UsageError(
            f"{deployment.name}: no launch plan for {framework} on {gpu.vendor} GPUs; there is one for {pairs}"
        )
    return LaunchSettings(scenario, model, gpu, deployment, topology, deployment.launch or Launch(), found)
