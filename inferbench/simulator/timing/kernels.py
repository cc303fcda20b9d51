"""Kernel times on one GPU by roofline: time to move the bytes and time to do the arithmetic, joined by a p-norm.

A p-norm of the two is close to the larger one and rounds the knee where both matter. The exponents (4 for attention,
3 for matrix products) follow kernel tables of NVIDIA aiconfigurator 0.12.0 (Apache-2.0).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from inferbench.catalog.model import ModelSpec
from inferbench.simulator.parameters.numbers import Real

ATTENTION_KNEE = 4
GEMM_KNEE = 3
FLOPS_PER_PARAMETER = 2
"""A multiplication and an addition."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Rates that kernels reach on one GPU: bytes/s and FLOP/s."""

    weight_bytes_s: Real
    kv_bytes_s: Real
    dense_flops_s: Real
    expert_flops_s: Real
    attention_flops_s: Real


def larger(first: Real, second: Real) -> Real:
    """The larger of two numbers, or of each pair in two arrays."""
    if isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
        return np.maximum(first, second)
    return max(first, second)


def p_norm(p: float, first: Real, second: Real) -> Real:
    """Return (first^p + second^p)^(1/p): at least the larger of the two, at most 2^(1/p) times it."""
    large, small = larger(first, second), -larger(-first, -second)
    if not isinstance(large, np.ndarray) and large <= 0:
        return 0.0
    return large * (1 + (small / large) ** p) ** (1 / p)


def mla_decode_seconds(
    model: ModelSpec, rates: Rates, context_tokens: Real, rows: int, heads: float, kv_bytes_per_element: Real
) -> Real:
    """Time of one layer's absorbed latent attention in a decode pass.

    context_tokens: KV tokens read, all requests of the GPU together; rows: query rows per request (1 + drafts),
    which share one read of the cache; heads: attention heads on this GPU. Linear in context_tokens.
    """
    latent = model.kv_elements_per_token_layer
    read = latent * kv_bytes_per_element * context_tokens / rates.kv_bytes_s
    flops = FLOPS_PER_PARAMETER * (latent + model.kv_lora_rank) * heads * rows * context_tokens
    return p_norm(ATTENTION_KNEE, read, flops / rates.attention_flops_s)


def dense_parameters(model: ModelSpec, share: int) -> float:
    """Parameters per layer and GPU outside the routed experts: MLA projections and the shared experts.

    The two down-projections of MLA are on every GPU; the rest is split `share` ways. The feed-forward of the first
    dense layers counts as a shared expert, as in the fit that the constants come from.
    """
    head_dim = model.qk_nope_dim + model.qk_rope_dim
    replicated = model.hidden * (model.q_lora_rank + model.kv_elements_per_token_layer)
    query = model.q_lora_rank * model.heads * head_dim
    key_value = model.kv_lora_rank * model.heads * (model.qk_nope_dim + model.v_dim)
    output = model.heads * model.v_dim * model.hidden
    return replicated + (query + key_value + output + model.shared_experts * expert_parameters(model)) / share


def expert_parameters(model: ModelSpec) -> int:
    """Parameters of one expert: gate, up and down projection."""
    return 3 * model.hidden * model.moe_intermediate


def dense_gemm_seconds(rates: Rates, parameters: float, rows: Real, bytes_per_parameter: float) -> Real:
    """Time of matrix products with weights that every row uses."""
    read = parameters * bytes_per_parameter / rates.weight_bytes_s
    return p_norm(GEMM_KNEE, read, FLOPS_PER_PARAMETER * rows * parameters / rates.dense_flops_s)


def experts_activated(model: ModelSpec, rows: Real) -> Real:
    """Expected number of distinct routed experts that `rows` tokens choose, each choosing its experts uniformly."""
    missed = (1 - model.active_experts / model.routed_experts) ** rows
    return model.routed_experts * (1 - missed)


def fullest(mean: Real, variance: Real, ranks: int) -> Real:
    """Expected largest of `ranks` equal counts, which the others wait for: of independent normals (Blom 1958)."""
    deviations = NormalDist().inv_cdf((ranks - 0.375) / (ranks + 0.25)) if ranks > 1 else 0.0
    return mean + deviations * variance**0.5


def expert_gemm_seconds(
    model: ModelSpec, rates: Rates, bytes_per_parameter: float, rows: Real, gpus: int, ranks: int = 1
) -> Real:
    """Time of one layer's routed experts for `rows` tokens of the whole worker, by its fullest rank.

    ranks: parts into which the experts are divided whole; 1 where every GPU has a slice of each. Only activated
    experts are read. Uniform routing activates a binomial number of a rank's experts, and sends it a binomial number
    of rows: with few tokens the fullest rank has far more than the mean, with many hardly any.
    """
    parameters, gpus_of_rank = expert_parameters(model), gpus / ranks
    share = experts_activated(model, rows) / model.routed_experts
    experts = model.routed_experts / ranks
    active = -larger(-fullest(experts * share, experts * share * (1 - share), ranks), -experts)
    routed = rows * model.active_experts / ranks
    read = active * parameters * bytes_per_parameter / (gpus_of_rank * rates.weight_bytes_s)
    flops = FLOPS_PER_PARAMETER * fullest(routed, routed * (1 - 1 / ranks), ranks) * parameters
    return p_norm(GEMM_KNEE, read, flops / (gpus_of_rank * rates.expert_flops_s))


def prefill_flops(model: ModelSpec, tokens: Real, squared_tokens: Real) -> Real:
    """FLOPs to prefill prompts: `tokens` summed over prompts, `squared_tokens` the sum of their squares."""
    return prefill_own_flops(model, tokens, squared_tokens) + prefill_expert_flops(model, tokens)


def prefill_own_flops(model: ModelSpec, tokens: Real, squared_tokens: Real) -> Real:
    """Those outside the routed experts, which with DP attention the prompt's own rank does alone.

    Causal attention scores each token against half of its prompt, with keys of qk_nope + qk_rope and values of v_dim.
    """
    per_token = FLOPS_PER_PARAMETER * model.layers * dense_parameters(model, share=1)
    attention = model.layers * model.heads * (model.qk_nope_dim + model.qk_rope_dim + model.v_dim)
    return per_token * tokens + attention * squared_tokens


def prefill_expert_flops(model: ModelSpec, tokens: Real) -> Real:
    """Those of the routed experts, which all GPUs of the worker share."""
    return FLOPS_PER_PARAMETER * model.moe_layers * model.active_experts * expert_parameters(model) * tokens
