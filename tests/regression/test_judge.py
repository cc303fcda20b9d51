"""One verdict per scenario: fit, alike, and then what the figures say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from inferbench.metrics.request_counts import Counts
from inferbench.regression.judge import judge_family
from inferbench.regression.policy import Effects, RegressionMetric, RegressionPolicy
from inferbench.regression.run_groups import MeasuredRun, judge_scenario
from inferbench.regression.verdicts import RegressionOutcome, ScenarioRegression
from inferbench.store.manifest import RunState
from tests.support.factories import point_manifest, point_summary, run_manifest, sweep_point

POLICY = RegressionPolicy()
NOISE = (0.999, 1.001, 1.0, 0.9995, 1.0005)
POINTS = (sweep_point(concurrency=8), sweep_point(concurrency=64))


def run(
    index: int, tput: float = 1.0, tpot: float = 1.0, ttft: float = 1.0, *, side: str = "a", **manifest: object
) -> MeasuredRun:
    """A run of two sweep points, its figures multiples of the ordinary ones."""
    summaries = tuple(
        point_summary(
            p, tput_per_gpu=900 * tput * scale, interactivity=50 / tpot / scale, ttft_p99_ms=900 * ttft * scale
        )
        for p, scale in zip(POINTS, (1, 3), strict=True)
    )
    made = run_manifest(*(point_manifest(p) for p in POINTS), run_id=f"{side}{index}", seed=index)
    return MeasuredRun(made.model_copy(update=manifest), summaries)


def side(name: str = "a", noise: Sequence[float] = NOISE, **change: float) -> list[MeasuredRun]:
    factors = {"tput": 1.0, "tpot": 1.0, "ttft": 1.0} | change
    return [run(i, *(f * x for f in factors.values()), side=name) for i, x in enumerate(noise)]


def judged(candidate: list[MeasuredRun], policy: RegressionPolicy = POLICY) -> ScenarioRegression:
    return judge_scenario(side(), candidate, policy)


@pytest.mark.parametrize(
    ("change", "outcome", "metric"),
    [
        ({}, RegressionOutcome.PASS, None),
        ({"tput": 0.95}, RegressionOutcome.REGRESSED, "output_tput_per_gpu"),
        ({"tput": 1.05}, RegressionOutcome.IMPROVED, "output_tput_per_gpu"),
        ({"tpot": 1.05}, RegressionOutcome.REGRESSED, "tpot_p50"),
        ({"tpot": 0.9}, RegressionOutcome.IMPROVED, "tpot_p50"),
        ({"ttft": 1.05}, RegressionOutcome.PASS, None),
        ({"ttft": 1.2}, RegressionOutcome.REGRESSED, "ttft_p99"),
        ({"tput": 1.2, "ttft": 1.2}, RegressionOutcome.REGRESSED, "ttft_p99"),
    ],
)
def test_what_moved_is_named(change: dict[str, float], outcome: RegressionOutcome, metric: str | None) -> None:
    found = judged(side("b", **change))
    assert found.outcome is outcome
    assert metric is None or found.reason.startswith(f"{metric}: ")


def test_a_change_smaller_than_the_effect_is_none_however_certain() -> None:
    found = judged(side("b", tput=0.98))
    throughput = found.metrics[0]
    assert throughput.worse_by_at_least is not None
    assert throughput.worse_by_at_least > 0
    assert found.outcome is RegressionOutcome.PASS


def test_noise_leaves_it_undecided_and_says_how_many_repeats_it_would_take() -> None:
    noise = (0.97, 1.03, 1.0, 0.98, 1.02)
    found = judge_scenario(side(noise=noise), side("b", noise=noise), POLICY)
    assert found.outcome is RegressionOutcome.UNDECIDED
    more = found.further_repeats
    assert more is not None
    assert f"{more} further repeats" in found.reason
    again = judge_scenario(side(noise=noise * 20), side("b", noise=noise * 20), POLICY)
    assert again.outcome is RegressionOutcome.PASS
    assert 5 < 5 + more < 100


def test_further_repeats_are_what_a_search_over_numbers_of_runs_finds() -> None:
    """With figures of +-s the interval of n runs a side is known: repeat the pattern until it passes."""
    metric = RegressionMetric.OUTPUT_TPUT_PER_GPU
    pattern = [0.985, 1.015]

    def outcome(copies: int) -> RegressionOutcome:
        return judge_family({metric: pattern * copies}, {metric: pattern * copies}, POLICY)[0].outcome

    first = judge_family({metric: pattern}, {metric: pattern}, POLICY)[0]
    assert first.further_repeats is not None
    assert outcome((2 + first.further_repeats) // 2 + 2) is RegressionOutcome.PASS
    assert outcome((2 + first.further_repeats) // 2 - 2) is RegressionOutcome.UNDECIDED


@pytest.mark.parametrize(("a", "b", "more"), [(1, 1, 1), (1, 5, 1), (5, 1, 1)])
def test_one_run_says_nothing_about_noise(a: int, b: int, more: int) -> None:
    found = judge_scenario(side(noise=NOISE[:a]), side("b", NOISE[:b], tput=0.5), POLICY)
    assert (found.outcome, found.further_repeats) == (RegressionOutcome.UNDECIDED, more)
    assert "at least 2" in found.reason


def test_identical_repeats_are_one_observation() -> None:
    found = judge_scenario(side(noise=(1.0,) * 5), side("b", noise=(1.0,) * 5, tput=0.5), POLICY)
    assert found.outcome is RegressionOutcome.UNDECIDED
    assert "seeds" in found.reason


def test_unlike_runs_are_named_key_by_key() -> None:
    other = [MeasuredRun(r.manifest.model_copy(update={"scenario_sha256": "9" * 64}), r.summaries) for r in side("b")]
    found = judged(other)
    assert found.outcome is RegressionOutcome.INCOMPARABLE
    assert [d.key for d in found.differing] == ["scenario"]
    assert "scenario: s 000000000000 against s 999999999999" in found.reason
    assert judged(other, RegressionPolicy(allow_different=("scenario",))).outcome is RegressionOutcome.PASS


def test_newer_price_books_do_not_make_runs_unlike() -> None:
    books = run_manifest(book_sha256="7" * 64).price_books
    other = [MeasuredRun(r.manifest.model_copy(update={"price_books": books}), r.summaries) for r in side("b")]
    assert judged(other).outcome is RegressionOutcome.PASS


def test_seeds_may_differ_only_where_every_repeat_drew_its_own() -> None:
    def seeded(seeds: Sequence[int], name: str) -> list[MeasuredRun]:
        return [
            MeasuredRun(r.manifest.model_copy(update={"seed": s}), r.summaries)
            for r, s in zip(side(name), seeds, strict=True)
        ]

    assert judge_scenario(seeded(range(5), "a"), seeded(range(5, 10), "b"), POLICY).outcome is RegressionOutcome.PASS
    assert judge_scenario(seeded([3] * 5, "a"), seeded([3] * 5, "b"), POLICY).outcome is RegressionOutcome.PASS
    found = judge_scenario(seeded([3] * 5, "a"), seeded([4] * 5, "b"), POLICY)
    assert [d.key for d in found.differing] == ["seed"]


def test_another_load_under_other_seeds_is_named_too() -> None:
    """Ad-hoc runs have no scenario file whose checksum would differ."""

    def other(**summary: object) -> list[MeasuredRun]:
        return [
            MeasuredRun(
                r.manifest.model_copy(update={"seed": 10 + r.manifest.seed, "scenario_sha256": None}),
                tuple(s.model_copy(update=summary) for s in r.summaries),
            )
            for r in side("b")
        ]

    adhoc = [MeasuredRun(r.manifest.model_copy(update={"scenario_sha256": None}), r.summaries) for r in side()]
    assert judge_scenario(adhoc, other(), POLICY).outcome is RegressionOutcome.PASS
    for change, key in (({"counts": Counts(planned=40, ok=40)}, "requests"), ({"isl_mean": 500.0}, "isl")):
        assert [d.key for d in judge_scenario(adhoc, other(**change), POLICY).differing] == [key]


def test_prompts_of_one_seed_must_be_the_same() -> None:
    other = [
        MeasuredRun(
            r.manifest.model_copy(update={"points": tuple(point_manifest(p, prompt_hash="else") for p in POINTS)}),
            r.summaries,
        )
        for r in side("b")
    ]
    assert [d.key for d in judged(other).differing] == ["prompt_hash"]


def test_an_unfit_client_or_engine_or_a_partial_run_is_invalid() -> None:
    candidate = side("b")
    late = point_summary(POINTS[1], invalid="the loop was late")
    failing = point_summary(POINTS[1]).model_copy(update={"counts": Counts(planned=80, ok=78, error=2)})
    for summary, why in ((late, "client INVALID: the loop was late"), (failing, "engine unfit: 2.5%")):
        bad = replace(candidate[2], summaries=(candidate[2].summaries[0], summary))
        found = judged([*candidate[:2], bad, *candidate[3:]])
        assert found.outcome is RegressionOutcome.INVALID
        assert found.reason.startswith(f"b2, {POINTS[1].key}: ")
        assert why in found.reason
    partial = candidate[0].manifest.model_copy(update={"state": RunState.PARTIAL, "reason": "interrupted"})
    found = judged([replace(candidate[0], manifest=partial), *candidate[1:]])
    assert found.reason == "b0: partial: interrupted"
    assert judged([*candidate[:2], bad, *candidate[3:]], RegressionPolicy(max_error_share=0.03)).metrics


def test_points_can_be_chosen_and_show_where_it_moved() -> None:
    one = RegressionPolicy(points=("*.c64",))
    assert {p.point for p in judged(side("b"), one).points} == {"d.t.c64"}
    found = judged(side("b", tput=0.9))
    moved = {p.point: p.change for p in found.points if p.metric is RegressionMetric.OUTPUT_TPUT_PER_GPU}
    assert moved == {"d.t.c8": pytest.approx(-0.1), "d.t.c64": pytest.approx(-0.1)}
    assert judged(side("b"), RegressionPolicy(points=("x*",))).reason == "no sweep point is in every run"


def test_cost_at_a_fixed_price_is_one_over_throughput() -> None:
    found = judged(side("b", tput=0.8))
    change, cost = found.metrics[0].change, found.cost_change
    assert change is not None
    assert cost is not None
    assert cost.estimate == pytest.approx(0.25, rel=1e-3)
    assert (1 + cost.low) * (1 + change.high) == pytest.approx(1)
    assert (1 + cost.high) * (1 + change.low) == pytest.approx(1)


def test_ten_repeats_are_resampled_and_the_same_runs_give_the_same_interval() -> None:
    noise = tuple(1 + 0.002 * k for k in (-3, -2, -1, 0, 0.5, 1, 2, 3, -0.5, 1.5))
    first, again = (judge_scenario(side(noise=noise), side("b", noise, tput=0.9), POLICY) for _ in range(2))
    assert first == again
    assert {m.method for m in first.metrics} == {"bootstrap"}
    assert first.outcome is RegressionOutcome.REGRESSED


def test_an_improvement_that_is_not_yet_certain_rules_a_loss_out() -> None:
    noise = (0.985, 1.015, 1.0, 0.99, 1.01)
    found = judge_scenario(side(noise=noise), side("b", noise, tput=1.02, tpot=0.98, ttft=0.98), POLICY)
    assert found.outcome is RegressionOutcome.UNDECIDED
    assert found.loss_ruled_out


def test_effects_are_the_policys() -> None:
    strict = RegressionPolicy(effects=Effects(output_tput_per_gpu=0.005))
    assert judged(side("b", tput=0.98), strict).outcome is RegressionOutcome.REGRESSED
