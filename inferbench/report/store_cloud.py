"""The points of a store, drawn: measured and simulated never alike, at most as many as a browser likes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from ..analysis.axes import Axis
from ..domain.records import Floats, Ints
from .chart import FADED, PALETTE, SHAPES, Chart, figure, log_axis, safe

WEBGL_FROM = 1_000
"""Points from which on the browser draws pixels; below, every point is an element that prints sharp."""


@dataclass(frozen=True, eq=False)
class ShownPoints:
    """Points with what is known of them, shape (n,) each."""

    x: Floats
    y: Floats
    low: Floats
    high: Floats
    """Interval of y."""
    front: NDArray[np.bool_]
    series: Ints
    names: tuple[str, ...]
    simulated: tuple[bool, ...]
    """Of each series."""
    facts: Mapping[str, Sequence[Any]]
    """name (of the run), point, topology, concurrency, gpus, launch."""
    total: int
    """Points that the filters let through, drawn or not."""
    unsound: int
    """Left out: stopped early, or by a client that was INVALID."""
    unpriced: int
    """Left out: the book has no price or power for their GPU."""

    def label(self, series: int) -> str:
        """Name of a series, with the word "simulated" where it is."""
        return self.names[series] + (" (simulated)" if self.simulated[series] else "")


def store_frontier_chart(shown: ShownPoints, x: Axis, y: Axis, logs: tuple[bool, bool], words: str) -> Chart:
    """Every series with its front as a line; `words` says under which prices."""
    scatter = go.Scattergl if len(shown.x) >= WEBGL_FROM else go.Scatter
    traces = [t for code in np.unique(shown.series) for t in _traces(shown, int(code), scatter, y)]
    fig = figure(traces, x.label, y.label, 560)
    fig.update_layout(hovermode="closest", dragmode="zoom", clickmode="event+select")
    for update, log, prefix in ((fig.update_xaxes, logs[0], ""), (fig.update_yaxes, logs[1], y.unit[:1])):
        update(**log_axis("$" if prefix == "$" else "")) if log else update(rangemode="tozero", tickformat=",")
    return Chart(
        key="store",
        title=f"{y.title[0].upper()}{y.title[1:]} against {x.title}{words}",
        caption=_caption(shown, x, y),
        alt=f"{y.label} against {x.label} for {len(shown.names)} series.",
        figure=fig,
    )


def _caption(shown: ShownPoints, x: Axis, y: Axis) -> str:
    way = f"{'Up' if y.sign > 0 else 'Down'} and to the {'right' if x.sign > 0 else 'left'} is better."
    drawn = f"{len(shown.x):,} of {shown.total:,} points are drawn"
    drawn += ": all of the fronts, the others thinned evenly." if len(shown.x) < shown.total else "."
    left = [(shown.unsound, "stopped early or had an INVALID client"), (shown.unpriced, "have no price or power here")]
    out = "".join(f" {count:,} more {why}." for count, why in left if count)
    return (
        f"{way} Lines join the best points of a series, faint markers are beaten. Open markers and dashed lines: "
        f"simulated, with the interval of its throughput; filled and solid: measured. {drawn}{out}"
    )


def _traces(shown: ShownPoints, code: int, scatter: Any, y: Axis) -> list[Any]:
    color, symbol = PALETTE[code % len(PALETTE)], SHAPES[(code + code // len(PALETTE)) % len(SHAPES)][0]
    simulated = shown.simulated[code]
    marker = {"color": color, "symbol": symbol + ("-open" if simulated else ""), "line": {"color": color, "width": 1.5}}
    label, group = safe(shown.label(code)), {"legendgroup": str(code)}
    traces = []
    for best in (False, True):
        at = np.flatnonzero((shown.series == code) & (shown.front == best))
        at = at[np.argsort(shown.x[at], kind="stable")]
        if len(at):
            style = {"marker": {**marker, "size": 9 if best else 6}, "opacity": 1 if best else FADED, "name": label}
            traces.append(_points(shown, at, y, best=best, label=label) | style | group)
        if best and len(at):
            traces[-1] |= {"mode": "lines+markers", "line": {"color": color, "width": 1.8, "dash": _dash(simulated)}}
            traces[-1] |= _bars(shown, at, color)
    if traces:
        traces[-1]["showlegend"] = True
    return [scatter(**trace) for trace in traces]


def _dash(simulated: bool) -> str:
    return "dash" if simulated else "solid"


def _points(shown: ShownPoints, at: Ints, y: Axis, *, best: bool, label: str) -> dict[str, Any]:
    facts = shown.facts
    keys = ("topology", "concurrency", "gpus", *(("launch", "name") if best else ()))
    rows = [[int(i), *(_word(facts[key][i]) for key in keys)] for i in at]
    launch = "<br>%{customdata[4]}<br>run %{customdata[5]}" if best else ""
    return {
        "x": shown.x[at], "y": shown.y[at], "mode": "markers", "customdata": rows, "showlegend": False,
        "hovertemplate": f"<b>{label}</b><br>%{{customdata[1]}}, concurrency %{{customdata[2]}}, %{{customdata[3]}} "
        f"GPUs<br>%{{x:.4g}}, %{{y:.4g}} {y.unit}{launch}<extra></extra>",
        "selected": {"marker": {"opacity": 1}}, "unselected": {"marker": {"opacity": 1 if best else FADED}},
    }  # fmt: skip


def _word(value: Any) -> Any:
    return safe(value) if isinstance(value, str) else "not stated" if value is None else int(value)


def _bars(shown: ShownPoints, at: Ints, color: str) -> dict[str, Any]:
    """Error bars, where a point of the front has an interval."""
    up, down = shown.high[at] - shown.y[at], shown.y[at] - shown.low[at]
    if not (up > 0).any():
        return {}
    return {
        "error_y": {
            "type": "data", "symmetric": False, "array": up, "arrayminus": down, "color": color, "thickness": 1,
            "width": 3,
        }
    }  # fmt: skip
