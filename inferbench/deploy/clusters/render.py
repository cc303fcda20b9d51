"""A launch plan as the files of one kind of cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

from inferbench.deploy.clusters.kubernetes import kubernetes
from inferbench.deploy.clusters.shell import shell
from inferbench.deploy.clusters.slurm import slurm
from inferbench.deploy.launch_plan import LaunchPlan

Cluster = Literal["shell", "slurm", "kubernetes"]
CLUSTERS: tuple[Cluster, ...] = get_args(Cluster)
_RENDER: dict[Cluster, Callable[[LaunchPlan], dict[str, str]]] = {
    "shell": shell,
    "slurm": slurm,
    "kubernetes": kubernetes,
}


def render(plan: LaunchPlan, cluster: Cluster) -> dict[str, str]:
    """Return the files by name: text. Names that end in .sh are to be executable."""
    return _RENDER[cluster](plan)
