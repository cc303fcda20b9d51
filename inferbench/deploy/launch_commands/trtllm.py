"""TensorRT-LLM's workers under Dynamo: context and generation engines, each by a YAML file of its options."""

from __future__ import annotations

from typing import Any

import yaml

from inferbench.deploy.engine_versions import EngineVersion, version
from inferbench.deploy.launch_commands.dynamo import meeting_environment, planes
from inferbench.deploy.launch_commands.network import kv_environment, network_environment
from inferbench.deploy.launch_commands.user_flags import finish_environment, finish_flags
from inferbench.deploy.launch_plan import Process
from inferbench.deploy.placement import WorkerPlace, places, worker_port, worker_process
from inferbench.deploy.settings import Flags, LaunchSettings
from inferbench.scenario.launch import Role

SLACK_TOKENS = 40
"""Room that NVIDIA's recipes leave after the longest sequence."""
BLOCK_TOKENS = 256
"""Step of the transfer buffer's size in those recipes: 8,448 for prompts of 8,192."""
MEMORY = {"prefill": 0.75, "dp": 0.8, "tp": 0.9}
"""Share of free memory for the KV cache: of prefill, and of decode by its attention."""
TRANSFER = {"nixl": "NIXL", "mooncake": "MOONCAKE"}


def trtllm_workers(settings: LaunchSettings, notes: list[str]) -> list[Process]:
    """Return the workers: context (prefill) and generation (decode)."""
    known = version("dynamo-trtllm", settings.version)
    return [_worker(settings, place, known, notes) for place in places(settings)]


def _worker(settings: LaunchSettings, place: WorkerPlace, known: EngineVersion, notes: list[str]) -> Process:
    port = worker_port(settings, place)
    environment = {
        **meeting_environment(settings),
        "DYN_SYSTEM_PORT": str(port),
        **settings.environment(place.role),
        **network_environment(settings),
        **kv_environment(settings),
    }
    flags: Flags = {
        "--model-path": settings.weights,
        "--served-model-name": settings.model.hugging_face_id,
        "--disaggregation-mode": place.role,
        "--extra-engine-args": engine_file(place.role),
        **planes(known),
    }
    return worker_process(
        settings,
        place,
        environment=finish_environment(settings, place.role, environment, known, "DYN_TRTLLM_", notes),
        command=("python3", "-m", "dynamo.trtllm"),
        flags=finish_flags(settings, place.role, flags, known, notes),
    )


def engine_file(role: Role) -> str:
    """Name of the file with a role's engine options."""
    return f"{role}-engine.yaml"


def engine_files(settings: LaunchSettings) -> dict[str, str]:
    """Return the files of both roles, by name: text."""
    written = {"prefill": _prefill(settings), "decode": _decode(settings)}
    return {f"{role}-engine.yaml": yaml.safe_dump(options, sort_keys=False) for role, options in written.items()}


def _prefill(settings: LaunchSettings) -> dict[str, Any]:
    group, longest = settings.group("prefill"), settings.scenario.load.isl.max
    tokens = group.max_batch_tokens // (group.gpus if group.dp_attention else 1)
    return {
        **_common(settings, "prefill"),
        "max_batch_size": max(1, tokens // longest),
        "max_num_tokens": tokens,
        "max_seq_len": longest + SLACK_TOKENS,
        "cuda_graph_config": None,
        "disable_overlap_scheduler": True,
        "moe_config": {"backend": "TRTLLM" if settings.deployment.precision == "fp4" else "DEEPGEMM"},
        **_kv(settings, MEMORY["prefill"]),
        **_speculation(settings),
    }


def _decode(settings: LaunchSettings) -> dict[str, Any]:
    group, topology, stack = settings.topology.decode, settings.topology, settings.deployment.stack
    running = group.max_running or max(topology.concurrency)
    batch = max(1, running // (group.gpus if group.dp_attention else 1))
    moe: dict[str, Any] = {"backend": _decode_experts(settings)}
    if stack.combine != "bf16":
        moe["use_low_precision_moe_combine"] = True
    options: dict[str, Any] = {
        **_common(settings, "decode"),
        "enable_lm_head_tp_in_adp": group.dp_attention,
        "max_batch_size": batch,
        "max_num_tokens": batch * (topology.mtp + 1),
        "max_seq_len": settings.scenario.load.isl.max + settings.scenario.load.osl.max + SLACK_TOKENS,
        "cuda_graph_config": {"enable_padding": True, "max_batch_size": batch},
        "moe_config": moe,
        **_kv(settings, MEMORY["dp" if group.dp_attention else "tp"]),
        "stream_interval": topology.stream_interval,
        "num_postprocess_workers": stack.stream_workers,
        **_speculation(settings),
    }
    if not group.dp_attention:
        options["allreduce_strategy"] = "MNNVL"
    return options


def _decode_experts(settings: LaunchSettings) -> str:
    """Kernels of the experts in NVIDIA's recipes."""
    if settings.deployment.precision != "fp4":
        return "DEEPGEMM"
    return "CUTLASS" if settings.topology.decode.dp_attention else "TRTLLM"


def _common(settings: LaunchSettings, role: Role) -> dict[str, Any]:
    group = settings.group(role)
    return {
        "tensor_parallel_size": group.tp,
        "moe_expert_parallel_size": group.ep,
        "enable_attention_dp": group.dp_attention,
        "pipeline_parallel_size": 1,
        "print_iter_log": True,
    }


def _kv(settings: LaunchSettings, share: float) -> dict[str, Any]:
    longest = settings.scenario.load.isl.max
    return {
        "kv_cache_config": {
            "enable_block_reuse": settings.launch.prefix_cache,
            "free_gpu_memory_fraction": share,
            "dtype": "fp8" if settings.deployment.kv_precision == "fp8" else "auto",
        },
        "cache_transceiver_config": {
            "backend": TRANSFER[settings.deployment.stack.kv_transfer or ""],
            "max_tokens_in_buffer": (longest // BLOCK_TOKENS + 1) * BLOCK_TOKENS,
        },
    }


def _speculation(settings: LaunchSettings) -> dict[str, Any]:
    depth = settings.topology.mtp
    return {"speculative_config": {"decoding_type": "MTP", "num_nextn_predict_layers": depth}} if depth else {}
