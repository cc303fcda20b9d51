"""Figures hold the values that the verdicts rest on, and simulated never looks like measured."""

from __future__ import annotations

import json

import pytest

from inferbench.comparison.verdict import Outcome
from inferbench.metrics.summary import Origin
from inferbench.render.chart import PALETTE, safe
from inferbench.runs.figures.charts import comparison_charts, live_charts
from inferbench.runs.figures.frontier import cost_chart, throughput_chart
from inferbench.runs.figures.run_look import look
from inferbench.runs.figures.verdict import cost_ranges_chart, verdict_chart
from tests.support.report_factories import bench_view, hostile_view, live_result, run_view

VIEW = run_view(live=live_result())
MEASURED = run_view(origin=Origin.MEASURED)


def named(chart, deployment: str) -> list:
    return [trace for trace in chart.figure.data if trace.legendgroup.split()[0] == deployment]


def test_every_chart_of_a_run_is_there_once() -> None:
    charts = [*comparison_charts(VIEW), *live_charts(VIEW)]
    assert [chart.key for chart in charts] == ["ranges", "verdicts", "cost", "throughput", "ttft", "live"]
    assert all(chart.title and chart.caption and chart.alt and chart.figure.data for chart in charts)


def test_a_bench_run_has_no_charts_that_compare() -> None:
    assert comparison_charts(bench_view()) == live_charts(bench_view()) == ()


def test_deployments_differ_in_colour_and_in_shape() -> None:
    looks = [look(VIEW, name) for name in VIEW.deployments]
    assert len({x.color for x in looks}) == len({x.symbol for x in looks}) == len({x.glyph for x in looks}) == 3
    assert {x.color for x in looks} <= set(PALETTE)


def test_simulated_is_open_dashed_and_named_and_measured_is_not() -> None:
    for view, is_simulated in ((VIEW, True), (MEASURED, False)):
        for name in view.deployments:
            traces = named(throughput_chart(view), name)
            marked = [t for t in traces if t.marker.symbol]
            lines = [t for t in traces if t.mode == "lines" and t.fill is None]
            assert {t.marker.symbol.endswith("-open") for t in marked} == {is_simulated}
            assert {t.line.dash == "dash" for t in lines} == {is_simulated}
            assert {"(simulated)" in t.name for t in marked if t.showlegend} == {is_simulated}
        for chart in comparison_charts(view):
            assert ("(simulated)" in chart.title) is is_simulated


def test_only_simulated_deployments_have_a_band_and_it_is_the_declared_one() -> None:
    assert not [t for t in throughput_chart(MEASURED).figure.data if t.fill]
    for name in VIEW.deployments:
        band, line = named(throughput_chart(VIEW), name)[:2]
        n = len(line.x)
        assert band.y[:n] == pytest.approx([1.25 * y for y in line.y])
        assert band.y[n:][::-1] == pytest.approx([0.75 * y for y in line.y])


def test_the_lines_pass_through_the_front_and_through_what_the_verdicts_read() -> None:
    """The cost line at an operating point lies between its neighbours on the curve, a hair from the reading."""
    chart = cost_chart(VIEW, "inferencex-2026-09", "hyperscaler")
    for name in VIEW.deployments:
        line = named(chart, name)[1]
        assert {p.interactivity for p in VIEW.fronts[name]} <= set(line.x)
        for conclusion in VIEW.conclusions:
            at = conclusion.operating_point.interactivity
            priced = next(p for p in VIEW.headline(conclusion).readings if p.reading.deployment == name)
            if at is None or priced.usd_per_mtok is None:
                continue
            after = next(i for i, x in enumerate(line.x) if x >= at)
            low, high = sorted((line.y[after - 1], line.y[after]))
            assert low <= priced.usd_per_mtok <= high


def test_points_carry_their_cost_under_the_book_that_was_asked_for() -> None:
    chart = cost_chart(VIEW, "inferencex-2025-08", "neocloud")
    wanted = {
        (c.point.deployment, round(c.usd_per_mtok_total, 9))
        for c in VIEW.costs
        if (c.book, c.tier) == ("inferencex-2025-08", "neocloud")
    }
    drawn = {(t.legendgroup.split()[0], round(y, 9)) for t in chart.figure.data if "markers" in t.mode for y in t.y}
    assert drawn == wanted
    assert "inferencex-2025-08 neocloud" in chart.title


def test_operating_points_at_an_interactivity_are_vertical_rules() -> None:
    shapes = throughput_chart(VIEW).figure.layout.shapes
    assert [shape.x0 for shape in shapes] == [50, 75, 100, 129, 150]
    assert "MLPerf server" in throughput_chart(VIEW).caption


def test_the_heat_map_has_a_cell_per_verdict_and_hatches_the_undecided() -> None:
    bars = [trace for trace in verdict_chart(VIEW).figure.data if trace.type == "bar"]
    assert sum(len(bar.x) for bar in bars) == 7 * 8
    assert all(0 < bar.width < 1 for bar in bars)  # columns are 1 apart: no cell may lie over another
    undecided = sum(v.outcome is Outcome.UNDECIDED for c in VIEW.conclusions for v in c.verdicts)
    assert 0 < undecided < 56
    assert sum(len(bar.x) for bar in bars if bar.marker.pattern.shape) == undecided
    assert all(("UNDECIDED" in bar.name) == bool(bar.marker.pattern.shape) for bar in bars)


def test_a_point_that_one_deployment_reaches_is_greyed_without_a_name() -> None:
    points = tuple(p.model_copy(update={"interactivity": 240.0}) for p in VIEW.scenario.operating_points[:1])
    view = run_view(VIEW.scenario.model_copy(update={"operating_points": points}))
    assert view.conclusions[0].outcome is Outcome.UNREACHABLE
    (bar,) = [trace for trace in verdict_chart(view).figure.data if trace.type == "bar"]
    assert bar.name == "fewer than two deployments reach it"
    assert [len(trace.x) for trace in cost_ranges_chart(view).figure.data] == [0, 1, 0]


def test_ranges_end_where_the_intervals_end() -> None:
    for trace, name in zip(cost_ranges_chart(VIEW).figure.data, VIEW.deployments, strict=True):
        priced = [p for c in VIEW.conclusions for p in VIEW.headline(c).readings if p.reading.deployment == name]
        reached = [p for p in priced if p.usd_per_mtok is not None]
        ends = [x + up for x, up in zip(trace.x, trace.error_x.array, strict=True)]
        assert ends == pytest.approx([p.high for p in reached])
        starts = [x - down for x, down in zip(trace.x, trace.error_x.arrayminus, strict=True)]
        assert starts == pytest.approx([p.low for p in reached])


def test_the_live_chart_marks_invalid_steps_by_shape() -> None:
    (chart,) = live_charts(VIEW)
    client = [trace for trace in chart.figure.data if trace.legendgroup == "client"]
    assert [trace.marker.symbol for trace in client] == [("circle",) * 4 + ("x",)] * 2
    assert client[0].y == tuple(step.summary.whole_run.ttft_ms.p50 for step in VIEW.live.steps)


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "%{y}&lt;b&gt;"])
def test_names_are_escaped_in_every_text_of_every_figure(hostile: str) -> None:
    view = hostile_view(hostile)
    for chart in [*comparison_charts(view), *live_charts(view)]:
        text = json.dumps(json.loads(chart.figure.to_json()))
        assert hostile not in text
        assert safe(hostile) in text
