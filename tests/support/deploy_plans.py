"""Plans that the tests of the deploy room share, and the golden files: `python deploy_plans.py` writes them anew."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from inferbench.catalog.bundled import gpus, models
from inferbench.deploy.clusters.render import Cluster, render
from inferbench.deploy.launch_plan import LaunchPlan
from inferbench.deploy.settings import settings_of
from inferbench.deploy.write_plan import launch_plan
from inferbench.scenario.deployment import Deployment
from inferbench.scenario.read_scenario import load_scenario
from inferbench.scenario.scenario import Scenario

BUNDLED = "deepseek-r1-mi355x-vs-b200"
VLLM = str(Path(__file__).parents[1] / "deploy" / "vllm-b200-nixl.yaml")
GOLDEN = Path(__file__).parents[1] / "golden" / "deploy"
CASES = (
    (BUNDLED, "mi355x-sglang-mori", "2p1d-dep8"),
    (BUNDLED, "b200-sglang", "4p1d-dep8"),
    (BUNDLED, "b200-trtllm", "5p1d-dep8-b192"),
    (VLLM, "b200-vllm", "2p1d-dep8"),
)
"""The four deployments of the golden files: scenario, deployment, topology."""


def plan(scenario: str, deployment: str, topology: str, changes: Mapping[str, Any] | None = None) -> LaunchPlan:
    """The plan of a deployment, some of whose keys are changed: `launch.sdma`, `stack.kv_transfer`, `topology.mtp`."""
    spec = scenario_of(scenario)
    found = changed(spec.deployment(deployment), topology, changes or {})
    return plan_of_deployment(spec, found, topology)


@cache
def scenario_of(name: str) -> Scenario:
    return load_scenario(name)


def plan_of_deployment(spec: Scenario, deployment: Deployment, topology: str) -> LaunchPlan:
    chosen = deployment.topology(topology)
    return launch_plan(settings_of(spec, models()[spec.model], gpus()[deployment.gpu], deployment, chosen))


def changed(deployment: Deployment, topology: str, changes: Mapping[str, Any]) -> Deployment:
    data = deployment.model_dump(mode="json")
    data["topologies"] = [t for t in data["topologies"] if t["name"] == topology]
    data["launch"] = data["launch"] or {}
    for path, value in changes.items():
        at: Any = data
        *parts, last = path.replace("topology.", "topologies.0.", 1).split(".", path.count(".") + 1)
        for part in parts:
            at = at[int(part)] if part.isdigit() else at.setdefault(part, {})
        at[last] = value
    return Deployment.model_validate(data)


def golden(scenario: str, deployment: str, topology: str) -> dict[str, str]:
    """All that is rendered of a deployment but plan.json, by file name; the READMEs by their cluster's name."""
    made = plan(scenario, deployment, topology)
    files: dict[str, str] = {}
    clusters: tuple[Cluster, ...] = ("shell", "slurm", "kubernetes")
    for cluster in clusters:
        for name, text in render(made, cluster).items():
            if name != "plan.json":
                files[f"README-{cluster}.md" if name == "README.md" else name] = text
    return files


if __name__ == "__main__":
    for case in CASES:
        folder = GOLDEN / case[1]
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for name, text in golden(*case).items():
            (folder / name).write_text(text, encoding="utf-8")
        print(folder, file=sys.stderr)
