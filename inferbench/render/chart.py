"""What all charts share: the value, the palette, the look, and the escaping of names."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from html import escape
from typing import Any

import plotly.graph_objects as go
from numpy.typing import NDArray

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
"""Okabe and Ito's colours, those first that stand out on white and on black (Okabe, Ito, "Color Universal Design")."""
SHAPES = (
    ("circle", "●"),
    ("square", "■"),
    ("diamond", "◆"),
    ("triangle-up", "▲"),
    ("cross", "✚"),
    ("x", "✖"),
)
"""A marker per deployment, and the same as a character, so that colour is never the only sign."""
TEXT = "#7A7F87"
"""Mid-grey: readable on white and on near-black, since a figure does not know where it is shown."""
RULE = "rgba(128, 133, 141, 0.28)"
FADED = 0.35
HEIGHT = 460
CONFIG: dict[str, Any] = {
    "responsive": True,
    "displaylogo": False,
    "modeBarButtonsToRemove": ["lasso2d", "select2d"],
    "toImageButtonOptions": {"format": "svg"},
}
"""Plotly options for whoever shows a chart."""


@dataclass(frozen=True)
class Chart:
    """A figure with the words around it."""

    key: str
    """Safe as an HTML id."""
    title: str
    caption: str
    """How to read it, and what it stands on."""
    alt: str
    """What it shows, for who cannot see it."""
    figure: go.Figure | dict[str, Any]
    """Plotly's own object, or its data and layout in plain values where many points make that object slow."""


def document(chart: Chart) -> dict[str, Any]:
    """Data and layout of a chart in plain values."""
    return chart.figure if isinstance(chart.figure, dict) else dict(chart.figure.to_dict())


def packed(values: NDArray[Any]) -> dict[str, str]:
    """Numbers as one of Plotly's typed arrays: floats of 4 bytes, which hold 7 digits, or integers of 4.

    https://plotly.com/javascript/reference (bdata, dtype)
    """
    kind = "f4" if values.dtype.kind == "f" else "i4"
    return {"dtype": kind, "bdata": base64.b64encode(values.astype(f"<{kind}").tobytes()).decode()}


@dataclass(frozen=True)
class Look:
    """How a deployment is drawn: the same in every chart."""

    color: str
    symbol: str
    glyph: str
    dash: str
    label: str
    """Escaped, with the word "simulated" where it is."""


def safe(text: str) -> str:
    """Escape a name for Plotly, which reads tags and entities in titles, legends and hovers."""
    return escape(" ".join(text.split()), quote=False)


def marker(of: Look, size: int = 9) -> dict[str, Any]:
    """Marker options of a look."""
    return {"color": of.color, "symbol": of.symbol, "size": size, "line": {"color": of.color, "width": 1.8}}


def faint(color: str, alpha: float = 0.13) -> str:
    """A hex colour as a translucent one, for bands."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {alpha})"


def figure(traces: list[Any], x_title: str, y_title: str, height: int = HEIGHT) -> go.Figure:
    """A figure in the common style: transparent, calm, legend below, as wide as its place."""
    return style(go.Figure(traces), height).update_xaxes(title_text=x_title).update_yaxes(title_text=y_title)


def style(fig: go.Figure, height: int = HEIGHT) -> go.Figure:
    """Give a figure the common style and return it."""
    fig.update_layout(
        template=go.layout.Template(),
        height=height,
        autosize=True,
        margin={"l": 8, "r": 12, "t": 36, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", "size": 12, "color": TEXT},
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": -0.16, "yanchor": "top", "yref": "paper"},
        hoverlabel={"align": "left", "namelength": -1},
        hovermode="closest",
    )
    fig.update_annotations(font_size=12)
    axis = {"gridcolor": RULE, "zeroline": False, "linecolor": RULE, "showline": True, "automargin": True}
    return fig.update_xaxes(**axis, title_standoff=8).update_yaxes(**axis, title_standoff=8)


def legend_below(fig: go.Figure) -> go.Figure:
    """Put the legend under the axis title of a figure whose height is not the usual one, and return it."""
    plot = max(fig.layout.height - 80, 80)
    return fig.update_layout(legend_y=-64 / plot)


def log_axis(prefix: str = "", steps: tuple[int, ...] = (1, 2, 5)) -> dict[str, Any]:
    """A logarithmic axis with ticks at these steps of each decade, written out."""
    ticks = [base * 10.0**exponent for exponent in range(-4, 8) for base in steps]
    return {
        "type": "log",
        "tickmode": "array",
        "tickvals": ticks,
        "ticktext": [f"{prefix}{tick:,g}" for tick in ticks],
    }
