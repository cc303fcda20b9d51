"""Time to the first token against load, and the live leg against its server's truth."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from inferbench.metrics.catalog import CONCURRENCY, TTFT
from inferbench.metrics.families import OF_A_POINT
from inferbench.metrics.metric import DistributionMetric
from inferbench.metrics.summary import Basis, ClientHealth, PointSummary
from inferbench.numerals import significant
from inferbench.render.chart import PALETTE, TEXT, Chart, log_axis, marker, safe, style
from inferbench.render.format import percent
from inferbench.runs.figures.run_look import hover, look
from inferbench.runs.report.view import RunView

QUANTILES = ("p50", "p99")


def ttft_chart(view: RunView) -> Chart:
    """TTFT p50 and p99 against concurrency, a line per topology."""
    fig = make_subplots(
        rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.1, subplot_titles=[TTFT.at(q).label for q in QUANTILES]
    )
    for name in view.deployments:
        for row, quantile in enumerate(QUANTILES, start=1):
            fig.add_trace(_ttft_trace(view, name, quantile, showlegend=row == 1), row=row, col=1)
    style(fig, 600).update_yaxes(title_text=TTFT.unit, **log_axis()).update_xaxes(**log_axis(steps=(1,)))
    fig.update_xaxes(title_text=f"{CONCURRENCY.label}, {CONCURRENCY.unit}", row=2, col=1)
    fig.update_layout(legend_y=-0.13)
    return Chart(
        key="ttft",
        title="Time to first token against concurrency" + (" (simulated)" if view.simulated else ""),
        caption="Lower is better. Half of all requests wait less than p50, and one in a hundred longer than p99. "
        "A line joins the loads of one topology; both axes are logarithmic.",
        alt=f"TTFT p50 and p99 in ms against concurrency for {', '.join(view.deployments)}.",
        figure=fig,
    )


def _ttft_trace(view: RunView, deployment: str, quantile: str, showlegend: bool) -> go.Scatter:
    looks = look(view, deployment)
    x: list[int | None] = []
    y: list[float | None] = []
    texts: list[str] = []
    topology = None
    for summary, value in _ttft(view, deployment, quantile):
        if topology not in (None, summary.point.topology):
            x, y, texts = [*x, None], [*y, None], [*texts, ""]
        topology = summary.point.topology
        x.append(summary.point.concurrency)
        y.append(value)
        texts.append(hover(view, summary, f"{TTFT.at(quantile).label} {significant(value)} {TTFT.unit}"))
    return go.Scatter(
        x=x,
        y=y,
        mode="lines+markers",
        marker=marker(looks, 7),
        line={"color": looks.color, "dash": looks.dash, "width": 1.4},
        name=looks.label,
        legendgroup=looks.label,
        showlegend=showlegend,
        hovertext=texts,
        hoverinfo="text",
    )


def _ttft(view: RunView, deployment: str, quantile: str) -> list[tuple[PointSummary, float]]:
    """Points of a deployment that have the figure, a topology's together, by rising load."""
    own = (summary for summary in view.summaries if summary.point.deployment == deployment)
    read = ((summary, TTFT.at(quantile).read(summary, view.basis)) for summary in own)
    found = [(summary, value) for summary, value in read if value is not None]
    return sorted(found, key=lambda pair: (pair[0].point.topology, pair[0].point.concurrency))


def live_chart(view: RunView) -> Chart:
    """Measured medians of the live leg beside the server's own, against the number of streams."""
    titles = [metric.at("p50").label for metric in OF_A_POINT]
    fig = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.12, subplot_titles=titles)
    for row, what in enumerate(OF_A_POINT, start=1):
        for trace in _live_traces(view, what, showlegend=row == 1):
            fig.add_trace(trace, row=row, col=1)
    style(fig, 480).update_yaxes(title_text="ms", rangemode="tozero").update_xaxes(**log_axis())
    streams = [step.concurrency for step in view.live.steps] if view.live else []
    fig.update_xaxes(tickvals=streams, ticktext=[f"{n:,}" for n in streams])
    fig.update_xaxes(title_text="streams at once", row=2, col=1).update_layout(legend_y=-0.16)
    return Chart(
        key="live",
        title="The client against a server of known pace (measured over loopback)",
        caption="The closer the client's figures lie to the server's own, the more its figures elsewhere can be "
        "trusted. A cross marks a step at which the client itself says that it was too late.",
        alt="Median TTFT and TPOT in ms that the client measured, beside the server's own, against streams.",
        figure=fig,
    )


def _live_traces(view: RunView, what: DistributionMetric, showlegend: bool) -> list[Any]:
    steps = view.live.steps if view.live else ()
    streams = [step.concurrency for step in steps]
    measured = [what.at("p50").read(step.summary, Basis.WHOLE_RUN) for step in steps]
    bad = [step.summary.client is not None and not step.summary.client.valid for step in steps]
    truth = go.Scatter(
        x=streams,
        y=[step.truth_p50_ms(what) for step in steps],
        mode="lines",
        line={"color": TEXT, "width": 2, "dash": "dot"},
        name="server's own record",
        legendgroup="truth",
        showlegend=showlegend,
        hovertemplate=f"{what.label} p50 by the server: %{{y:.4g}} ms<extra></extra>",
    )
    client = go.Scatter(
        x=streams,
        y=measured,
        mode="lines+markers",
        line={"color": PALETTE[0], "width": 2},
        marker={
            "color": [PALETTE[1] if b else PALETTE[0] for b in bad],
            "symbol": ["x" if b else "circle" for b in bad],
            "size": 10,
        },
        name="client (measured)",
        legendgroup="client",
        showlegend=showlegend,
        hovertext=[
            f"{step.concurrency:,} streams<br>{what.label} p50 {significant(value)} ms, "
            f"{percent(step.error(what))} off<br>{safe(_trusted(step.summary.client))}"
            for step, value in zip(steps, measured, strict=True)
        ],
        hoverinfo="text",
    )
    return [truth, client]


def _trusted(client: ClientHealth | None) -> str:
    """Whether the client could be trusted at a step, and why not: what somebody asks who points at it."""
    return "valid" if client is None or client.valid else f"INVALID: {'; '.join(client.reasons)}"
