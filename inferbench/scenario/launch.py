"""What it takes to launch a deployment beyond what its speed depends on: versions, images, ports, network devices."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from inferbench.files.allowed_names import (
    Checkpoint,
    Device,
    FlagName,
    Image,
    Interface,
    Line,
    Resource,
    VariableName,
    Version,
)
from inferbench.files.number_limits import Tokens
from inferbench.secrets.names import is_secret_name
from inferbench.values import Value

FlagValue = bool | int | float | Line | tuple[int | Line, ...]
"""True: the flag alone. False: the flag is left out. A tuple: several words after it."""
LAST_PORT = 65_535
Port = Annotated[int, Field(ge=1, le=LAST_PORT)]
Role = Literal["prefill", "decode"]


class Ports(Value):
    """TCP ports. Of workers that share a node, each has its own, counted up from here."""

    worker: Port = 8000
    bootstrap: Port = 8998
    """Of SGLang's prefill workers, for the exchange of KV addresses."""
    router: Port = 30000
    side_channel: Port = 5600
    """Of vLLM's workers, for NIXL's handshake."""
    ranks: Port = 29550
    """Of vLLM's workers with data-parallel attention, for their ranks."""
    etcd: Port = 2379
    nats: Port = 4222


class RoleTokens(Value):
    """A number of tokens for each role."""

    prefill: Tokens | None = None
    decode: Tokens | None = None


def _without_secrets(given: dict[str, Any]) -> dict[str, Any]:
    for name, value in given.items():
        if isinstance(value, str) and value and is_secret_name(name):
            raise ValueError(
                f"{name} holds a secret, and a scenario is copied into every run and every launch plan: leave it out "
                "here, and set it where the plan is launched"
            )
    return given


Flags = Annotated[dict[FlagName, FlagValue], AfterValidator(_without_secrets)]
Environment = Annotated[dict[VariableName, Line], AfterValidator(_without_secrets)]


class RoleFlags(Value):
    """Flags of the engine for each role, beside those that the plan gives by itself; they win over these."""

    prefill: Flags = Field(default_factory=dict)
    decode: Flags = Field(default_factory=dict)


class RoleEnvironment(Value):
    """Environment variables for each role; they win over those that the plan gives by itself."""

    prefill: Environment = Field(default_factory=dict)
    decode: Environment = Field(default_factory=dict)


class Launch(Value):
    """How a deployment is launched. What is None comes from inferbench's defaults for the GPU and the framework."""

    engine_version: Version | None = None
    dynamo_version: Version | None = None
    router_version: Version | None = None
    image: Image | None = None
    weights: Checkpoint | None = None
    """Path or hub name of the checkpoint in the deployment's precision."""
    draft_weights: Checkpoint | None = None
    """Path or hub name of the layer that drafts tokens, where the checkpoint does not hold it."""
    rdma_devices: Annotated[tuple[Device, ...], Field(min_length=1)] | None = None
    """RDMA devices of a node, one a GPU in the order of the GPUs."""
    rdma_resource: Resource = "rdma/hca_shared_devices_a"
    """Kubernetes' name for them, as the cluster's RDMA device plugin gives it."""
    interface: Interface | None = None
    """Network interface for what does not go over RDMA."""
    traffic_class: int | None = Field(default=None, ge=0, le=255)
    """Traffic class of RDMA packets (4 x DSCP)."""
    service_level: int | None = Field(default=None, ge=0, le=15)
    ports: Ports = Ports()
    sdma: bool = False
    """Let DMA engines move prefill's all-to-all (MoRI), which two-batch overlap then hides."""
    prefill_combine: Literal["bf16", "fp8-direct", "fp8-blockwise"] | None = None
    """Prefill's format of experts' results, where it is not decode's."""
    dispatch_tokens: RoleTokens = RoleTokens()
    """Tokens that one rank may send in a dispatch (MoRI); None: as many as a pass can hold."""
    moe_rows: RoleTokens = RoleTokens()
    """Rows of a MoE layer's input that are computed at most; the rest is cut off. A benchmark's switch."""
    random_routing: bool = False
    """Send tokens to random, perfectly balanced experts. A benchmark's switch: answers are then noise."""
    prefix_cache: bool = True
    """Reuse the KV cache of prompts with the same beginning. Benchmarks with random prompts switch it off."""
    flags: RoleFlags = RoleFlags()
    environment: RoleEnvironment = RoleEnvironment()
