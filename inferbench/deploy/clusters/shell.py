"""A launch plan for plain nodes: a script a process, one that starts a script in the container, and the addresses."""

from __future__ import annotations

import json

from inferbench.deploy.clusters.readme import readme
from inferbench.deploy.clusters.script import IMAGE_CACHE, comment, script, word
from inferbench.deploy.launch_plan import LaunchPlan, Process, host_variable

CONTAINER = {
    "AMD": (
        "--device /dev/kfd",
        "--device /dev/dri",
        "--group-add video",
        "--cap-add SYS_PTRACE",
        "--security-opt seccomp=unconfined",
    ),
    "NVIDIA": ("--gpus all",),
}
"""What a container needs to see the GPUs of a vendor."""
NETWORK = (
    "--network host",
    "--ipc host",
    "--device /dev/infiniband",
    "--cap-add IPC_LOCK",
    "--ulimit memlock=-1",
    "--shm-size 128g",
)
"""What it needs for RDMA, and for the shared memory of its ranks."""


def shell(plan: LaunchPlan) -> dict[str, str]:
    """Return the files by name: text."""
    return {
        **scripts(plan),
        "hosts.env": _addresses(plan),
        "README.md": readme(plan, _steps(plan)),
    }


def scripts(plan: LaunchPlan) -> dict[str, str]:
    """Return what a plan for plain nodes and one for Slurm have in common."""
    return {
        **{f"{process.name}.sh": _script(plan, process) for process in plan.processes},
        **plan.files,
        "container.sh": container(plan),
        "wait-ready.sh": wait_ready(plan),
        "plan.json": plan.model_dump_json(indent=2) + "\n",
    }


def _script(plan: LaunchPlan, process: Process) -> str:
    """A service has an image of its own, in which there need be no shell."""
    if process.image is None:
        return script(plan, process)
    return script(plan, process, ("docker", "run", "--rm", "--network", "host", process.image))


def container(plan: LaunchPlan) -> str:
    """Return the script that runs another in the plan's container, on the node where it is called."""
    options = " \\\n    ".join((*CONTAINER[plan.vendor], *NETWORK))
    return f"""#!/usr/bin/env bash
# container.sh SCRIPT: run a script of this folder in the container that all of them are meant for.
# IMAGE: another image. MODELS: a folder of the node that is seen under its own path, with the checkpoints in it.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
image={word(plan.image)}
image="${{IMAGE:-$image}}"
mounts=(--volume "$here:$here:ro" --volume "${{HF_HOME:-$HOME/.cache/huggingface}}:{IMAGE_CACHE}")
if [ -n "${{MODELS:-}}" ]; then
    mounts+=(--volume "$MODELS:$MODELS:ro")
fi
hosts=()
while IFS= read -r name; do
    hosts+=(--env "$name")
done < <(compgen -e HOST_ || true)
exec docker run --rm --init \\
    {options} \\
    "${{mounts[@]}}" ${{hosts[@]+"${{hosts[@]}}"}} --entrypoint bash "$image" "$here/$1"
"""


def wait_ready(plan: LaunchPlan) -> str:
    """Return the script that waits for the router and then asks for one token."""
    return f"""#!/usr/bin/env bash
# wait-ready.sh URL: wait until the deployment answers, and ask it for one token.
set -euo pipefail
url="${{1:?base URL of the router, as in http://node0:{plan.router.port}}}"
deadline=$((SECONDS + ${{READY_SECONDS:-3600}}))
body={word(_canary(plan))}
until curl --silent --fail --max-time 5 --output /dev/null "$url{plan.router.ready}" &&
    curl --silent --fail --max-time 120 --header 'Content-Type: application/json' --data "$body" \\
        --output /dev/null "$url/v1/completions"; do
    if [ "$SECONDS" -ge "$deadline" ]; then
        echo "$url did not answer in time" >&2
        exit 1
    fi
    sleep "${{READY_PAUSE:-5}}"
done
echo "$url is ready"
"""


def _canary(plan: LaunchPlan) -> str:
    return json.dumps({"model": plan.model, "prompt": "1 2 3", "max_tokens": 1})


def _addresses(plan: LaunchPlan) -> str:
    by_node = [[p.name for p in plan.processes if p.node == node] for node in range(plan.nodes)]
    lines = [*comment(f"Addresses of the {plan.nodes} nodes, as all of them reach each other. Fill in one a node.")]
    for node, names in enumerate(by_node):
        lines += [f"NODE_{node}=", *(f"{host_variable(name)}=$NODE_{node}" for name in names)]
    return "\n".join(lines) + "\n"


def _steps(plan: LaunchPlan) -> list[str]:
    by_node = [[_start(p) for p in plan.processes if p.node == node] for node in range(plan.nodes)]
    return [
        "Copy this folder to the same path on every node (or share it), and fill in `hosts.env`.",
        *(f"On node {node}: {', '.join(f'`{start}`' for start in starts)}." for node, starts in enumerate(by_node)),
        f"`./wait-ready.sh http://NODE_0:{plan.router.port}`, then measure.",
    ]


def _start(process: Process) -> str:
    return f"./{process.name}.sh" if process.image else f"./container.sh {process.name}.sh"
