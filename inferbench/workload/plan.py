"""The plan: everything that a run will ask for, decided before the first request leaves."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np

from inferbench.arrays import NEVER, Ints


class Arrival(StrEnum):
    """When requests become due."""

    CLOSED = "closed"
    """All at once, held back by the concurrency limit: a slot that frees takes the next request."""
    CONSTANT = "constant"
    POISSON = "poisson"
    GAMMA = "gamma"
    TRACE = "trace"
    """At the times of a recorded trace."""

    @property
    def is_open(self) -> bool:
        """Whether requests are due at times of their own, whatever the server does."""
        return self is not Arrival.CLOSED


Prefix = tuple[tuple[int, int], ...]
"""How a prompt begins: (stream, tokens) pairs in order, each the first tokens of a stream of text that every
request with the same stream number shares."""


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """One request of a plan."""

    seq: int
    """Its number in the whole load, whichever part of it this plan is."""
    isl: int
    """Prompt tokens to send."""
    osl: int
    """Tokens to generate."""
    seed: int
    """Seed of the prompt's own text and of everything random in how it is served."""
    planned_ns: int | None
    """When it is due on the run's clock; None in a closed loop, where a free slot decides."""
    prefix: Prefix = ()


@dataclass(frozen=True, eq=False)
class Prefixes:
    """Shared beginnings of n prompts, ragged: prompt i has the pairs offsets[i]:offsets[i+1]."""

    offsets: Ints
    """Shape (n + 1,)."""
    streams: Ints
    tokens: Ints

    def of(self, row: int) -> Prefix:
        """Return how prompt `row` begins."""
        own = slice(self.offsets[row], self.offsets[row + 1])
        return tuple(zip(self.streams[own].tolist(), self.tokens[own].tolist(), strict=True))

    def take(self, rows: Ints) -> Prefixes:
        """Return the prefixes of some rows, in that order."""
        sizes = np.diff(self.offsets)[rows]
        ends = np.cumsum(sizes)
        index = np.arange(ends[-1] if len(ends) else 0) + np.repeat(self.offsets[rows] - (ends - sizes), sizes)
        return Prefixes(np.concatenate([[0], ends]).astype(np.int64), self.streams[index], self.tokens[index])


@dataclass(frozen=True, eq=False)
class Plan:
    """A load, as data: lengths, seeds and intended times. The same inputs give the same bytes.

    Columns have shape (n,) where nothing else is said. Rows are in order of sending; of a session, the first turn.
    """

    seed: int
    arrival: Arrival
    max_concurrency: int | None
    """Most requests in flight, or sessions under way; None: no limit (open loop only)."""
    isl: Ints
    """Prompt lengths, tokens."""
    osl: Ints
    """Output lengths, tokens."""
    seeds: Ints
    """Seed of each request, all different."""
    planned_ns: Ints | None
    """Due times on the run's clock, rising over first turns; None in a closed loop. A later turn is due when the turn
    before it has ended and the user has thought, and not before its own time; NEVER where it has none."""
    ignore_eos: bool
    salt: str
    """Text mixed into every prompt, so that no two sweep points share a prefix."""
    prompt_hash: str
    """SHA-256 over all that decides prompts: equal hashes mean equal prompts."""
    seqs: Ints | None = None
    """Numbers of the requests in the whole load; None: 0 .. n-1."""
    session: Ints | None = None
    """Session that each request is a turn of; None: every request stands alone."""
    turn: Ints | None = None
    """0, 1, 2, ... within a session; given with `session`."""
    think_ns: Ints | None = None
    """From the end of the turn before to this one; given with `session`."""
    prefix: Prefixes | None = None
    """What prompts share; None: nothing."""
    slot_open_ns: Ints | None = None
    """When each slot may first be used, rising, shape (max_concurrency,); None: all at 0."""

    def __len__(self) -> int:
        return len(self.isl)

    def request(self, row: int, due_ns: int | None = None) -> PlannedRequest:
        """Return the request in a row; `due_ns` is when a later turn of a session turned out to be due."""
        if due_ns is None and self.planned_ns is not None:
            due_ns = int(self.planned_ns[row])
        return PlannedRequest(
            row if self.seqs is None else int(self.seqs[row]),
            int(self.isl[row]),
            int(self.osl[row]),
            int(self.seeds[row]),
            None if due_ns == NEVER else due_ns,
            () if self.prefix is None else self.prefix.of(row),
        )

    def row_of(self, seq: int) -> int:
        """Return the row of a request, by its number in the whole load."""
        return seq if self.seqs is None else self._rows[seq]

    @cached_property
    def _rows(self) -> dict[int, int]:
        return {} if self.seqs is None else {seq: row for row, seq in enumerate(self.seqs.tolist())}

    @cached_property
    def first_turns(self) -> Ints:
        """Rows that wait for no other: first turns, and all rows where there are no sessions."""
        return np.arange(len(self)) if self.turn is None else np.flatnonzero(self.turn == 0)

    @cached_property
    def next_turn(self) -> Ints:
        """Row of the turn after each row's, -1 after the last of a session."""
        following = np.full(len(self), -1, dtype=np.int64)
        if self.session is not None and self.turn is not None:
            order = np.lexsort((self.turn, self.session))
            same = self.session[order[1:]] == self.session[order[:-1]]
            following[order[:-1][same]] = order[1:][same]
        return following
