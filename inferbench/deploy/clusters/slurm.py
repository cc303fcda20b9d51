"""A launch plan for Slurm: one job over all nodes, which starts each process on its own and waits."""

from __future__ import annotations

from inferbench.deploy.clusters.readme import readme
from inferbench.deploy.clusters.script import comment
from inferbench.deploy.clusters.shell import scripts
from inferbench.deploy.launch_plan import LaunchPlan


def slurm(plan: LaunchPlan) -> dict[str, str]:
    """Return the files by name: text."""
    steps = [
        "Put this folder where all nodes see it. Add your site's `--account` and `--partition` to the next command.",
        f"`sbatch job.sbatch`: {plan.nodes} nodes; the job's log says when the deployment is ready and at which URL.",
        "`BENCH='COMMAND' sbatch job.sbatch` runs a command against `$URL` once it is ready, and then ends the job.",
    ]
    return {**scripts(plan), "job.sbatch": _job(plan), "README.md": readme(plan, steps)}


def _job(plan: LaunchPlan) -> str:
    lines = [
        "#!/usr/bin/env bash",
        f"#SBATCH --job-name={plan.deployment}.{plan.topology}",
        f"#SBATCH --nodes={plan.nodes}",
        "#SBATCH --ntasks-per-node=1",
        f"#SBATCH --gpus-per-node={plan.gpus_per_node}",
        "#SBATCH --exclusive",
        "#SBATCH --time=04:00:00",
        "#SBATCH --output=%x-%j.log",
        *comment(f"{plan.deployment} {plan.topology} of scenario {plan.scenario}: {len(plan.processes)} processes."),
        *(
            line
            for caveat in plan.unlike_production
            for line in comment(f"UNLIKE PRODUCTION: {caveat.name}: {caveat.text}")
        ),
        "set -euo pipefail",
        'cd "${SLURM_SUBMIT_DIR:?submit this with sbatch}"',
        'mapfile -t nodes < <(scontrol show hostnames "${SLURM_JOB_NODELIST:?}")',
        *(f'export {p.host_variable}="${{nodes[{p.node}]}}"' for p in plan.processes),
        "",
        "# start NODE NAME COMMAND...: run a process on a node beside what runs there, with a log of its own.",
        "start() {",
        '    local node="$1" name="$2"',
        "    shift 2",
        '    srun --overlap --nodes=1 --ntasks=1 --nodelist="$node" --output="$name-%j.log" "$@" &',
        "}",
        "",
        *(_start(name=p.name, node=p.node, contained=p.image is None) for p in plan.processes),
        "",
        f'export URL="http://${{nodes[{plan.router.node}]}}:{plan.router.port}"',
        './wait-ready.sh "$URL" &',
        'ready="$!"',
        "# Whichever ends first: the wait, or a process, without which the deployment is not whole.",
        "status=0",
        'wait -n -p ended || status="$?"',
        'if [ "$ended" != "$ready" ]; then',
        '    echo "a process ended before the deployment was ready; see its log" >&2',
        "    exit 1",
        "fi",
        'if [ "$status" -ne 0 ]; then',
        '    exit "$status"',
        "fi",
        'if [ -n "${BENCH:-}" ]; then',
        '    bash -c "$BENCH"',
        "else",
        "    wait -n || true",
        '    echo "a process ended; see its log" >&2',
        "    exit 1",
        "fi",
    ]
    return "\n".join(lines) + "\n"


def _start(name: str, node: int, contained: bool) -> str:
    command = f"./container.sh {name}.sh" if contained else f"./{name}.sh"
    return f'start "${{nodes[{node}]}}" {name} {command}'
