"""Every reading says how far from it anything was run."""

from __future__ import annotations

from inferbench.comparison import explain
from inferbench.comparison.verdict import Outcome
from inferbench.numerals import ratio
from inferbench.runs.report.answers import answers
from tests.support.report_factories import run_view

VIEW = run_view()


def test_each_interpolated_reading_says_its_distance_to_what_was_run() -> None:
    checked = 0
    for answer, conclusion in zip(answers(VIEW), VIEW.conclusions, strict=True):
        target, verdict = conclusion.operating_point.interactivity, VIEW.headline(conclusion)
        if verdict is None or not answer.details:
            continue
        readings = [p.reading for p in verdict.readings if p.reading.reachable]
        said = [detail for detail in answer.details if "were run" in detail or "was run at" in detail]
        if target is None:
            assert said == []
            continue
        assert len(said) == len(readings)
        for words, reading in zip(said, readings, strict=True):
            assert reading.below is not None
            assert reading.above is not None
            below, above = target - reading.below.interactivity, reading.above.interactivity - target
            assert "this very point" in words or f"{below:.1f} tok/s/user below and {above:.1f} above" in words
            checked += 1
    assert checked >= 2


def test_the_finding_names_the_lower_cost_its_factor_and_its_interval() -> None:
    for conclusion in VIEW.conclusions:
        verdict = VIEW.headline(conclusion)
        assert verdict is not None
        for outcome in (Outcome.CHEAPER, Outcome.UNDECIDED):
            said = explain.finding(verdict, outcome)
            assert outcome.value in said
            if verdict.cheapest:
                assert verdict.cheapest in said
                assert f"{ratio(verdict.ratio_low)} to {ratio(verdict.ratio_high)}" in said
