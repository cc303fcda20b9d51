"""Client latency, requests, KV transfer and power of one sweep point on one time axis."""

from __future__ import annotations

import re
from itertools import count

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from inferbench.render.chart import PALETTE, TEXT, Chart, faint, safe, style
from inferbench.telemetry.timeline import WatchedPoint

LANE = 128
"""Height of a lane, px."""
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")


def timeline_chart(watched: WatchedPoint) -> Chart:
    """Return the timeline of a sweep point, a lane above the other."""
    n = len(watched.lanes)
    titles = [x.title if x.title.lower() == x.unit else f"{x.title}, {x.unit}" for x in watched.lanes]
    fig = make_subplots(rows=n, cols=1, shared_xaxes=True, vertical_spacing=0.24 / n, subplot_titles=titles)
    colors = count()
    for row, lane in enumerate(watched.lanes, start=1):
        for dash, trace in zip(DASHES, lane.traces, strict=False):
            color = PALETTE[next(colors) % len(PALETTE)]
            fig.add_trace(
                go.Scatter(
                    x=watched.seconds,
                    y=trace.values,
                    mode="lines+markers",
                    line={"color": color, "dash": dash, "width": 1.6},
                    marker={"color": color, "size": 4},
                    name=safe(f"{lane.title}: {trace.name}"),
                    hovertemplate=f"%{{x:.0f}} s: %{{y:.4g}} {safe(lane.unit)}<extra>{safe(trace.name)}</extra>",
                ),
                row=row,
                col=1,
            )
    if watched.window is not None:
        fig.add_vrect(*watched.window, fillcolor=faint(TEXT), line_width=0, layer="below")
    style(fig, 90 + LANE * n).update_yaxes(rangemode="tozero", nticks=4)
    fig.update_xaxes(title_text="seconds since the first request", row=n, col=1)
    fig.update_layout(legend_y=-0.42 / n, hovermode="x unified")
    return Chart(
        key=f"timeline-{re.sub('[^A-Za-z0-9]+', '-', watched.point.key)}",
        title=f"{watched.point.key} over time",
        caption="What the client measured above, what servers and GPUs told below, on one axis. "
        "The shaded span is the steady state.",
        alt=f"{', '.join(titles)} of {watched.point.key} against time.",
        figure=fig,
    )
