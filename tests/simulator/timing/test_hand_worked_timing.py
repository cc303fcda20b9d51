"""Kernels, prefill passes, transfers, memory and draws, each against a figure worked by hand."""

from __future__ import annotations

import statistics
from dataclasses import replace

import numpy as np
import pytest

from inferbench.errors import UsageError
from inferbench.scenario.deployment import WorkerGroup
from inferbench.simulator.parameters.parameters import load_parameters
from inferbench.simulator.timing.all_to_all import Formats, format_change_seconds, published_seconds, wire_seconds
from inferbench.simulator.timing.decode_step import streaming_floor_seconds
from inferbench.simulator.timing.gpu_memory import kv_token_budget, weight_bytes_per_gpu
from inferbench.simulator.timing.kernels import (
    dense_gemm_seconds,
    dense_parameters,
    expert_gemm_seconds,
    expert_parameters,
    experts_activated,
    fullest,
    larger,
    mla_decode_seconds,
    p_norm,
    prefill_expert_flops,
    prefill_flops,
    prefill_own_flops,
)
from inferbench.simulator.timing.kv_transfer import KvTransfer, copies_per_nic, kv_transfer
from inferbench.simulator.timing.prefill_step import PrefillPass, pass_seconds, two_batch_seconds
from inferbench.simulator.timing.speculative_decoding import (
    PassSampler,
    tokens_per_pass,
    uniform,
    yield_probabilities,
)
from tests.simulator.timing.test_kernels import RATES
from tests.simulator.timing.test_timing_terms import parts
from tests.support.twin_factories import GPUS, MODEL

EXPERT = 3 * 7168 * 2048
TP8 = WorkerGroup(workers=1, gpus=8, tp=8)
DEP8 = WorkerGroup(workers=1, gpus=8, tp=8, ep=8, dp_attention=True)
MORI = load_parameters().all_to_all["mori-ep"]
FITTED = Formats("fp4", "fp8-blockwise")


def test_a_p_norm_of_three_and_four_is_five() -> None:
    assert p_norm(2, 3.0, 4.0) == p_norm(2, 4.0, 3.0) == 5
    assert p_norm(3, 1.0, 1.0) == pytest.approx(2 ** (1 / 3))
    assert p_norm(2, np.array([3.0, 12.0]), np.array([4.0, 5.0])) == pytest.approx([5, 13])
    assert p_norm(4, 0.5, 0.0) == 0.5


def test_the_larger_of_numbers_and_of_arrays() -> None:
    assert (larger(1, 2), larger(2, 1)) == (2, 2)
    ones = np.array([1.0, 3.0])
    for first, second in ((ones, 2.0), (2.0, ones), (ones, np.array([2.0, 2.0]))):
        assert larger(first, second).tolist() == [2, 3]


def test_attention_joins_its_read_and_its_arithmetic_by_a_fourth_power() -> None:
    # 1,000 tokens of 576 elements of 2 bytes; 3 rows of 16 heads, which score 576 and sum up 512.
    read, flops = 576 * 2 * 1000 / 4e12, 2 * (576 + 512) * 16 * 3 * 1000 / 1e15
    assert mla_decode_seconds(MODEL, RATES, 1000, 3, 16, 2.0) == pytest.approx((read**4 + flops**4) ** 0.25)


def test_dense_products_join_theirs_by_a_third_power() -> None:
    read, flops = 1e9 * 0.5 / 5e12, 2 * 400 * 1e9 / 2e15
    assert dense_gemm_seconds(RATES, 1e9, 400, 0.5) == pytest.approx((read**3 + flops**3) ** (1 / 3))


@pytest.mark.parametrize(("rows", "gpus", "ranks"), [(7, 8, 1), (300, 8, 8), (64, 16, 4)])
def test_experts_wait_for_the_fullest_rank_to_read_and_to_compute(rows: int, gpus: int, ranks: int) -> None:
    share, each = 1 - (1 - 8 / 256) ** rows, 256 / ranks
    normal = statistics.NormalDist().inv_cdf((ranks - 0.375) / (ranks + 0.25)) if ranks > 1 else 0
    active = min(each * share + normal * (each * share * (1 - share)) ** 0.5, each)
    routed = rows * 8 / ranks
    busiest = routed + normal * (routed * (1 - 1 / ranks)) ** 0.5
    per_rank = gpus / ranks
    read, flops = active * EXPERT * 0.5 / (per_rank * 5e12), 2 * busiest * EXPERT / (per_rank * 4e15)
    expected = (read**3 + flops**3) ** (1 / 3)
    assert expert_gemm_seconds(MODEL, RATES, 0.5, rows, gpus, ranks) == pytest.approx(expected)
    if ranks == 1:
        assert expert_gemm_seconds(MODEL, RATES, 0.5, rows, gpus) == pytest.approx(expected)


def test_experts_that_are_activated_and_the_fullest_of_equal_counts() -> None:
    assert experts_activated(MODEL, 2) == pytest.approx(256 * (1 - (248 / 256) ** 2))
    assert fullest(10.0, 4.0, 1) == 10
    assert fullest(10.0, 4.0, 8) == pytest.approx(10 + 2 * statistics.NormalDist().inv_cdf(7.625 / 8.25))


def test_prefill_work_worked_out() -> None:
    own = 2 * 61 * dense_parameters(MODEL, 1) * 100 + 61 * 128 * (128 + 64 + 128) * 5000
    experts = 2 * 58 * 8 * EXPERT * 100
    assert prefill_own_flops(MODEL, 100, 5000) == pytest.approx(own)
    assert prefill_expert_flops(MODEL, 100) == pytest.approx(experts)
    assert prefill_flops(MODEL, 100, 5000) == pytest.approx(own + experts)
    assert expert_parameters(MODEL) == EXPERT


def prefill(name: str, **changes: float) -> PrefillPass:
    found, _ = parts(name)
    return replace(found, scale=2.0, request_seconds=0.001, **changes)


def test_a_prefill_pass_is_its_arithmetic_at_the_rate_reached_and_a_time_for_each_prompt() -> None:
    one = prefill("1p1d-tp8")
    rate = one.hardware.peak_expert_flops_s * one.parameters.efficiency
    work = prefill_flops(MODEL, 1000, 500_000) / 8 / rate * 2
    assert one.seconds(1000, 500_000, 3) == pytest.approx(work + 0.003)


def test_tensor_parallel_over_fewer_gpus_than_a_domain_is_the_more_efficient() -> None:
    one = prefill("1p1d-tp8")
    half = replace(one, group=one.group.model_copy(update={"gpus": 4, "tp": 4}))
    assert half.seconds(1000, 500_000, 0) == pytest.approx(
        one.seconds(1000, 500_000, 0) * 2 * 0.5**one.parameters.tp_exponent
    )


def included(name: str) -> PrefillPass:
    one = prefill(name)
    return replace(one, parameters=one.parameters.model_copy(update={"all_to_all": "included"}))


def test_with_dp_attention_the_fullest_rank_does_its_own_attention_and_all_share_the_experts() -> None:
    one = included("1p1d-dep8")
    rate = one.hardware.peak_expert_flops_s * one.parameters.efficiency / 2
    own, experts = prefill_own_flops(MODEL, 300, 90_000), prefill_expert_flops(MODEL, 1000) / 8
    assert one.seconds(1000, 500_000, 2, 300, 90_000) == pytest.approx((own + experts) / rate + 0.002)
    even = prefill_own_flops(MODEL, 1000, 500_000) / 8
    assert one.seconds(1000, 500_000, 2) == pytest.approx((even + experts) / rate + 0.002)


def test_with_dp_attention_a_pass_over_more_gpus_is_as_efficient() -> None:
    one = included("1p1d-dep8")
    wide = replace(one, group=one.group.model_copy(update={"gpus": 16, "tp": 16, "ep": 16}))
    assert wide.seconds(1000, 500_000, 0) == pytest.approx(one.seconds(1000, 500_000, 0) / 2)


def test_an_all_to_all_comes_on_top_of_a_prefill_unless_the_fit_holds_it() -> None:
    base = included("1p1d-dep8")
    apart = replace(
        base, parameters=base.parameters.model_copy(update={"all_to_all": "hidden"}), two_batch_overlap=False
    )
    compute = base.seconds(8000, 0, 0)
    exchange = 58 * published_seconds(MORI, base.hardware.formats, 1000)
    assert apart.seconds(8000, 0, 0) == pytest.approx(compute + exchange)
    unpublished = replace(apart, hardware=replace(apart.hardware, all_to_all=None))
    assert unpublished.seconds(8000, 0, 0) == compute
    overlapped = replace(apart, two_batch_overlap=True, overlap_share=0.1)
    half = 58 * published_seconds(MORI, base.hardware.formats, 500)
    reads = 58 * 256 * EXPERT * base.hardware.expert_bytes / (8 * base.hardware.rates.weight_bytes_s)
    both = 2 * max(compute / 2 + 0.1 * half, half) + reads
    assert overlapped.seconds(8000, 0, 0) == pytest.approx(min(both, compute + exchange))
    many = 800_000
    compute, half = base.seconds(many, 0, 0), 58 * published_seconds(MORI, base.hardware.formats, many / 16)
    assert overlapped.seconds(many, 0, 0) == pytest.approx(2 * max(compute / 2 + 0.1 * half, half) + reads)
    assert overlapped.seconds(many, 0, 0) < apart.seconds(many, 0, 0)


def test_without_dp_attention_there_is_no_all_to_all() -> None:
    one = prefill("1p1d-tp8")
    apart = replace(one, parameters=one.parameters.model_copy(update={"all_to_all": "hidden"}))
    assert apart.seconds(8000, 0, 0) == one.seconds(8000, 0, 0)


def test_two_half_batches_read_the_experts_twice() -> None:
    assert two_batch_seconds(1.0, 0.25, 0.125, 0.5) == 2 * (0.5 + 0.125) + 0.125
    assert pass_seconds(1.0, 0.5, 0.25, 0.0, enabled=True) == 1.0
    assert pass_seconds(1.0, 0.5, 0.25, 0.0, enabled=True, compute_unit_share=0.5) == 1.25
    assert pass_seconds(1.0, 0.5, 0.25, 0.5, enabled=True, compute_unit_share=0.5) == 1.5


def test_weights_on_a_gpu_worked_out() -> None:
    experts = 58 * 256 * EXPERT / 8
    split = 61 * dense_parameters(MODEL, 8) + 2 * 129_280 * 7168 / 8
    whole = 61 * dense_parameters(MODEL, 1) + 2 * 129_280 * 7168
    assert weight_bytes_per_gpu(MODEL, TP8, 2.0, 0.5) == pytest.approx(experts * 0.5 + split * 2)
    assert weight_bytes_per_gpu(MODEL, DEP8, 2.0, 0.5) == pytest.approx(experts * 0.5 + whole * 2)


def test_a_cache_has_room_for_a_token_or_is_refused() -> None:
    gpu = GPUS["b200"].model_copy(update={"hbm_gb": 200})
    assert kv_token_budget(gpu, TP8, 100e9 - 50_000, 50_000, 0.5) == 1
    with pytest.raises(UsageError) as told:
        kv_token_budget(gpu, TP8, 100e9 - 49_999, 50_000, 0.5)
    assert str(told.value) == (
        f"twin: the weights take 100 GB per GPU of the 100 GB that {gpu.name} has for weights and KV cache; use more "
        "GPUs per worker"
    )


def test_weights_that_do_not_fit_are_told_in_whole_gigabytes() -> None:
    with pytest.raises(UsageError, match="the weights take 102 GB per GPU of the 100 GB"):
        kv_token_budget(GPUS["b200"].model_copy(update={"hbm_gb": 200}), TP8, 101.5e9, 50_000, 0.5)


@pytest.mark.parametrize(("prefill_tp", "decode_tp", "copies"), [(8, 4, 1), (4, 6, 2), (3, 8, 3), (1, 8, 8)])
def test_a_nic_sends_a_whole_number_of_copies(prefill_tp: int, decode_tp: int, copies: int) -> None:
    groups = [WorkerGroup(workers=1, gpus=tp, tp=tp) for tp in (prefill_tp, decode_tp)]
    assert copies_per_nic(*groups) == copies


def test_a_transfer_is_a_handshake_a_cost_per_layer_and_the_bytes_of_every_copy() -> None:
    backend = (
        load_parameters()
        .kv_transfer["mori-io"]
        .model_copy(update={"handshake_ms": 3.0, "software_us_per_layer": 10.0, "nic_efficiency": 0.5})
    )
    gpu = GPUS["mi355x"].model_copy(update={"nic_gb_s": 40})
    found = kv_transfer(backend, gpu, MODEL, 1e6, WorkerGroup(workers=1, gpus=4, tp=4), TP8)
    assert found.fixed_seconds == pytest.approx(0.003 + 61 * 10e-6)
    assert found.seconds_per_token == pytest.approx(2 * 1e6 / 20e9)
    assert KvTransfer(0.5, 0.25).seconds(3) == 1.25


def test_a_floor_of_streaming_counts_chunks_and_not_tokens() -> None:
    assert streaming_floor_seconds(10, 3.0, 0.5, workers=2, stream_interval=1) == 2.5
    assert streaming_floor_seconds(10, 3.0, 0.5, workers=2, stream_interval=6) == 1.25
    assert streaming_floor_seconds(np.array([10, 20]), 3.0, 0.5, 2, 6).tolist() == [1.25, 2.5]


def test_formats_without_a_published_time_are_named_with_what_there_is() -> None:
    with pytest.raises(UsageError) as told:
        format_change_seconds(None, Formats("bf16", "fp8-direct"), FITTED, 1)
    assert str(told.value) == (
        "twin: dispatch bf16 with combine fp8-direct has no published time on this stack; use fp4 with fp8-blockwise"
    )
    with pytest.raises(
        UsageError, match=r"^twin: unknown all-to-all format with a published time 'int8'; allowed: bf16"
    ):
        published_seconds(MORI, Formats("int8", "bf16"), 1)
    assert format_change_seconds(None, FITTED, FITTED, 1) == 0
    assert published_seconds(MORI, Formats("fp8", "bf16"), 100) == pytest.approx(
        (29.8 + 0.1065 * 100 + 18.1 + 0.2076 * 100) * 1e-6
    )
    longer = format_change_seconds(MORI, Formats("bf16", "bf16"), FITTED, 100)
    assert longer == pytest.approx((29.8 + 18.1 - 33.2 - 20.7 + (0.2065 + 0.2076 - 0.0747 - 0.1829) * 100) * 1e-6)


def test_bytes_on_the_wire_worked_out() -> None:
    # Of 4 ranks one is a token's own: 3 choices reach 4 (1 - (3/4)^3) of them, and 3/4 of those are elsewhere.
    copies = 4 * (1 - 0.75**3) * 0.75
    assert wire_seconds(Formats("bf16", "bf16"), 1000, 10, 4, 3, 2.0) == pytest.approx(
        10 * copies * 4000 / 2e9, rel=1e-12
    )


def test_yields_of_a_pass_worked_out() -> None:
    assert yield_probabilities(0.5, 2) == (0.5, 0.25, 0.25)
    assert tokens_per_pass(0.5, 2) == 1.75
    assert tokens_per_pass(np.array([0.0, 0.5]), 1).tolist() == [1, 1.5]


def test_uniform_numbers_are_splitmix64s() -> None:
    # The first outputs of the reference implementation for these seeds.
    for seed, first in ((0, 0xE220A8397B1DCDAF), (1234567, 6457827717110365317)):
        assert uniform(seed) == (first >> 11) / 2**53


@pytest.mark.parametrize("seed", range(40))
def test_passes_are_drawn_from_the_distribution_worked_out(seed: int) -> None:
    """With one draft that is accepted half the time a pass makes one token or two."""
    sampler, u = PassSampler(0.5, 1), uniform(seed)
    assert sampler.passes(1, seed) == 1
    assert sampler.passes(2, seed) == (1 if u < 1 / 2 else 2)
    assert sampler.passes(3, seed) == (2 if u < 3 / 4 else 3)
    # Four: two passes of two each (1/4), four of one each (1/8), else three.
    assert sampler.passes(4, seed) == (2 if u < 1 / 4 else 3 if u < 7 / 8 else 4)


def test_what_is_as_good_as_impossible_is_never_drawn() -> None:
    # That 199 passes make one token each has a chance of 2^-199, and 100 of two each one of 2^-100.
    sampler = PassSampler(0.5, 1)
    drawn = [sampler.passes(200, seed) for seed in range(500)]
    assert 110 < min(drawn) < max(drawn) < 170
