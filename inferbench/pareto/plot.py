"""The points of a store, drawn: measured and simulated never alike, at most as many as a browser likes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inferbench.arrays import Floats, Ints
from inferbench.comparison.axes import Axis
from inferbench.evidence.rerun_noise import SOURCE
from inferbench.render.chart import FADED, PALETTE, SHAPES, Chart, figure, log_axis, packed, safe
from inferbench.render.format import interval

WEBGL_FROM = 1_000
"""Points from which on the browser draws pixels; below, every point is an element that prints sharp."""

HEIGHT = 560
SERIES_A_ROW, LEGEND_ROW_PX, ROWS_WITHIN = 4, 24, 2
"""Of the legend on a wide page; rows beyond the first ones make the chart higher, not its plot lower."""

STEPS = [[edge / len(PALETTE), color] for n, color in enumerate(PALETTE) for edge in (n, n + 1)]
"""The palette as a colour scale of steps."""


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
    """Left out: the book has no price or power for their GPU, or nobody measured or modelled their energy."""

    def label(self, series: int) -> str:
        """Name of a series, with the word "simulated" where it is."""
        return self.names[series] + (" (simulated)" if self.simulated[series] else "")


def store_frontier_chart(shown: ShownPoints, x: Axis, y: Axis, logs: tuple[bool, bool], words: str) -> Chart:
    """Every series with its front as a line; `words` says under which prices."""
    codes = [int(code) for code in np.unique(shown.series)]
    if len(shown.x) >= WEBGL_FROM:
        traces = [_crowd(shown, y, simulated=kind) for kind in (True, False)]
        traces += [trace for code in codes for trace in _apart(_best(shown, code, y))]
    else:
        traces = [trace(shown, code, y) for trace in (_beaten, _best) for code in codes]
    rows = math.ceil(len(codes) / SERIES_A_ROW)
    height = HEIGHT + LEGEND_ROW_PX * max(rows - ROWS_WITHIN, 0)
    return Chart(
        key="store",
        title=f"{y.title[0].upper()}{y.title[1:]} against {x.title}{words}",
        caption=_caption(shown, x, y),
        alt=f"{y.label} against {x.label} for {len(shown.names)} series.",
        figure={"data": [trace for trace in traces if trace], "layout": layout(x, y, logs) | {"height": height}},
    )


@cache
def layout(x: Axis, y: Axis, logs: tuple[bool, bool]) -> dict[str, Any]:
    """Axes and style of the chart; the same value for the same question."""
    fig = figure([], x.label, y.label, HEIGHT)
    fig.update_layout(hovermode="closest", dragmode="zoom", clickmode="event+select")
    for update, log, prefix in ((fig.update_xaxes, logs[0], ""), (fig.update_yaxes, logs[1], y.unit[:1])):
        update(**log_axis("$" if prefix == "$" else "")) if log else update(rangemode="tozero", tickformat=",")
    return dict(fig.to_dict()["layout"])


def _caption(shown: ShownPoints, x: Axis, y: Axis) -> str:
    way = f"{'Up' if y.sign > 0 else 'Down'} and to the {'right' if x.sign > 0 else 'left'} is better."
    drawn = f"{len(shown.x):,} of {shown.total:,} points are drawn"
    drawn += ": all of the fronts, the others thinned evenly." if len(shown.x) < shown.total else "."
    left = [
        (shown.unsound, "stopped early or had an INVALID client"),
        (shown.unpriced, "have no price, power or energy here"),
    ]
    out = "".join(f" {count:,} more {why}." for count, why in left if count)
    return (
        f"{way} Lines join the best points of a series, faint markers are beaten. Open markers and dashed lines: "
        f"simulated; filled and solid: measured. {_intervals(shown)}{drawn}{out}"
    )


def _intervals(shown: ShownPoints) -> str:
    """What the intervals that are drawn stand on."""
    known, simulated = shown.low != shown.high, np.array(shown.simulated, dtype=bool)[shown.series]
    said = ""
    if (known & simulated).any():
        said += "Intervals of simulated points: the twin's errors where it was not fitted. "
    if (known & ~simulated).any():
        said += f"Intervals of published points: run to run ({SOURCE}), often shorter than a marker is high. "
    if (~known).any():
        said += "Where no interval is known the hover of a best point says so. "
    return said


@dataclass(frozen=True)
class _Look:
    color: str
    symbol: str
    dash: str


def _look(shown: ShownPoints, code: int) -> _Look:
    color, symbol = PALETTE[code % len(PALETTE)], SHAPES[(code + code // len(PALETTE)) % len(SHAPES)][0]
    return _Look(color, symbol + "-open", "dash") if shown.simulated[code] else _Look(color, symbol, "solid")


Trace = dict[str, Any]
"""A trace in plain values: Plotly's own objects check every word of a list by itself. Empty where it has no points."""


def _crowd(shown: ShownPoints, y: Axis, *, simulated: bool) -> Trace:
    """All beaten points in one trace: a browser draws that many times as fast as a trace for each series."""
    at = np.flatnonzero(~shown.front & (np.array(shown.simulated, dtype=bool)[shown.series] == simulated))
    labels, facts = [safe(shown.label(code)) for code in range(len(shown.names))], shown.facts
    return {
        "type": "scattergl", "x": packed(shown.x[at]), "y": packed(shown.y[at]), "mode": "markers", "opacity": FADED,
        "showlegend": False, "name": "beaten",
        "customdata": [
            [i, facts["concurrency"][i], facts["gpus"][i], labels[shown.series[i]], safe(str(facts["topology"][i]))]
            for i in at.tolist()
        ],
        "hovertemplate": "<b>%{customdata[3]}</b><br>%{customdata[4]}, concurrency %{customdata[1]}, "
        f"%{{customdata[2]}} GPUs<br>%{{x:.4g}}, %{{y:.4g}} {y.unit}<extra></extra>",
        "marker": {
            "color": packed(shown.series[at] % len(PALETTE) + 0.5), "colorscale": STEPS, "cmin": 0,
            "cmax": len(PALETTE), "size": 6, "symbol": "circle-open" if simulated else "circle",
        },
        "selected": {"marker": {"opacity": 1}}, "unselected": {"marker": {"opacity": FADED}},
    } if len(at) else {}  # fmt: skip


def _apart(front: Trace) -> list[Trace]:
    """A front in two traces that hide together: its line, which is cheap to draw, and its markers, which are pixels."""
    if not front:
        return []
    line = {key: front[key] for key in ("type", "x", "y", "name", "legendgroup", "line")}
    line |= {"mode": "lines", "hoverinfo": "skip", "showlegend": False}
    return [line, {**front, "type": "scattergl", "mode": "markers"}]


def _beaten(shown: ShownPoints, code: int, y: Axis) -> Trace:
    at, of, label = np.flatnonzero((shown.series == code) & ~shown.front), _look(shown, code), safe(shown.label(code))
    return {
        **_points(shown, at, y, label=label, best=False), "opacity": FADED, "showlegend": False,
        "legendgroup": str(code), "name": label, "marker": _marker(of, 6),
    } if len(at) else {}  # fmt: skip


def _best(shown: ShownPoints, code: int, y: Axis) -> Trace:
    """The front of a series: a line through its points, with their intervals."""
    at, of, label = np.flatnonzero((shown.series == code) & shown.front), _look(shown, code), safe(shown.label(code))
    at = at[np.argsort(shown.x[at], kind="stable")]
    return {
        **_points(shown, at, y, label=label, best=True), "mode": "lines+markers", "legendgroup": str(code),
        "name": label, "marker": _marker(of, 9), "line": {"color": of.color, "width": 1.8, "dash": of.dash},
        **_bars(shown, at, of.color),
    } if len(at) else {}  # fmt: skip


def _marker(of: _Look, size: int) -> dict[str, Any]:
    return {"color": of.color, "symbol": of.symbol, "size": size, "line": {"color": of.color, "width": 1.5}}


def _points(shown: ShownPoints, at: Ints, y: Axis, *, label: str, best: bool) -> Trace:
    keys = ("topology", "concurrency", "gpus", *(("launch", "name") if best else ()))
    facts = [shown.facts[key] for key in keys]
    rows = [[i, *(_word(fact[i]) for fact in facts)] for i in at.tolist()]
    launch = ""
    if best:
        rows = [[*row, _interval(shown, int(row[0]))] for row in rows]
        launch = "<br>%{customdata[6]}<br>%{customdata[4]}<br>run %{customdata[5]}"
    return {
        "type": "scatter", "x": packed(shown.x[at]), "y": packed(shown.y[at]), "mode": "markers", "customdata": rows,
        "hovertemplate": f"<b>{label}</b><br>%{{customdata[1]}}, concurrency %{{customdata[2]}}, %{{customdata[3]}} "
        f"GPUs<br>%{{x:.4g}}, %{{y:.4g}} {y.unit}{launch}<extra></extra>",
        "selected": {"marker": {"opacity": 1}}, "unselected": {"marker": {"opacity": 1 if best else FADED}},
    }  # fmt: skip


def _interval(shown: ShownPoints, i: int) -> str:
    if shown.low[i] == shown.high[i]:
        return "no known interval"
    return f"interval {interval(float(shown.low[i]), float(shown.high[i]))}"


def _word(value: Any) -> Any:
    return safe(value) if isinstance(value, str) else "not stated" if value is None else int(value)


def _bars(shown: ShownPoints, at: Ints, color: str) -> dict[str, Any]:
    """Error bars, where a point of the front has an interval."""
    up, down = shown.high[at] - shown.y[at], shown.y[at] - shown.low[at]
    if not (up > 0).any():
        return {}
    return {
        "error_y": {
            "type": "data", "symmetric": False, "array": packed(up), "arrayminus": packed(down), "color": color,
            "thickness": 1, "width": 3,
        }
    }  # fmt: skip
