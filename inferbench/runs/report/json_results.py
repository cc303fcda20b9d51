"""A run's results for machines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from inferbench.runs.report.accuracy import latest
from inferbench.runs.report.notices import notices
from inferbench.runs.report.view import RunView
from inferbench.values import Value

SCHEMA = "inferbench.report/1"
"""Name and version of the layout; the number rises when a key changes its meaning or goes."""
_IDENTITY = {
    "run_id",
    "kind",
    "state",
    "reason",
    "scenario",
    "scenario_sha256",
    "seed",
    "price_books",
    "host",
    "attachments",
}


def to_json(view: RunView) -> bytes:
    """Write identity, summaries, conclusions, and the costs under the headline book and tier.

    Keys are sorted, so equal views give equal bytes.
    """
    headline = view.scenario.headline if view.scenario else None
    document = {
        "schema": SCHEMA,
        "run": view.manifest.model_dump(mode="json", include=_IDENTITY),
        "basis": view.basis.value,
        "simulated": sorted(view.simulated),
        "half_width": view.half_width,
        "invalid": [summary.point.key for summary in view.invalid],
        "partial": view.partial,
        "evaluations": _dump(last for last in latest(view).values() if last is not None),
        "notices": [{"kind": n.kind, "title": n.title, "text": n.text} for n in notices(view)],
        "headline": headline.model_dump(mode="json") if headline else None,
        "summaries": _dump(view.summaries),
        "costs": _dump(c for c in view.costs if headline and (c.book, c.tier) == (headline.book, headline.tier)),
        "conclusions": _dump(view.conclusions),
        "live": view.live.model_dump(mode="json") if view.live else None,
    }
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _dump(values: Iterable[Value]) -> list[dict[str, Any]]:
    return [value.model_dump(mode="json") for value in values]
