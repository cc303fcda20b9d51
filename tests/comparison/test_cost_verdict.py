"""Verdicts and conclusions: the truth table, and intervals worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from inferbench.comparison.conclude import conclude
from inferbench.comparison.judge import judge
from inferbench.comparison.operating_point import read_at
from inferbench.comparison.verdict import Outcome, Reading, Verdict
from inferbench.metrics.summary import Basis, Origin
from inferbench.pricing.rate_card import Price
from inferbench.scenario.scenario import OperatingPoint, Slo
from tests.support.factories import DAY, frontier_point, price

AT_129 = OperatingPoint(name="129 tok/s/user", interactivity=129)


def reading(deployment: str, tput_per_gpu: float | None, unreachable: str | None = None) -> Reading:
    return Reading(deployment=deployment, tput_per_gpu=tput_per_gpu, unreachable=unreachable)


def verdict(
    readings: list[Reading],
    usd_per_gpu_hour: dict[str, float],
    half_width: float | dict[str, float] = 0.25,
    book: str = "b1",
    tier: str = "t1",
    operating_point: OperatingPoint = AT_129,
) -> Verdict:
    return judge(
        readings,
        {name: price(name, value, tier) for name, value in usd_per_gpu_hour.items()},
        operating_point,
        book=book,
        tier=tier,
        basis=Basis.WINDOW,
        origin=Origin.SIMULATED,
        half_width=half_width,
    )


# 1000 tok/s/GPU are 3.6 Mtok an hour, so that $3.60 an hour are $1 a Mtok.
AB = [reading("a", 1000), reading("b", 1000)]


def test_a_clear_win_is_cheaper() -> None:
    found = verdict(AB, {"a": 3.6, "b": 7.2})
    assert (found.outcome, found.cheapest, found.runner_up) == (Outcome.CHEAPER, "a", "b")
    assert found.ratio == pytest.approx(2.0)
    spread = math.exp(math.sqrt(2) * -math.log(0.75))
    assert (found.ratio_low, found.ratio_high) == (pytest.approx(2 / spread), pytest.approx(2 * spread))
    assert found.reason == (
        "a $1.000 against b $2.000: 2.00x, interval 1.33x to 3.00x excludes a tie "
        "(each throughput +-25 %, errors independent)"
    )
    assert (found.book, found.tier, found.basis, found.origin) == ("b1", "t1", Basis.WINDOW, Origin.SIMULATED)


def test_a_lead_inside_the_interval_is_undecided_and_says_so_in_numbers() -> None:
    readings = [reading("mi355x-sglang-mori", 2465.5), reading("b200-trtllm", 3140.9)]
    found = verdict(readings, {"mi355x-sglang-mori": 1.5, "b200-trtllm": 1.73})
    assert (found.outcome, found.cheapest, found.runner_up) == (Outcome.UNDECIDED, "b200-trtllm", "mi355x-sglang-mori")
    assert found.reason.startswith(
        "b200-trtllm $0.153 against mi355x-sglang-mori $0.169: 1.10x, interval 0.74x to 1.66x includes a tie"
    )


def test_each_cost_carries_its_own_interval() -> None:
    for priced in verdict(AB, {"a": 3.6, "b": 7.2}).readings:
        assert priced.usd_per_mtok is not None
        assert priced.low == pytest.approx(priced.usd_per_mtok / 1.25)
        assert priced.high == pytest.approx(priced.usd_per_mtok / 0.75)


def test_the_interval_of_a_ratio_is_that_of_two_independent_errors() -> None:
    # Ground truth by simulation: the spread of the log of a ratio of two independent log-normal costs.
    rng = np.random.default_rng(7)
    sigmas = -np.log1p([-0.25, -0.10])
    first, second = (rng.normal(0, sigma, 200_000) for sigma in sigmas)
    # The standard error of a standard deviation over n draws is sigma / sqrt(2 n); five of them.
    tolerance = 5 * math.hypot(*sigmas) / math.sqrt(2 * 200_000)
    found = verdict(AB, {"a": 1.0, "b": 2.0}, half_width={"a": 0.25, "b": 0.10})
    assert found.ratio_high is not None
    assert math.log(found.ratio_high / 2) == pytest.approx(float(np.std(first - second)), abs=tolerance)


@pytest.mark.parametrize(("b", "outcome"), [(3.61, Outcome.CHEAPER), (3.6, Outcome.UNDECIDED)])
def test_without_uncertainty_it_is_arithmetic_and_only_an_exact_tie_is_undecided(b: float, outcome: Outcome) -> None:
    found = verdict(AB, {"a": 3.6, "b": b}, half_width=0)
    assert found.outcome is outcome
    assert found.ratio == found.ratio_low == found.ratio_high
    assert found.readings[0].low == found.readings[0].high == found.readings[0].usd_per_mtok


def test_a_lead_too_small_for_two_decimals_is_not_printed_as_a_tie() -> None:
    assert "1.00278x, interval 1.00278x to 1.00278x excludes" in verdict(AB, {"a": 3.6, "b": 3.61}, half_width=0).reason


@pytest.mark.parametrize(("usd", "outcome"), [(1.502, Outcome.UNDECIDED), (1.503, Outcome.CHEAPER)])
def test_the_edge_of_the_interval(usd: float, outcome: Outcome) -> None:
    # exp(-sqrt(2) log 0.75) = 1.50207
    assert verdict(AB, {"a": 1.0, "b": usd}).outcome is outcome


def test_the_runner_up_must_be_beaten_however_far_the_others_are() -> None:
    readings = [reading("a", 1000), reading("b", 1000), reading("c", 1000)]
    found = verdict(readings, {"a": 3.6, "b": 36.0, "c": 3.7})
    assert (found.outcome, found.cheapest, found.runner_up) == (Outcome.UNDECIDED, "a", "c")


def test_break_even_is_the_price_ratio_that_would_make_a_tie() -> None:
    found = verdict([reading("a", 3000), reading("b", 2000)], {"a": 1.95, "b": 1.48})
    assert found.cheapest == "a"
    assert found.break_even_price_ratio == pytest.approx(1.5)
    tie = verdict([reading("a", 3000), reading("b", 2000)], {"a": 1.48 * 1.5, "b": 1.48}, half_width=0)
    assert tie.ratio == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (1000.0, "only a reaches it; b: reaches 9 to 121 tok/s/user"),
        (None, "no deployment reaches it; a: reaches 5 to 60 tok/s/user; b: reaches 9 to 121 tok/s/user"),
    ],
)
def test_fewer_than_two_that_reach_it_is_unreachable(first: float | None, reason: str) -> None:
    readings = [
        reading("a", first, None if first else "reaches 5 to 60 tok/s/user"),
        reading("b", None, "reaches 9 to 121 tok/s/user"),
    ]
    found = verdict(readings, {"a": 1.0, "b": 1.0})
    assert (found.outcome, found.cheapest, found.ratio, found.reason) == (Outcome.UNREACHABLE, None, None, reason)
    assert found.readings[1].usd_per_mtok is found.readings[1].low is found.readings[1].high is None


def test_one_that_does_not_reach_it_does_not_stop_the_others() -> None:
    found = verdict([*AB, reading("c", None, "reaches 1 to 2 tok/s/user")], {"a": 1.0, "b": 2.0, "c": 0.01})
    assert (found.outcome, found.cheapest) == (Outcome.CHEAPER, "a")


def test_an_slo_point_is_judged_on_measured_loads() -> None:
    point = OperatingPoint(name="slo", slo=Slo(ttft_p99_ms=2000))
    fast = read_at([frontier_point(50, 3000, ttft_p99_ms=1900), frontier_point(20, 9000, ttft_p99_ms=9000)], "d", point)
    slow = read_at([frontier_point(50, 1000, deployment="e")], "e", point)
    found = verdict([fast, slow], {"d": 1.0, "e": 1.0}, operating_point=point)
    assert (found.outcome, found.cheapest, found.ratio) == (Outcome.CHEAPER, "d", pytest.approx(3.0))


def test_a_deployment_without_a_price_is_an_error() -> None:
    with pytest.raises(KeyError, match="b"):
        verdict(AB, {"a": 1.0})


@pytest.mark.parametrize("half_width", [-0.1, 1.0, float("nan")])
def test_a_half_width_that_is_none_is_refused(half_width: float) -> None:
    with pytest.raises(ValueError, match="half_width"):
        verdict(AB, {"a": 1.0, "b": 2.0}, half_width=half_width)


def test_all_books_for_one_deployment_conclude_that_it_is_cheaper() -> None:
    found = conclude([verdict(AB, {"a": 1.0, "b": 2.0}), verdict(AB, {"a": 1.0, "b": 3.0}, book="b2")])
    assert (found.outcome, found.cheapest) == (Outcome.CHEAPER, "a")
    assert found.reason == "a is cheaper under every price book and tier: the runner-up costs 2.00x to 3.00x as much"
    assert found.operating_point == AT_129
    assert [v.book for v in found.verdicts] == ["b1", "b2"]


def test_one_verdict_concludes_what_it_says() -> None:
    point = OperatingPoint(name="50 tok/s/user", interactivity=50)
    decided = verdict(AB, {"a": 1.0, "b": 2.0}, operating_point=point)
    found = conclude([decided])
    assert (found.operating_point, found.outcome, found.cheapest) == (point, Outcome.CHEAPER, "a")
    assert found.reason == "a is cheaper under every price book and tier: the runner-up costs 2.00x to 2.00x as much"
    assert found.verdicts == (decided,)


def test_one_verdict_that_nobody_reaches_concludes_with_its_own_reason() -> None:
    alone = verdict([reading("a", 1000), reading("b", None, "reaches 1 to 2 tok/s/user")], {"a": 1.0, "b": 1.0})
    assert (conclude([alone]).outcome, conclude([alone]).reason) == (Outcome.UNREACHABLE, alone.reason)


def test_books_that_disagree_are_undecided_and_say_which_favours_whom() -> None:
    found = conclude(
        [
            verdict(AB, {"a": 1.0, "b": 2.0}),
            verdict(AB, {"a": 1.0, "b": 3.0}, tier="t2"),
            verdict(AB, {"a": 2.0, "b": 1.0}, book="b2"),
        ]
    )
    assert (found.outcome, found.cheapest) == (Outcome.UNDECIDED, None)
    assert found.reason == "price books disagree on which is cheapest: a under b1 (t1, t2); b under b2 (t1)"


def test_disagreement_and_interval_are_both_said() -> None:
    found = conclude([verdict(AB, {"a": 1.0, "b": 2.0}), verdict(AB, {"a": 1.1, "b": 1.0}, book="b2")])
    assert found.outcome is Outcome.UNDECIDED
    assert found.reason == (
        "price books disagree on which is cheapest: a under b1 (t1); b under b2 (t1); inside the interval under b2 (t1)"
    )


def test_one_book_inside_the_interval_is_undecided_and_named() -> None:
    found = conclude([verdict(AB, {"a": 1.0, "b": 2.0}), verdict(AB, {"a": 1.0, "b": 1.1}, book="b2")])
    assert (found.outcome, found.cheapest) == (Outcome.UNDECIDED, None)
    assert found.reason.startswith(
        "a is cheapest under every price book and tier, but inside the interval under b2 (t1); "
        "nearest to a tie under b2 (t1): a $0.278 against b $0.306: 1.10x, interval 0.73x to 1.65x includes a tie"
    )


def test_all_inside_the_interval_is_undecided() -> None:
    found = conclude([verdict(AB, {"a": 1.0, "b": 1.2}), verdict(AB, {"a": 1.0, "b": 1.1}, book="b2")])
    assert found.outcome is Outcome.UNDECIDED
    assert "inside the interval under all of them; nearest to a tie under b2 (t1): a $0.278" in found.reason


def test_what_no_two_reach_is_unreachable() -> None:
    lone = [reading("a", 1000), reading("b", None, "reaches 1 to 2 tok/s/user")]
    found = conclude([verdict(lone, {"a": 1.0, "b": 1.0}), verdict(lone, {"a": 2.0, "b": 1.0}, book="b2")])
    assert (found.outcome, found.cheapest) == (Outcome.UNREACHABLE, None)
    assert found.reason == "only a reaches it; b: reaches 1 to 2 tok/s/user"


def test_a_conclusion_is_about_one_point_and_the_same_readings() -> None:
    first = verdict(AB, {"a": 1.0, "b": 2.0})
    elsewhere = OperatingPoint(name="50", interactivity=50)
    for others in (
        [],
        [first, verdict(AB, {"a": 1.0, "b": 2.0}, operating_point=elsewhere)],
        [first, verdict([reading("a", 1), reading("b", 2)], {"a": 1.0, "b": 2.0})],
    ):
        with pytest.raises(ValueError, match="same readings at one operating point"):
            conclude(others)


def test_a_price_with_a_range_widens_the_interval_of_its_own_cost_and_of_the_ratio() -> None:
    def ranged(gpu: str, usd: float, off: float) -> Price:
        return Price(
            gpu=gpu, tier="t1", value=usd, unit="USD/GPU/h", source="s", as_of=DAY, low=usd / off, high=usd * off
        )

    point = OperatingPoint(name="p", interactivity=50)
    found = judge(
        AB, {"a": ranged("a", 3.6, 1.2), "b": ranged("b", 7.2, 1.5)}, point, book="b1", tier="t1",
        basis=Basis.WHOLE_RUN, origin=Origin.MEASURED, half_width={"a": 0.0, "b": 0.1},
    )  # fmt: skip
    first, second = found.readings
    assert (first.low, first.high) == (pytest.approx(1 / 1.2), pytest.approx(1.2))
    assert second.high == pytest.approx(2 / 0.9 * 1.5)
    spread = math.exp(math.sqrt(math.log(1.2) ** 2 + math.log(0.9) ** 2 + math.log(1.5) ** 2))
    assert (found.ratio_low, found.ratio_high) == (pytest.approx(2 / spread), pytest.approx(2 * spread))
    assert "+-0 to 10 %, prices with their ranges" in found.reason


def test_a_rival_further_off_that_is_less_sure_keeps_it_undecided() -> None:
    rivals = [reading("a", 1000), reading("b", 1000), reading("c", 1000)]
    prices = {"a": 1.0, "b": 1.5, "c": 1.6}
    widths = {"a": 0.01, "b": 0.01, "c": 0.45}
    found = verdict(rivals, prices, half_width=widths)
    assert (found.outcome, found.cheapest, found.runner_up) == (Outcome.UNDECIDED, "a", "b")
    assert "excludes a tie" in found.reason
    assert found.reason.endswith("nor is a tie excluded with c at 1.60x")
