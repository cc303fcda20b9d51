"""Text from files stays text."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"[:/](?=//?)|www(?=\.)|@", re.IGNORECASE)
_READ = frozenset(r"\`*_{}[]<>()#+-.!|$~:&")
"""What Streamlit may read as Markdown, HTML, a formula, an icon or a colour."""


_JOINT = "\N{WORD JOINER}"
"""Stands, unseen, in addresses, which Markdown would make into links however they are escaped."""


def plain(text: str) -> str:
    """Escape text for where Streamlit reads Markdown: labels, headings, captions, banners."""
    unlinked = _ADDRESS.sub(lambda found: found[0] + _JOINT, " ".join(text.split()))
    return "".join(f"\\{c}" if c in _READ else c for c in unlinked)
