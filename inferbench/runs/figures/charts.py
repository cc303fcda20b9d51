"""The charts of a run, in the order in which a page shows them; the dashboard shows the same ones."""

from __future__ import annotations

from inferbench.render.chart import Chart
from inferbench.runs.figures.frontier import cost_chart, throughput_chart
from inferbench.runs.figures.latency import live_chart, ttft_chart
from inferbench.runs.figures.verdict import cost_ranges_chart, verdict_chart
from inferbench.runs.report.view import RunView
from inferbench.telemetry.timeline_figure import timeline_chart


def comparison_charts(view: RunView) -> tuple[Chart, ...]:
    """The charts that compare deployments; none for an ad-hoc run."""
    if view.scenario is None:
        return ()
    headline = view.scenario.headline
    verdicts = (cost_ranges_chart(view), verdict_chart(view)) if view.conclusions else ()
    costs = (cost_chart(view, headline.book, headline.tier),) if view.costs else ()
    return (*verdicts, *costs, throughput_chart(view), ttft_chart(view))


def live_charts(view: RunView) -> tuple[Chart, ...]:
    """The chart of the live leg; none where it was not run."""
    return (live_chart(view),) if view.live and view.live.steps else ()


def timeline_charts(view: RunView) -> tuple[Chart, ...]:
    """The timeline of each sweep point whose servers were watched, in the order of `view.watched`."""
    return tuple(timeline_chart(watched) for watched in view.watched)
