"""A crowd of points: in pixels, with nothing lost of what a point is."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest

from inferbench.comparison.axes import X_AXES, Y_AXES
from inferbench.pareto.plot import WEBGL_FROM, ShownPoints, store_frontier_chart
from inferbench.render.chart import document, packed

SERIES = ("b200 <b>trt</b> fp4", "mi355x sglang fp4")


def crowd(n: int) -> ShownPoints:
    """Points of two series in turns, the second simulated; the last four are best, with an interval of a tenth."""
    rng = np.random.default_rng(1)
    x, y = rng.uniform(1, 300, n), rng.uniform(10, 9000, n)
    return ShownPoints(
        x=x, y=y, low=0.9 * y, high=1.1 * y, front=np.arange(n) >= n - 4, series=np.arange(n) % 2, names=SERIES,
        simulated=(False, True), total=n, unsound=0, unpriced=0,
        facts={
            "name": [f"s/r{i}" for i in range(n)], "point": ["p"] * n, "topology": ["1p1d"] * n,
            "concurrency": list(range(n)), "gpus": [16] * n, "launch": [None] * n,
        },
    )  # fmt: skip


def drawn(n: int) -> list[dict[str, Any]]:
    chart = store_frontier_chart(crowd(n), X_AXES["interactivity"], Y_AXES["throughput"], (False, True), "")
    return list(document(chart)["data"])


def numbers(value: dict[str, str]) -> Any:
    return np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"])


def test_packed_numbers_keep_seven_digits() -> None:
    values = np.array([0.1, 123456.7, 1e9])
    assert numbers(packed(values)) == pytest.approx(values, rel=1e-7)
    assert numbers(packed(np.arange(5))).tolist() == [0, 1, 2, 3, 4]


def test_every_point_of_a_crowd_is_one_marker_in_pixels_that_knows_its_row() -> None:
    shown, markers = crowd(WEBGL_FROM), [t for t in drawn(WEBGL_FROM) if t["mode"] == "markers"]
    assert {t["type"] for t in markers} == {"scattergl"}
    rows = np.concatenate([[row[0] for row in t["customdata"]] for t in markers])
    assert sorted(rows) == list(range(WEBGL_FROM))
    assert np.concatenate([numbers(t["x"]) for t in markers]) == pytest.approx(shown.x[rows], rel=1e-6)
    assert np.concatenate([numbers(t["y"]) for t in markers]) == pytest.approx(shown.y[rows], rel=1e-6)


def test_a_front_of_a_crowd_hides_whole_and_has_its_intervals() -> None:
    lines = [t for t in drawn(WEBGL_FROM) if t["mode"] == "lines"]
    best = [t for t in drawn(WEBGL_FROM) if t["mode"] == "markers" and "error_y" in t]
    assert [t["legendgroup"] for t in lines] == [t["legendgroup"] for t in best] == ["0", "1"]
    assert [t["line"]["dash"] for t in lines] == ["solid", "dash"]
    assert [t["marker"]["symbol"].endswith("-open") for t in best] == [False, True]
    for trace in best:
        assert numbers(trace["error_y"]["array"]) == pytest.approx(0.1 * numbers(trace["y"]), rel=1e-5)


def test_few_points_are_elements_that_print_sharp() -> None:
    assert {t["type"] for t in drawn(WEBGL_FROM - 2)} == {"scatter"}


def test_names_are_escaped_where_plotly_reads_tags() -> None:
    for n in (WEBGL_FROM - 2, WEBGL_FROM):
        assert "<b>trt" not in str(drawn(n))
        assert "&lt;b&gt;trt" in str(drawn(n))
