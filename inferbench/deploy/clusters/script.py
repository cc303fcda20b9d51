"""One bash script a process: the same on a bare node, under Slurm and in a pod."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterable

from inferbench.deploy.launch_plan import PLACEHOLDER, LaunchPlan, Process, flag_words

VISIBLE = {"AMD": "HIP_VISIBLE_DEVICES", "NVIDIA": "CUDA_VISIBLE_DEVICES"}
WIDTH = 110
IMAGE_CACHE = "/root/.cache/huggingface"
"""Where Hugging Face's libraries look for checkpoints inside the engines' images, which run as root."""


def script(plan: LaunchPlan, process: Process, runner: Iterable[str] = ()) -> str:
    """Return the script that becomes the process; `runner`: the words of a command that runs it instead."""
    text = [
        "#!/usr/bin/env bash",
        *comment(_what(plan, process)),
        *(
            line
            for caveat in plan.unlike_production
            for line in comment(f"UNLIKE PRODUCTION: {caveat.name}: {caveat.text}")
        ),
        "set -euo pipefail",
        'cd "$(dirname "$0")"',
        *_hosts(process),
        *_own_address(process),
        *_visible(plan, process),
        *(f"export {name}={word(value)}" for name, value in sorted(process.environment.items())),
        *(" ".join(map(word, command)) for command in process.prepare),
        " ".join(["exec", *map(word, runner), command_line(process)]),
    ]
    return "\n".join(text) + "\n"


def command_line(process: Process) -> str:
    """Return the command with a flag a line."""
    lines = [" ".join(map(word, process.command))]
    lines += [" ".join(map(word, (flag, *flag_words(value)))) for flag, value in process.flags.items()]
    for argument in process.arguments:
        if argument.startswith("--"):
            lines.append(word(argument))
        else:
            lines[-1] += f" {word(argument)}"
    return " \\\n    ".join(lines)


def word(text: str) -> str:
    """Quote a word for the shell; the address of another process stays a variable."""
    if not PLACEHOLDER.search(text):
        return shlex.quote(text)
    parts = re.split(f"({PLACEHOLDER.pattern})", text)
    inside = "".join(part if PLACEHOLDER.fullmatch(part) else _escaped(part) for part in parts)
    return f'"{inside}"'


def _escaped(text: str) -> str:
    return re.sub(r'([\\"$`])', r"\\\1", text)


def comment(text: str) -> Iterable[str]:
    """Return a text as comment lines."""
    return textwrap.wrap(text, WIDTH, initial_indent="# ", subsequent_indent="#   ")


def _what(plan: LaunchPlan, process: Process) -> str:
    gpus = f", GPUs {process.first_gpu} to {process.first_gpu + process.gpus - 1} of its node" if process.gpus else ""
    return (
        f"{process.name} of {plan.deployment} {plan.topology} (scenario {plan.scenario}): "
        f"{plan.engine} {plan.engine_version}, port {process.port}{gpus}."
    )


def _hosts(process: Process) -> list[str]:
    needed = [name for name in process.addresses if name != "MY_ADDRESS"]
    if not needed:
        return []
    return [
        "if [ -f hosts.env ]; then",
        "    # shellcheck source=/dev/null",
        "    . ./hosts.env",
        "fi",
        *(f': "${{{name}:?address of the node, see hosts.env}}"' for name in needed),
    ]


def _own_address(process: Process) -> list[str]:
    if "MY_ADDRESS" not in process.addresses:
        return []
    return ['MY_ADDRESS="${MY_ADDRESS:-$(hostname -I | cut -d " " -f 1)}"']


def _visible(plan: LaunchPlan, process: Process) -> list[str]:
    """Workers that share a node take their own GPUs; in a pod the device plugin has given them already."""
    if process.gpus in (0, plan.gpus_per_node):
        return []
    mine = ",".join(str(process.first_gpu + k) for k in range(process.gpus))
    return [
        'if [ -z "${KUBERNETES_SERVICE_HOST:-}" ]; then',
        f"    export {VISIBLE[plan.vendor]}={mine}",
        "fi",
    ]
