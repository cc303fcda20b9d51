"""What all traces come down to."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from ...domain.errors import FileError

EXAMPLES = 5
"""Bad lines that are kept word for word."""

MOST_TOKENS = 10**9
MOST_SECONDS = 10**11
"""Larger values are no loads, but faults in a file; seconds since 1970 are within it."""


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
    text: int | None = None
    """Number of the prompt in its file, where it is sent as it stands there."""


@dataclass(slots=True)
class BadLines:
    """Lines of a file that could not be used: counted, or an error where `strict`."""

    path: Path
    strict: bool = False
    count: int = 0
    examples: list[str] = field(default_factory=list)
    """The first few, as `FILE:LINE: why`."""

    def add(self, line: int, why: object) -> None:
        """Note a bad line. Raises FileError where `strict`."""
        text = f"{self.path}:{line}: {why}"
        if self.strict:
            raise FileError(text)
        self.count += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(text)


@contextmanager
def opened(path: Path) -> Iterator[IO[str]]:
    """Open a trace as text. Raises FileError where it cannot be read; bytes that are no UTF-8 are replaced."""
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            yield file
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from None


def tokens(value: Any, name: str) -> int:
    """Return a token count. Raises ValueError where it is no whole number from 1 to MOST_TOKENS."""
    try:
        count = int(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} is {value!r}, not a whole number") from None
    if not 1 <= count <= MOST_TOKENS or (not isinstance(value, str) and count != value):
        raise ValueError(f"{name} is {value!r}, not a whole number from 1 to {MOST_TOKENS}")
    return count


def seconds(value: Any, name: str, unit_s: float = 1.0) -> float:
    """Return a time in seconds, given in units of `unit_s`. Raises ValueError where it is none."""
    try:
        time_s = float(value) * unit_s
    except (TypeError, ValueError, OverflowError):
        time_s = math.nan
    if not abs(time_s) <= MOST_SECONDS:  # so that NaN is refused as well
        raise ValueError(f"{name} is {value!r}, not a time")
    return time_s
