"""What a fit may turn: constants of one stack, each with the value and spread that it is held to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..domain.records import Floats
from ..twin.parameters import ClassScale, Padding, StackParameters, TwinParameters
from .configuration import MIXED, Configuration

DECODE_SPREAD = 0.20
"""Prior log-spread of a class's factor on decode passes: small, so that the shared constants carry what they can."""
PREFILL_SPREAD = 0.5
"""That of prefill: its capacity is the main unknown, and is read off each class's own saturated rows."""
ERA_SPREAD = 0.15
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


PRIORS: dict[str, dict[str, tuple[float, float]]] = {
    # Value and log-spread. B200: kernel tables of aiconfigurator 0.12.0 (Apache-2.0) where a table gives the term.
    "b200 dynamo-trtllm": {
        "weight_bandwidth_efficiency": (0.85, 0.10),
        "kv_bandwidth_efficiency": (0.76, 0.05),
        "gemm_efficiency": (0.60, 0.25),
        "attention_efficiency": (0.78, 0.05),
        "tp_layer_us": (62, 0.25),
        "ep_layer_us": (110, 0.30),
        "all_reduce_gb_s": (120, 0.50),
        "all_to_all_us_per_token": (0.60, 0.40),
        "host_step_ms": (2.5, 0.50),
        "host_request_us": (2.0, 0.50),
        "draft_ms": (0.3, 0.40),
    },
    "b200 dynamo-sglang": {
        "weight_bandwidth_efficiency": (0.85, 0.10),
        "kv_bandwidth_efficiency": (0.76, 0.05),
        "gemm_efficiency": (0.60, 0.25),
        "attention_efficiency": (0.45, 0.05),
        "tp_layer_us": (65, 0.25),
        "ep_layer_us": (105, 0.30),
        "all_reduce_gb_s": (120, 0.50),
        "all_to_all_us_per_token": (0.60, 0.40),
        "host_step_ms": (3.0, 0.50),
        "host_request_us": (3.0, 0.50),
        "draft_ms": (0.3, 0.40),
    },
    "mi355x sglang": {
        "weight_bandwidth_efficiency": (0.65, 0.20),
        "kv_bandwidth_efficiency": (0.60, 0.25),
        "gemm_efficiency": (0.35, 0.35),
        "attention_efficiency": (0.50, 0.30),
        "tp_layer_us": (40, 0.50),
        "ep_layer_us": (120, 0.50),
        "all_reduce_gb_s": (60, 0.50),
        "all_to_all_us_per_token": (0.40, 0.50),
        "host_step_ms": (5.0, 0.60),
        "host_request_us": (3.0, 0.50),
        "draft_ms": (0.5, 0.40),
    },
}
EXPERT_EFFICIENCY = {
    "b200 dynamo-trtllm": {"fp4": 0.306, "fp8": 0.32, "bf16": 0.32},
    "b200 dynamo-sglang": {"fp4": 0.306, "fp8": 0.151, "bf16": 0.32},
    "mi355x sglang": {"fp4": 0.19, "fp8": 0.19, "bf16": 0.19},
}
"""Grouped expert products, share of peak: B200 2.75 PFLOP/s at NVFP4, 1.44 (TRT-LLM) and 0.68 (SGLang) at FP8 in the
same tables; MI355X assumed."""
EXPERT_SPREAD = {"b200 dynamo-trtllm": 0.1, "b200 dynamo-sglang": 0.1, "mi355x sglang": 0.7}
PREFILL_PRIORS = {"b200 dynamo-trtllm": (0.25, 5.0), "b200 dynamo-sglang": (0.15, 5.0), "mi355x sglang": (0.12, 6.0)}
"""Share of peak, and ms per prompt."""


EXTRA: dict[str, dict[tuple[str, ...], tuple[float, float]]] = {
    "mi355x sglang": {
        ("decode", "context_ns"): (10.0, 0.6),
        ("decode", "padding", "fp4"): (0.12, 0.6),
        ("decode", "skew", "fp4", "tp"): (0.85, 0.2),
        ("decode", "skew", "fp4", "dep"): (0.9, 0.1),
        ("decode", "skew", "fp8", "dep"): (0.9, 0.1),
    }
}


def knobs_of(stack: str, configurations: Sequence[Configuration]) -> list[Knob]:
    """What the points of a stack can fit: its shared constants, one factor per class and per era that they show."""
    shared = [Knob(("decode", name), value, spread) for name, (value, spread) in PRIORS[stack].items()]
    efficiency, request_ms = PREFILL_PRIORS[stack]
    shared += [
        Knob(("prefill", "efficiency"), efficiency, 0.4),
        Knob(("prefill", "tp_exponent"), 0.3, 0.5),
        Knob(("prefill", "handoff_ms"), 80.0, 0.7),
        Knob(("prefill", "handoff_passes"), 1.5, 0.4),
    ]
    drafting = {c.point.precision for c in configurations if c.recipe.mtp}
    shared += [Knob(("decode", "acceptance", precision), 0.67, 0.3, "odds") for precision in sorted(drafting)]
    shared += [
        Knob(("decode", "expert_efficiency", precision), EXPERT_EFFICIENCY[stack][precision], EXPERT_SPREAD[stack])
        for precision in sorted({c.point.precision for c in configurations})
    ]
    shared += [Knob(path, *prior) for path, prior in EXTRA.get(stack, {}).items()]
    decode = {(c.point.precision, c.point.decode.kind) for c in configurations}
    prefill = {(c.point.precision, c.point.prefill.kind) for c in configurations if c.point.prefill is not None}
    classes = [Knob(("decode", "class_scale", *of), 1.0, DECODE_SPREAD) for of in sorted(decode)]
    classes += [Knob(("prefill", "class_scale", *of), 1.0, PREFILL_SPREAD) for of in sorted(prefill)]
    classes += [Knob(("prefill", "request_ms", *of), request_ms, 0.6) for of in sorted(prefill)]
    eras = sorted({(c.point.precision, c.era) for c in configurations if c.era is not None})
    return (
        shared
        + classes
        + [
            Knob(("eras", precision, era, part), 1.0, ERA_SPREAD)
            for precision, era in eras
            for part in ("decode", "prefill")
        ]
    )


def with_knobs(base: TwinParameters, stack: str, knobs: Sequence[Knob], z: Floats) -> TwinParameters:
    """Return parameters at `z`: one set for shape (knobs,), many for (sets, knobs), then as arrays (sets, 1)."""
    gpu, framework = stack.split()
    old = base.stacks[gpu][framework]
    values = {k.path: _of(k.at(z[..., i])) for i, k in enumerate(knobs)}
    new = old.model_copy(
        update={
            "decode": old.decode.model_copy(update=_block(old, stack, "decode", values)),
            "prefill": old.prefill.model_copy(update=_block(old, stack, "prefill", values)),
            "eras": _eras(values),
        }
    )
    return base.model_copy(update={"stacks": {**base.stacks, gpu: {**base.stacks[gpu], framework: new}}})


DONORS = {
    "b200 dynamo-trtllm": "b200 dynamo-sglang",
    "b200 dynamo-sglang": "b200 dynamo-trtllm",
    "mi355x sglang": "b200 dynamo-sglang",
}
"""Whose constants stand in for a stack that has none of its own: efficiencies carry over, peaks are the GPU's."""


def donated(base: TwinParameters, stack: str) -> TwinParameters:
    """Return parameters in which a stack has the constants of its donor, and its own formats."""
    (gpu, framework), (other, others) = stack.split(), DONORS[stack].split()
    old, donor = base.stacks[gpu][framework], base.stacks[other][others]
    new = old.model_copy(
        update={
            "decode": donor.decode,
            "prefill": donor.prefill.model_copy(update={"all_to_all": old.prefill.all_to_all}),
            "eras": {},
        }
    )
    return base.model_copy(update={"stacks": {**base.stacks, gpu: {**base.stacks[gpu], framework: new}}})


def _of(value: Floats) -> Any:
    return float(value) if np.ndim(value) == 0 else value[:, None]


def _block(old: StackParameters, stack: str, block: str, values: dict[tuple[str, ...], Any]) -> dict[str, Any]:
    update = {path[1]: value for path, value in values.items() if path[0] == block and len(path) == 2}
    scales = _by_class(values, block, "class_scale", 1.0)
    if block == "prefill":
        update["request_ms"] = _by_class(values, block, "request_ms", PREFILL_PRIORS[stack][1])
    own: dict[str, Any] = {}
    for path, value in values.items():
        if path[:2] == (block, "expert_efficiency"):
            own.setdefault("expert_efficiency", dict(old.decode.expert_efficiency))[path[2]] = value
        elif path[:2] == (block, "acceptance"):
            own.setdefault("acceptance", dict(old.decode.acceptance))[path[2]] = value
        elif path[:2] == (block, "skew"):
            kinds = {kind: values.get((*path[:3], kind), 1.0) for kind in ("tp", "tep", "dep")}
            own.setdefault("skew", {})[path[2]] = ClassScale.model_construct(**kinds)
        elif path[:2] == (block, "padding"):
            own["padding"] = {path[2]: Padding.model_construct(us_per_row=value, max_rows=PADDED_ROWS)}
    return {**update, **own, "class_scale": scales}


class _EraView:
    """An era whose factors may be arrays."""

    def __init__(self, name: str, decode: Any, prefill: Any) -> None:
        self.name, self.decode, self.prefill = name, decode, prefill
        self.until = None if name == MIXED else name


def _by_class(values: dict[tuple[str, ...], Any], block: str, name: str, default: float) -> dict[str, ClassScale]:
    """Values of every precision and kind of worker; `default` where nothing was fitted."""
    return {
        precision: ClassScale.model_construct(
            **{kind: values.get((block, name, precision, kind), default) for kind in ("tp", "tep", "dep")}
        )
        for precision in ("fp4", "fp8", "bf16")
    }


def _eras(values: dict[tuple[str, ...], Any]) -> dict[str, tuple[_EraView, ...]]:
    found = sorted({(path[1], path[2]) for path in values if path[0] == "eras"})
    eras: dict[str, tuple[_EraView, ...]] = {}
    for precision, name in found:
        view = _EraView(name, values["eras", precision, name, "decode"], values["eras", precision, name, "prefill"])
        eras[precision] = (*eras.get(precision, ()), view)
    return eras
