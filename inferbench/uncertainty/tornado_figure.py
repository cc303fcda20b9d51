"""What each uncertain input alone moves a ratio to."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from inferbench.numerals import ratio
from inferbench.render.chart import PALETTE, TEXT, Chart, figure, legend_below, safe
from inferbench.uncertainty.interval import TornadoBar

MOST = 12
"""Bars that are drawn; further ones are counted."""
FEW = 6
LEAST = 1e-3
"""An input that moves the ratio by less than this share of it moves nothing."""


def tornado(found: Sequence[TornadoBar], centre: float, title: str, under: str) -> Chart:
    """Bars around `centre`, the widest at the top; `under` says which prices."""
    told = [bar for bar in found if bar.width > LEAST * centre]
    bars = list(reversed(told[:MOST]))
    traces = [
        go.Bar(
            orientation="h",
            y=[safe(bar.name).replace(": ", ":<br>") for bar in bars],
            base=[centre] * len(bars),
            x=[(bar.at_low if end == "low" else bar.at_high) - centre for bar in bars],
            name=f"input at its {end} end",
            marker={"color": color},
            hovertext=[_hover(bar, end) for bar in bars],
            hoverinfo="text",
        )
        for end, color in (("low", PALETTE[4]), ("high", PALETTE[1]))
    ]
    height = 150 + (62 if len(bars) <= FEW else 36) * len(bars)
    fig = figure(traces, "cost ratio", "", height).update_layout(barmode="overlay")
    legend_below(fig).add_vline(x=1, line={"color": TEXT, "width": 1.5, "dash": "dot"})
    fig.update_yaxes(showgrid=False)
    return Chart(
        key="tornado",
        title=title,
        caption=f"Each input alone at the ends of its interval, under {under}. A bar across the "
        "dotted rule (same cost) can turn the answer by itself."
        + (f" {len(told) - MOST} more move it less." if len(told) > MOST else ""),
        alt="The cost ratio at the low and high end of each uncertain input; the same as the table.",
        figure=fig,
    )


def _hover(bar: TornadoBar, end: str) -> str:
    return f"{safe(bar.name)}: {ratio(bar.at_low if end == 'low' else bar.at_high)}<br>{safe(bar.source)}"
