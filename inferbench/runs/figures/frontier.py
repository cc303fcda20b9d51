"""Throughput and cost against interactivity: the curves that verdicts are read from."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import plotly.graph_objects as go

from inferbench.arrays import Floats
from inferbench.comparison.axes import X_AXES, Y_AXES
from inferbench.comparison.frontier import curve_of
from inferbench.comparison.interpolation import interpolate
from inferbench.numerals import significant
from inferbench.render.chart import FADED, Chart, faint, figure, log_axis, marker
from inferbench.runs.figures.run_look import hover, look, rules
from inferbench.runs.report.view import RunView
from inferbench.token_cost.per_token import usd_per_mtok

STEPS = 12
"""Straight pieces that the curve between two knots is drawn with."""
INTERACTIVITY = X_AXES["interactivity"].label


def throughput_chart(view: RunView) -> Chart:
    """tok/s/GPU against interactivity."""
    traces: list[Any] = []
    values = {
        summary.point.key: figures.throughput.tput_per_gpu
        for summary in view.summaries
        if (figures := summary.on(view.basis)) is not None
    }
    for name in view.deployments:
        x, y = _front_curve(view, name)
        band = view.half_width_of(name)
        traces += _traces(view, name, x, y, (1 - band, 1 + band), values, Y_AXES["throughput"].unit)
    fig = figure(traces, INTERACTIVITY, Y_AXES["throughput"].label).update_yaxes(rangemode="tozero", tickformat=",")
    rules(fig, view)
    return Chart(
        key="throughput",
        title=f"Throughput against interactivity{_mark(view)}",
        caption="Further up and to the right is better: more tokens from each GPU at a faster pace for each user. "
        f"Lines: the best points of each deployment. Faint markers: points that another beats.{_words(view)}",
        alt=f"tok/s/GPU against tok/s/user for {', '.join(view.deployments)}; the figures are in the sweep table.",
        figure=fig,
    )


def cost_chart(view: RunView, book: str, tier: str) -> Chart:
    """Dollars per million tokens against interactivity under one tier of one book."""
    bills = {c.point.key: c for c in view.costs if (c.book, c.tier, c.basis) == (book, tier, view.basis)}
    hourly = {c.point.deployment: c.usd_per_hour / c.point.gpus for c in bills.values()}
    values = {key: bill.usd_per_mtok_total for key, bill in bills.items()}
    traces: list[Any] = []
    for name in (name for name in view.deployments if name in hourly):
        x, tput = _front_curve(view, name)
        band = view.half_width_of(name)
        # Cost is derived from the throughput curve, not interpolated by itself, so that both tell the same story.
        y = np.array([usd_per_mtok(hourly[name], value) for value in tput])
        traces += _traces(view, name, x, y, (1 / (1 + band), 1 / (1 - band)), values, "$/Mtok")
    fig = figure(traces, INTERACTIVITY, Y_AXES["cost"].label).update_yaxes(**log_axis("$"))
    rules(fig, view)
    return Chart(
        key="cost",
        title=f"Cost against interactivity under {book} {tier}{_mark(view)}",
        caption="Further down and to the right is better. Prompt and generated tokens together, all GPUs charged; "
        f"the cost axis is logarithmic.{_words(view)}",
        alt=f"Dollars per million tokens against tok/s/user for {', '.join(view.deployments)} under {book} {tier}.",
        figure=fig,
    )


def _mark(view: RunView) -> str:
    return " (simulated)" if view.simulated else ""


def _words(view: RunView) -> str:
    """What the band and the rules of a chart are."""
    band = " Bands: the widest interval of each deployment's simulated throughput." if view.half_width else ""
    ruled = [point.name for point in view.operating_points if point.interactivity is not None]
    rest = [point.name for point in view.operating_points if point.interactivity is None]
    vertical = f" Vertical rules: {', '.join(ruled)}." if ruled else ""
    return band + vertical + (f" Not at one interactivity, so not drawn: {', '.join(rest)}." if rest else "")


def _front_curve(view: RunView, deployment: str) -> tuple[Floats, Floats]:
    """The front of a deployment as verdicts read it: interactivity and tok/s/GPU along the curve."""
    x, y = curve_of(view.fronts.get(deployment, ()))
    if len(x) < 2:
        return x, y
    pieces = [np.linspace(a, b, STEPS, endpoint=False) for a, b in pairwise(x)]
    along = np.concatenate([*pieces, x[-1:]])
    return along, interpolate(x, y, along)


def _traces(
    view: RunView, deployment: str, x: Floats, y: Floats, band: tuple[float, float], values: dict[str, float], unit: str
) -> list[Any]:
    """Band, curve, and points on and off the front of one deployment; `values` by sweep point."""
    looks = look(view, deployment)
    group = {"legendgroup": looks.label}
    traces: list[Any] = []
    if band[0] != band[1] and len(x) > 1:
        traces.append(
            go.Scatter(
                x=[*x.tolist(), *x[::-1].tolist()],
                y=[*(y * band[1]).tolist(), *(y[::-1] * band[0]).tolist()],
                fill="toself",
                fillcolor=faint(looks.color),
                line={"width": 0},
                mode="lines",
                hoverinfo="skip",
                showlegend=False,
                **group,
            )
        )
    line = {"color": looks.color, "dash": looks.dash, "width": 2}
    traces.append(
        go.Scatter(x=x.tolist(), y=y.tolist(), mode="lines", line=line, hoverinfo="skip", showlegend=False, **group)
    )
    best = {(point.topology, point.concurrency) for point in view.fronts.get(deployment, ())}
    for on_front in (False, True):
        shown = [
            (summary, figures.interactivity_p50)
            for summary in view.summaries
            if summary.point.deployment == deployment
            and summary.point.key in values
            and (figures := summary.on(view.basis)) is not None
            and figures.interactivity_p50 is not None
            and ((summary.point.topology, summary.point.concurrency) in best) is on_front
        ]
        traces.append(
            go.Scatter(
                x=[interactivity for _, interactivity in shown],
                y=[values[summary.point.key] for summary, _ in shown],
                mode="lines+markers" if on_front else "markers",
                marker=marker(looks, 9 if on_front else 6),
                line={**line, "width": 0},
                cliponaxis=False,
                opacity=1 if on_front else FADED,
                name=looks.label,
                showlegend=on_front,
                hovertext=[
                    hover(view, s, f"{significant(at)} tok/s/user, {significant(values[s.point.key])} {unit}")
                    for s, at in shown
                ],
                hoverinfo="text",
                **group,
            )
        )
    return traces
