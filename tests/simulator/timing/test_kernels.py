import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferbench.simulator.timing.kernels import (
    Rates,
    dense_gemm_seconds,
    dense_parameters,
    expert_gemm_seconds,
    expert_parameters,
    experts_activated,
    fullest,
    mla_decode_seconds,
    p_norm,
    prefill_flops,
)
from tests.support.twin_factories import MODEL

RATES = Rates(weight_bytes_s=5e12, kv_bytes_s=4e12, dense_flops_s=2e15, expert_flops_s=4e15, attention_flops_s=1e15)
positive = st.floats(min_value=1e-9, max_value=1e9)


@given(positive, positive, st.sampled_from([2, 3, 4]))
def test_p_norm_lies_between_the_larger_and_its_bound(first: float, second: float, p: int) -> None:
    larger = max(first, second)
    assert larger <= p_norm(p, first, second) <= larger * 2 ** (1 / p) * (1 + 1e-12)


def test_p_norm_of_nothing_is_nothing() -> None:
    assert p_norm(3, 0.0, 0.0) == 0


def test_attention_is_linear_in_context() -> None:
    one = mla_decode_seconds(MODEL, RATES, 1.0, 2, 16, 1.0)
    assert mla_decode_seconds(MODEL, RATES, 5e5, 2, 16, 1.0) == pytest.approx(5e5 * one)


def test_attention_with_few_heads_is_the_time_to_read_the_cache() -> None:
    read = 1e6 * 576 / RATES.kv_bytes_s
    assert mla_decode_seconds(MODEL, RATES, 1e6, 1, 1, 1.0) == pytest.approx(read, rel=1e-3)
    assert mla_decode_seconds(MODEL, RATES, 1e6, 1, 1, 2.0) == pytest.approx(2 * read, rel=1e-3)


def test_attention_with_many_query_rows_is_arithmetic() -> None:
    flops = 2 * (576 + 512) * 128 * 100 * 1e6
    assert mla_decode_seconds(MODEL, RATES, 1e6, 100, 128, 1.0) == pytest.approx(flops / 1e15, rel=1e-3)


def test_parameters_of_a_layer() -> None:
    # q_a and kv_a down-projections; q_b, kv_b and o; one shared expert of 3 x 7168 x 2048.
    down, up, shared = 7168 * (1536 + 576), 1536 * 24576 + 512 * 32768 + 16384 * 7168, 3 * 7168 * 2048
    assert dense_parameters(MODEL, 1) == down + up + shared
    assert dense_parameters(MODEL, 8) == down + (up + shared) / 8


def test_routed_experts_make_up_most_of_the_model() -> None:
    routed = MODEL.moe_layers * MODEL.routed_experts * expert_parameters(MODEL)
    assert routed == pytest.approx(653.9e9, rel=1e-3)


def test_expected_experts_against_drawing_them() -> None:
    rng, rows, draws = np.random.default_rng(1), 40, 400
    seen = [len({e for _ in range(rows) for e in rng.permutation(256)[:8].tolist()}) for _ in range(draws)]
    error = 4 * np.std(seen) / np.sqrt(draws)
    assert experts_activated(MODEL, rows) == pytest.approx(np.mean(seen), abs=error)


def test_experts_activated_at_its_ends() -> None:
    assert experts_activated(MODEL, 1) == pytest.approx(8)
    assert experts_activated(MODEL, 1e4) == pytest.approx(256)


@given(st.integers(1, 10_000), st.sampled_from([4, 8, 16]))
def test_experts_are_never_faster_than_the_roofline(rows: int, gpus: int) -> None:
    seconds = expert_gemm_seconds(MODEL, RATES, 0.5, rows, gpus)
    read = experts_activated(MODEL, rows) * 3 * 7168 * 2048 * 0.5 / (gpus * RATES.weight_bytes_s)
    flops = rows * 8 * 6 * 7168 * 2048 / (gpus * RATES.expert_flops_s)
    assert max(read, flops) <= seconds <= 2 ** (1 / 3) * max(read, flops) * (1 + 1e-12)


@pytest.mark.parametrize(("ranks", "rows"), [(8, 4), (8, 16), (8, 64), (16, 32)])
def test_the_fullest_rank_against_drawing_it(ranks: int, rows: int) -> None:
    rng, draws = np.random.default_rng(rows), 400
    drawn = []
    for _ in range(draws):
        chosen = np.unique(np.concatenate([rng.permutation(256)[:8] for _ in range(rows)]))
        drawn.append(np.bincount(chosen * ranks // 256, minlength=ranks).max())
    share = experts_activated(MODEL, rows) / 256
    error = 4 * np.std(drawn) / np.sqrt(draws)
    # A count is no normal value: the expectation of whole numbers lies up to half a step from that of the continuum.
    expected = fullest(256 / ranks * share, 256 / ranks * share * (1 - share), ranks)
    assert np.mean(drawn) == pytest.approx(expected, abs=0.5 + error)
    assert np.mean(drawn) > 256 / ranks * share + 0.5 + error


def test_with_whole_experts_few_rows_wait_for_the_fullest_rank_and_many_do_not() -> None:
    even, whole = (
        [expert_gemm_seconds(MODEL, RATES, 0.5, rows, 8, ranks) for rows in (4, 64, 100_000)] for ranks in (1, 8)
    )
    excess = [slow / fast - 1 for slow, fast in zip(whole, even, strict=True)]
    assert excess[0] > 0.3 > excess[1] > excess[2] > 0
    assert excess[2] < 0.01


def test_dense_products_go_from_memory_to_arithmetic() -> None:
    assert dense_gemm_seconds(RATES, 1e9, 1, 1.0) == pytest.approx(1e9 / 5e12, rel=1e-3)
    assert dense_gemm_seconds(RATES, 1e9, 1e5, 1.0) == pytest.approx(2e14 / 2e15, rel=1e-3)


def test_prefill_work_is_two_flops_per_active_parameter_and_attention() -> None:
    # The published 37 B active parameters hold embedding and head, which prefill does not multiply by each token.
    per_token = prefill_flops(MODEL, 1, 0)
    assert 0.9 < per_token / (2 * MODEL.active_params_b * 1e9) < 1
    assert prefill_flops(MODEL, 0, 1) == 61 * 128 * 320
