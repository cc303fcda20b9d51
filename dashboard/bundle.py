"""Plotly for the browser: the file that reports carry, packed once, at an address of its own."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache

from inferbench.render.page import scripts

HINT = b"//# allFunctionsCalledOnLoad\n"
"""Chromium then compiles the file beside the page's own work, not function by function in it; others read a comment.

https://v8.dev/blog/explicit-compile-hints
"""


@cache
def packed() -> bytes:
    """The file as gzip."""
    return gzip.compress(plain(), 6)


def plain() -> bytes:
    """The file as it is, under a hint to the browser."""
    return HINT + scripts()[0].encode()


ADDRESS = f"/plotly-{hashlib.sha256(plain()).hexdigest()[:12]}.js"
"""Another Plotly has another address, so that a browser may keep each for good."""
