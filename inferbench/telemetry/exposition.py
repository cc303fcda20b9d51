"""A metrics page in Prometheus' text format, as samples."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from ..domain.errors import EndpointError

ACCEPT = "text/plain;version=0.0.4"
"""What to ask a server for: its other formats need other parsers."""
SHOWN = 60
"""Characters of a page that is none which an error shows."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of a metrics page."""

    name: str
    labels: Mapping[str, str]
    value: float


def read_exposition(text: str, url: str) -> tuple[Sample, ...]:
    """Read a page; buckets of histograms and values that are no numbers are left out.

    Raises EndpointError, which names the URL and what came, where it is not in the format or holds nothing.
    """
    # Buckets are nine lines in ten of an engine's page, nobody here reads them, and to parse them costs as much.
    # Without the types in comments the parser leaves names as they are: it would add `_total` to those of counters.
    lines = text.splitlines()
    kept = "\n".join(line for line in lines if "_bucket{" not in line and not line.startswith("#"))
    try:
        samples = tuple(
            Sample(sample.name, sample.labels, sample.value)
            for family in text_string_to_metric_families(kept + "\n")
            for sample in family.samples
        )
    except (ValueError, IndexError, KeyError):
        raise EndpointError(f"{url} is no Prometheus metrics page: it holds {_what(text)}") from None
    finite = tuple(sample for sample in samples if math.isfinite(sample.value))
    if not finite:
        what = "no sample" if samples or text.lstrip().startswith("#") else _what(text)
        raise EndpointError(f"{url} is no Prometheus metrics page: it holds {what}")
    return finite


def _what(text: str) -> str:
    """Say what a page holds."""
    start = text.lstrip("\ufeff \t\r\n")
    if not start:
        return "nothing"
    if start.startswith(("{", "[")):
        return "JSON"
    if start[:1] == "<":
        return "HTML or XML"
    line = start.splitlines()[0]
    return f"text that begins with {line[:SHOWN]!r}"
