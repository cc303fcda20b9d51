"""The timeline of a watched point on its page: the curves, the bottleneck in words, and what could not be read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from inferbench.metrics.summary import Origin
from inferbench.runs.figures.charts import timeline_charts
from inferbench.runs.report.page import render_html
from inferbench.telemetry.timeline_figure import timeline_chart
from tests.support.browsers import needs_browser
from tests.support.report_browser import assert_drawn_offline
from tests.support.report_factories import bench_view, run_view
from tests.support.report_points import healthy
from tests.support.watched_factories import watched


def test_every_curve_is_there_on_one_axis_under_its_unit() -> None:
    seen = watched()
    chart = timeline_chart(seen)
    assert [tuple(trace.y) for trace in chart.figure.data] == [t.values for lane in seen.lanes for t in lane.traces]
    assert {tuple(trace.x) for trace in chart.figure.data} == {seen.seconds}
    titles = [a.text for a in chart.figure.layout.annotations]
    assert titles == ["TTFT, ms", "TPOT, ms", "Requests", "KV transfer, ms", "Power, W"]
    matched = {chart.figure.layout[f"xaxis{n or ''}"].matches for n in ("", 2, 3, 4, 5)}
    assert len(matched - {None}) == 1, "zooming one lane zooms all"
    (shade, *_) = chart.figure.layout.shapes
    assert (shade.x0, shade.x1) == seen.window


def test_the_page_names_the_bottleneck_and_what_was_not_read() -> None:
    seen = watched(evidence="Of 32.0 requests in flight 45% had their KV cache on its way.")
    page = render_html(replace(run_view(origin=Origin.MEASURED), watched=(seen,)))
    assert f"{seen.point.key}, bottleneck: KV transfer." in page
    assert "Of 32.0 requests in flight 45% had their KV cache on its way." in page
    assert "Not read, some or all of the time: http://127.0.0.1:1/metrics cannot be reached" in page
    undecided = render_html(replace(bench_view(healthy()), watched=(watched(place=None),)))
    assert "bottleneck: undecided." in undecided
    assert 'data-figure="data-timeline-d-t-c8"' in undecided


def test_a_run_that_nobody_watched_has_no_such_section() -> None:
    assert timeline_charts(run_view()) == ()
    assert 'id="servers"' not in render_html(run_view())


def test_nothing_that_a_server_says_is_read_as_markup() -> None:
    evil = "<img src=x onerror=alert(1)>"
    seen = watched(evidence=evil)
    lane = seen.lanes[0].model_copy(update={"title": evil, "unit": evil})
    page = render_html(
        replace(bench_view(), watched=(seen.model_copy(update={"gaps": (evil,), "lanes": (lane, *seen.lanes[1:])}),))
    )
    assert "<img" not in page


@pytest.mark.browser
@needs_browser
@pytest.mark.parametrize("width", [1280, 390])
def test_the_timeline_draws_offline_without_a_complaint(tmp_path: Path, width: int) -> None:
    file = tmp_path / "report.html"
    file.write_text(render_html(replace(bench_view(healthy()), watched=(watched(),))), encoding="utf-8")
    assert assert_drawn_offline(file, width) == ["data-timeline-d-t-c8"]
