"""The figures of a claim: fronts, cost curves, where both cost the same, and what moves the ratio."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import plotly.graph_objects as go

from inferbench.arrays import Floats
from inferbench.claim.answer import ClaimReport, CurveFront
from inferbench.comparison.axes import Y_AXES
from inferbench.comparison.frontier import curve_of
from inferbench.comparison.interpolation import interpolate
from inferbench.comparison.verdict import PairVerdict
from inferbench.numerals import ratio, significant, usd
from inferbench.render.chart import PALETTE, SHAPES, TEXT, Chart, figure, log_axis, safe
from inferbench.runs.figures.frontier import INTERACTIVITY
from inferbench.token_cost.per_token import usd_per_mtok
from inferbench.uncertainty.tornado_figure import tornado

DENSE = 24
"""Straight pieces that the curve between two knots is drawn with."""


def claim_charts(report: ClaimReport) -> tuple[Chart, ...]:
    """The charts of a claim; none where it compares nothing."""
    if not report.verdicts:
        return ()
    return (break_even_chart(report), tornado_chart(report.verdicts[0]), cost_chart(report), frontier_chart(report))


def frontier_chart(report: ClaimReport) -> Chart:
    """Throughput against interactivity, measured points as markers."""
    traces = [
        t for n, c in enumerate(report.fronts) for t in _curve(n, c, lambda tput: tput, Y_AXES["throughput"].unit)
    ]
    fig = figure(traces, INTERACTIVITY, Y_AXES["throughput"].label).update_yaxes(**log_axis())
    _rule(fig, report)
    return Chart(
        key="frontier",
        title="Throughput of each GPU against pace for each user",
        caption="Markers were measured; lines are interpolated between them, and nobody measured there. The vertical "
        "rule is where the claim is read. Further up and to the right is better.",
        alt="Measured points and interpolated fronts of the compared deployments.",
        figure=fig,
    )


def cost_chart(report: ClaimReport) -> Chart:
    """Cost against interactivity, derived from throughput, and by InferenceX's older way."""
    traces: list[Any] = []
    priced = [(n, c, c.usd_per_gpu_hour) for n, c in enumerate(report.fronts) if c.usd_per_gpu_hour is not None]
    for place, curve, hourly in priced:
        traces += _curve(place, curve, partial(_costs, hourly), "$/Mtok")
        traces.append(_splined(place, curve, hourly))
    fig = figure(traces, INTERACTIVITY, Y_AXES["cost"].label).update_yaxes(**log_axis("$"))
    _rule(fig, report)
    headline = report.verdicts[0]
    return Chart(
        key="cost",
        title=f"Cost against pace under {headline.book} {headline.tier}",
        caption="Solid: price over interpolated throughput. Dotted: the cost of each point interpolated by itself, as "
        "the published figures were. Where they part, nobody measured. Further down is cheaper.",
        alt="Dollars per million tokens of the compared deployments by both methods.",
        figure=fig,
    )


def break_even_chart(report: ClaimReport) -> Chart:
    """The cost ratio with its interval under every price, against 1."""
    traces = [_ratios(report, n, other) for n, other in enumerate(dict.fromkeys(v.against for v in report.verdicts))]
    labels = list(dict.fromkeys(f"{v.book} {v.tier}" for v in report.verdicts))
    fig = figure(traces, "cost ratio, subject over other", "", 170 + 56 * len(labels))
    fig.add_vline(x=1, line={"color": TEXT, "width": 1.5, "dash": "dot"}, annotation={
        "text": "same cost", "yref": "paper", "y": 1, "yanchor": "bottom", "showarrow": False,
    })  # fmt: skip
    fig.update_yaxes(
        tickvals=list(range(len(labels))),
        ticktext=[safe(label).replace(" ", "<br>") for label in labels],
        range=[len(labels) - 0.5, -0.5],
        showgrid=False,
    )
    fig.update_layout(legend_y=-0.14)
    return Chart(
        key="breakeven",
        title=f"Is {report.verdicts[0].subject} cheaper at {report.interactivity:g} tok/s/user, at which prices?",
        caption="Left of the rule it is cheaper, right of it dearer. Bars: 90 % interval; a bar across the rule is "
        "UNDECIDED.",
        alt="Cost ratio with its interval under each price book and tier; the same as the table of verdicts.",
        figure=fig,
    )


def tornado_chart(verdict: PairVerdict) -> Chart:
    """What each input alone moves the ratio to."""
    centre = verdict.ratio.central
    title = f"What moves the ratio {verdict.subject} over {verdict.against}, {ratio(centre)}"
    return tornado(verdict.tornado, centre, title, f"{verdict.book} {verdict.tier}")


def _curve(place: int, curve: CurveFront, of: Callable[[Floats], Floats], unit: str) -> list[Any]:
    """Line and markers of one front."""
    x, y = curve_of(curve.front)
    at = _dense(x)
    color, symbol = PALETTE[place % len(PALETTE)], SHAPES[place % len(SHAPES)][0]
    values = of(y)
    hovers = [
        f"<b>{safe(curve.title)}</b><br>{safe(p.topology)}, concurrency {p.concurrency:,}, {p.gpus} GPUs, {p.date}<br>"
        f"{significant(p.interactivity, 4)} tok/s/user, {significant(float(v), 4)} {unit}"
        for p, v in zip(curve.front, values, strict=True)
    ]
    line = go.Scatter(
        x=at.tolist(), y=of(interpolate(x, y, at)).tolist(), mode="lines", hoverinfo="skip",
        line={"color": color, "width": 2}, showlegend=False, legendgroup=curve.name,
    )  # fmt: skip
    dots = go.Scatter(
        x=x.tolist(), y=values.tolist(), mode="markers", name=safe(curve.title), legendgroup=curve.name,
        marker={"color": color, "symbol": symbol, "size": 9}, hovertext=hovers, hoverinfo="text",
    )  # fmt: skip
    return [line, dots]


def _splined(place: int, curve: CurveFront, hourly: float) -> go.Scatter:
    x, y = curve_of(curve.front)
    at = _dense(x)
    return go.Scatter(
        x=at.tolist(), y=interpolate(x, _costs(hourly, y), at).tolist(), mode="lines", hoverinfo="skip",
        line={"color": PALETTE[place % len(PALETTE)], "width": 1.5, "dash": "dot"}, showlegend=False,
        legendgroup=curve.name,
    )  # fmt: skip


def _ratios(report: ClaimReport, place: int, other: str) -> go.Scatter:
    labels = list(dict.fromkeys(f"{v.book} {v.tier}" for v in report.verdicts))
    own = [v for v in report.verdicts if v.against == other]
    color, symbol = PALETTE[(place + 1) % len(PALETTE)], SHAPES[(place + 1) % len(SHAPES)][0]
    return go.Scatter(
        x=[v.ratio.central for v in own],
        y=[labels.index(f"{v.book} {v.tier}") + 0.2 * place - 0.1 for v in own],
        error_x={
            "type": "data", "symmetric": False, "color": color, "thickness": 2, "width": 4,
            "array": [v.ratio.high - v.ratio.central for v in own],
            "arrayminus": [v.ratio.central - v.ratio.low for v in own],
        },
        mode="markers",
        marker={"color": color, "symbol": symbol, "size": 10},
        name=f"against {safe(other)}",
        hovertext=[
            f"<b>{v.outcome.value}</b> against {safe(other)}<br>{usd(v.subject_usd_per_mtok.central)} against "
            f"{usd(v.against_usd_per_mtok.central)}<br>price ratio {v.price_ratio:.3f}, both cost the same at "
            f"{v.break_even_price_ratio:.3f}"
            for v in own
        ],
        hoverinfo="text",
    )  # fmt: skip


def _dense(x: Floats) -> Floats:
    pieces = [np.linspace(a, b, DENSE, endpoint=False) for a, b in pairwise(x)]
    return np.concatenate([*pieces, x[-1:]])


def _costs(hourly: float, tput: Floats) -> Floats:
    return np.array([usd_per_mtok(hourly, value) for value in tput])


def _rule(fig: go.Figure, report: ClaimReport) -> None:
    if report.interactivity is not None:
        fig.add_vline(x=report.interactivity, line={"color": TEXT, "width": 1, "dash": "dot"}, annotation={
            "text": f"{report.interactivity:g}", "yref": "paper", "y": 1, "yanchor": "bottom", "showarrow": False,
        })  # fmt: skip
