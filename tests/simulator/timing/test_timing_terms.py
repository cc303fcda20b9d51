"""Terms of the pass time that the fit asked for: the barrier of DP prefill, padding, context latency, skewed passes."""

import statistics
from dataclasses import replace

import pytest

from inferbench.simulator.engine.build import cluster_of
from inferbench.simulator.parameters.parameters import Padding
from inferbench.simulator.timing.decode_step import DecodeStep
from inferbench.simulator.timing.kernels import expert_parameters, experts_activated
from inferbench.simulator.timing.prefill_step import PrefillPass
from inferbench.simulator.timing.speculative_decoding import EASY_SHARE, skewed
from tests.support.twin_factories import (
    GPUS,
    MODEL,
    Fixed,
    chunks,
    cluster,
    deployment,
    plan,
    request,
    submit_all,
    topology,
    ttft_s,
)
from tests.support.twin_factories import drive as drive_plan


def parts(name: str) -> tuple[PrefillPass, DecodeStep]:
    own = cluster_of(MODEL, GPUS["mi355x"], deployment(), topology(name))
    assert isinstance(own.prefill, PrefillPass)
    assert isinstance(own.decode, DecodeStep)
    return own.prefill, own.decode


def test_a_lone_prompt_leaves_the_other_ranks_idle() -> None:
    prefill, _ = parts("1p1d-dep8")
    alone = prefill.seconds(8192, 8192**2, 1, 8192, 8192**2)
    full = prefill.seconds(8 * 8192, 8 * 8192**2, 8, 8192, 8192**2)
    assert full / 8 < alone < full
    even = prefill.seconds(8192, 8192**2, 1)
    assert alone > 2 * even


def test_without_dp_attention_ranks_do_not_matter() -> None:
    prefill, _ = parts("1p1d-tp8")
    assert prefill.seconds(8192, 8192**2, 1, 8192, 8192**2) == prefill.seconds(8192, 8192**2, 1)


def test_prompts_go_to_the_ranks_in_turn_and_a_full_rank_ends_the_pass() -> None:
    class Fullest:
        def seconds(self, tokens: int, squared: int, prompts: int, rank_tokens: int, rank_squared: int) -> float:
            return rank_tokens

    own = cluster(prefill=Fullest(), transfer=Fixed(0.0), prefill_ranks=2, max_batch_tokens=400)
    ended = submit_all(own, [request(i, isl=isl, osl=1) for i, isl in enumerate((10, 150, 100, 100, 60))])
    # The first is alone in its pass. Then 150 | 100 and, on the first rank again, 100: too much for its share of 200.
    times = [ttft_s(ended[i]) for i in range(5)]
    assert times == pytest.approx([10, 160, 160, 260, 260])


def test_a_busy_worker_hands_prompts_over_late() -> None:
    own = cluster(prefill=Fixed(1.0), transfer=Fixed(0.0), handoff_seconds=0.25, handoff_passes=2.0)
    ended = submit_all(own, [request(0, osl=1), request(1, osl=1)])
    assert ttft_s(ended[0]) == pytest.approx(1.0 + 0.25 + 2.0)
    assert ttft_s(ended[1]) == pytest.approx(2.0 + 0.25)


def test_padding_costs_what_the_launch_set_aside_whatever_the_batch() -> None:
    _, step = parts("1p1d-dep8")
    small = step.group.model_copy(update={"max_running": 64})
    padding = Padding(us_per_row=0.1, max_rows=2703)
    plain, launch, padded = (
        replace(step, group=small, padding=None).coefficients(8, 64).fixed,
        replace(step, group=small, padding=padding).coefficients(8, 64).fixed,
        replace(step, padding=padding).coefficients(8, 64).fixed,
    )
    rows = [64 * (1 + step.mtp), min(640 * (1 + step.mtp), 2703)]
    assert (padded - plain) / (launch - plain) == pytest.approx(rows[1] / rows[0])


@pytest.mark.parametrize("name", ["1p1d-dep8", "1p1d-tp8"])
def test_context_latency_is_that_of_one_request(name: str) -> None:
    _, step = parts(name)
    one, many = step.coefficients(1, 8), step.coefficients(32, 256)
    assert one.latency_per_context_token * 8 == pytest.approx(many.latency_per_context_token * 256)
    assert one.latency_per_context_token > 0


def test_whole_experts_without_dp_attention_add_their_latency_to_every_layer() -> None:
    _, step = parts("1p1d-tp8")
    whole = step.group.model_copy(update={"ep": step.group.gpus})
    fixed = [
        replace(step, group=whole, parameters=step.parameters.model_copy(update={"tep_layer_us": us})).coefficients(
            4, 4
        )
        for us in (0.0, 30.0)
    ]
    layers = MODEL.layers + step.mtp
    assert fixed[1].fixed - fixed[0].fixed == pytest.approx(step.scale * layers * 30e-6)


def test_drafts_read_their_part_of_the_cache_again() -> None:
    _, step = parts("1p1d-tp8")
    few_heads = replace(step, model=MODEL.model_copy(update={"heads": 1}))
    shared, own = (
        replace(few_heads, mtp=2, parameters=step.parameters.model_copy(update={"draft_context": part}))
        for part in (0.0, 0.5)
    )
    ratio = own.coefficients(4, 4).per_context_token / shared.coefficients(4, 4).per_context_token
    assert ratio == pytest.approx(1 + 2 * 0.5, rel=1e-3)
    assert replace(own, mtp=0).coefficients(4, 4) == replace(shared, mtp=0).coefficients(4, 4)


def test_the_layer_that_drafts_reads_experts_of_sixteen_bits_once_a_draft() -> None:
    _, step = parts("1p1d-tp8")
    hw, drafts, batch = step.hardware, 3, 4
    assert (hw.draft_expert_bytes, hw.expert_bytes) == (2.0, 4.25 / 8)
    reads = replace(hw, draft_rates=replace(hw.draft_rates, expert_flops_s=1e30))
    costs = [
        replace(step, mtp=drafts, hardware=replace(reads, draft_expert_bytes=size)).coefficients(batch, batch).fixed
        for size in (1.0, 2.0)
    ]
    active = experts_activated(MODEL, (1 + drafts) * batch) + (drafts - 1) * experts_activated(MODEL, batch)
    seconds = active * expert_parameters(MODEL) / (step.group.gpus * hw.draft_rates.weight_bytes_s)
    assert costs[1] - costs[0] == pytest.approx(step.scale * seconds)


def test_without_drafts_the_layer_that_drafts_costs_nothing() -> None:
    _, step = parts("1p1d-tp8")
    plain = replace(step, mtp=0)
    slow = replace(plain, hardware=replace(plain.hardware, draft_expert_bytes=1e9))
    assert plain.coefficients(4, 4) == slow.coefficients(4, 4)


def test_skew_keeps_the_mean_and_moves_the_median() -> None:
    drawn = [skewed(1000, 0.8, seed) for seed in range(20_000)]
    assert statistics.median(drawn) == 800
    assert statistics.mean(drawn) == pytest.approx(1000, rel=0.01)
    assert sum(d == 800 for d in drawn) / len(drawn) == pytest.approx(EASY_SHARE, abs=0.01)
    assert skewed(0, 0.8, 1) == 0


def test_only_long_prompts_are_skewed() -> None:
    own = cluster(skew=0.5)
    passes = []
    for isl in (1000, 8000):
        records, _ = drive_plan(own, plan(200, 200, isl=(isl, isl), osl=(101, 101)))
        passes.append({chunks(r).last_pass - chunks(r).first_pass + 1 for r in records})
    assert passes[0] == {100}
    assert passes[1] == {50, round(100 * (1 - 0.7 * 0.5) / 0.3)}
