"""What the charts of a run share: the look of a deployment, hover texts, and rules at operating points."""

from __future__ import annotations

import plotly.graph_objects as go

from inferbench.metrics.summary import PointSummary
from inferbench.render.chart import PALETTE, SHAPES, TEXT, Look, safe
from inferbench.runs.report.view import RunView


def look(view: RunView, deployment: str) -> Look:
    """The look of a deployment: colour and shape by its place in the view, open and dashed where it is simulated."""
    place = view.deployments.index(deployment)
    symbol, glyph = SHAPES[place % len(SHAPES)]
    simulated = deployment in view.simulated
    return Look(
        color=PALETTE[place % len(PALETTE)],
        symbol=symbol + ("-open" if simulated else ""),
        glyph=glyph,
        dash="dash" if simulated else "solid",
        label=safe(deployment) + (" (simulated)" if simulated else ""),
    )


def hover(view: RunView, summary: PointSummary, *lines: str) -> str:
    """Hover text of a sweep point, names escaped."""
    point = summary.point
    doubt = "" if summary.client is None or summary.client.valid else " - client INVALID"
    return "<br>".join(
        [
            f"<b>{safe(point.deployment)}</b> ({summary.origin.value}{', partial' if summary.partial else ''}{doubt})",
            f"{safe(point.topology)}, concurrency {point.concurrency:,}, {point.gpus} GPUs",
            *lines,
            f"basis {view.basis.value}",
        ]
    )


def rules(fig: go.Figure, view: RunView) -> None:
    """Draw the operating points that lie at an interactivity as vertical rules, labelled above the plot."""
    for point in view.operating_points:
        if point.interactivity is not None:
            fig.add_vline(
                x=point.interactivity,
                line={"color": TEXT, "width": 1, "dash": "dot"},
                annotation={
                    "text": f"{point.interactivity:g}",
                    "yref": "paper",
                    "y": 1,
                    "yanchor": "bottom",
                    "xanchor": "center",
                    "showarrow": False,
                },
            )
