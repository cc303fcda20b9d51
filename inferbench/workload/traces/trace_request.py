"""What all traces come down to."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inferbench.errors import FileError

EXAMPLES = 5
"""Bad lines that are kept word for word."""

MOST_TOKENS = 10**7
"""Longest prompt or answer; no model of today takes more. What is above is a fault in a file."""
MOST_SECONDS = 10**11
"""Larger values are no times; seconds since 1970 are within it."""
SHOWN = 60
"""Characters of a bad value that a message repeats."""


@dataclass(frozen=True, slots=True)
class TraceRequest:
    """One request of a trace."""

    isl: int
    osl: int
    at_s: float | None = None
    """When it came, from any zero; None where the trace tells no times."""
    session: int | None = None
    """Requests with the same number are turns of one session, in order; None: it stands alone."""
    blocks: tuple[int, ...] = ()
    """Ids of the blocks that its prompt is made of, from its beginning; equal ids are equal text."""
    delay_s: float | None = None
    """From the end of the turn before to this one; None where the trace does not tell."""
    whole: bool | None = True
    """Whether `isl` and `blocks` are the whole prompt; False: what this turn adds to what was said before in its
    session; None: the block ids of the turns tell."""
    text: int | None = None
    """Digest by which a prompt is found that the trace holds word for word; see `literal.digest`."""
    line: int = field(default=0, compare=False)
    """Where it stands in the file."""


@dataclass(slots=True)
class BadLines:
    """Lines of a file that could not be used: counted, or an error where `strict`."""

    path: Path
    strict: bool = False
    count: int = 0
    examples: list[str] = field(default_factory=list)
    """The first few, as `FILE:LINE: why`."""
    remarks: dict[str, None] = field(default_factory=dict)
    """What had to be taken for granted to use the others, each once."""

    def add(self, line: int, why: object) -> None:
        """Note a bad line. Raises FileError where `strict`."""
        text = f"{self.path}:{line}: {why}"
        if self.strict:
            raise FileError(text)
        self.count += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(text)


def shown(value: Any) -> str:
    """A value as a message repeats it: on one line, and cut."""
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "an object"
    text = repr(value[: 2 * SHOWN]) if isinstance(value, str) else repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def tokens(value: Any, name: str) -> int:
    """Return a token count. Raises ValueError where it is no whole number from 1 to MOST_TOKENS."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 1 <= number <= MOST_TOKENS or number != int(number):  # so that NaN is refused as well
        raise ValueError(f"{name} is {shown(value)}, not a whole number from 1 to {MOST_TOKENS}")
    return int(number)


def seconds(value: Any, name: str, unit_s: float = 1.0) -> float:
    """Return a time in seconds, given in units of `unit_s`. Raises ValueError where it is none, or below 0."""
    try:
        time_s = math.nan if isinstance(value, bool) else float(value) * unit_s
    except (TypeError, ValueError, OverflowError):
        time_s = math.nan
    if not 0 <= time_s <= MOST_SECONDS:
        raise ValueError(f"{name} is {shown(value)}, not a time of at least 0")
    return time_s
