"""Readings at operating points."""

from __future__ import annotations

import numpy as np
import pytest

from inferbench.comparison.interpolation import interpolate
from inferbench.comparison.operating_point import read_at
from inferbench.comparison.verdict import FrontierPoint
from inferbench.scenario.scenario import OperatingPoint, Slo
from tests.support.factories import frontier_point

FRONT = [frontier_point(100, 200), frontier_point(20, 1000), frontier_point(50, 700)]


def at(interactivity: float) -> OperatingPoint:
    return OperatingPoint(name="x", interactivity=interactivity)


def slo(ttft_p99_ms: float | None = None, tpot_p99_ms: float | None = None) -> OperatingPoint:
    return OperatingPoint(name="x", slo=Slo(ttft_p99_ms=ttft_p99_ms, tpot_p99_ms=tpot_p99_ms))


def test_between_two_points_the_front_is_interpolated_and_the_neighbours_named() -> None:
    reading = read_at(FRONT, "d", at(80))
    expected = float(interpolate(np.array([20.0, 50.0, 100.0]), np.array([1000.0, 700.0, 200.0]), 80.0))
    assert reading.tput_per_gpu == pytest.approx(expected)
    assert (reading.below, reading.above) == (FRONT[2], FRONT[0])
    assert reading.unreachable is None


@pytest.mark.parametrize("point", FRONT)
def test_on_a_point_both_neighbours_are_that_point(point: FrontierPoint) -> None:
    reading = read_at(FRONT, "d", at(point.interactivity))
    assert reading.tput_per_gpu == pytest.approx(point.tput_per_gpu)
    assert reading.below == reading.above == point


def test_a_point_inside_the_front_does_not_pull_the_curve_down() -> None:
    assert read_at([*FRONT, frontier_point(80, 1)], "d", at(80)) == read_at(FRONT, "d", at(80))


@pytest.mark.parametrize("target", [19.9, 100.1])
def test_beyond_the_front_nothing_is_read_and_the_range_is_given(target: float) -> None:
    reading = read_at(FRONT, "d", at(target))
    assert not reading.reachable
    assert reading.unreachable == "reaches 20 to 100 tok/s/user"
    assert reading.below is reading.above is None


def test_a_front_of_one_point_reaches_that_point_alone() -> None:
    assert read_at(FRONT[:1], "d", at(100)).tput_per_gpu == 200
    assert read_at(FRONT[:1], "d", at(50)).unreachable == "reaches 100 tok/s/user"


@pytest.mark.parametrize("operating_point", [at(50), slo(ttft_p99_ms=100)])
def test_without_points_nothing_is_reached(operating_point: OperatingPoint) -> None:
    reading = read_at([], "d", operating_point)
    assert (reading.deployment, reading.reachable, reading.unreachable) == ("d", False, "no usable point")


def test_points_of_another_deployment_are_refused() -> None:
    with pytest.raises(ValueError, match="points of other, not of d"):
        read_at([frontier_point(1, 1, deployment="other")], "d", slo(ttft_p99_ms=2000))


LOADS = [
    frontier_point(100, 200, concurrency=1, ttft_p99_ms=300, tpot_p99_ms=10),
    frontier_point(50, 700, concurrency=8, ttft_p99_ms=2500, tpot_p99_ms=20),
    frontier_point(49, 600, concurrency=4, ttft_p99_ms=1500, tpot_p99_ms=21),
    frontier_point(20, 1000, concurrency=64, ttft_p99_ms=9000, tpot_p99_ms=50),
]


def test_under_an_slo_the_most_throughput_that_keeps_every_limit_counts_off_the_front_too() -> None:
    # Concurrency 4 is beaten by 8 in both axes of the front, but only 4 keeps the TTFT limit.
    reading = read_at(LOADS, "d", slo(ttft_p99_ms=2000, tpot_p99_ms=80))
    assert reading.tput_per_gpu == 600
    assert reading.below == reading.above == LOADS[2]


@pytest.mark.parametrize(
    ("ttft", "tpot", "tput_per_gpu"),
    [(None, 20, 700), (300, None, 200), (None, None, 1000), (9000, 50, 1000), (8999.9, 50, 700)],
)
def test_limits_hold_inclusively_and_none_is_no_limit(
    ttft: float | None, tpot: float | None, tput_per_gpu: float
) -> None:
    assert read_at(LOADS, "d", slo(ttft, tpot)).tput_per_gpu == tput_per_gpu


def test_an_slo_that_no_point_keeps_names_the_closest_and_by_what_it_fails() -> None:
    # Worst factors: 2x (TPOT), 12.5x, 7.5x and 45x (TTFT).
    reading = read_at(LOADS, "d", slo(ttft_p99_ms=200, tpot_p99_ms=5))
    assert not reading.reachable
    assert reading.unreachable == (
        "closest is t at concurrency 1: p99 TTFT 300 ms over 200 ms and p99 TPOT 10 ms over 5 ms"
    )
    only_one = read_at(LOADS[:2], "d", slo(ttft_p99_ms=250, tpot_p99_ms=50))
    assert only_one.unreachable == "closest is t at concurrency 1: p99 TTFT 300 ms over 250 ms"


def test_the_closest_point_is_the_one_whose_worst_miss_is_smallest() -> None:
    lopsided = frontier_point(30, 500, concurrency=16, ttft_p99_ms=1100, tpot_p99_ms=50)
    even = frontier_point(40, 400, concurrency=8, ttft_p99_ms=2000, tpot_p99_ms=20)
    reading = read_at([lopsided, even], "d", slo(ttft_p99_ms=1000, tpot_p99_ms=10))
    assert reading.unreachable is not None
    assert reading.unreachable.startswith("closest is t at concurrency 8: ")
