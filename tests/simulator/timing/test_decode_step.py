"""A decode pass term by term: what each constant adds to it, in closed form."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inferbench.simulator.timing.all_to_all import Formats
from inferbench.simulator.timing.decode_step import Coefficients, DecodeStep
from inferbench.simulator.timing.kernels import dense_parameters, expert_parameters, experts_activated, fullest
from tests.simulator.timing.test_timing_terms import parts
from tests.support.twin_factories import MODEL

LAYERS, MOE, HIDDEN = 61, 58, 7168
DRAFTS, FULLEST, BATCH = 3, 5, 40


def step(name: str = "1p1d-tp8", **parameters: float) -> DecodeStep:
    """A step of the fitted constants with three drafts, at a scale of 2, but for some constants."""
    _, found = parts(name)
    assert found.mtp == DRAFTS
    return replace(found, scale=2.0, parameters=found.parameters.model_copy(update=parameters))


def added(name: str, parameter: str, more: float, fullest: int = FULLEST) -> Coefficients:
    """What a pass gets longer by where one constant is larger by `more`."""
    base = step(name)
    value = getattr(base.parameters, parameter)
    one, two = (s.coefficients(fullest, BATCH) for s in (base, step(name, **{parameter: value + more})))
    return Coefficients(
        two.fixed - one.fixed,
        two.per_context_token - one.per_context_token,
        two.floor - one.floor,
        two.latency_per_context_token - one.latency_per_context_token,
    )


# The layers of the model, then the one that drafts: once to verify and propose, then once for each further draft.
LAYER_CALLS = LAYERS + 1 + (DRAFTS - 1)
LAYER_ROWS = LAYERS * (1 + DRAFTS) + (1 + DRAFTS) + (DRAFTS - 1)


@pytest.mark.parametrize(
    ("name", "parameter", "more", "seconds"),
    [
        ("1p1d-tp8", "tp_layer_us", 10.0, 10e-6 * LAYER_CALLS),
        ("1p1d-dep8", "ep_layer_us", 10.0, 10e-6 * LAYER_CALLS),
        ("1p1d-dep8", "all_to_all_us_per_token", 1.0, 1e-6 * LAYER_ROWS * FULLEST),
        ("1p1d-tp8", "host_step_ms", 1.0, 1e-3),
        ("1p1d-tp8", "host_request_us", 1.0, 1e-6 * BATCH),
        ("1p1d-tp8", "draft_ms", 1.0, 1e-3 * DRAFTS),
        ("1p1d-tp8", "ep_layer_us", 10.0, 0.0),
        ("1p1d-tp8", "tep_layer_us", 10.0, 0.0),
        ("1p1d-tp8", "all_to_all_us_per_token", 1.0, 0.0),
        ("1p1d-dep8", "tp_layer_us", 10.0, 0.0),
    ],
)
def test_each_latency_is_paid_as_often_as_it_occurs(name: str, parameter: str, more: float, seconds: float) -> None:
    found = added(name, parameter, more)
    assert found.fixed == pytest.approx(2 * seconds, rel=1e-9, abs=1e-15)
    assert (found.per_context_token, found.floor, found.latency_per_context_token) == (0, 0, 0)


@pytest.mark.parametrize(("name", "parameter"), [("1p1d-tp8", "tp_context_ns"), ("1p1d-dep8", "context_ns")])
def test_a_walk_through_ones_own_context_is_paid_in_every_layer(name: str, parameter: str) -> None:
    # Per token of the whole worker, so that each of 40 requests pays for a fortieth; the drafting layer is one more
    # for each draft.
    found = added(name, parameter, 1.0)
    assert found.latency_per_context_token == pytest.approx(2 * 1e-9 / BATCH * (LAYERS + DRAFTS))
    assert (found.fixed, found.per_context_token) == (0, 0)
    other = "context_ns" if parameter == "tp_context_ns" else "tp_context_ns"
    assert added(name, other, 1.0) == Coefficients(0, 0, 0, 0)


def test_an_all_reduce_moves_each_byte_of_the_hidden_vectors_twice() -> None:
    # Two bytes an element, moved twice (reduce-scatter, all-gather), at 50 GB/s and at 25.
    fast, slow = (step(all_reduce_gb_s=gb_s).coefficients(BATCH, BATCH).fixed for gb_s in (50.0, 25.0))
    assert slow - fast == pytest.approx(2 * LAYER_ROWS * BATCH * HIDDEN * 2 * 2 / 50e9, rel=1e-10)


def test_an_all_to_all_over_more_than_one_domain_costs_twice_as_much_a_token() -> None:
    wide = [
        replace(s, group=s.group.model_copy(update={"workers": 1, "gpus": 16, "tp": 16, "ep": 16}))
        for s in (step("1p1d-dep8"), step("1p1d-dep8", all_to_all_us_per_token=1.3308))
    ]
    one, two = (s.coefficients(FULLEST, BATCH).fixed for s in wide)
    assert two - one == pytest.approx(2 * 2e-6 * LAYER_ROWS * FULLEST)


def test_an_all_to_all_is_never_faster_than_its_bytes() -> None:
    # Without latency and slope: of 8 ranks a token's 8 experts are on 8 (1 - (7/8)^8), of which 7/8 are elsewhere; a
    # copy has 4-bit elements with a byte per 32 on its way there, and 8-bit ones with 4 bytes per 128 back.
    copies = 8 * (1 - (7 / 8) ** 8) * 7 / 8
    size = HIDDEN * (0.5 + 1 / 32 + 1 + 4 / 128)
    none, slow = (
        replace(s, hardware=replace(s.hardware, scale_up_gb_s=gb_s)).coefficients(FULLEST, BATCH).fixed
        for s, gb_s in ((step("1p1d-dep8", ep_layer_us=0, all_to_all_us_per_token=0), gb) for gb in (1e12, 1.0))
    )
    assert slow - none == pytest.approx(2 * LAYER_ROWS * FULLEST * copies * size / 1e9)


def test_the_head_is_read_for_every_row_that_is_verified() -> None:
    """With products that cost no arithmetic: 1,000 words more are read 1 + 3 times, an eighth of them on each GPU."""
    for name, share in (("1p1d-tp8", 8), ("1p1d-dep8", 1)):
        base = step(name)
        reads = replace(base.hardware, rates=replace(base.hardware.rates, dense_flops_s=1e40))
        sizes = (MODEL.vocab, MODEL.vocab + 1000)
        one, two = (
            replace(base, hardware=reads, model=MODEL.model_copy(update={"vocab": size})).coefficients(FULLEST, BATCH)
            for size in sizes
        )
        assert two.fixed - one.fixed == pytest.approx(2 * (1 + DRAFTS) * 1000 * HIDDEN / share / 7.5e12, rel=1e-6)


def test_the_head_computes_for_the_requests_of_the_fullest_rank() -> None:
    base = step("1p1d-dep8")
    slow = replace(base.hardware, rates=replace(base.hardware.rates, dense_flops_s=1e9))
    sizes = (MODEL.vocab, MODEL.vocab + 1000)
    one, two = (
        replace(base, hardware=slow, model=MODEL.model_copy(update={"vocab": size})).coefficients(FULLEST, BATCH)
        for size in sizes
    )
    assert two.fixed - one.fixed == pytest.approx(2 * (1 + DRAFTS) * 2 * 1000 * HIDDEN * FULLEST / 1e9, rel=1e-6)


@pytest.mark.parametrize(("name", "share"), [("1p1d-tp8", 8), ("1p1d-dep8", 1)])
def test_layers_read_their_own_share_of_the_dense_weights(name: str, share: int) -> None:
    base = step(name)
    reads = replace(base.hardware, rates=replace(base.hardware.rates, dense_flops_s=1e40))
    one, two = (
        replace(base, hardware=replace(reads, dense_bytes=size)).coefficients(FULLEST, BATCH).fixed
        for size in (1.0, 2.0)
    )
    weights = LAYER_CALLS * dense_parameters(MODEL, share) + (1 + DRAFTS) * MODEL.vocab * HIDDEN / share
    assert two - one == pytest.approx(2 * weights / 7.5e12, rel=1e-6)


def test_layers_compute_for_all_rows_of_the_fullest_rank() -> None:
    base = step("1p1d-dep8")
    slow = (replace(base.hardware, rates=replace(base.hardware.rates, dense_flops_s=rate)) for rate in (2e9, 1e9))
    one, two = (replace(base, hardware=hardware).coefficients(FULLEST, BATCH).fixed for hardware in slow)
    products = LAYER_ROWS * dense_parameters(MODEL, 1) + (1 + DRAFTS) * MODEL.vocab * HIDDEN
    assert two - one == pytest.approx(2 * 2 * products * FULLEST / 2e9, rel=1e-6)


def test_experts_are_read_by_the_whole_batch_in_every_layer_that_has_them() -> None:
    base = step()
    reads = replace(base.hardware, rates=replace(base.hardware.rates, expert_flops_s=1e40))
    one, two = (
        replace(base, hardware=replace(reads, expert_bytes=size)).coefficients(BATCH, BATCH).fixed for size in (1, 2)
    )
    active = experts_activated(MODEL, (1 + DRAFTS) * BATCH)
    assert two - one == pytest.approx(2 * MOE * active * expert_parameters(MODEL) / (8 * 7.5e12))
    untuned = replace(base, off=replace(base.off, expert_factor=1.5))
    tuned, off = (s.coefficients(BATCH, BATCH).fixed for s in (base, untuned))
    nothing = replace(base, off=replace(base.off, expert_factor=0.0)).coefficients(BATCH, BATCH).fixed
    assert off - tuned == pytest.approx((tuned - nothing) / 2)


def test_what_is_off_may_cost_time_beside_every_pass_at_any_scale() -> None:
    base = step()
    off = replace(base, off=replace(base.off, pass_seconds=0.25))
    assert off.coefficients(4, 4).fixed - base.coefficients(4, 4).fixed == pytest.approx(0.25)


def test_padding_is_paid_in_every_layer_with_experts() -> None:
    base = step("1p1d-dep8")
    assert base.padding is not None
    assert base.group.max_running == 640
    padded, plain = base.coefficients(8, 64).fixed, replace(base, padding=None).coefficients(8, 64).fixed
    assert padded - plain == pytest.approx(2 * MOE * min(640 * 4, 2703) * 0.1113e-6)
    unknown = replace(base, group=base.group.model_copy(update={"max_running": None}))
    assert unknown.coefficients(8, 64).fixed == plain
    assert step("1p1d-tp8").coefficients(8, 64) == replace(step("1p1d-tp8"), padding=None).coefficients(8, 64)


def test_attention_reads_the_cache_of_the_fullest_rank_and_of_every_request_without_dp_attention() -> None:
    # With one head arithmetic is nothing: a token of context is 576 elements of a byte, in 61 layers and in that of
    # each draft, at 4.5952 TB/s; drafts read a tenth of it each.
    few = MODEL.model_copy(update={"heads": 1})
    read = 576 * (1 + 3 * 0.1002) / 4.5952e12 * (LAYERS + DRAFTS)
    tp = replace(step("1p1d-tp8"), model=few).coefficients(FULLEST, BATCH)
    assert tp.per_context_token == pytest.approx(2 * read, rel=1e-4)
    dp = replace(step("1p1d-dep8"), model=few).coefficients(FULLEST, BATCH)
    assert dp.per_context_token == pytest.approx(2 * read * FULLEST / BATCH, rel=1e-4)


def test_attention_computes_with_the_heads_of_one_gpu() -> None:
    base = step("1p1d-tp8")
    slow = replace(base.hardware, rates=replace(base.hardware.rates, attention_flops_s=1e9))
    found = replace(base, hardware=slow).coefficients(BATCH, BATCH)
    assert found.per_context_token == pytest.approx(2 * (LAYERS + DRAFTS) * 2 * (576 + 512) * 16 * 4 / 1e9)


def test_a_pass_takes_the_longer_of_its_work_and_of_writing_its_chunks() -> None:
    found = Coefficients(fixed=0.02, per_context_token=1e-6, floor=0.05, latency_per_context_token=2e-6)
    assert (found.seconds(0), found.seconds(10_000), found.seconds(20_000)) == (0.05, 0.05, pytest.approx(0.08))
    base = step()
    written = replace(base, streaming=replace(base.streaming, chunk_seconds=1.0, workers=4, interval=1))
    assert written.coefficients(BATCH, BATCH).floor == pytest.approx(BATCH / 4)
    rarely = replace(base, streaming=replace(base.streaming, chunk_seconds=1.0, workers=4, interval=10))
    # A pass makes 1 + a + a^2 + a^3 tokens, and one chunk in ten of them.
    made = sum(0.6653**k for k in range(4))
    assert rarely.coefficients(BATCH, BATCH).floor == pytest.approx(BATCH * made / 10 / 4)
    assert written.seconds(BATCH, BATCH, 0) == BATCH / 4


def test_the_layer_that_drafts_waits_for_the_rank_with_most_experts_too() -> None:
    """Whole experts on eight ranks are read by the fullest of them: over all rows, then over one a request."""
    base = step("1p1d-dep8")
    reads = replace(base.hardware, draft_rates=replace(base.hardware.draft_rates, expert_flops_s=1e40))
    one, two = (
        replace(base, hardware=replace(reads, draft_expert_bytes=size)).coefficients(FULLEST, BATCH).fixed
        for size in (1.0, 2.0)
    )

    def active(rows: int) -> float:
        share = experts_activated(MODEL, rows) / 256
        return min(fullest(32 * share, 32 * share * (1 - share), 8), 32)

    experts = active((1 + DRAFTS) * BATCH) + (DRAFTS - 1) * active(BATCH)
    assert two - one == pytest.approx(2 * experts * expert_parameters(MODEL) / 7.5e12)


def test_experts_on_ranks_of_their_own_are_read_by_the_fullest_of_them() -> None:
    base = step("1p1d-dep8")
    reads = replace(base.hardware, rates=replace(base.hardware.rates, expert_flops_s=1e40))
    one, two = (
        replace(base, hardware=replace(reads, expert_bytes=size)).coefficients(FULLEST, BATCH).fixed for size in (1, 2)
    )
    share = experts_activated(MODEL, (1 + DRAFTS) * BATCH) / 256
    active = min(fullest(32 * share, 32 * share * (1 - share), 8), 32)
    assert two - one == pytest.approx(2 * MOE * active * expert_parameters(MODEL) / 7.5e12)


@pytest.mark.parametrize("drafts", [0, 3])
def test_a_pass_of_a_machine_without_limits_takes_no_time(drafts: int) -> None:
    free = {"tp_layer_us": 0, "host_step_ms": 0, "host_request_us": 0, "draft_ms": 0, "all_reduce_gb_s": 1e40}
    base = step("1p1d-tp8", **free)
    rates = type(base.hardware.rates)(1e40, 1e40, 1e40, 1e40, 1e40)
    found = replace(base, mtp=drafts, hardware=replace(base.hardware, rates=rates, draft_rates=rates))
    assert found.coefficients(BATCH, BATCH).fixed == pytest.approx(0, abs=1e-15)


def test_experts_divided_over_two_ranks_are_whole_already() -> None:
    latency = [
        replace(s, group=s.group.model_copy(update={"ep": 2})).coefficients(4, 4).fixed
        for s in (step("1p1d-tp8", tep_layer_us=0.0), step("1p1d-tp8", tep_layer_us=30.0))
    ]
    assert latency[1] - latency[0] == pytest.approx(2 * LAYER_CALLS * 30e-6)


def test_other_formats_cost_what_their_published_times_differ_by() -> None:
    # MoRI at EP8: bf16 both ways against fp4 there and fp8 back, per token and for none.
    base = step("1p1d-dep8")
    plain = replace(base, hardware=replace(base.hardware, formats=Formats("bf16", "bf16")))
    once, a_token = 29.8 + 18.1 - 33.2 - 20.7, 0.2065 + 0.2076 - 0.0747 - 0.1829
    more = plain.coefficients(FULLEST, BATCH).fixed - base.coefficients(FULLEST, BATCH).fixed
    assert more == pytest.approx(2e-6 * (LAYER_CALLS * once + LAYER_ROWS * FULLEST * a_token))
