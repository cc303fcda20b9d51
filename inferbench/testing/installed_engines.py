"""What is installed here: in this Python environment, in those of the cache folder, and as programs on the PATH."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

from inferbench.files.yaml_values import cache_folder
from inferbench.testing.known_engines import ENGINES, Known
from inferbench.values import Value

VERSION_TIMEOUT_S = 10


class Installed(Value):
    """An engine that was found."""

    name: str
    what: str
    version: str | None
    """None where a program does not tell."""
    where: str
    """`this environment`, or a folder or program."""
    starts: str


def engines_folder() -> Path:
    """Where environments of engines and the tiny model lie."""
    return cache_folder() / "engines"


def installed() -> list[Installed]:
    """Everything that is known and found here, each place once, in the order of `ENGINES`."""
    found = [*_in_environments(), *_programs()]
    order = [known.name for known in ENGINES]
    return sorted(found, key=lambda one: order.index(one.name))


def _in_environments() -> Iterator[Installed]:
    yield from _in_environment(None, "this environment")
    for site in sorted(engines_folder().glob("*/lib/python*/site-packages")):
        yield from _in_environment(site, str(site.parents[2]))


def _in_environment(site: Path | None, where: str) -> Iterator[Installed]:
    versions = _versions(site)
    for known in ENGINES:
        version = next((versions[name] for name in known.distributions if name in versions), None)
        if version is not None and all(name in versions for name in known.needs):
            yield _installed(known, version, where)


def _versions(site: Path | None) -> dict[str, str]:
    """Version by normalised name of the packages of a folder; None for those that this process can import."""
    found = distributions() if site is None else distributions(path=[str(site)])
    names = ((distribution.metadata["Name"], distribution.version) for distribution in found)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in names if name}


def _programs() -> Iterator[Installed]:
    """Programs on the PATH that no environment above has brought."""
    for known in ENGINES:
        path = shutil.which(known.program) if known.program else None
        if path is None:
            continue
        site = next(Path(path).resolve().parents[1].glob("lib/python*/site-packages"), None)
        version = next((v for n, v in _versions(site).items() if n in known.distributions), None) if site else None
        yield _installed(known, version or _asked(path), path)


def _asked(program: str) -> str | None:
    """The version that a program prints, on whichever stream: the first thing in it that looks like one."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=VERSION_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"version:?\s+(\S+)", done.stdout + done.stderr)
    return match.group(1) if match else None


def _installed(known: Known, version: str | None, where: str) -> Installed:
    return Installed(name=known.name, what=known.what, version=version, where=where, starts=known.starts)
