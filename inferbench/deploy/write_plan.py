"""Launch plans of a scenario's deployments, and their files."""

from __future__ import annotations

from pathlib import Path

from inferbench.catalog.bundled import gpus, models
from inferbench.deploy.clusters.render import Cluster, render
from inferbench.deploy.launch_plan import LaunchPlan
from inferbench.deploy.make_plan import launch_plan
from inferbench.deploy.settings import settings_of
from inferbench.errors import FieldName, UsageError
from inferbench.files.spelling import unknown
from inferbench.scenario.deployment import Deployment, Topology
from inferbench.scenario.read_scenario import load_scenario

EXECUTABLE = 0o755


def plan_of(scenario: str | Path, deployment: str, topology: str | None = None) -> LaunchPlan:
    """Return the launch plan of a deployment, in its only topology or in the one that is named.

    Raises FileError for a scenario that cannot be used, UsageError for a name that is not in it and for a deployment
    that cannot be launched as it is described.
    """
    spec = load_scenario(scenario)
    found = _deployment(spec.deployments, deployment)
    chosen = _topology(found, topology)
    return launch_plan(settings_of(spec, models()[spec.model], gpus()[found.gpu], found, chosen))


def write_plan(plan: LaunchPlan, cluster: Cluster, folder: Path) -> list[Path]:
    """Write a plan's files into a folder and return their paths. Raises UsageError where that cannot be done."""
    written = []
    for name, text in render(plan, cluster).items():
        path = folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            if path.suffix == ".sh":
                path.chmod(EXECUTABLE)
        except OSError as error:
            raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
        written.append(path)
    return written


def _deployment(deployments: tuple[Deployment, ...], name: str) -> Deployment:
    by_name = {deployment.name: deployment for deployment in deployments}
    if name not in by_name:
        raise UsageError(FieldName("deployment"), f": {unknown('deployment', name, by_name)}")
    return by_name[name]


def _topology(deployment: Deployment, name: str | None) -> Topology:
    by_name = {topology.name: topology for topology in deployment.topologies}
    if name is None and len(by_name) == 1:
        return deployment.topologies[0]
    if name is None:
        raise UsageError(FieldName("topology"), f": {deployment.name} has several, name one: {', '.join(by_name)}")
    if name not in by_name:
        raise UsageError(FieldName("topology"), f": {unknown('topology', name, by_name)}")
    return by_name[name]
