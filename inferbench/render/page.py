"""What every self-contained page is made with: templates, scripts, and the policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
from functools import cache

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from inferbench.render.chart import CONFIG, Chart, document


def figure_json(chart: Chart) -> Markup:
    """A figure as JSON that may stand inside a script element: `<` is written as an escape, so it cannot close it."""
    shown = {**document(chart), "config": CONFIG}
    text = orjson.dumps(shown, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_SORT_KEYS).decode()
    return Markup(text.replace("<", "\\u003c"))


@cache
def environment() -> Environment:
    """The templates of this room, with escaping on."""
    return Environment(
        loader=PackageLoader("inferbench.render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def scripts() -> tuple[Markup, ...]:
    """The page's only scripts: Plotly, and what draws the figures. Both are ours, so neither is escaped."""
    return Markup(get_plotlyjs()), Markup(environment().get_template("report.js").render())


def policy_hash(script: str) -> str:
    """The source expression that lets exactly this inline script run (W3C Content Security Policy Level 3)."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
