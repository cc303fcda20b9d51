"""What prompts share with each other, and which follow which: shared prefixes and sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from inferbench.arrays import Ints
from inferbench.errors import UsageError
from inferbench.units import NS_PER_S
from inferbench.workload.plan import Prefixes

GROUP_STREAMS = 1 << 40
"""Streams of text from here on are those of prefix groups; below, those of sessions."""

BLOCK_STREAMS = 1 << 41
"""And from here on, those of the blocks of a trace."""

TURN_STREAMS = 1 << 61
"""From here on, what a turn of a trace adds to its session: its own text, then its answer."""

TEXT_STREAMS = 1 << 62
"""And from here on, those of texts that a trace holds word for word."""


@dataclass(frozen=True, slots=True)
class SharedPrefix:
    """Each prompt begins with the `tokens` tokens of one of `groups` groups; they come on top of its own length.

    Raises UsageError for numbers below 1.
    """

    tokens: int
    groups: int = 1
    even: bool = False
    """Each group has as many prompts (or sessions) as the next, give or take one; otherwise groups are drawn."""

    def __post_init__(self) -> None:
        if self.tokens < 1 or self.groups < 1:
            raise UsageError(f"a shared prefix needs at least 1 token and 1 group, not {self.tokens} and {self.groups}")


@dataclass(frozen=True, slots=True)
class Turns:
    """Sessions of `count` turns each, with `think_s` seconds between an answer and the next turn.

    The prompt of a turn is all that was said before and the new text. What the server will have answered is not
    known beforehand: text of the planned length stands in its place. Raises UsageError for a count below 1 or a
    negative time.
    """

    count: int
    think_s: float = 0.0

    def __post_init__(self) -> None:
        if self.count < 1 or self.think_s < 0:
            raise UsageError(
                f"sessions need at least 1 turn and a think time of at least 0 s, not {self.count} and {self.think_s:g}"
            )


class SessionColumns(NamedTuple):
    """Columns of a plan in sessions; see `domain.plan.Plan`."""

    session: Ints
    turn: Ints
    think_ns: Ints
    isl: Ints
    """The whole prompt of each turn, what was said before included."""


def in_sessions(turns: Turns, isl: Ints, osl: Ints) -> SessionColumns:
    """Cut n requests into sessions, whose turns follow each other; the last session may be shorter.

    `isl` is the new text of each turn, tokens.
    """
    rows = np.arange(len(isl))
    session, turn = rows // turns.count, rows % turns.count
    said = np.cumsum(isl + osl)
    before = np.concatenate([[0], said])[rows - turn]  # by all earlier sessions
    think_ns = np.where(turn == 0, 0, int(turns.think_s * NS_PER_S)).astype(np.int64)
    return SessionColumns(session, turn, think_ns, said - osl - before)


def _groups(shared: SharedPrefix, n: int, rng: np.random.Generator) -> Ints:
    """The group of each of n prompts or sessions, in any order."""
    if shared.even:
        return rng.permutation(np.arange(n, dtype=np.int64) % shared.groups)
    return rng.integers(0, shared.groups, size=n)


def prefixes(
    isl: Ints, shared: SharedPrefix | None, session: Ints | None, rng: np.random.Generator
) -> tuple[Prefixes | None, Ints]:
    """Prefixes of n prompts, and their whole lengths. `isl` is the length without a group's prefix, tokens.

    All turns of a session belong to one group. A session's text is one stream: each turn takes more of it.
    """
    if shared is None and session is None:
        return None, isl
    n = len(isl)
    of = np.arange(n) if session is None else session
    columns = []
    if shared is not None:
        group = _groups(shared, int(of.max(initial=0)) + 1, rng)[of]
        columns.append((GROUP_STREAMS + group, np.full(n, shared.tokens, dtype=np.int64)))
    if session is not None:
        columns.append((session, isl))
    streams = np.column_stack([stream for stream, _ in columns]).ravel()
    tokens = np.column_stack([count for _, count in columns]).ravel()
    offsets = np.arange(n + 1, dtype=np.int64) * len(columns)
    return Prefixes(offsets, streams, tokens), isl + (0 if shared is None else shared.tokens)
