"""Plotly for the browser: the file that reports carry, packed once, at an address of its own."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache

from inferbench.report.html import scripts

ADDRESS = f"/plotly-{hashlib.sha256(scripts()[0].encode()).hexdigest()[:12]}.js"
"""Another Plotly has another address, so that a browser may keep each for good."""


@cache
def packed() -> bytes:
    """The file as gzip."""
    return gzip.compress(plain(), 6)


def plain() -> bytes:
    """The file as it is."""
    return scripts()[0].encode()
