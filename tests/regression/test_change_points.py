"""Changes in a history: planted ones are found, stable histories have none; seeds fixed, bounds computed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, ttest_ind

from inferbench.regression.change_points import ALPHA, _divergence, _p_equal, change_points

CHANCE = 1e-4
NOISE = 0.01
HISTORIES = 300


def history(seed: int, *levels: tuple[int, float]) -> np.ndarray:
    """Logarithms of a metric: so many runs at each level, 1 % noise from run to run."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(level, NOISE, size=runs) for runs, level in levels])


def test_stable_histories_have_next_to_no_changes() -> None:
    """200 stable runs: at most one false change in each of 300 histories, and any at all in at most 1 % of them."""
    found = [len(change_points(history(seed, (200, 0.0)))) for seed in range(HISTORIES)]
    print(f"histories with a false change: {np.count_nonzero(found) / HISTORIES:.2%}, most in one: {max(found)}")
    assert max(found) <= 1
    assert np.count_nonzero(found) <= binom.isf(CHANCE, HISTORIES, ALPHA)


@pytest.mark.parametrize("skew", [0.5, 1.0])
def test_skewed_noise_does_not_make_changes(skew: float) -> None:
    """Latencies have tails: noise that is log-normal even after the logarithm was taken costs at most fivefold."""
    rng = np.random.default_rng(3)
    found = [len(change_points(NOISE * np.exp(skew * rng.normal(size=200)))) for _ in range(100)]
    print(f"skew {skew}: {np.count_nonzero(found)} of 100 histories with a false change, most {max(found)}")
    assert np.count_nonzero(found) <= binom.isf(CHANCE, 100, 5 * ALPHA)


@pytest.mark.parametrize("change", [0.05, -0.05])
def test_a_planted_change_is_seen_with_the_second_run_after_it(change: float) -> None:
    """5 % at 1 % noise: after two runs at the new level it is reported, and within two runs of where it was."""
    seen = 0
    for seed in range(HISTORIES):
        points = change_points(history(seed, (100, 0.0), (2, change)))
        seen += any(abs(point - 100) <= 2 for point in points)
    print(f"seen after two runs: {seen / HISTORIES:.2%}")
    assert seen >= binom.ppf(CHANCE, HISTORIES, 0.9)


@pytest.mark.parametrize("change", [0.025, 0.05])
def test_a_planted_change_is_placed_within_two_runs(change: float) -> None:
    """In the middle of 200 runs, of the effect that matters or twice that."""
    placed = 0
    for seed in range(HISTORIES):
        points = change_points(history(seed, (100, 0.0), (100, change)))
        placed += any(abs(point - 100) <= 2 for point in points)
    print(f"change of {change}: placed {placed / HISTORIES:.2%}")
    assert placed >= binom.ppf(CHANCE, HISTORIES, 0.9)


def test_several_changes_are_all_found() -> None:
    points = change_points(history(1, (60, 0.0), (40, -0.06), (50, 0.0), (50, 0.08)))
    assert len(points) == 3
    assert all(abs(found - truth) <= 2 for found, truth in zip(points, (60, 100, 150), strict=True))


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0, 3.0], [1.0] * 50])
def test_short_or_constant_histories_have_no_change(values: list[float]) -> None:
    assert change_points(values) == ()


def test_a_step_without_noise_is_a_change() -> None:
    assert change_points([1.0] * 10 + [2.0] * 10) == (10,)


def test_the_statistic_is_the_energy_distance() -> None:
    """Against the definition, written out in loops."""
    x = np.random.default_rng(2).normal(size=9)
    for n in range(1, 9):
        a, b = x[:n], x[n:]
        m = len(b)
        across = sum(abs(p - q) for p in a for q in b) * 2 / (n * m)
        within = sum(abs(p - q) for p in a for q in a) / n**2 + sum(abs(p - q) for p in b for q in b) / m**2
        assert _divergence(x)[n] == pytest.approx((across - within) * n * m / 9)


def test_the_p_value_is_students() -> None:
    rng = np.random.default_rng(4)
    for n, m in ((2, 30), (10, 10), (5, 2)):
        a, b = rng.normal(size=n), rng.normal(1, 1, size=m)
        assert _p_equal(a, b) == pytest.approx(ttest_ind(a, b).pvalue)
