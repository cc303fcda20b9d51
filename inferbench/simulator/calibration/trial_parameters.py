"""Parameters in which a fit's constants have been turned: one set of them, or many as arrays."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from inferbench.arrays import Floats
from inferbench.simulator.calibration.free_parameters import FreeParameter
from inferbench.simulator.calibration.priors import KINDS
from inferbench.simulator.calibration.software_dates import MIXED
from inferbench.simulator.parameters.numbers import Real
from inferbench.simulator.parameters.parameters import (
    ClassScale,
    Padding,
    SoftwareVersions,
    StackParameters,
    TwinParameters,
)

Turned = Mapping[tuple[str, ...], Real]
"""Values of what a fit turns, by path."""

PADDED_ROWS = 2703
"""SGLANG_MORI_MOE_MAX_INPUT_TOKENS of the decode servers in InferenceX's MI355X runs."""


def with_free_parameters(
    base: TwinParameters, stack: str, free_parameters: Sequence[FreeParameter], z: Floats
) -> TwinParameters:
    """Return parameters at `z`: one set for shape (n,), many for (sets, n), then as arrays (sets, 1)."""
    gpu, framework = stack.split()
    old = base.stacks[gpu][framework]
    values = {k.path: _of(k.at(z[..., i])) for i, k in enumerate(free_parameters)}
    new = old.model_copy(
        update={
            "decode": old.decode.model_copy(update=_block(old, "decode", values)),
            "prefill": old.prefill.model_copy(update=_block(old, "prefill", values)),
            "eras": _eras(values),
        }
    )
    return base.model_copy(update={"stacks": {**base.stacks, gpu: {**base.stacks[gpu], framework: new}}})


def _of(value: Floats) -> Real:
    return float(value) if np.ndim(value) == 0 else value[:, None]


def _block(old: StackParameters, block: str, values: Turned) -> dict[str, Any]:
    update: dict[str, Any] = {path[1]: value for path, value in values.items() if path[0] == block and len(path) == 2}
    scales = _by_class(values, block, "class_scale", getattr(old, block).class_scale)
    if block == "prefill":
        update["request_ms"] = _by_class(values, block, "request_ms", old.prefill.request_ms)
    own: dict[str, Any] = {}
    for path, value in values.items():
        if path[:2] == (block, "expert_efficiency"):
            own.setdefault("expert_efficiency", dict(old.decode.expert_efficiency))[path[2]] = value
        elif path[:2] == (block, "acceptance"):
            own.setdefault("acceptance", dict(old.decode.acceptance))[path[2]] = value
        elif path[:2] == (block, "skew"):
            kinds = {kind: values.get((*path[:3], kind), 1.0) for kind in KINDS}
            own.setdefault("skew", {})[path[2]] = ClassScale(**kinds)
        elif path[:2] == (block, "padding"):
            own["padding"] = {path[2]: Padding(us_per_row=value, max_rows=PADDED_ROWS)}
    return {**update, **own, "class_scale": scales}


def _by_class(values: Turned, block: str, name: str, old: Mapping[Any, ClassScale]) -> dict[str, ClassScale]:
    """Values of every precision and kind of worker: the old ones where nothing is fitted."""
    return {
        precision: ClassScale(
            **{kind: values.get((block, name, precision, kind), getattr(scale, kind)) for kind in KINDS}
        )
        for precision, scale in old.items()
    }


def _eras(values: Turned) -> dict[str, tuple[SoftwareVersions, ...]]:
    eras: dict[str, tuple[SoftwareVersions, ...]] = {}
    for precision, name in sorted({(path[1], path[2]) for path in values if path[0] == "eras"}):
        at = ("eras", precision, name)
        software = SoftwareVersions(
            name=name,
            until=None if name == MIXED else datetime.date.fromisoformat(name),
            decode=values[*at, "decode"],
            prefill=values[*at, "prefill"],
            kinds=ClassScale(**{kind: values.get((*at, "kinds", kind), 1.0) for kind in KINDS}),
        )
        eras[precision] = (*eras.get(precision, ()), software)
    return eras
