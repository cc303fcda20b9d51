"""Pareto fronts: small ones by hand, any by their definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferbench.comparison.frontier import front_of, pareto, usable_by_deployment, usable_points
from inferbench.metrics.summary import Basis
from tests.support.factories import frontier_point, point_summary, sweep_point

PAIRS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=25)


def front(*pairs: tuple[float, float]) -> list[int]:
    return pareto(np.array([x for x, _ in pairs]), np.array([y for _, y in pairs])).tolist()


@pytest.mark.parametrize(
    ("pairs", "kept"),
    [
        ([], []),
        ([(1, 1)], [0]),
        ([(1, 3), (2, 2), (3, 1)], [0, 1, 2]),
        ([(3, 1), (1, 3), (2, 2)], [1, 2, 0]),
        ([(1, 3), (2, 1), (3, 2)], [0, 2]),
        ([(1, 1), (2, 2), (3, 3)], [2]),
        ([(1, 2), (2, 2)], [1]),
        ([(2, 1), (2, 2)], [1]),
        ([(2, 2), (2, 2), (1, 1)], [0]),
    ],
    ids=["none", "one", "all", "unsorted", "hollow", "one beats all", "tie in y", "tie in x", "twins: the first"],
)
def test_small_fronts(pairs: list[tuple[float, float]], kept: list[int]) -> None:
    assert front(*pairs) == kept


@settings(deadline=None)
@given(PAIRS)
def test_a_front_is_what_nothing_beats(pairs: list[tuple[int, int]]) -> None:
    unbeaten = {
        (x, y)
        for x, y in pairs
        if not any(other_x >= x and other_y >= y and (other_x, other_y) != (x, y) for other_x, other_y in pairs)
    }
    found = [pairs[index] for index in front(*pairs)]
    assert found == sorted(unbeaten)


def test_a_frontier_rises_in_interactivity_and_carries_its_points() -> None:
    summaries = [
        point_summary(sweep_point(concurrency=1), interactivity=120, tput_per_gpu=100, ttft_p99_ms=300),
        point_summary(sweep_point(concurrency=64), interactivity=30, tput_per_gpu=900, tpot_p99_ms=40),
        point_summary(sweep_point(concurrency=4), interactivity=100, tput_per_gpu=90),
    ]
    low, high = front_of(usable_points(summaries, Basis.WHOLE_RUN))
    assert (low.concurrency, low.interactivity, low.tput_per_gpu, low.tpot_p99_ms) == (64, 30, 900, 40)
    assert (high.concurrency, high.interactivity, high.tput_per_gpu, high.ttft_p99_ms) == (1, 120, 100, 300)
    assert (high.deployment, high.topology, high.gpus) == ("d", "t", 12)


def test_what_cannot_be_trusted_is_left_out() -> None:
    good = point_summary(sweep_point(concurrency=1), interactivity=10)
    summaries = [
        good,
        point_summary(sweep_point(concurrency=2), interactivity=20, partial=True),
        point_summary(sweep_point(concurrency=3), interactivity=30, invalid="loop lag"),
        point_summary(sweep_point(concurrency=4), interactivity=40, window_reason="two waves only"),
    ]
    assert [point.concurrency for point in usable_points(summaries, Basis.WINDOW)] == [1]
    assert [point.concurrency for point in usable_points(summaries, Basis.WHOLE_RUN)] == [1, 4]


def test_a_point_without_tpot_is_left_out() -> None:
    summary = point_summary()
    assert summary.whole_run is not None
    single = summary.whole_run.model_copy(update={"tpot_ms": None, "interactivity_p50": None})
    assert usable_points([summary.model_copy(update={"whole_run": single})], Basis.WHOLE_RUN) == ()


def test_a_twin_without_a_client_is_trusted() -> None:
    assert len(usable_points([point_summary().model_copy(update={"client": None})], Basis.WHOLE_RUN)) == 1


def test_a_front_over_two_deployments_is_refused() -> None:
    with pytest.raises(ValueError, match="one deployment"):
        front_of([frontier_point(1, 1, deployment="a"), frontier_point(2, 2, deployment="b")])


def test_the_front_of_nothing_is_empty() -> None:
    assert front_of(usable_points([], Basis.WHOLE_RUN)) == ()


def test_usable_points_by_deployment_keep_those_that_have_none() -> None:
    summaries = [
        point_summary(sweep_point("b", concurrency=1), interactivity=10),
        point_summary(sweep_point("a", concurrency=2), interactivity=20, partial=True),
        point_summary(sweep_point("b", concurrency=4), interactivity=5),
    ]
    found = usable_by_deployment(summaries, Basis.WHOLE_RUN)
    assert {name: [point.concurrency for point in own] for name, own in found.items()} == {"b": [1, 4], "a": []}
    assert list(found) == ["b", "a"]
