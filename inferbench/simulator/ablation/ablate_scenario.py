"""Ablating a stack on the twin."""

from __future__ import annotations

from pathlib import Path

from inferbench.catalog.bundled import find, gpus, models
from inferbench.errors import FileError
from inferbench.files.spelling import unknown
from inferbench.files.yaml_values import read_value
from inferbench.scenario.read_scenario import beyond_context
from inferbench.simulator.ablation.ablate import ablate as answer
from inferbench.simulator.ablation.ablation import Ablation
from inferbench.simulator.ablation.result import AblationResult

DEFAULT_ABLATION = "mori-ablation"


def load_ablation(name: str | Path = DEFAULT_ABLATION) -> Ablation:
    """Load an ablation from a file or by the name of a bundled one. Raises FileError for a bad file."""
    path = find("scenarios", str(name))
    spec = read_value(path, Ablation)
    for what, given, known in (
        ("model", {spec.model}, models().keys()),
        ("GPU", {d.gpu for d in spec.deployments}, gpus().keys()),
    ):
        if missing := sorted(given - known):
            raise FileError(f"{path}: {unknown(what, missing[0], known)}")
    lengths = [(f.title, f.isl, f.osl) for f in spec.figures] + [(w.title, w.isl, w.osl) for w in spec.weighings]
    for title, isl, osl in lengths:
        if problem := beyond_context(models()[spec.model], isl, osl):
            raise FileError(f"{path}: {title!r}: {problem}")
    return spec


def ablate(name: str | Path = DEFAULT_ABLATION) -> AblationResult:
    """Turn the parts of a stack on and off at the conditions of published figures, on the twin.

    `name` is an ablation's file, or the name of a bundled one. The result sets each part's effect beside what was
    published, with its source; the model is that of docs/twin.md.
    Raises FileError for a bad file, UsageError where the twin has no constants for a deployment or a switch.
    """
    spec = load_ablation(name)
    return answer(spec, models()[spec.model], gpus())
