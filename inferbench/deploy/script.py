"""One bash script a process: the same on a bare node, under Slurm and in a pod."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterable

from ..domain.launch import FlagValue
from ..domain.launch_plan import LaunchPlan, Process
from .placement import MY_ADDRESS

_HOST = re.compile(r"\$\{(?:HOST_[A-Z0-9_]+|MY_ADDRESS)\}")
VISIBLE = {"AMD": "HIP_VISIBLE_DEVICES", "NVIDIA": "CUDA_VISIBLE_DEVICES"}
WIDTH = 110
IMAGE_CACHE = "/root/.cache/huggingface"
"""Where Hugging Face's libraries look for checkpoints inside the engines' images, which run as root."""


def script(plan: LaunchPlan, process: Process) -> str:
    """Return the script that becomes the process."""
    text = [
        "#!/usr/bin/env bash",
        *comment(_what(plan, process)),
        *(line for mark in plan.unlike_production for line in comment(f"UNLIKE PRODUCTION: {mark.name}: {mark.text}")),
        "set -euo pipefail",
        'cd "$(dirname "$0")"',
        *_hosts(process),
        *_own_address(process),
        *_visible(plan, process),
        *(f"export {name}={word(value)}" for name, value in sorted(process.environment.items())),
        *(" ".join(map(word, command)) for command in process.prepare),
        f"exec {command_line(process)}",
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


def words(process: Process) -> list[str]:
    """Return the command as the words that it is made of."""
    flags = [part for flag, value in process.flags.items() for part in (flag, *flag_words(value))]
    return [*process.command, *flags, *process.arguments]


def flag_words(value: FlagValue) -> tuple[str, ...]:
    """Words after a flag."""
    if value is True:
        return ()
    return tuple(map(str, value)) if isinstance(value, tuple) else (str(value),)


def word(text: str) -> str:
    """Quote a word for the shell; the address of another process stays a variable."""
    if not _HOST.search(text):
        return shlex.quote(text)
    inside = "".join(part if _HOST.fullmatch(part) else _escaped(part) for part in re.split(f"({_HOST.pattern})", text))
    return f'"{inside}"'


def _escaped(text: str) -> str:
    return re.sub(r'([\\"$`])', r"\\\1", text)


def host_names(process: Process) -> list[str]:
    """Return the variables with addresses that a process needs."""
    texts = (*process.environment.values(), *words(process))
    found = {match[2:-1] for text in texts for match in _HOST.findall(text)}
    return sorted(found - {"MY_ADDRESS"})


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
    needed = host_names(process)
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
    if not any(MY_ADDRESS in text for text in process.environment.values()):
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
