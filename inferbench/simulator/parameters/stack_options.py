"""What a deployment pays for parts of its stack that are off.

The fitted constants hold for a stack with every part on. The cost of one that is off is a published figure turned into
time, so it is only as good as that figure, and it is refused where nobody has published one.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field, NonNegativeFloat

from inferbench.errors import UsageError
from inferbench.scenario.deployment import Deployment
from inferbench.simulator.parameters.sourced import Precision, Sourced
from inferbench.units import NS_PER_MS, NS_PER_S
from inferbench.values import Value


class SpecV1(Sourced):
    """Scheduling of drafts in which the host prepares a pass only when the GPUs have ended the one before."""

    host_ms: NonNegativeFloat
    """Per pass, beside what the constants hold for v2."""


class UntunedExperts(Sourced):
    """Expert kernels without a configuration tuned to the shape."""

    factor: dict[Precision, float]
    """On the time of the routed experts of a decode pass."""


class SingleEvents(Sourced):
    """A notification and an object model for every server-sent event."""

    chunk_factor: float = Field(ge=1)
    """On the CPU time of a chunk."""


class OverlapKernels(Sourced):
    """Two-batch overlap whose all-to-all is moved by kernels, not by copy engines."""

    compute_unit_share: float = Field(ge=0, lt=1)
    """Share of the compute units that the kernels hold."""


class SwitchParameters(Value):
    """What parts of the stack cost when they are off, on one GPU."""

    spec_v1: SpecV1
    untuned_experts: UntunedExperts
    single_events: SingleEvents
    overlap_kernels: OverlapKernels


@dataclass(frozen=True, slots=True)
class Switched:
    """The costs of what is off; neutral where everything is on."""

    pass_seconds: float = 0.0
    """Per decode pass with drafts."""
    expert_factor: float = 1.0
    chunk_factor: float = 1.0
    overlap_share: float = 0.0
    """Compute units that an overlapped all-to-all takes from the computation beside it."""


def switched(known: dict[str, SwitchParameters], deployment: Deployment, drafts: int) -> Switched:
    """Return what a deployment pays for the parts that it does without; drafts: depth of speculation.

    Raises UsageError that names the switch where its cost is not known for the GPU or the precision.
    """
    stack, precision = deployment.stack, deployment.precision
    off = {
        "spec_scheduling: v1": stack.spec_scheduling == "v1" and drafts > 0,
        "expert_kernels: untuned": stack.expert_kernels == "untuned",
        "stream_events: single": stack.stream_events == "single",
        "overlap_by: kernels": stack.two_batch_overlap and stack.overlap_by == "kernels",
    }
    spec, experts, events, kernels = off.values()
    if not any(off.values()):
        return Switched()
    costs = known.get(deployment.gpu)
    if costs is None:
        raise UsageError(f"twin: {_first(off)} is not known for {deployment.gpu}: nobody has published what it costs")
    if experts and precision not in costs.untuned_experts.factor:
        raise UsageError(f"twin: expert_kernels: untuned is not known for {precision} on {deployment.gpu}")
    return Switched(
        pass_seconds=costs.spec_v1.host_ms * NS_PER_MS / NS_PER_S if spec else 0.0,
        expert_factor=costs.untuned_experts.factor[precision] if experts else 1.0,
        chunk_factor=costs.single_events.chunk_factor if events else 1.0,
        overlap_share=costs.overlap_kernels.compute_unit_share if kernels else 0.0,
    )


def _first(off: dict[str, bool]) -> str:
    return next(name for name, is_off in off.items() if is_off)
