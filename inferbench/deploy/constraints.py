"""Constraints of the engines that a plan can break: each is one line that says what to change."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from inferbench.deploy.engine_versions import order
from inferbench.deploy.settings import LaunchSettings
from inferbench.errors import UsageError

AITER_QUERY_TOKENS = 4
"""Query tokens per request that AITER's MLA decode kernels take (ROCm/aiter#2760)."""
MORI_RANKS = 8
"""Ranks of MoRI's all-to-all; over 16 its combine corrupts data (ROCm/mori#475)."""
BLOCKWISE_WITH_SDMA = "0.5.23"
"""First SGLang known here that came after ROCm/mori#465, before which SDMA's kernels had no FP8 blockwise combine."""


def check(settings: LaunchSettings) -> None:
    """Raise UsageError for the first constraint that a plan breaks."""
    for constraint in CONSTRAINTS:
        for problem in constraint(settings):
            raise UsageError(f"{settings.deployment.name} {settings.topology.name}: {problem}")


def _draft_tokens(settings: LaunchSettings) -> Iterator[str]:
    tokens = settings.topology.mtp + 1
    if settings.gpu.vendor == "AMD" and settings.deployment.stack.framework == "sglang" and tokens > AITER_QUERY_TOKENS:
        yield (
            f"mtp {settings.topology.mtp} verifies {tokens} tokens at once, and AITER's MLA decode kernels take "
            f"{AITER_QUERY_TOKENS}; use an mtp of at most {AITER_QUERY_TOKENS - 1}"
        )


def _drafts_on_both_roles(settings: LaunchSettings) -> Iterator[str]:
    """SGLang 0.5.15 and newer refuse KV caches whose number of layers differs between the roles."""
    given = settings.launch.flags
    prefill, decode = (
        {flag: value for flag, value in flags.items() if flag.startswith("--speculative")}
        for flags in (given.prefill, given.decode)
    )
    if settings.deployment.stack.framework.endswith("sglang") and prefill != decode:
        flag = next(f for f in {**prefill, **decode} if prefill.get(f) != decode.get(f))
        yield f"launch.flags: {flag} must be the same on both roles, whose KV caches hold the draft layer or do not"


def _expert_ranks(settings: LaunchSettings) -> Iterator[str]:
    widest = max(group.ep for group in settings.topology.groups)
    if settings.deployment.stack.all_to_all == "mori-ep" and widest > MORI_RANKS:
        yield f"ep {widest} is not supported by MoRI's all-to-all (ROCm/mori#475); use an ep of at most {MORI_RANKS}"


def _dispatch_tokens(settings: LaunchSettings) -> Iterator[str]:
    limit = settings.launch.dispatch_tokens.prefill
    chunk = prefill_tokens_per_rank(settings)
    if _spreads_by_mori(settings) and limit is not None and chunk > limit:
        yield (
            f"a prefill chunk is {chunk} tokens a rank (max_batch_tokens over the ranks of data-parallel attention), "
            f"above the {limit} that launch.dispatch_tokens.prefill lets a rank dispatch; raise it, or lower the other"
        )


def _blockwise_combine(settings: LaunchSettings) -> Iterator[str]:
    launch, combine = settings.launch, settings.launch.prefill_combine or settings.deployment.stack.combine
    if not (_spreads_by_mori(settings) and launch.sdma and combine == "fp8-blockwise"):
        return
    if order(settings.version) < order(BLOCKWISE_WITH_SDMA):
        yield (
            f"with sdma, prefill of sglang {settings.version} cannot combine in fp8-blockwise (ROCm/mori#465); "
            "set launch.prefill_combine to fp8-direct or bf16, or sdma to false"
        )


def _vendors(settings: LaunchSettings) -> Iterator[str]:
    stack = settings.deployment.stack
    if settings.gpu.vendor != "AMD" and (stack.kv_transfer == "mori-io" or stack.all_to_all == "mori-ep"):
        yield f"MoRI runs on AMD GPUs, not on {settings.gpu.name}; use nixl or mooncake, and another all_to_all"


def prefill_tokens_per_rank(settings: LaunchSettings) -> int:
    """Prompt tokens of one chunk on one rank: SGLang divides a chunk by the ranks of data-parallel attention."""
    group = settings.group("prefill")
    return group.max_batch_tokens // (group.gpus if group.dp_attention else 1)


def _spreads_by_mori(settings: LaunchSettings) -> bool:
    return settings.deployment.stack.all_to_all == "mori-ep" and settings.group("prefill").ep > 1


CONSTRAINTS: tuple[Callable[[LaunchSettings], Iterator[str]], ...] = (
    _vendors,
    _expert_ranks,
    _draft_tokens,
    _drafts_on_both_roles,
    _dispatch_tokens,
    _blockwise_combine,
)
