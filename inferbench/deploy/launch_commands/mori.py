"""Environment of MoRI: its KV transfer (MoRI-IO) and its all-to-all (MoRI-EP), as SGLang reads them."""

from __future__ import annotations

import math

from inferbench.deploy.constraints import prefill_tokens_per_rank
from inferbench.deploy.engine_versions import EngineVersion
from inferbench.deploy.settings import LaunchSettings
from inferbench.scenario.launch import Role

IO = {
    "SGLANG_MORI_QP_PER_TRANSFER": "4",
    "SGLANG_MORI_NUM_WORKERS": "4",
    "MORI_IO_QP_MAX_SEND_WR": "16384",
    "MORI_IO_QP_MAX_CQE": "32768",
    "MORI_IO_QP_MAX_SGE": "2",
    "MORI_IO_SQ_BACKOFF_TIMEOUT_US": "50000",
    "MORI_IO_TC_DISABLE": "0",
}
"""Of InferenceX's env.sh (SemiAnalysisAI/InferenceX, Apache-2.0)."""
COMBINE = {"bf16": "bf16", "fp8-direct": "fp8_direct_cast", "fp8-blockwise": "fp8"}
"""SGLANG_MORI_COMBINE_DTYPE by the format of experts' results."""
LEAST_DISPATCH = 512
"""Tokens that a decode rank can dispatch at least (InferenceX's server_sglang.sh)."""


def mori_environment(settings: LaunchSettings, role: Role, known: EngineVersion, notes: list[str]) -> dict[str, str]:
    """Return what MoRI needs on a role's workers; nothing where the deployment does not use it."""
    stack, environment = settings.deployment.stack, dict[str, str]()
    if stack.kv_transfer == "mori-io" or stack.all_to_all == "mori-ep":
        environment |= {"MORI_SHMEM_MODE": "ISOLATION", "MORI_RDMA_DEVICES": ",".join(settings.rdma_devices)}
        environment |= _quality("MORI_RDMA", settings)
    if stack.kv_transfer == "mori-io":
        environment |= IO | _quality("MORI_IO", settings)
    if stack.all_to_all == "mori-ep" and settings.group(role).ep > 1:
        environment |= _experts(settings, role, known, notes)
    return environment


def _quality(prefix: str, settings: LaunchSettings) -> dict[str, str]:
    given = {"TC": settings.launch.traffic_class, "SL": settings.launch.service_level}
    return {f"{prefix}_{name}": str(value) for name, value in given.items() if value is not None}


def _experts(settings: LaunchSettings, role: Role, known: EngineVersion, notes: list[str]) -> dict[str, str]:
    launch, stack = settings.launch, settings.deployment.stack
    combine = (launch.prefill_combine if role == "prefill" else None) or stack.combine
    environment = {
        "MORI_EP_LAUNCH_CONFIG_MODE": "AUTO",
        "SGLANG_MORI_DISPATCH_DTYPE": stack.dispatch,
        **_combine(combine, known),
        "SGLANG_MORI_NUM_MAX_DISPATCH_TOKENS_PER_RANK": str(_dispatch_tokens(settings, role)),
        "SGLANG_MORI_DISPATCH_INTER_KERNEL_SWITCH_THRESHOLD": str(2 * _dispatch_tokens(settings, "decode")),
    }
    rows = getattr(launch.moe_rows, role)
    if rows is not None:
        environment["SGLANG_MORI_MOE_MAX_INPUT_TOKENS"] = str(rows)
    if role == "prefill" and launch.sdma and stack.two_batch_overlap:
        environment["MORI_ENABLE_SDMA"] = "true"
    if combine == "fp8-direct":
        line = f"{role} combines experts' results in FP8 by direct cast: GSM8K .9196 against .9568 (sglang#19757)"
        notes.extend([line] if line not in notes else [])
    return environment


def _combine(form: str, known: EngineVersion) -> dict[str, str]:
    """Before SGLANG_MORI_COMBINE_DTYPE, a switch said whether the direct cast is on."""
    if "SGLANG_MORI_COMBINE_DTYPE" not in known.environment and form != "fp8-blockwise":
        return {"SGLANG_MORI_FP8_COMB": "1" if form == "fp8-direct" else "0"}
    return {"SGLANG_MORI_COMBINE_DTYPE": COMBINE[form]}


def _dispatch_tokens(settings: LaunchSettings, role: Role) -> int:
    """Tokens that a rank may dispatch at once: a chunk, or every running request with its drafts."""
    given = getattr(settings.launch.dispatch_tokens, role)
    if given is not None:
        return int(given)
    if role == "prefill":
        return prefill_tokens_per_rank(settings)
    group, topology = settings.topology.decode, settings.topology
    running = group.max_running or max(topology.concurrency)
    ranks = group.gpus if group.dp_attention else 1
    return max(LEAST_DISPATCH, math.ceil(running / ranks) * (topology.mtp + 1))
