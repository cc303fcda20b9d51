"""Which traces can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...domain.errors import UsageError
from ...domain.names import unknown
from . import azure, burstgpt, mooncake, sharegpt
from .picking import Pick
from .picking import pick as picked
from .request import BadLines, TraceRequest

TABLES = {"mooncake": mooncake.read, "azure": azure.read, "burstgpt": burstgpt.read}
KINDS = (*TABLES, "sharegpt", "custom")


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace that is being read. `bad` is complete when `requests` has been gone through."""

    requests: Iterator[TraceRequest]
    bad: BadLines


def count_words(text: str) -> int:
    """One word, one token: approximate, for want of the server's tokenizer."""
    return len(text.split())


def open_trace(
    kind: str,
    path: str | Path,
    *,
    strict: bool = False,
    count: Callable[[str], int] = count_words,
    one_turn: bool = False,
    pick: Pick | None = None,
) -> Trace:
    """Begin to read a trace of one of the KINDS.

    `count` counts the tokens of texts, for kinds that hold texts; `one_turn` takes only the first turn of sessions;
    `pick` takes a sample of a data set, which custom prompts need. Raises UsageError for an unknown kind; going
    through it raises FileError where the file cannot be used.
    """
    if kind not in KINDS:
        raise UsageError(unknown("trace", kind, KINDS))
    bad = BadLines(Path(path), strict)
    taken = None if pick is None else picked(kind, bad.path, bad, count, pick)
    if taken is not None:
        return Trace(taken, bad)
    if kind == "sharegpt":
        return Trace(sharegpt.read(bad.path, bad, count, one_turn), bad)
    return Trace(TABLES[kind](bad.path, bad), bad)
