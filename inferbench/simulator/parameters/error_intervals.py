"""How far the twin may be off for a deployment: from its errors on measured topologies that it was not fitted to."""

from __future__ import annotations

from inferbench.scenario.deployment import Deployment, Topology
from inferbench.simulator.parameters.parameters import TwinParameters, load_parameters
from inferbench.simulator.timing.worker_hardware import kind_of

NOTHING_MEASURED = 0.6
"""Relative half-width where the stack has no measured class of this kind."""
CAPACITY_UNKNOWN = 0.5
"""At least so wide where no measured point ran this kind of prefill to capacity."""


def interval_of(
    deployment: Deployment, topology: Topology, parameters: TwinParameters | None = None
) -> tuple[float, str]:
    """Return the relative half-width of a 90 % interval on throughput at equal interactivity, and how it was got.

    Raises UsageError where the twin has no constants for the deployment's GPU and framework.
    """
    stack = (parameters or load_parameters()).stack(
        deployment.gpu, deployment.stack.framework, aggregated=topology.prefill is None
    )
    kind, precision = kind_of(topology.decode), deployment.precision
    own = stack.intervals.get(precision, {}).get(kind)
    name = f"{deployment.gpu} {deployment.stack.framework} {precision} {kind.upper()}"
    if own is None or stack.fit is None:
        return NOTHING_MEASURED, f"no measured points of {name}"
    basis = "all classes of the stack" if own.pooled else f"{own.points} points of {name}"
    how = f"covers 90 % of the errors on held-out topologies, {basis}"
    if f"{precision} {kind_of(topology.prefilling)}" not in stack.fit.saturated_prefill:
        return max(own.at_interactivity, CAPACITY_UNKNOWN), f"{how}; its prefill was never measured at capacity"
    return own.at_interactivity, how
