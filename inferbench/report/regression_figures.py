"""The charts of a regression verdict: how the runs of the two sides lie, and how sure the change is."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from ..domain.regression import MetricRegression, ScenarioRegression
from .chart import PALETTE, TEXT, Chart, faint, figure, safe, style
from .format import significant


def distribution_chart(scenario: ScenarioRegression, number: int) -> Chart:
    """The runs of both sides over each other: a box and every run, one panel per metric."""
    names = [f"{m.metric.value}, {m.unit}" for m in scenario.metrics]
    fig = make_subplots(rows=1, cols=len(names), subplot_titles=names, horizontal_spacing=0.1)
    for column, metric in enumerate(scenario.metrics, start=1):
        for color, label, values, runs in (
            (PALETTE[0], "baseline", metric.baseline, scenario.baseline_runs),
            (PALETTE[1], "candidate", metric.candidate, scenario.candidate_runs),
        ):
            fig.add_trace(_box(metric, color, label, values, runs, showlegend=column == 1), row=1, col=column)
    style(fig).update_layout(boxmode="overlay", legend_y=-0.1)
    fig.update_xaxes(showticklabels=False)
    return Chart(
        key=f"runs-{number}",
        title=f"Runs of {scenario.scenario}",
        caption="A dot is a run, a box the quartiles of a side. The run is the unit of the test. "
        "Axes do not begin at 0.",
        alt=f"Runs of baseline and candidate over each other for {', '.join(names)}.",
        figure=fig,
    )


def _box(
    metric: MetricRegression,
    color: str,
    label: str,
    values: tuple[float, ...],
    runs: tuple[str, ...],
    *,
    showlegend: bool,
) -> go.Box:
    return go.Box(
        y=list(values),
        x=[metric.metric.value] * len(values),
        boxpoints="all",
        jitter=0.5,
        pointpos=-0.6 if label == "baseline" else 0.6,
        name=label,
        legendgroup=label,
        showlegend=showlegend,
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
    fig.add_vline(x=0, line={"color": TEXT, "width": 1})
    return Chart(
        key=f"change-{number}",
        title=f"Change of {scenario.scenario}",
        caption="PASS: the whole interval lies inside the band. REGRESSED: the corrected interval excludes no change, "
        "and the estimate lies beyond the band on the losing side (less throughput, more latency).",
        alt="; ".join(f"{m.metric.value}: {m.reason}" for m in shown),
        figure=fig,
    )
