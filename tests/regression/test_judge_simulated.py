"""The regression verdict against simulated truth: how often it is wrong when the truth is known.

Every assertion is on a count of independent trials. Its bound is computed: the count's own binomial distribution under
the rate that was promised leaves it a chance of CHANCE to miss. Seeds are fixed, so a pass is a pass on every machine.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from inferbench.regression.intervals import BOOTSTRAP_FROM, Floats, difference, holm_levels
from inferbench.regression.judge import FAMILY, assess
from inferbench.regression.policy import Effects
from inferbench.regression.verdicts import RegressionOutcome

CHANCE = 1e-4
ALPHA = 0.025
EFFECTS = Effects()
LIMITS = np.array([FAMILY[m].limit(getattr(EFFECTS, m)) for m in FAMILY])
NO_EFFECT = np.zeros(3)


def at_most(rate: float, trials: int) -> int:
    return int(binom.isf(CHANCE, trials, rate))


def at_least(rate: float, trials: int) -> int:
    return int(binom.ppf(CHANCE, trials, rate))


def pairs(
    trials: int, runs: tuple[int, int], noise: tuple[float, float], *, seed: int, shared: float = 0.0,
    loss: Floats = NO_EFFECT, skewed: bool = False,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Losses on the log scale, shape (trials, 3, runs). `shared`: the correlation of the metrics within a run."""
    rng = np.random.default_rng(seed)

    def side(n: int, spread: float) -> Floats:
        z = np.sqrt(shared) * rng.normal(size=(trials, 1, n)) + np.sqrt(1 - shared) * rng.normal(size=(trials, 3, n))
        return spread * (
            (np.exp(0.5 * z) - np.exp(0.125)) / np.sqrt((np.exp(0.25) - 1) * np.exp(0.25)) if skewed else z
        )

    return side(runs[0], noise[0]), side(runs[1], noise[1]) + loss[:, None]


def scenarios_called(outcome: RegressionOutcome, outcomes: object) -> int:
    """Trials in which any metric of the family got this outcome."""
    return int((np.asarray(outcomes) == outcome.value).any(axis=-1).sum())


@pytest.mark.parametrize("shared", [0.0, 0.9], ids=["independent metrics", "metrics that move together"])
@pytest.mark.parametrize("runs", [(5, 5), (3, 8), (2, 8), (2, 2)], ids=str)
def test_equal_versions_are_called_regressed_at_the_design_rate(runs: tuple[int, int], shared: float) -> None:
    """2,000 A/A pairs with the effect set to nothing, so that the interval alone stands between noise and an alarm."""
    baseline, candidate = pairs(2_000, runs, (0.03, 0.03), seed=1, shared=shared)
    alarms = scenarios_called(RegressionOutcome.REGRESSED, assess(baseline, candidate, NO_EFFECT, ALPHA).outcomes)
    print(f"A/A {runs} shared {shared}: {alarms / 2_000:.2%}")
    assert alarms <= at_most(ALPHA, 2_000)
    if runs == (5, 5) and shared == 0:  # and not far less often: a gate that never alarms finds nothing
        assert alarms >= at_least(ALPHA, 2_000)


@pytest.mark.parametrize("noise", [0.01, 0.03, 0.1])
def test_with_the_default_effects_equal_versions_are_called_less_often_still(noise: float) -> None:
    baseline, candidate = pairs(2_000, (5, 5), (noise, noise), seed=2)
    alarms = scenarios_called(RegressionOutcome.REGRESSED, assess(baseline, candidate, LIMITS, ALPHA).outcomes)
    print(f"A/A default effects noise {noise}: {alarms / 2_000:.2%}")
    assert alarms <= at_most(ALPHA, 2_000)


@pytest.mark.parametrize("runs", [(3, 8), (2, 8), (8, 2)], ids=str)
@pytest.mark.parametrize("noise", [(0.01, 0.05), (0.05, 0.01)], ids=str)
def test_unequal_noise_and_numbers_of_runs_raise_no_alarms(runs: tuple[int, int], noise: tuple[float, float]) -> None:
    baseline, candidate = pairs(2_000, runs, noise, seed=3)
    outcomes = assess(baseline, candidate, NO_EFFECT, ALPHA).outcomes
    assert scenarios_called(RegressionOutcome.REGRESSED, outcomes) <= at_most(ALPHA, 2_000)


def test_unequal_noise_on_equal_numbers_of_runs_costs_little() -> None:
    """Welch's approximation in the tail that Holm asks for: 3 % where 2.5 % are promised, and no worse."""
    baseline, candidate = pairs(2_000, (5, 5), (0.01, 0.05), seed=3)
    outcomes = assess(baseline, candidate, NO_EFFECT, ALPHA).outcomes
    assert scenarios_called(RegressionOutcome.REGRESSED, outcomes) <= at_most(0.03, 2_000)


@pytest.mark.parametrize("skewed", [False, True])
def test_the_bootstrap_keeps_the_design_rate(skewed: bool) -> None:
    """At 10 runs a side the bootstrap-t is close to its level, not exact: it is held to 1.5 times the design rate."""
    baseline, candidate = pairs(2_000, (BOOTSTRAP_FROM, BOOTSTRAP_FROM), (0.03, 0.03), seed=4, skewed=skewed)
    alarms = sum(
        scenarios_called(
            RegressionOutcome.REGRESSED,
            assess(baseline[i : i + 100], candidate[i : i + 100], NO_EFFECT, ALPHA, resamples=1_999).outcomes,
        )
        for i in range(0, 2_000, 100)
    )
    print(f"A/A bootstrap skewed {skewed}: {alarms / 2_000:.2%}")
    assert alarms <= at_most(1.5 * ALPHA, 2_000)


def test_a_loss_of_twice_the_effect_is_found() -> None:
    """5 repeats a side, 1 % noise from run to run, one metric lost: at least 90 % of the trials say so."""
    for at, metric in enumerate(FAMILY):
        loss = np.zeros(3)
        loss[at] = FAMILY[metric].limit(2 * getattr(EFFECTS, metric))
        baseline, candidate = pairs(2_000, (5, 5), (0.01, 0.01), seed=5 + at, loss=loss)
        outcomes = assess(baseline, candidate, LIMITS, ALPHA).outcomes
        found = int((outcomes[:, at] == RegressionOutcome.REGRESSED.value).sum())
        print(f"power {metric}: {found / 2_000:.2%}")
        assert found >= at_least(0.9, 2_000)
        others = np.delete(outcomes, at, axis=1)
        assert scenarios_called(RegressionOutcome.REGRESSED, others) <= at_most(ALPHA, 2_000)


def test_a_loss_at_the_effect_is_passed_no_more_often_than_alpha() -> None:
    """The other error: a loss that just matters is called PASS in at most 2.5 % of trials."""
    for noise in (0.005, 0.01, 0.03):
        loss = np.array([LIMITS[0], 0, 0])
        baseline, candidate = pairs(2_000, (5, 5), (noise, noise), seed=8, loss=loss)
        passed = assess(baseline, candidate, LIMITS, ALPHA).outcomes[:, 0] == RegressionOutcome.PASS.value
        assert passed.sum() <= at_most(ALPHA, 2_000)


def test_equal_versions_pass_where_the_noise_is_small() -> None:
    """0.5 % noise and 5 repeats: the interval fits the effect nearly always, and the build is green."""
    baseline, candidate = pairs(2_000, (5, 5), (0.005, 0.005), seed=9)
    outcomes = assess(baseline, candidate, LIMITS, ALPHA).outcomes
    green = int((outcomes == RegressionOutcome.PASS.value).all(axis=-1).sum())
    print(f"all PASS at 0.5 % noise: {green / 2_000:.2%}")
    assert green >= at_least(0.95, 2_000)


@pytest.mark.parametrize(
    ("runs", "noise", "skewed", "promised"),
    [
        ((5, 5), (0.01, 0.01), False, 0.95),
        ((5, 5), (0.01, 0.05), False, 0.95),
        ((3, 8), (0.02, 0.02), False, 0.95),
        ((10, 10), (0.01, 0.01), False, 0.94),
        ((12, 20), (0.01, 0.03), True, 0.93),
    ],
    ids=str,
)
def test_intervals_cover_the_truth(
    runs: tuple[int, int], noise: tuple[float, float], skewed: bool, promised: float
) -> None:
    """Two-sided 95 % intervals; the bootstrap is held to a little less, its known shortfall at such sizes."""
    truth = np.array([0.0, 0.03, -0.1])
    baseline, candidate = pairs(1_000, runs, noise, seed=10, loss=truth, skewed=skewed)
    covered = 0
    for i in range(0, 1_000, 100):
        found = difference(baseline[i : i + 100], candidate[i : i + 100], resamples=1_999)
        tail = np.full(found.estimate.shape, 0.025)
        covered += int(((found.lower(tail) <= truth) & (truth <= found.upper(tail))).sum())
    print(f"coverage {runs} {noise} skewed {skewed}: {covered / 3_000:.2%}")
    assert covered >= at_least(promised, 3_000)
    if runs[0] == runs[1]:  # unequal numbers of runs are judged by the smaller one, and covered more often
        assert covered <= at_most(0.98, 3_000)


def test_holm_rejects_what_step_down_by_hand_rejects() -> None:
    rng = np.random.default_rng(11)
    for p_values in rng.uniform(0, 0.06, size=(500, 3)):
        rejected = set()
        for rank, at in enumerate(np.argsort(p_values)):
            if p_values[at] > ALPHA / (3 - rank):
                break
            rejected.add(int(at))
        levels = holm_levels(p_values, ALPHA)
        assert {i for i in range(3) if p_values[i] <= levels[i]} == rejected


@pytest.mark.parametrize("runs", [5, 12])
def test_a_bound_excludes_no_change_exactly_where_the_p_value_is_small(runs: int) -> None:
    baseline, candidate = pairs(200, (runs, runs), (0.03, 0.03), seed=12)
    found = difference(baseline, candidate, resamples=1_999)
    for level in (0.025, 0.025 / 3, 0.2):
        tail = np.full(found.estimate.shape, level)
        assert ((found.lower(tail) > 0) == (found.p_above() <= level)).all()
        assert ((found.upper(tail) < 0) == (found.p_below() <= level)).all()
