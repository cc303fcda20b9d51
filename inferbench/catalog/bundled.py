"""The facts and files that come with inferbench: GPUs, models, scenarios, price books."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from inferbench.catalog.gpu import Gpu, GpuFacts
from inferbench.catalog.model import ModelFacts, ModelSpec
from inferbench.errors import FileError
from inferbench.files.spelling import unknown
from inferbench.files.yaml_values import read_value

_PACKAGE = Path(__file__).parents[1]


def bundled(kind: str) -> Path:
    """Directory of the scenarios, price books or dashboard that came with inferbench: of a wheel, or of a checkout."""
    inside = _PACKAGE / "bundled" / kind
    return inside if inside.is_dir() else _PACKAGE.parent / kind


@cache
def gpus() -> dict[str, Gpu]:
    """All known GPUs by name."""
    return read_value(_PACKAGE / "catalog" / "gpus.yaml", GpuFacts).gpus


@cache
def models() -> dict[str, ModelSpec]:
    """All known models by name."""
    return read_value(_PACKAGE / "catalog" / "models.yaml", ModelFacts).models


def find(kind: str, name: str) -> Path:
    """Path of a scenario or price book: `name` is a path to a YAML file, or the name of a bundled one.

    Raises FileError where there is neither.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or _exists(path):
        return path
    known = {p.stem: p for p in sorted(bundled(kind).glob("*.yaml"))}
    if name not in known:
        raise FileError(f"{name}: no such file, and {unknown(f'name in {kind}', name, known)}")
    return known[name]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name longer than a file's can be
        return False
