"""What is known of a stack before any of its own points: kernel tables, and the fits of its relatives."""

from __future__ import annotations

from typing import Any, get_args

from inferbench.simulator.parameters.parameters import ClassScale, Kind, StackParameters, TwinParameters

KINDS: tuple[Kind, ...] = get_args(Kind)
KINSHIP = 0.6
"""Prior spread of a constant about a relative's fit, over that about what kernel tables say."""

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
    "b200 dynamo-trtllm": {("decode", "draft_context"): (0.3, 0.8)},
    "b200 dynamo-sglang": {("decode", "draft_context"): (0.3, 0.8)},
    "mi355x sglang": {
        ("decode", "context_ns"): (10.0, 0.6),
        ("decode", "tp_context_ns"): (1.5, 0.6),
        ("decode", "tep_layer_us"): (20.0, 0.8),
        ("decode", "draft_context"): (0.1, 0.8),
        ("decode", "padding", "fp4"): (0.12, 0.6),
        ("decode", "skew", "fp4", "tp"): (0.85, 0.2),
        ("decode", "skew", "fp4", "dep"): (0.9, 0.1),
        ("decode", "skew", "fp8", "dep"): (0.9, 0.1),
    },
}
"""Terms that a stack's own points asked for; their values and spreads are judgement."""
UNKNOWN: dict[str, Any] = {
    "context_ns": 0.0, "tp_context_ns": 0.0, "tep_layer_us": 0.0, "draft_context": 0.0, "padding": {}, "skew": {},
}  # fmt: skip
"""The same terms before any points of the stack or of its relatives: what all points together gave must not leak into a
fit that is made without some of them."""


PARENTS = {
    "b200 dynamo-trtllm": ("b200 trtllm-agg", "b200 dynamo-sglang"),
    "b200 dynamo-sglang": ("b200 sglang-agg", "b200 dynamo-trtllm"),
    "mi355x sglang": ("mi355x sglang-agg", "b200 dynamo-sglang"),
    "b200 trtllm-agg": ("b200 dynamo-trtllm", "b200 sglang-agg"),
    "b200 sglang-agg": ("b200 dynamo-sglang", "b200 trtllm-agg"),
    "mi355x sglang-agg": ("mi355x sglang", "mi355x atom-agg"),
    "mi355x atom-agg": ("mi355x sglang-agg", "mi355x sglang"),
    "mi325x sglang-agg": ("mi355x sglang-agg", "mi355x sglang"),
    "mi300x sglang-agg": ("mi325x sglang-agg", "mi355x sglang-agg"),
    "b300 sglang-agg": ("b200 sglang-agg", "b200 dynamo-sglang"),
    "b300 dynamo-trtllm": ("b200 dynamo-trtllm", "b200 trtllm-agg"),
    "gb200 dynamo-trtllm": ("b200 dynamo-trtllm", "b200 trtllm-agg"),
    "gb200 dynamo-sglang": ("b200 dynamo-sglang", "b200 sglang-agg"),
    "gb300 dynamo-trtllm": ("gb200 dynamo-trtllm", "b200 dynamo-trtllm"),
    "gb300 dynamo-sglang": ("gb200 dynamo-sglang", "b200 dynamo-sglang"),
    "h200 trtllm-agg": ("b200 trtllm-agg", "b200 dynamo-trtllm"),
    "h200 sglang-agg": ("b200 sglang-agg", "b200 dynamo-sglang"),
    "h200 dynamo-trtllm": ("b200 dynamo-trtllm", "h200 trtllm-agg"),
    "h200 dynamo-sglang": ("b200 dynamo-sglang", "h200 sglang-agg"),
    "h100 dynamo-trtllm": ("h200 dynamo-trtllm", "b200 dynamo-trtllm"),
    "h100 dynamo-sglang": ("h200 dynamo-sglang", "b200 dynamo-sglang"),
}
"""Whose constants a stack has: its fit starts from the first, or from that one's first where it has no points, and a
stack without points has means of all. Efficiencies carry over, peaks are the GPU's. Of the three first the fits start
from kernel tables."""


def family_of(stack: str) -> str:
    """The stack with priors of its own whose kernels a stack runs."""
    gpu, framework = stack.split()
    return (
        "mi355x sglang"
        if gpu.startswith("mi")
        else "b200 dynamo-trtllm"
        if "trt" in framework
        else "b200 dynamo-sglang"
    )


def seeded(base: TwinParameters) -> TwinParameters:
    """Return parameters with a block for every stack: where there was none, its family's, never fitted."""
    stacks = {gpu: dict(frameworks) for gpu, frameworks in base.stacks.items()}
    for stack in PARENTS:
        gpu, framework = stack.split()
        if framework not in stacks.setdefault(gpu, {}):
            family, other = family_of(stack).split()
            stacks[gpu][framework] = _bare(base.stacks[family][other])
    return base.model_copy(update={"stacks": stacks})


def _bare(block: StackParameters) -> StackParameters:
    prefill = block.prefill.model_copy(update={"all_to_all": "included"})
    decode = block.decode.model_copy(update={"skew": {}})
    nothing: dict[str, Any] = {"eras": {}, "fit": None, "intervals": {}, "earlier_intervals": {}}
    return block.model_copy(update={"decode": decode, "prefill": prefill, **nothing})


def unfitted(base: TwinParameters, stack: str) -> StackParameters:
    """Return a stack's block with every constant at the prior of its family."""
    gpu, framework = stack.split()
    old, stack = base.stacks[gpu][framework], family_of(stack)
    efficiency, request_ms = PREFILL_PRIORS[stack]
    shared = {name: value for name, (value, _) in PRIORS[stack].items()}
    decode = old.decode.model_copy(
        update={
            **shared,
            "expert_efficiency": dict(EXPERT_EFFICIENCY[stack]),
            "acceptance": dict.fromkeys(EXPERT_EFFICIENCY[stack], ACCEPTANCE),
            "class_scale": _everywhere(1.0),
            **UNKNOWN,
        }
    )
    prefill = old.prefill.model_copy(
        update={
            "efficiency": efficiency,
            "tp_exponent": 0.3,
            "handoff_ms": 80.0,
            "handoff_passes": 1.5,
            "request_ms": _everywhere(request_ms),
            "class_scale": _everywhere(1.0),
        }
    )
    return old.model_copy(update={"decode": decode, "prefill": prefill, "eras": {}})


def _everywhere(value: float) -> dict[str, ClassScale]:
    return {precision: ClassScale(tp=value, tep=value, dep=value) for precision in ("fp4", "fp8", "bf16")}


ACCEPTANCE = 0.67


def inherited(base: TwinParameters, stack: str, parent: StackParameters) -> StackParameters:
    """Return a stack's block with its parent's constants, and its own formats."""
    gpu, framework = stack.split()
    old = base.stacks[gpu][framework]
    keep = {"all_to_all": old.prefill.all_to_all}
    return old.model_copy(
        update={
            "decode": parent.decode.model_copy(update={"skew": {}}),
            "prefill": parent.prefill.model_copy(update=keep),
            "eras": {},
        }
    )


def with_block(base: TwinParameters, stack: str, block: StackParameters) -> TwinParameters:
    """Return parameters with another block for a stack."""
    gpu, framework = stack.split()
    return base.model_copy(update={"stacks": {**base.stacks, gpu: {**base.stacks[gpu], framework: block}}})
