"""What makes a benchmark of a deployment unlike production: switches that no service would run with."""

from __future__ import annotations

from .deployment import Deployment, Topology
from .launch import Launch


def unlike_production(deployment: Deployment, topology: Topology | None = None) -> tuple[str, ...]:
    """Return, in words, what a service would not run like this: of one topology, or of all together."""
    topologies = (topology,) if topology is not None else deployment.topologies
    launch = deployment.launch or Launch()
    found = [*_routing(deployment, launch, topologies), *_cache(deployment), *_streaming(topologies)]
    return tuple(found)


def _routing(deployment: Deployment, launch: Launch, topologies: tuple[Topology, ...]) -> list[str]:
    """Random routing and cut-off rows touch only workers that spread experts over GPUs."""
    found = []
    if launch.random_routing and any(group.ep > 1 for t in topologies for group in t.groups):
        found.append(
            "tokens go to random, perfectly balanced experts (--ep-dispatch-algorithm fake): answers are noise"
        )
    roles = (("prefill", launch.moe_rows.prefill), ("decode", launch.moe_rows.decode))
    rows = [f"{role} {limit:,}" for role, limit in roles if limit is not None]
    spread = deployment.stack.all_to_all == "mori-ep" and any(g.ep > 1 for t in topologies for g in t.groups)
    if rows and spread:
        found.append(f"MoE layers compute at most so many rows: {', '.join(rows)}; the rest is cut off")
    return found


def _cache(deployment: Deployment) -> list[str]:
    launch = deployment.launch
    if launch is None or launch.prefix_cache:
        return []
    return ["the prefix cache is off: no prompt shares the work of another"]


def _streaming(topologies: tuple[Topology, ...]) -> list[str]:
    held = sorted({t.stream_interval for t in topologies if t.stream_interval > 1})
    if not held:
        return []
    which = " or ".join(str(interval) for interval in held)
    return [f"tokens leave the server {which} at a time (stream interval): readers wait, and gaps between chunks grow"]
