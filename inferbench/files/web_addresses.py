"""Addresses from files and from the environment, before they become links."""

from __future__ import annotations

from urllib.parse import urlsplit

LONGEST = 2_000


def web_address(text: str | None) -> str | None:
    """The address where it is one of the web, http or https with a host and nobody's password; else None."""
    if not text or len(text) > LONGEST or not text.isprintable() or " " in text:
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    usable = parts.scheme in ("http", "https") and parts.hostname and parts.username is parts.password is None
    return text if usable else None
