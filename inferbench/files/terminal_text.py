"""Text of files and servers on its way to a terminal: what would steer the terminal is shown, not sent."""

from __future__ import annotations

import re

_KEPT = "\n"
_HIDDEN_IN_JSON = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]")


def visible(text: str) -> str:
    """Write every character that is not printable as Python would, but for line breaks."""
    return text if text.isprintable() else "".join(c if c.isprintable() or c in _KEPT else _written(c) for c in text)


def one_visible_line(text: str) -> str:
    """As `visible`, line breaks too: a name cannot begin a line of its own."""
    return text if text.isprintable() else "".join(c if c.isprintable() else _written(c) for c in text)


def visible_json(document: bytes) -> bytes:
    """The same JSON with an escape for every character that would steer a terminal; JSON itself escapes but a few."""
    text = document.decode("utf-8", "surrogateescape")
    shown = _HIDDEN_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return shown.encode("utf-8", "surrogateescape")


def _written(c: str) -> str:
    return c.encode("unicode_escape", "surrogatepass").decode()
