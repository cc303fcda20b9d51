"""What a process tells of its launch, under the same names for every engine."""

from __future__ import annotations

import re
from collections.abc import Mapping

from inferbench.endpoint.engine_identity import TWIN
from inferbench.endpoint.fingerprint import DeployedProcess

_NAMES = {
    "tensor_parallel_size": "tp_size", "tp": "tp_size",
    "pipeline_parallel_size": "pp_size", "pp": "pp_size",
    "data_parallel_size": "dp_size", "dp": "dp_size",
    "expert_parallel_size": "ep_size", "moe_expert_parallel_size": "ep_size", "ep": "ep_size",
    "cache_dtype": "kv_cache_dtype",
}  # fmt: skip
"""Other names of SGLang's arguments: those of vLLM and TensorRT-LLM, and the short ones."""
_ALL_TOLD = "disaggregation_mode"
"""Only where SGLang tells all of its arguments it tells this one; what it leaves out is not set."""
KNOWN = ("sglang", "vllm", "tensorrt_llm", "llama.cpp", "dynamo", "atom", "lmdeploy")
"""Engines that are told apart by what they call themselves."""

_PRECISIONS = {
    "fp4": ("fp4", "nvfp4", "mxfp4", "modelopt_fp4", "petit_nvfp4"),
    "fp8": ("fp8", "w8a8_fp8", "modelopt_fp8", "fbgemm_fp8", "ptpc_fp8"),
    "bf16": ("bf16", "bfloat16"),
    "int8": ("int8", "w8a8_int8"),
    "int4": ("int4", "awq", "awq_marlin", "gptq", "gptq_marlin", "w4afp8"),
}
"""What `quantization` and names of weights call a precision."""
_PRECISION_OF = {name: precision for precision, names in _PRECISIONS.items() for name in names}


def told_flags(part: DeployedProcess, command: Mapping[str, str] | None = None) -> dict[str, str]:
    """The flags of a process by SGLang's names; its own word goes before that of its launch command."""
    told = {_NAMES.get(name, name): value for name, value in {**(command or {}), **part.flags}.items()}
    if _ALL_TOLD in part.flags and part.flags.get("tp_size"):
        told.setdefault("speculative_num_steps", "0")
    return told


def engine_of(part: DeployedProcess) -> str | None:
    """The engine, where it is one that is known; None for a name of somebody's own, and for our twin."""
    name = (part.engine or "").lower()
    return name if name in KNOWN and name != TWIN else None


def gpus_of(flags: Mapping[str, str]) -> int | None:
    """GPUs that a process runs on: TP x PP x DP, where DP ranks do not share those of TP; None where it is not told."""
    if "twin_gpus" in flags:
        return _whole(flags, "twin_gpus")
    tp, pp, dp = (_whole(flags, f"{name}_size") for name in ("tp", "pp", "dp"))
    if tp is None and dp is None:
        return None
    shared = flags.get("enable_dp_attention") == "true"
    return (tp or 1) * (pp or 1) * (1 if shared else dp or 1)


def precision_of(part: DeployedProcess, flags: Mapping[str, str]) -> str | None:
    """The precision of the weights: as the twin or the engine says it, else as their name does; None: not told."""
    told = flags.get("twin_precision") or _PRECISION_OF.get(flags.get("quantization", "").lower())
    words = re.split(r"[^a-z0-9]+", (part.model or "").rsplit("/", 1)[-1].lower())
    return told or next((_PRECISION_OF[word] for word in words if word in _PRECISION_OF), None)


def kv_precision_of(flags: Mapping[str, str]) -> str | None:
    """The precision of the KV cache; None where it is not told, or left to the engine."""
    name = flags.get("kv_cache_dtype", "").lower()
    return name[:3] if name.startswith(("fp8", "fp4")) else "bf16" if name in ("bf16", "bfloat16") else None


def _whole(flags: Mapping[str, str], name: str) -> int | None:
    text = flags.get(name, "")
    return int(text) if text.isdecimal() else None
