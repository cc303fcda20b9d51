"""The page that comes with a rendered plan: what runs where, how to start it, and what to know about it."""

from __future__ import annotations

from collections.abc import Sequence

from inferbench.deploy.launch_plan import LaunchPlan


def readme(plan: LaunchPlan, steps: Sequence[str]) -> str:
    """Return the page as Markdown."""
    rows = [
        f"| {process.name} | {process.role} | {process.node} | "
        f"{f'{process.first_gpu}-{process.first_gpu + process.gpus - 1}' if process.gpus else '-'} | {process.port} |"
        for process in plan.processes
    ]
    parts = [
        f"# {plan.deployment}, {plan.topology}",
        f"{plan.engine} {plan.engine_version} in `{plan.image}`, {plan.nodes} nodes of {plan.gpus_per_node} GPUs. "
        f"Made by `inferbench deploy render` from scenario {plan.scenario}; `plan.json` holds the same as data.",
        *_marks(plan),
        "## Start",
        "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1)),
        "## Processes",
        "\n".join(["| process | role | node | GPUs | port |", "|---|---|---|---|---|", *rows]),
        "## Notes",
        _listed(plan.notes),
    ]
    return "\n\n".join(parts) + "\n"


def _marks(plan: LaunchPlan) -> list[str]:
    texts = [f"{caveat.name}: {caveat.text}" for caveat in plan.unlike_production]
    return ["## Unlike production", _listed(texts)] if texts else []


def _listed(texts: Sequence[str]) -> str:
    return "\n".join(f"- {text}" for text in texts)
