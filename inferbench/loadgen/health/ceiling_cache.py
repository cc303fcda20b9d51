"""Where the ceiling of this machine is kept between runs."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from pathlib import Path

import orjson
from pydantic import ValidationError

from inferbench.distribution import own_version
from inferbench.files.yaml_values import cache_folder
from inferbench.loadgen.health.ceiling import Ceiling, Machine, cores


def machine() -> Machine:
    """What is here."""
    return Machine(cpu=_cpu_model(), cpus=cores(), python=platform.python_version(), inferbench=own_version())


def _cpu_model() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def cache_path() -> Path:
    """The file that holds it."""
    return cache_folder() / "selfcheck.json"


def ceiling() -> Ceiling | None:
    """The ceiling of this machine, by the last self-check; None where there was none under the same conditions."""
    try:
        known = Ceiling.model_validate_json(cache_path().read_bytes())
    except (OSError, ValidationError):
        return None
    return known if known.machine == machine() else None


def remember(known: Ceiling) -> None:
    """Keep a ceiling. A cache that cannot be written is no error."""
    path = cache_path()
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_bytes(orjson.dumps(known.model_dump(mode="json"), option=orjson.OPT_INDENT_2))
        os.replace(part, path)
