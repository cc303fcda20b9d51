"""Intervals of a difference of means: against scipy, against resampling by hand, and Holm's steps worked out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t as student
from scipy.stats import ttest_ind

from inferbench.regression.intervals import BOOTSTRAP_FROM, SEED, BootstrapT, Welch, difference, holm_levels
from inferbench.regression.judge import FAMILY, MOST_REPEATS, assess, further_repeats, judge_family
from inferbench.regression.policy import Effects, RegressionMetric, RegressionPolicy
from inferbench.regression.verdicts import MetricRegression, RegressionOutcome

TPUT, TPOT, TTFT = RegressionMetric.OUTPUT_TPUT_PER_GPU, RegressionMetric.TPOT_P50, RegressionMetric.TTFT_P99
A = np.array([[0.0, 1.0, 3.0, 4.5], [2.0, 2.5, 2.0, 9.0]])
B = np.array([[2.0, 2.5, 4.0, 9.0], [1.0, 0.5, 0.0, 3.0]])


def test_welch_of_equal_numbers_of_runs_is_scipys() -> None:
    found = difference(A, B)
    assert isinstance(found, Welch)
    reference = ttest_ind(B, A, axis=-1, equal_var=False, alternative="greater")
    assert found.estimate == pytest.approx(B.mean(axis=-1) - A.mean(axis=-1))
    assert found.p_above() == pytest.approx(reference.pvalue)
    assert found.p_below() == pytest.approx(1 - reference.pvalue)
    interval = ttest_ind(B, A, axis=-1, equal_var=False).confidence_interval(0.9)
    level = np.full(2, 0.05)
    assert found.lower(level) == pytest.approx(interval.low)
    assert found.upper(level) == pytest.approx(interval.high)


def test_welch_of_unequal_numbers_of_runs_has_the_freedom_of_the_smaller_side() -> None:
    # 1, 3 against 0, 1, 2, 3, 4: means 2 and 2, variances 2 of 2 and 2.5 of 5, so an error of sqrt(1 + 0.5).
    few, many = np.array([[1.0, 3.0]]), np.array([[0.0, 1.0, 2.0, 3.0, 4.0]]) + 5
    for a, b, estimate in ((few, many, 5.0), (many, few, -5.0)):
        found = difference(a, b)
        assert found.estimate == pytest.approx([estimate])
        assert found.error == pytest.approx([math.sqrt(1.5)])
        assert found.p_below() == pytest.approx([student.cdf(estimate / math.sqrt(1.5), 1)])
        assert found.lower(np.array([0.1])) == pytest.approx([estimate + student.ppf(0.1, 1) * math.sqrt(1.5)])


def test_ten_runs_a_side_are_resampled_and_nine_are_not() -> None:
    rng = np.random.default_rng(3)
    many, few = rng.normal(size=(1, BOOTSTRAP_FROM)), rng.normal(size=(1, BOOTSTRAP_FROM - 1))
    assert isinstance(difference(many, many, 99), BootstrapT)
    assert isinstance(difference(many, few, 99), Welch)
    assert isinstance(difference(few, many, 99), Welch)


def resampled_by_hand(a: np.ndarray, b: np.ndarray, resamples: int) -> tuple[float, float, np.ndarray]:
    """Estimate, error and sorted pivots, each resample drawn out value by value from the counts of its draw."""
    rng = np.random.default_rng(SEED)
    drawn = [rng.multinomial(len(side), np.full(len(side), 1 / len(side)), size=resamples) for side in (a, b)]
    estimate = b.mean() - a.mean()
    pivots = []
    for counts_a, counts_b in zip(*drawn, strict=True):
        one, two = np.repeat(a, counts_a), np.repeat(b, counts_b)
        error = math.sqrt(one.var() / (len(one) - 1) + two.var() / (len(two) - 1))
        pivots.append((two.mean() - one.mean() - estimate) / error if error > 0 else 0.0)
    return estimate, math.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b)), np.sort(pivots)


def test_the_bootstrap_is_a_resampling_of_pivots() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.exponential(size=10), 0.5 + rng.exponential(size=12)
    found = difference(a[None], b[None], 199)
    assert isinstance(found, BootstrapT)
    estimate, error, pivots = resampled_by_hand(a, b, 199)
    assert found.estimate == pytest.approx([estimate])
    assert found.error == pytest.approx([error])
    assert found.pivots[0] == pytest.approx(pivots)
    # 199 pivots cut the line into 200 parts: a level of 5 % is the 10th from either end.
    assert found.lower(np.array([0.05])) == pytest.approx([estimate - pivots[189] * error])
    assert found.upper(np.array([0.05])) == pytest.approx([estimate - pivots[9] * error])
    assert found.p_above() == pytest.approx([(1 + (pivots >= estimate / error).sum()) / 200])
    assert found.p_below() == pytest.approx([(1 + (pivots <= estimate / error).sum()) / 200])


@pytest.mark.parametrize("shift", [-1.0, 0.0, 0.3, 1.0])
def test_a_bound_excludes_no_change_exactly_where_the_p_value_is_below_its_level(shift: float) -> None:
    rng = np.random.default_rng(11)
    for n in (4, 12):
        a, b = rng.normal(size=(20, n)), shift + rng.normal(size=(20, n))
        found = difference(a, b, 199)
        for level in (0.025, 0.05, 0.2):
            at = np.full(20, level)
            assert ((found.lower(at) > 0) == (found.p_above() <= level)).all()
            assert ((found.upper(at) < 0) == (found.p_below() <= level)).all()


def test_a_level_beyond_the_resamples_is_the_furthest_of_them() -> None:
    a, b = np.arange(10.0)[None], np.arange(10.0)[None] ** 1.5
    found = difference(a, b, 19)
    assert isinstance(found, BootstrapT)
    for level in (1e-9, 0.05):
        assert found.lower(np.array([level])) == pytest.approx(found.estimate - found.pivots[:, -1] * found.error)
        assert found.upper(np.array([level])) == pytest.approx(found.estimate - found.pivots[:, 0] * found.error)
    assert found.upper(np.array([1.0])) == pytest.approx(found.estimate - found.pivots[:, -1] * found.error)


@pytest.mark.parametrize(
    ("p_values", "levels"),
    [
        ([0.01, 0.02, 0.03], [0.02, 0.03, 0.06]),  # each passes its step
        ([0.03, 0.02, 0.01], [0.06, 0.03, 0.02]),
        ([0.01, 0.04, 0.05], [0.02, 0.03, 0.03]),  # the second fails 0.03, which then holds for the rest
        ([0.5, 0.6, 0.7], [0.02, 0.02, 0.02]),
        ([0.02, 0.03, 0.06], [0.02, 0.03, 0.06]),  # what equals its step passes
        ([0.04], [0.06]),
        ([0.01, 0.01], [0.03, 0.06]),  # of equal ones the first counts as the smaller
    ],
)
def test_holms_steps_worked_by_hand(p_values: list[float], levels: list[float]) -> None:
    assert holm_levels(np.array(p_values), 0.06) == pytest.approx(levels)
    both = holm_levels(np.array([p_values, p_values[::-1]]), 0.06)
    assert both[0] == pytest.approx(levels)


def one(baseline: list[float], candidate: list[float], metric: RegressionMetric = TPOT) -> MetricRegression:
    return judge_family({metric: baseline}, {metric: candidate}, RegressionPolicy())[0]


def test_a_change_is_given_in_per_cent_of_the_metric_with_its_interval() -> None:
    # Logarithms of 0.01 above and below 100, and 110: each mean has an error of 0.01, at two degrees of freedom.
    up, down = 100 * math.exp(0.01), 100 * math.exp(-0.01)
    found = one([up, down], [1.1 * up, 1.1 * down])
    half = student.ppf(0.975, 2) * math.sqrt(2 * 0.01**2)
    assert found.change is not None
    assert found.change.estimate == pytest.approx(0.1)
    assert (found.change.low, found.change.high) == pytest.approx((1.1 * math.exp(-half) - 1, 1.1 * math.exp(half) - 1))
    assert found.method == "welch"
    assert found.p_worse == pytest.approx(student.sf(math.log(1.1) / math.sqrt(2 * 0.01**2), 2))
    assert found.worse_by_at_least == pytest.approx(1.1 * math.exp(-half) - 1)
    assert (found.outcome, found.loss_ruled_out, found.further_repeats) == (RegressionOutcome.REGRESSED, False, None)
    assert found.reason == "+10.0% (+3.5% to +16.9%): a loss beyond noise, and beyond 2.5%"
    assert (found.baseline, found.candidate, found.unit) == ((up, down), (1.1 * up, 1.1 * down), "ms")


def test_throughput_is_worse_where_it_falls() -> None:
    up, down = 100 * math.exp(0.01), 100 * math.exp(-0.01)
    found = one([up, down], [up / 1.1, down / 1.1], TPUT)
    half = student.ppf(0.975, 2) * math.sqrt(2 * 0.01**2)
    assert found.change is not None
    assert found.change.estimate == pytest.approx(1 / 1.1 - 1)
    assert (found.change.low, found.change.high) == pytest.approx((math.exp(-half) / 1.1 - 1, math.exp(half) / 1.1 - 1))
    assert found.worse_by_at_least == pytest.approx(1 - math.exp(half) / 1.1)
    assert (found.outcome, found.higher_is_better, found.unit) == (RegressionOutcome.REGRESSED, True, "tok/s/GPU")
    gain = one([up, down], [1.1 * up, 1.1 * down], TPUT)
    assert (gain.outcome, gain.loss_ruled_out) == (RegressionOutcome.IMPROVED, True)
    assert gain.reason == "+10.0% (+3.5% to +16.9%): a gain beyond noise, and beyond 2.5%"


def test_a_limit_is_a_loss_on_the_log_scale() -> None:
    assert FAMILY[TPUT].limit(0.2) == pytest.approx(-math.log(0.8))
    assert FAMILY[TPOT].limit(0.25) == pytest.approx(math.log(1.25))
    assert [(direction.sign, direction.unit) for direction in FAMILY.values()] == [
        (-1, "tok/s/GPU"), (1, "ms"), (1, "ms"),
    ]  # fmt: skip


def test_no_change_inside_the_effect_passes_and_says_what_it_may_be() -> None:
    # Errors of 0.2 % and 0.1 % over sqrt(3) each, at 2.9 degrees of freedom: 0.13 % x 3.2.
    found = one([100.0, 100.2, 99.8], [100.1, 99.9, 100.0])
    assert (found.outcome, found.loss_ruled_out, found.further_repeats) == (RegressionOutcome.PASS, True, None)
    assert found.reason == "-0.4% to +0.4% lies inside the effect that matters, 2.5%"


def test_what_is_undecided_says_whether_it_may_matter_or_is_noise_and_how_many_more_runs_would_tell() -> None:
    wide = one([100.0, 103.0, 97.0], [100.0, 103.0, 97.0])
    assert wide.outcome is RegressionOutcome.UNDECIDED
    assert wide.reason.endswith(
        f" reaches beyond the effect that matters, 2.5%; about {wide.further_repeats} further repeats on each side "
        "would decide"
    )
    noise = one([100.0, 110.0, 90.0], [110.0, 121.0, 99.0])
    assert noise.reason.endswith(
        f" is not beyond noise; about {noise.further_repeats} further repeats on each side would decide"
    )
    hopeless = one([100.0, 300.0], [102.49, 307.47])
    assert (hopeless.further_repeats, hopeless.outcome) == (None, RegressionOutcome.UNDECIDED)
    assert hopeless.reason.endswith("; more than 1,000 further repeats would decide")


@pytest.mark.parametrize(
    ("loss", "limit", "alpha", "family"), [(0.0, 0.02, 0.05, 3), (0.05, 0.02, 0.05, 3), (0.02, 0.1, 0.01, 1)]
)
def test_further_repeats_are_the_least_that_bring_the_interval_within_its_room(
    loss: float, limit: float, alpha: float, family: int
) -> None:
    a, b = np.array([0.1, -0.1, 0.0]), np.array([0.05, -0.05, 0.02, 0.0])
    variance = a.var(ddof=1) + b.var(ddof=1)
    room, level = (limit - loss, alpha) if loss <= limit else (loss, alpha / family)

    def half_width(n: int) -> float:
        return student.ppf(1 - level, 2 * n - 2) * math.sqrt(variance / n)

    found = further_repeats(loss, a, b, limit, alpha, family)
    assert found is not None
    assert half_width(3 + found) < room
    assert found == 1 or half_width(3 + found - 1) >= room
    assert further_repeats(-loss, a, b, limit, alpha, family) == found


def test_more_than_a_thousand_further_repeats_are_not_named() -> None:
    # With a deviation of s a side and room r, n is about 2 (1.645 s / r)^2.
    a = np.array([1.0, -1.0]) / math.sqrt(2)  # a deviation of 1
    near, far = (further_repeats(0.0, a, a, 1.645 * math.sqrt(2 / n), 0.05, 1) for n in (990, 1020))
    assert near is not None
    assert abs(near + 2 - 990) <= 3
    assert far is None
    assert MOST_REPEATS == 1000


def test_the_bound_of_a_family_is_corrected_and_its_interval_is_not() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(0, 0.01, (3, 5)), rng.normal([[0.0], [0.05], [0.1]], 0.01, (3, 5))
    found = assess(a, b, np.full(3, 0.02), 0.05)
    welch = Welch.of(a, b)
    assert found.low == pytest.approx(welch.lower(np.full(3, 0.05)))
    assert found.high == pytest.approx(welch.upper(np.full(3, 0.05)))
    assert found.corrected == pytest.approx(welch.lower(holm_levels(welch.p_above(), 0.05)))
    assert found.p_worse == pytest.approx(welch.p_above())
    assert found.loss == pytest.approx(welch.estimate)
    assert found.outcomes.tolist() == ["PASS", "REGRESSED", "REGRESSED"]
    mirrored = assess(b, a, np.full(3, 0.02), 0.05)
    assert mirrored.outcomes.tolist() == ["PASS", "IMPROVED", "IMPROVED"]


def test_only_metrics_that_both_sides_have_are_judged_in_the_order_of_the_family() -> None:
    values = [1.0, 1.01, 0.99]
    found = judge_family({TTFT: values, TPUT: values}, {TPUT: values, TTFT: values, TPOT: values}, RegressionPolicy())
    assert [m.metric for m in found] == [TPUT, TTFT]
    assert judge_family({TPOT: values}, {TTFT: values}, RegressionPolicy()) == ()


def test_without_noise_nothing_is_decided_and_the_figures_are_kept() -> None:
    policy = RegressionPolicy(effects=Effects(ttft_p99=0.2))
    (found,) = judge_family({TTFT: [3.0]}, {TTFT: [4.0, 5.0]}, policy)
    assert (found.baseline, found.candidate, found.effect) == ((3.0,), (4.0, 5.0), 0.2)
    assert (found.metric, found.unit, found.higher_is_better) == (TTFT, "ms", False)
    assert (found.outcome, found.further_repeats, found.change) == (RegressionOutcome.UNDECIDED, 1, None)
    assert found.reason == "1 against 2 runs: at least 2 on each side show how much runs differ"
    for constant in (([1.0, 1.0], [1.0, 2.0]), ([1.0, 2.0], [3.0, 3.0])):
        found = one(*constant)
        assert (found.outcome, found.further_repeats) == (RegressionOutcome.UNDECIDED, None)
        assert found.reason == (
            "all runs of one side are the same to the last digit: repeats of a simulation need their own seeds"
        )
