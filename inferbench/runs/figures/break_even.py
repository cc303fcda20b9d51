"""Who is cheaper at which pace and which price ratio."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from inferbench.comparison.verdict import BreakEven
from inferbench.render.chart import TEXT, Chart, Look, faint, figure, log_axis, safe
from inferbench.runs.figures.frontier import INTERACTIVITY
from inferbench.runs.figures.run_look import look
from inferbench.runs.report.view import RunView

ROOM = 1.6
"""The price axis goes so much beyond what is drawn."""


def break_even_map(view: RunView, even: BreakEven, prices: Mapping[str, float], pace: float) -> Chart:
    """The plane of pace and price ratio, split by the line of equal cost and its interval.

    `prices` are ratios that price books have, by name; `pace` is where the answer is read.
    """
    first, second = look(view, even.first), look(view, even.second)
    bottom = min(*even.low, *prices.values()) / ROOM
    top = max(*even.high, *prices.values()) * ROOM
    x = list(even.interactivity)
    flat_low, flat_high = [bottom] * len(x), [top] * len(x)
    traces = [
        _zone(x, flat_low, even.low, first, f"{safe(even.first)} is cheaper"),
        _zone(x, even.high, flat_high, second, f"{safe(even.second)} is cheaper"),
        go.Scatter(
            x=x, y=list(even.price_ratio), mode="lines", name="both cost the same", line={"color": TEXT, "width": 2},
            hovertemplate="%{x:.4g} tok/s/user: equal at a price ratio of %{y:.3g}<extra></extra>",
        ),
        *(_book(name, value, x) for name, value in prices.items()),
    ]  # fmt: skip
    title = f"price of a GPU-hour, {safe(view.short[even.first])} over {safe(view.short[even.second])}"
    fig = figure(traces, INTERACTIVITY, title, 520).update_yaxes(**log_axis(), range=_logs(bottom, top))
    fig.add_vline(x=pace, line={"color": TEXT, "width": 1, "dash": "dot"})
    return Chart(
        key="break-even-map",
        title=f"At which prices {even.first} or {even.second} is cheaper{' (simulated)' if view.simulated else ''}",
        caption="The unshaded band around the line of equal cost is UNDECIDED. Thin lines: the price ratios of the "
        "price books. Vertical rule: the pace chosen above.",
        alt="Price ratio at equal cost against interactivity with its interval, and the price ratios of the books.",
        figure=fig,
    )


def _zone(x: list[float], low: Sequence[float], high: Sequence[float], of: Look, name: str) -> go.Scatter:
    """An area in the colour of the deployment that is cheaper in it."""
    return go.Scatter(
        x=[*x, *reversed(x)], y=[*high, *reversed(low)], fill="toself", mode="lines", line={"width": 0},
        fillcolor=faint(of.color, 0.3), name=f"{of.glyph} {name}", hoverinfo="skip",
    )  # fmt: skip


def _book(name: str, value: float, x: list[float]) -> go.Scatter:
    return go.Scatter(
        x=[x[0], x[-1]], y=[value, value], mode="lines", line={"color": TEXT, "width": 1, "dash": "dash"},
        name=safe(name), showlegend=False, hovertemplate=f"{safe(name)}: price ratio {value:.3g}<extra></extra>",
    )  # fmt: skip


def _logs(low: float, high: float) -> list[float]:
    return [math.log10(low), math.log10(high)]
