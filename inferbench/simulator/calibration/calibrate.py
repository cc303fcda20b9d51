"""Calibration: every stack's constants fitted to all its points, and intervals from topologies held out."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping

from inferbench.catalog.gpu import Gpu
from inferbench.catalog.model import ModelSpec
from inferbench.evidence.points_csv import Points
from inferbench.simulator.calibration.configuration import predictable
from inferbench.simulator.calibration.family import Family
from inferbench.simulator.calibration.fit import STARTS
from inferbench.simulator.calibration.priors import PARENTS, seeded
from inferbench.simulator.calibration.write_parameters import fitted_stack, saturated_classes
from inferbench.simulator.parameters.parameters import StackParameters, TwinParameters
from inferbench.simulator.validation.prediction import predict
from inferbench.simulator.validation.validate import held_out_predictions


def calibrate(
    model: ModelSpec,
    gpus: Mapping[str, Gpu],
    points: Points,
    base: TwinParameters,
    today: datetime.date,
    progress: Callable[[str], None],
) -> dict[str, dict[str, StackParameters]]:
    """Return the constants of every stack, fitted where the file has points of it and as they were elsewhere."""
    stacks = {gpu: dict(frameworks) for gpu, frameworks in base.stacks.items()}
    base = seeded(base)
    found, _ = predictable(model, gpus, points.points, base)
    held_out = held_out_predictions(model, gpus, found, base, "topology")
    family = Family(model, gpus, found, base, STARTS)
    for stack in PARENTS:
        own = [c for c in found if c.point.stack == stack]
        parameters = family.parameters(stack)
        if not own or parameters is None:
            continue
        gpu, framework = stack.split()
        result, saturated = family.fits[stack], saturated_classes(predict(model, gpus, own, parameters))
        block = parameters.stacks[gpu][framework]
        stacks.setdefault(gpu, {})[framework] = fitted_stack(block, result, own, held_out, saturated, today)
        progress(f"{stack}: {len(own)} points, {len(result.free_parameters)} constants, costs {result.costs}")
    return stacks
