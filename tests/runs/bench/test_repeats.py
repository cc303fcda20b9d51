"""Repeats of one load: the interval of their mean is Student's, and what is not comparable is left out."""

from __future__ import annotations

import math

import pytest
from scipy.stats import t as student

from inferbench.metrics.summary import PointSummary
from inferbench.runs.bench.repeats import Repeated, repeated
from tests.support.factories import point_summary


def figure(name: str, summaries: list[PointSummary], confidence: float = 0.95) -> Repeated:
    return next(found for found in repeated(summaries, confidence) if found.metric == name)


def ttfts(*values: float) -> list[PointSummary]:
    return [point_summary(ttft_p50_ms=value) for value in values]


def test_two_repeats_have_the_interval_of_one_degree_of_freedom() -> None:
    # Student's t of one degree of freedom is a Cauchy distribution, whose 97.5 % quantile is tan(0.475 pi). The
    # deviation of 100 and 300 is 200/sqrt(2), and that of their mean 100.
    found = figure("TTFT p50", ttfts(100.0, 300.0))
    assert (found.values, found.mean, found.unit) == ((100.0, 300.0), 200.0, "ms")
    assert found.low == pytest.approx(200 - 100 * math.tan(0.475 * math.pi))
    assert found.high == pytest.approx(200 + 100 * math.tan(0.475 * math.pi))


def test_one_repeat_has_no_interval() -> None:
    found = figure("TTFT p50", ttfts(100.0))
    assert (found.values, found.mean, found.low, found.high) == ((100.0,), 100.0, None, None)


@pytest.mark.parametrize("confidence", [0.8, 0.99])
def test_several_repeats_have_students_interval(confidence: float) -> None:
    # 1, 2, 3, 4, 5 around 3: a deviation of sqrt(10 / 4), over sqrt(5) that of the mean.
    found = figure("TTFT p50", ttfts(1.0, 2.0, 3.0, 4.0, 5.0), confidence)
    half = student.ppf((1 + confidence) / 2, 4) * math.sqrt(2.5 / 5)
    assert (found.low, found.high) == (pytest.approx(3 - half), pytest.approx(3 + half))


def test_runs_that_must_not_be_compared_do_not_count() -> None:
    runs = [*ttfts(100.0, 300.0), point_summary(ttft_p50_ms=9.0, invalid="late"), point_summary(partial=True)]
    assert figure("TTFT p50", runs).values == (100.0, 300.0)
    assert repeated([point_summary(partial=True)]) == ()


def test_each_figure_is_that_of_the_whole_run_and_one_that_a_run_lacks_is_left_out() -> None:
    summary = point_summary(
        tput_per_gpu=900.0, interactivity=50.0, ttft_p50_ms=400.0, ttft_p99_ms=900.0, tpot_p99_ms=31.0
    )
    assert [(found.metric, found.unit, found.values) for found in repeated([summary])] == [
        ("output_tput", "tok/s", (pytest.approx(1200.0),)),
        ("total_tput", "tok/s", (10_800.0,)),
        ("request_tput", "req/s", (1.0,)),
        ("TTFT p50", "ms", (400.0,)),
        ("TTFT p99", "ms", (900.0,)),
        ("TPOT p50", "ms", (20.0,)),
        ("TPOT p99", "ms", (31.0,)),
    ]
