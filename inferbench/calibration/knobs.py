"""What a fit may turn: constants of one stack, each with the value and spread that it is held to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..domain.records import Floats
from ..twin.parameters import ClassScale, Padding, StackParameters, TwinParameters
from .configuration import MIXED, Configuration
from .priors import EXPERT_SPREAD, EXTRA, KINDS, KINSHIP, PRIORS, family_of

DECODE_SPREAD = 0.20
"""Prior log-spread of a class's factor on decode passes: small, so that the shared constants carry what they can."""
PREFILL_SPREAD = 0.5
"""That of prefill: its capacity is the main unknown, and is read off each class's own saturated rows."""
ERA_SPREAD = 0.15
AGGREGATED_ERA_SPREAD = 0.3
"""Aggregated servers were measured from 2025-10 on, over more releases."""
PADDED_ROWS = 2703
"""SGLANG_MORI_MOE_MAX_INPUT_TOKENS of the decode servers in InferenceX's MI355X runs."""


@dataclass(frozen=True, slots=True)
class Knob:
    """One constant: prior value, and log-spread (of the odds for a share between 0 and 1)."""

    path: tuple[str, ...]
    value: float
    spread: float
    scale: Literal["log", "odds"] = "log"

    def at(self, z: Floats) -> Floats:
        """The constant at `z` prior spreads from its prior value."""
        if self.scale == "log":
            return self.value * np.exp(self.spread * z)
        odds = self.value / (1 - self.value) * np.exp(self.spread * z)
        return odds / (1 + odds)

    def inverse(self, value: float) -> float:
        """How many spreads a value lies from the prior."""
        if self.scale == "log":
            return float(np.log(value / self.value) / self.spread)
        return float(np.log(value / (1 - value) / (self.value / (1 - self.value))) / self.spread)


def knobs_of(stack: str, configurations: Sequence[Configuration], start: StackParameters) -> list[Knob]:
    """What the points of a stack can fit: its shared constants, one factor per class and per era that they show.

    start: what is known of it without them. A stack with priors of its own is held to those, any other to `start`.
    """
    shared = _shared(stack, start)
    drafting = {c.point.precision for c in configurations if c.recipe.mtp}
    near = 1.0 if stack in PRIORS else KINSHIP
    shared += [
        Knob(("decode", "acceptance", p), float(start.decode.acceptance[p]), 0.3 * near, "odds")  # type: ignore[index]
        for p in sorted(drafting)
    ]
    shared += [
        Knob(
            ("decode", "expert_efficiency", p),
            float(start.decode.expert_efficiency[p]),  # type: ignore[index]
            EXPERT_SPREAD.get(stack, 0.3),
        )
        for p in sorted({c.point.precision for c in configurations})
    ]
    shared += [Knob(path, *prior) for path, prior in EXTRA.get(stack, {}).items()]
    decode = {(c.point.precision, c.point.decode.kind) for c in configurations}
    prefill = {(c.point.precision, (c.point.prefill or c.point.decode).kind) for c in configurations}
    classes = [
        Knob((block, name, *of), float(getattr(getattr(start, block), name)[of[0]].__dict__[of[1]]), spread)
        for block, name, found, spread in (
            ("decode", "class_scale", decode, DECODE_SPREAD),
            ("prefill", "class_scale", prefill, PREFILL_SPREAD),
            ("prefill", "request_ms", prefill, 0.6),
        )
        for of in sorted(found)
    ]
    eras = sorted({(c.point.precision, c.era) for c in configurations if c.era is not None})
    spread = AGGREGATED_ERA_SPREAD if stack.endswith("-agg") else ERA_SPREAD
    return [
        *shared,
        *classes,
        *(
            Knob(("eras", precision, era, part), 1.0, spread)
            for precision, era in eras
            for part in ("decode", "prefill")
        ),
    ]


def _shared(stack: str, start: StackParameters) -> list[Knob]:
    own = PRIORS.get(stack)
    names = PRIORS[family_of(stack)]
    near = 1.0 if own else KINSHIP
    decode = [Knob(("decode", n), float(getattr(start.decode, n)), near * spread) for n, (_, spread) in names.items()]
    prefill = [("efficiency", 0.4), ("tp_exponent", 0.5)]
    if not stack.endswith("-agg"):
        prefill += [("handoff_ms", 0.7), ("handoff_passes", 0.4)]
    return decode + [Knob(("prefill", n), float(getattr(start.prefill, n)), near * spread) for n, spread in prefill]


def with_knobs(base: TwinParameters, stack: str, knobs: Sequence[Knob], z: Floats) -> TwinParameters:
    """Return parameters at `z`: one set for shape (knobs,), many for (sets, knobs), then as arrays (sets, 1)."""
    gpu, framework = stack.split()
    old = base.stacks[gpu][framework]
    values = {k.path: _of(k.at(z[..., i])) for i, k in enumerate(knobs)}
    new = old.model_copy(
        update={
            "decode": old.decode.model_copy(update=_block(old, "decode", values)),
            "prefill": old.prefill.model_copy(update=_block(old, "prefill", values)),
            "eras": _eras(values),
        }
    )
    return base.model_copy(update={"stacks": {**base.stacks, gpu: {**base.stacks[gpu], framework: new}}})


def _of(value: Floats) -> Any:
    return float(value) if np.ndim(value) == 0 else value[:, None]


def _block(old: StackParameters, block: str, values: dict[tuple[str, ...], Any]) -> dict[str, Any]:
    update = {path[1]: value for path, value in values.items() if path[0] == block and len(path) == 2}
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
            own.setdefault("skew", {})[path[2]] = ClassScale.model_construct(**kinds)
        elif path[:2] == (block, "padding"):
            own["padding"] = {path[2]: Padding.model_construct(us_per_row=value, max_rows=PADDED_ROWS)}
    return {**update, **own, "class_scale": scales}


class _EraView:
    """An era whose factors may be arrays."""

    def __init__(self, name: str, decode: Any, prefill: Any) -> None:
        self.name, self.decode, self.prefill = name, decode, prefill
        self.until = None if name == MIXED else name


def _by_class(
    values: dict[tuple[str, ...], Any], block: str, name: str, old: Mapping[Any, ClassScale]
) -> dict[str, ClassScale]:
    """Values of every precision and kind of worker: the old ones where nothing is fitted."""
    return {
        precision: ClassScale.model_construct(
            **{kind: values.get((block, name, precision, kind), getattr(scale, kind)) for kind in KINDS}
        )
        for precision, scale in old.items()
    }


def _eras(values: dict[tuple[str, ...], Any]) -> dict[str, tuple[_EraView, ...]]:
    found = sorted({(path[1], path[2]) for path in values if path[0] == "eras"})
    eras: dict[str, tuple[_EraView, ...]] = {}
    for precision, name in found:
        view = _EraView(name, values["eras", precision, name, "decode"], values["eras", precision, name, "prefill"])
        eras[precision] = (*eras.get(precision, ()), view)
    return eras
