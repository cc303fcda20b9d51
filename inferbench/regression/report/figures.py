"""The charts of a regression verdict: how the runs of the two sides lie, and how sure the change is."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from inferbench.numerals import significant
from inferbench.regression.verdicts import MetricRegression, ScenarioRegression
from inferbench.render.chart import PALETTE, TEXT, Chart, faint, figure, legend_below, safe, style

ROW_PX = 150
"""Height of the panel of a metric."""


def distribution_chart(scenario: ScenarioRegression, number: int) -> Chart:
    """The runs of both sides over each other: a box and every run, one panel per metric."""
    names = [f"{m.metric.value}, {m.unit}" for m in scenario.metrics]
    fig = make_subplots(rows=len(names), cols=1, subplot_titles=names, vertical_spacing=0.36 / max(len(names) - 1, 1))
    for row, metric in enumerate(scenario.metrics, start=1):
        for color, label, values, runs in (
            (PALETTE[0], "baseline", metric.baseline, scenario.baseline_runs),
            (PALETTE[1], "candidate", metric.candidate, scenario.candidate_runs),
        ):
            fig.add_trace(_box(metric, color, label, values, runs), row=row, col=1)
    style(fig, 40 + ROW_PX * len(names)).update_layout(showlegend=False)
    fig.update_xaxes(tickformat=",").update_yaxes(autorange="reversed")
    fig.update_annotations(x=0, xanchor="left")
    return Chart(
        key=f"runs-{number}",
        title=f"Runs of {scenario.scenario}",
        caption="A marker is a run, a box the quartiles of a side. The run is the unit of the test. "
        "Axes do not begin at 0.",
        alt=f"Runs of baseline and candidate over each other for {', '.join(names)}.",
        figure=fig,
    )


def _box(metric: MetricRegression, color: str, label: str, values: tuple[float, ...], runs: tuple[str, ...]) -> go.Box:
    return go.Box(
        x=list(values),
        y=[label] * len(values),
        orientation="h",
        boxpoints="all",
        jitter=0.5,
        pointpos=0,
        name=label,
        line={"color": color, "width": 1.4},
        fillcolor=faint(color, 0.25),
        marker={"color": color, "size": 7, "symbol": "circle" if label == "baseline" else "diamond"},
        text=[f"{safe(run)}: {significant(value, 4)} {metric.unit}" for run, value in zip(runs, values, strict=True)],
        hoverinfo="text+name",
    )


def change_chart(scenario: ScenarioRegression, number: int) -> Chart:
    """The change of each metric with its interval, against the effect that matters."""
    shown = [m for m in scenario.metrics if m.change is not None]
    changes = [m.change for m in shown if m.change is not None]
    estimate = np.array([100 * c.estimate for c in changes])
    low, high = (np.array([100 * getattr(c, end) for c in changes]) for end in ("low", "high"))
    labels = [m.metric.value for m in shown]
    intervals = go.Scatter(
        x=estimate,
        y=labels,
        mode="markers",
        marker={"color": PALETTE[1], "size": 10, "symbol": "diamond"},
        error_x={"type": "data", "symmetric": False, "array": high - estimate, "arrayminus": estimate - low},
        name="change with its interval",
        text=[f"{m.metric.value}: {m.outcome.value}<br>{m.reason}" for m in shown],
        hoverinfo="text",
    )
    bands = go.Bar(
        x=[200 * m.effect for m in shown],
        base=[-100 * m.effect for m in shown],
        y=labels,
        orientation="h",
        width=0.55,
        marker={"color": faint(PALETTE[2], 0.22), "line": {"color": PALETTE[2], "width": 1}},
        name="effect that matters",
        hoverinfo="skip",
    )
    fig = figure([bands, intervals], "candidate against baseline, %", "", 130 + 70 * len(shown))
    legend_below(fig).add_vline(x=0, line={"color": TEXT, "width": 1})
    return Chart(
        key=f"change-{number}",
        title=f"Change of {scenario.scenario}",
        caption="PASS: the whole interval lies inside the band. REGRESSED: the corrected interval excludes no change, "
        "and the estimate lies beyond the band on the losing side (less throughput, more latency).",
        alt="; ".join(f"{m.metric.value}: {m.reason}" for m in shown),
        figure=fig,
    )
