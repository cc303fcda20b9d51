"""Calibration: every stack's constants fitted to all its points, and intervals from topologies held out."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping

from ..domain.hardware import Gpu
from ..domain.model import ModelSpec
from ..twin.parameters import StackParameters, TwinParameters
from .configuration import predictable
from .fit import Problem, fit
from .knobs import PRIORS, with_knobs
from .points import Points
from .prediction import predict
from .validate import held_out_predictions
from .write import fitted_stack, saturated_classes


def calibrate(
    model: ModelSpec,
    gpus: Mapping[str, Gpu],
    points: Points,
    base: TwinParameters,
    today: datetime.date,
    progress: Callable[[str], None],
) -> dict[str, dict[str, StackParameters]]:
    """Return the constants of every stack, fitted where the file has points of it and as they were elsewhere."""
    found, _ = predictable(model, gpus, points.points, base)
    held_out = held_out_predictions(model, gpus, found, base, "topology")
    stacks = {gpu: dict(frameworks) for gpu, frameworks in base.stacks.items()}
    for stack in PRIORS:
        own = [c for c in found if c.point.stack == stack]
        if not own:
            continue
        gpu, framework = stack.split()
        result = fit(Problem(base, model, gpus[gpu], stack, own))
        fitted = predict(model, gpus, own, with_knobs(base, stack, result.knobs, result.z))
        stacks[gpu][framework] = fitted_stack(base, result, own, held_out, saturated_classes(fitted), today)
        progress(f"{stack}: {len(own)} points, {len(result.knobs)} constants, costs {result.costs}")
    return stacks
