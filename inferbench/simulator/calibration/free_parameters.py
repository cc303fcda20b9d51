"""What a fit may turn: constants of one stack, each with the value and spread that it is held to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from inferbench.arrays import Floats
from inferbench.simulator.calibration.configuration import Configuration
from inferbench.simulator.calibration.priors import EXPERT_SPREAD, EXTRA, KINSHIP, PRIORS, family_of
from inferbench.simulator.parameters.parameters import StackParameters

DECODE_SPREAD = 0.20
"""Prior log-spread of a class's factor on decode passes: small, so that the shared constants carry what they can."""
PREFILL_SPREAD = 0.5
"""That of prefill: its capacity is the main unknown, and is read off each class's own saturated rows."""
SOFTWARE_SPREAD = 0.15
AGGREGATED_SOFTWARE_SPREAD = 0.3
"""Aggregated servers were measured from 2025-10 on, over more releases."""
SOFTWARE_KIND_SPREAD = 0.15
"""That of a kind of worker about its software: images change DP attention, expert parallelism and plain TP apart."""


@dataclass(frozen=True, slots=True)
class FreeParameter:
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


def free_parameters_of(
    stack: str, configurations: Sequence[Configuration], start: StackParameters
) -> list[FreeParameter]:
    """What the points of a stack can fit: its shared constants, one factor per class and per software that they show.

    start: what is known of it without them. A stack with priors of its own is held to those, any other to `start`.
    """
    shared = _shared(stack, start)
    drafting = {c.point.precision for c in configurations if c.recipe.mtp}
    near = 1.0 if stack in PRIORS else KINSHIP
    shared += [
        FreeParameter(("decode", "acceptance", p), float(start.decode.acceptance[p]), 0.3 * near, "odds")  # type: ignore[index]
        for p in sorted(drafting)
    ]
    shared += [
        FreeParameter(
            ("decode", "expert_efficiency", p),
            float(start.decode.expert_efficiency[p]),  # type: ignore[index]
            EXPERT_SPREAD.get(stack, 0.3),
        )
        for p in sorted({c.point.precision for c in configurations})
    ]
    shared += [FreeParameter(path, *prior) for path, prior in EXTRA.get(stack, {}).items()]
    decode = {(c.point.precision, c.point.decode.kind) for c in configurations}
    prefill = {(c.point.precision, (c.point.prefill or c.point.decode).kind) for c in configurations}
    classes = [
        FreeParameter((block, name, *of), float(getattr(getattr(start, block), name)[of[0]].__dict__[of[1]]), spread)
        for block, name, found, spread in (
            ("decode", "class_scale", decode, DECODE_SPREAD),
            ("prefill", "class_scale", prefill, PREFILL_SPREAD),
            ("prefill", "request_ms", prefill, 0.6),
        )
        for of in sorted(found)
    ]
    return [*shared, *classes, *_eras(stack, configurations)]


def _eras(stack: str, configurations: Sequence[Configuration]) -> list[FreeParameter]:
    """Factors of earlier software, and of kinds of worker in it where it shows several."""
    kinds: dict[tuple[str, str], set[str]] = defaultdict(set)
    for c in configurations:
        if isinstance(c.software, str):
            kinds[c.point.precision, c.software].add(c.point.decode.kind)
    spread = AGGREGATED_SOFTWARE_SPREAD if stack.endswith("-agg") else SOFTWARE_SPREAD
    whole = [
        FreeParameter(("eras", *software, part), 1.0, spread)
        for software in sorted(kinds)
        for part in ("decode", "prefill")
    ]
    apart = [
        FreeParameter(("eras", *software, "kinds", kind), 1.0, SOFTWARE_KIND_SPREAD)
        for software, own in sorted(kinds.items())
        if len(own) > 1
        for kind in sorted(own)
    ]
    return whole + apart


def _shared(stack: str, start: StackParameters) -> list[FreeParameter]:
    own = PRIORS.get(stack)
    names = PRIORS[family_of(stack)]
    near = 1.0 if own else KINSHIP
    decode = [
        FreeParameter(("decode", n), float(getattr(start.decode, n)), near * spread) for n, (_, spread) in names.items()
    ]
    prefill = [("efficiency", 0.4), ("tp_exponent", 0.5)]
    if not stack.endswith("-agg"):
        prefill += [("handoff_ms", 0.7), ("handoff_passes", 0.4)]
    return decode + [
        FreeParameter(("prefill", n), float(getattr(start.prefill, n)), near * spread) for n, spread in prefill
    ]
