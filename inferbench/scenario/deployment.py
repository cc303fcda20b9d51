"""A deployment: a GPU, a serving stack, and the list of topologies that it is run in."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from inferbench.errors import UsageError
from inferbench.files.allowed_names import ONCE, Name, Text, repeated
from inferbench.files.number_limits import MOST_GPUS, Count, CountOrNone, Tokens
from inferbench.files.spelling import unknown
from inferbench.scenario.launch import Launch
from inferbench.values import Value


def stack_name(framework: str, *, aggregated: bool) -> str:
    """Name of a stack among a GPU's constants."""
    return f"{framework}-agg" if aggregated else framework


class WorkerGroup(Value):
    """Equal workers of one role. GPUs are written down, since TP x EP is not a GPU count."""

    workers: Count
    gpus: Count
    """GPUs of one worker."""
    tp: Count
    ep: Count = 1
    dp_attention: bool = False
    """Each GPU runs attention for its own requests; the experts are shared."""
    max_running: Count | None = None
    """Requests that one worker runs at once; None: no cap of its own."""
    max_batch_tokens: Tokens = 16384
    """Prompt tokens that one prefill pass of a worker may hold."""
    balance_passes: CountOrNone = 0
    """With DP attention and aggregated serving: passes that prompts wait at most until every rank has one."""

    @model_validator(mode="after")
    def _parallelism_fits(self) -> Self:
        for name, width in (("tp", self.tp), ("ep", self.ep)):
            if width > self.gpus:
                raise ValueError(f"{name} {width} needs more than the {self.gpus} GPUs of a worker")
        return self

    @property
    def total_gpus(self) -> int:
        """GPUs of all workers of the role."""
        return self.workers * self.gpus


class Topology(Value):
    """How many workers of which role and parallelism, and the loads it is run at."""

    name: Name
    prefill: WorkerGroup | None = None
    """None: aggregated serving, where each decode worker also prefills the prompts of its own requests."""
    decode: WorkerGroup
    mtp: int = Field(default=0, ge=0, le=16)
    """Draft depth of multi-token prediction; 0: no speculation."""
    stream_interval: Count = 1
    """Tokens that the server gathers before it sends a chunk."""
    first_chunk: Count = 1
    """Tokens that the server gathers before the first chunk of an answer."""
    concurrency: Annotated[tuple[Count, ...], Field(min_length=1), ONCE]
    """Closed-loop limits that the topology is run at, requests."""

    @model_validator(mode="after")
    def _gpus_exist(self) -> Self:
        if self.total_gpus > MOST_GPUS:
            raise ValueError(f"{self.total_gpus:,} GPUs in workers; at most {MOST_GPUS:,} are modelled")
        return self

    @property
    def groups(self) -> tuple[WorkerGroup, ...]:
        """The groups of workers, prefill first."""
        return (self.decode,) if self.prefill is None else (self.prefill, self.decode)

    @property
    def total_gpus(self) -> int:
        """Prefill and decode GPUs together."""
        return self.prefill_gpus + self.decode.total_gpus

    @property
    def prefill_gpus(self) -> int:
        """GPUs that do nothing but prefill; 0 where serving is aggregated."""
        return 0 if self.prefill is None else self.prefill.total_gpus

    @property
    def prefilling(self) -> WorkerGroup:
        """The workers that prefill: those of decode where serving is aggregated."""
        return self.decode if self.prefill is None else self.prefill


class Stack(Value):
    """The parts of the serving stack that the twin models and that a launch plan needs."""

    framework: Literal["sglang", "trtllm", "atom", "dynamo-sglang", "dynamo-trtllm", "vllm"]
    kv_transfer: Literal["mori-io", "mooncake", "nixl"] | None = None
    """None: no prefill workers to move a KV cache from."""
    all_to_all: Literal["mori-ep", "deepep", "trtllm", "allgather"]
    """What moves tokens to their experts; allgather: the collectives of tensor parallelism, and no library for it."""
    dispatch: Literal["bf16", "fp8", "fp4"]
    """Format of a token on its way to its experts."""
    combine: Literal["bf16", "fp8-direct", "fp8-blockwise"]
    """Format of the experts' results on their way back."""
    two_batch_overlap: bool = False
    """Overlap all-to-all with compute by running two half batches (prefill)."""
    overlap_by: Literal["sdma", "kernels"] = "sdma"
    """What moves the overlapped all-to-all: copy engines, or kernels, which take compute units."""
    spec_scheduling: Literal["v1", "v2"] = "v2"
    """With drafts: v2 prepares the next pass on the host while the GPUs work, v1 after they have."""
    expert_kernels: Literal["tuned", "untuned"] = "tuned"
    """Whether the grouped products of the experts are tuned to their shapes."""
    stream_workers: Count = 1
    """Processes that turn tokens into text and server-sent events."""
    stream_events: Literal["batched", "single"] = "batched"
    """Whether streams are woken in batches and events written without an object model, or each for itself."""


class Deployment(Value):
    """What is measured and priced: one model on one kind of GPU with one stack."""

    name: Name
    gpu: str
    precision: Literal["fp4", "fp8", "bf16"]
    kv_precision: Literal["fp8", "bf16"] = "fp8"
    stack: Stack
    topologies: tuple[Topology, ...] = Field(min_length=1)
    launch: Launch | None = None
    """What a launch plan needs beyond that; None: defaults."""
    source: Text
    """Where the stack and the topologies come from."""

    @model_validator(mode="after")
    def _topology_names_differ(self) -> Self:
        if twice := repeated(t.name for t in self.topologies):
            raise ValueError(f"two topologies are named {twice[0]!r}")
        return self

    @model_validator(mode="after")
    def _a_transfer_where_roles_are_apart(self) -> Self:
        apart = next((t.name for t in self.topologies if t.prefill is not None), None)
        if apart is not None and self.stack.kv_transfer is None:
            raise ValueError(f"topology {apart!r} has prefill workers, so the stack needs a kv_transfer")
        return self

    def topology(self, name: str) -> Topology:
        """Return the topology of that name. Raises UsageError where there is none."""
        by_name = {topology.name: topology for topology in self.topologies}
        if name not in by_name:
            raise UsageError(f"deployment {self.name}: {unknown('topology', name, by_name)}")
        return by_name[name]
