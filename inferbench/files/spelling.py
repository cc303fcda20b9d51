"""Names that people mistype: the nearest valid one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """Return the valid name closest to `name`, or None where nothing is close."""
    matches = get_close_matches(name.lower(), [v.lower() for v in valid], n=1, cutoff=0.5)
    return next((v for v in valid if matches and v.lower() == matches[0]), None)


def unknown(what: str, name: str, valid: Iterable[str]) -> str:
    """Describe an unknown name: what it should name, what is allowed, and the nearest valid name."""
    names = sorted(valid)
    guess = nearest(name, names)
    hint = f"; did you mean {guess!r}?" if guess else ""
    allowed = f"allowed: {', '.join(names)}{hint}" if names else "there is none"
    return f"unknown {what} {name!r}; {allowed}"
