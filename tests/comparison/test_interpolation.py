"""The spline: closed forms, its promise never to overshoot, and published figures."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferbench.comparison.frontier import pareto
from inferbench.comparison.interpolation import Floats, interpolate, steffen_slopes
from inferbench.token_cost.per_token import usd_per_mtok

STEPS = st.lists(st.tuples(st.floats(0.01, 100), st.floats(-1000, 1000)), min_size=1, max_size=12)


def knots(steps: list[tuple[float, float]]) -> tuple[Floats, Floats]:
    return np.cumsum([step for step, _ in steps]), np.array([value for _, value in steps])


@settings(deadline=None)
@given(STEPS)
def test_the_curve_passes_through_its_knots(steps: list[tuple[float, float]]) -> None:
    x, y = knots(steps)
    np.testing.assert_allclose(interpolate(x, y, x), y, rtol=1e-9, atol=1e-9)


@settings(deadline=None)
@given(STEPS.filter(lambda steps: len(steps) > 1))
def test_between_two_knots_the_curve_runs_one_way_and_never_beyond_them(steps: list[tuple[float, float]]) -> None:
    x, y = knots(steps)
    for left, right, low, high in zip(x[:-1], x[1:], y[:-1], y[1:], strict=True):
        curve = interpolate(x, y, np.linspace(left, right, 50))
        rounding = 1e-9 * max(1.0, np.abs(y).max())
        assert np.all(np.diff(curve) * np.sign(high - low) >= -rounding)
        assert curve.min() >= min(low, high) - rounding
        assert curve.max() <= max(low, high) + rounding


@settings(deadline=None)
@given(STEPS, st.floats(-10, 10), st.floats(-100, 100), st.floats(0, 1))
def test_a_straight_line_stays_one(steps: list[tuple[float, float]], slope: float, start: float, where: float) -> None:
    x, _ = knots(steps)
    at = x[0] + where * (x[-1] - x[0])
    scale = abs(start) + abs(slope) * x[-1] + 1
    assert float(interpolate(x, start + slope * x, float(np.clip(at, x[0], x[-1])))) == pytest.approx(
        start + slope * at, abs=1e-9 * scale
    )


def test_slopes_worked_by_hand() -> None:
    # Secants 1, 3 and -2 over widths 1, 1 and 2. At x=1: parabola 2, so (1+1) min(1, 3, 1) = 2. At x=2: the
    # secants differ in sign, so 0. Ends: (3*1 - 2)/2 and (3*(-2) - 0)/2.
    x, y = np.array([0.0, 1.0, 2.0, 4.0]), np.array([0.0, 1.0, 4.0, 0.0])
    np.testing.assert_allclose(steffen_slopes(x, y), [0.5, 2.0, 0.0, -3.0])
    # Halfway from 0 to 1 the Hermite curve is the mean of the ends plus an eighth of the difference of slopes.
    assert float(interpolate(x, y, 0.5)) == pytest.approx(0.5 + (0.5 - 2.0) / 8)


def test_uneven_widths_weigh_the_secants() -> None:
    # Secants 2 (width 1) and 1 (width 3): parabola (2*3 + 1*1)/4 = 1.75, so 2 min(2, 1, 0.875) = 1.75.
    assert steffen_slopes(np.array([0.0, 1.0, 4.0]), np.array([0.0, 2.0, 5.0]))[1] == pytest.approx(1.75)


def test_one_knot_is_read_where_it_lies_and_nowhere_else() -> None:
    assert float(interpolate(np.array([5.0]), np.array([7.0]), 5.0)) == 7.0
    with pytest.raises(ValueError, match="outside 5 to 5"):
        interpolate(np.array([5.0]), np.array([7.0]), 5.1)


@pytest.mark.parametrize("at", [0.999, 3.001, float("nan")])
def test_there_is_no_extrapolation(at: float) -> None:
    with pytest.raises(ValueError, match="outside 1 to 3: there is no extrapolation"):
        interpolate(np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 1.0]), at)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([], [], "not empty"),
        ([1.0, 2.0], [1.0], "equally long"),
        ([1.0, 1.0], [1.0, 2.0], "rise strictly"),
        ([2.0, 1.0], [1.0, 2.0], "rise strictly"),
    ],
)
def test_bad_knots_are_refused(x: list[float], y: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        interpolate(np.array(x), np.array(y), 1.0)


def measured_front(hw: str, framework: str) -> tuple[Floats, Floats]:
    """The front of InferenceX's measured points behind the claim of May 2026 (DeepSeek-R1 FP4 MTP, 8k in, 1k out)."""
    folder = Path(os.environ.get("INFERBENCH_DATA", Path(__file__).parents[3] / "shared" / "data"))
    path = folder / "inferencex_points.csv"
    if not path.is_file():
        pytest.skip("measured data is absent: set INFERBENCH_DATA to the folder of inferencex_points.csv")
    wanted = {"hw": hw, "framework": framework, "precision": "fp4", "spec_decoding": "mtp", "isl": "8192"}
    distrusted = ("known_accuracy_issue_run", "interpolated_not_measured")
    with path.open(newline="", encoding="utf-8") as stream:
        rows = [
            row
            for row in csv.DictReader(stream)
            if all(row[key] == value for key, value in wanted.items())
            and row["kind"] != "median_over_runs"
            and "" < row["date"] <= "2026-05-28"
            and row["tput_per_gpu"]
            and row["interactivity_median"]
            and not any(flag in row["flags"] for flag in distrusted)
        ]
    x = np.array([float(row["interactivity_median"]) for row in rows])
    y = np.array([float(row["tput_per_gpu"]) for row in rows])
    front = pareto(x, y)
    return x[front], y[front]


@pytest.mark.parametrize(
    ("hw", "framework", "usd_per_gpu_hour", "tput_per_gpu", "derived", "splined"),
    [
        ("mi355x", "mori-sglang", 1.48, 2435.8, 0.1688, 0.1688),
        ("b200", "dynamo-sglang", 1.95, 1945.3, 0.2784, 0.2840),
        ("b200", "dynamo-trt", 1.95, 3128.5, 0.1731, 0.1775),
    ],
)
def test_the_published_claim_falls_out_of_the_measured_points(
    hw: str, framework: str, usd_per_gpu_hour: float, tput_per_gpu: float, derived: float, splined: float
) -> None:
    x, y = measured_front(hw, framework)
    found = float(interpolate(x, y, 129.0))
    assert found == pytest.approx(tput_per_gpu, abs=0.1)
    assert usd_per_mtok(usd_per_gpu_hour, found) == pytest.approx(derived, abs=5.1e-5)
    # InferenceX's older way, behind the published dollars: a spline through the costs of the points themselves.
    costs = np.array([usd_per_mtok(usd_per_gpu_hour, tput) for tput in y])
    assert float(interpolate(x, costs, 129.0)) == pytest.approx(splined, abs=5.1e-5)
