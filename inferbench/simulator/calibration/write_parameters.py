"""The fitted part of the parameter file: constants, where they come from, and how far to trust them."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from inferbench.errors import FileError
from inferbench.files.yaml_values import read_text, write_text
from inferbench.simulator.calibration.configuration import Configuration
from inferbench.simulator.calibration.conformal_intervals import class_intervals
from inferbench.simulator.calibration.fit import Fit
from inferbench.simulator.parameters.parameters import FitRecord, StackParameters
from inferbench.simulator.validation.prediction import Prediction

BEGIN = "# --- fitted: written by `inferbench twin calibrate`, not by hand ---\n"
END = "# --- end of fitted ---\n"
SOURCE = (
    "InferenceX measured points for DeepSeek-R1-0528, 2026-01 to 2026-07 (SemiAnalysisAI/InferenceX, Apache-2.0); "
    "held to kernel tables of NVIDIA aiconfigurator 0.12.0 (Apache-2.0) and MoRI (MIT) where those give the term"
)
NORMAL_90 = 1.645
SATURATED = 0.9
"""Share of the prefill capacity from which a point shows what that capacity is."""


def saturated_classes(predictions: Sequence[Prediction]) -> tuple[str, ...]:
    """Prefill classes, as `precision kind`, that some point ran to capacity."""
    found = {
        f"{p.point.precision} {(p.point.prefill or p.point.decode).kind}"
        for p in predictions
        if p.point.prefill is None or p.prefill_load >= SATURATED
    }
    return tuple(sorted(found))


def fitted_stack(
    stack: StackParameters,
    fit: Fit,
    configurations: Sequence[Configuration],
    held_out: Sequence[Prediction],
    saturated: tuple[str, ...],
    today: datetime.date,
) -> StackParameters:
    """Return a fitted stack's constants with their record."""
    ranges = {
        ".".join(free_parameter.path): tuple(
            _digits(float(free_parameter.at(np.array(z + sign * NORMAL_90 * spread)))) for sign in (-1, 1)
        )
        for free_parameter, z, spread in zip(fit.free_parameters, fit.z, fit.spread, strict=True)
    }
    record = FitRecord(
        fitted=today,
        points=len(configurations),
        topologies=len({c.point.topology for c in configurations}),
        cost_spread=round(fit.costs[-1] / fit.costs[0] - 1, 4),
        ranges=ranges,
        saturated_prefill=saturated,
    )
    return stack.model_copy(
        update={
            "decode": stack.decode.model_copy(update={"source": SOURCE, "how": "fitted"}),
            "prefill": stack.prefill.model_copy(update={"source": SOURCE, "how": "fitted"}),
            "fit": record,
            "intervals": class_intervals(held_out, fit.stack, current=True),
            "earlier_intervals": class_intervals(held_out, fit.stack, current=False),
        }
    )


def write_stacks(path: Path, stacks: Mapping[str, Mapping[str, StackParameters]]) -> None:
    """Replace the fitted part of a parameter file. Raises FileError where the file has no such part."""
    before, after = around_fitted(path)
    data = {
        gpu: {
            name: _plain(stack.model_dump(mode="python", exclude_defaults=True)) for name, stack in frameworks.items()
        }
        for gpu, frameworks in stacks.items()
    }
    body = yaml.safe_dump({"stacks": data}, sort_keys=False, default_flow_style=None, width=120)
    write_text(path, before + BEGIN + body + END + after)


def around_fitted(path: Path) -> tuple[str, str]:
    """What stands before and after the fitted part of a parameter file. Raises FileError where it has no such part."""
    text = read_text(path)
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise FileError(f"{path}: needs one line {BEGIN.strip()!r} and one line {END.strip()!r}")
    before, rest = text.split(BEGIN)
    return before, rest.split(END)[1]


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return _plain(value.model_dump(mode="python", exclude_defaults=True))
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return _digits(float(value)) if isinstance(value, float) else value


def _digits(value: float) -> float:
    return float(f"{value:.4g}")
