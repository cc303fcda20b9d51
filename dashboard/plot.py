"""A chart on the page: drawn by Plotly in a component of ours, which changes it in place."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import orjson
import streamlit as st

from dashboard import bundle
from inferbench.render.chart import CONFIG, Chart, document

INK = {"light": "#4a525d", "dark": "#b4bcc8"}
"""Text of a figure on a light and on a dark page; a figure alone must do with the grey between."""
_SCRIPT = Path(__file__).with_name("plot.js").read_text()
_component = st.components.v2.component(
    "inferbench.plot",
    html='<div class="inferbench-plot" role="figure"></div>',
    js=_SCRIPT,
    isolate_styles=False,
)


def plot(chart: Chart, key: str, *, image: str, filename: str, select: bool = False) -> int | None:
    """Draw a chart; return the first of the clicked point's custom data, where clicks are listened to."""
    figure = document(chart)
    ink = INK.get(st.context.theme.type or "", INK["light"])
    layout = {**figure["layout"], "font": {**figure["layout"].get("font", {}), "color": ink}}
    options = {**CONFIG, "toImageButtonOptions": {"format": image, "filename": filename}}
    body = {"data": figure["data"], "layout": layout, "config": options, "alt": chart.alt, "plotly": bundle.ADDRESS}
    known = hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)).hexdigest()[:16]
    text = orjson.dumps({**body, "known": known, "chosen": select}, option=orjson.OPT_SERIALIZE_NUMPY)
    found: Any = _component(data=text, key=key, on_chosen_change=_listened)
    chosen = found.chosen
    return int(chosen[1]) if select and chosen and chosen[0] == known else None


def _listened() -> None:
    """Streamlit hands out the state of a component only where something listens to it."""
