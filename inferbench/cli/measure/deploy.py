"""`inferbench deploy`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inferbench.cli.options import shared
from inferbench.cli.output import line
from inferbench.deploy.clusters.render import CLUSTERS, Cluster
from inferbench.errors import UsageError
from inferbench.files.spelling import unknown

app = typer.Typer(help="Launch deployments on real clusters.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Launch deployments on real clusters."""


@app.command("render")
def render(
    scenario: Annotated[str, shared.SCENARIO],
    deployment: Annotated[str, typer.Option(help="Which of its deployments.")],
    out: Annotated[Path, typer.Option(help="The folder that the files are written to.")],
    topology: Annotated[str | None, typer.Option(help="Which of the deployment's, where it has several.")] = None,
    format_: Annotated[str, typer.Option("--format", help="shell, slurm or kubernetes.")] = "shell",
) -> None:
    """Write everything that a cluster needs to launch a deployment: commands, environment, engine files, router.

    What makes a benchmark of it unlike production is printed, and stands in every file. A flag that the engine's
    version does not have is an error that names both.
    """
    from inferbench.deploy.write_plan import plan_of, write_plan

    cluster = _cluster(format_)
    plan = plan_of(scenario, deployment, topology)
    for path in write_plan(plan, cluster, out):
        line(path)
    what = f"{plan.deployment} {plan.topology}: {len(plan.processes)} processes on {plan.nodes} nodes"
    line(f"{what}; see {out / 'README.md'}")
    for mark in plan.unlike_production:
        line(f"UNLIKE PRODUCTION: {mark.name}: {mark.text}")


def _cluster(name: str) -> Cluster:
    found = next((cluster for cluster in CLUSTERS if cluster == name), None)
    if found is None:
        raise UsageError(f"--format: {unknown('format', name, CLUSTERS)}")
    return found
