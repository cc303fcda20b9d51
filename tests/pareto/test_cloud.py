"""Which points of a crowd are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferbench.pareto.cloud import cloud, thin

RNG = np.random.default_rng(7)
NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=0, max_size=60)


def beaten(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Straight from the definition, in n^2: another is at least as good in both and better in one."""
    better = (x[:, None] >= x) & (y[:, None] >= y) & ((x[:, None] > x) | (y[:, None] > y))
    return better.any(axis=0)


@pytest.mark.parametrize("signs", [(1, 1), (1, -1), (-1, 1), (-1, -1)])
def test_fronts_are_whole_whatever_is_thinned(signs: tuple[int, int]) -> None:
    x, y, series = RNG.random(3000), RNG.random(3000), RNG.integers(0, 3, 3000)
    found = cloud(x, y, series, signs, front_only=False, limit=200)
    assert len(found.rows) == 200 == len(set(found.rows.tolist()))
    assert found.total == 3000
    for code in range(3):
        own = np.flatnonzero(series == code)
        best = own[~beaten(signs[0] * x[own], signs[1] * y[own])]
        assert set(best) == set(found.rows[found.front & (series[found.rows] == code)])


def test_points_without_a_figure_are_left_out_and_do_not_count() -> None:
    x, y = np.array([1.0, np.nan, 3.0, 4.0]), np.array([1.0, 1.0, np.inf, 2.0])
    found = cloud(x, y, np.zeros(4, dtype=np.int64), (1, 1), front_only=False, limit=None)
    assert found.total == 2
    assert found.rows.tolist() == [0, 3]
    assert found.front.tolist() == [False, True]


def test_fronts_only_draws_nothing_else() -> None:
    found = cloud(RNG.random(500), RNG.random(500), np.zeros(500, np.int64), (1, 1), front_only=True, limit=None)
    assert found.front.all()
    assert found.total == 500


def test_what_lies_alone_outlives_a_crowd() -> None:
    x = np.concatenate([RNG.normal(0, 1e-3, 5000), [50.0]])
    y = np.concatenate([RNG.normal(0, 1e-3, 5000), [-50.0]])
    assert 5000 in thin(x, y, 1000)


@given(NUMBERS, st.integers(0, 80))
def test_thinning_keeps_as_many_as_asked_and_the_same_each_time(values: list[float], keep: int) -> None:
    x = np.array(values)
    chosen = thin(x, -x, keep)
    assert len(chosen) == min(keep, len(x))
    assert (np.diff(chosen) > 0).all()
    assert chosen.tolist() == thin(x, -x, keep).tolist()
