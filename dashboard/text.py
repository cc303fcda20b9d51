"""Text from files stays text."""

from __future__ import annotations

_READ = frozenset(r"\`*_{}[]<>()#+-.!|$~:&")
"""What Streamlit may read as Markdown, HTML, a formula, an icon or a colour."""


def plain(text: str) -> str:
    """Escape text for where Streamlit reads Markdown: labels, headings, captions, banners."""
    return "".join(f"\\{c}" if c in _READ else c for c in " ".join(text.split()))
