"""The plan: everything that a run will ask for, decided before the first request leaves."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Arrival(StrEnum):
    """When requests become due."""

    CLOSED = "closed"
    """All at once, held back by the concurrency limit: a slot that frees takes the next request."""
    CONSTANT = "constant"
    POISSON = "poisson"
    GAMMA = "gamma"

    @property
    def is_open(self) -> bool:
        """Whether requests are due at times of their own, whatever the server does."""
        return self is not Arrival.CLOSED


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """One request of a plan."""

    seq: int
    isl: int
    """Prompt tokens to send."""
    osl: int
    """Tokens to generate."""
    seed: int
    """Seed of the prompt's text and of everything random in how it is served."""
    planned_ns: int | None
    """When it is due on the run's clock; None in a closed loop, where a free slot decides."""


@dataclass(frozen=True, eq=False)
class Plan:
    """A load, as data: lengths, seeds and intended times. The same inputs give the same bytes."""

    seed: int
    arrival: Arrival
    max_concurrency: int | None
    """Most requests in flight; None: no limit (open loop only)."""
    isl: NDArray[np.int64]
    """Prompt lengths, tokens, shape (n,)."""
    osl: NDArray[np.int64]
    """Output lengths, tokens, shape (n,)."""
    seeds: NDArray[np.int64]
    """Seed of each request, shape (n,), all different."""
    planned_ns: NDArray[np.int64] | None
    """Due times on the run's clock, shape (n,); None in a closed loop."""
    ignore_eos: bool
    salt: str
    """Text mixed into every prompt, so that no two sweep points share a prefix."""
    prompt_hash: str
    """SHA-256 over seed, lengths, tokenizer and salt: equal hashes mean equal prompts."""

    def __len__(self) -> int:
        return len(self.isl)

    def request(self, seq: int) -> PlannedRequest:
        """Return request number `seq`."""
        due = None if self.planned_ns is None else int(self.planned_ns[seq])
        return PlannedRequest(seq, int(self.isl[seq]), int(self.osl[seq]), int(self.seeds[seq]), due)
