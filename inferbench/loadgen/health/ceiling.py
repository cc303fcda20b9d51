"""What this machine's client can take, found by loading it more and more, and what follows for a load."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from enum import StrEnum

from pydantic import NonNegativeInt, PositiveInt

from inferbench.values import Value

TOKENS_PER_S = 20
"""Pace of a stream, tok/s: the speed at which people read, and the usual target of a chat service."""
STAMP_MS = 4.0
"""Accuracy that is asked for: 9 of 10 first and last stamps are at most so late, 2 % of a TTFT of 200 ms."""
MIN_PACE = 0.95
"""Share of the offered tokens per second that must have come for a step to count as held."""


class Limit(StrEnum):
    """What ended a self-check."""

    CLIENT = "client"
    """Stamps came too late."""
    SERVER = "server"
    """The null server, or a machine that both share, could not send as much as was asked for."""
    FILES = "open files"
    """The system allows no more sockets."""
    NONE = "none"
    """Every step was held: the client can take more than was tried."""


class Step(Value):
    """One number of streams against the null server."""

    streams: PositiveInt
    offered_events_per_s: float
    events_per_s: float
    """Token events that came, per second."""
    stamp_late_p90_ms: float
    cpu_share: float

    @property
    def in_time(self) -> bool:
        """Whether the stamps were as accurate as asked for."""
        return self.stamp_late_p90_ms <= STAMP_MS

    @property
    def at_pace(self) -> bool:
        """Whether the tokens came as fast as they should."""
        return self.events_per_s >= MIN_PACE * self.offered_events_per_s

    @property
    def held(self) -> bool:
        """Whether the client could take it."""
        return self.in_time and self.at_pace


class Machine(Value):
    """What a ceiling depends on: one measured under other conditions is none."""

    cpu: str
    cpus: int
    python: str
    inferbench: str


class Ceiling(Value):
    """Most that one worker of this machine takes while its stamps stay accurate to STAMP_MS."""

    machine: Machine
    events_per_s: float
    """Token events per second; 0 where not even the first step was held."""
    streams: NonNegativeInt
    """Streams of TOKENS_PER_S."""
    limited_by: Limit
    steps: tuple[Step, ...]


def ceiling_of(machine: Machine, steps: Iterable[Step], ended_by: Limit = Limit.NONE) -> Ceiling:
    """The ceiling that steps came to; `ended_by` says what ended them where no step itself shows it."""
    steps = tuple(sorted(steps, key=lambda step: step.streams))
    held = [step for step in steps if step.held]
    failed = next((step for step in steps if not step.held), None)
    if failed is not None:
        ended_by = Limit.SERVER if failed.in_time else Limit.CLIENT
    best = max(held, key=lambda step: step.streams, default=None)
    return Ceiling(
        machine=machine,
        events_per_s=best.events_per_s if best else 0.0,
        streams=best.streams if best else 0,
        limited_by=ended_by,
        steps=steps,
    )


def workers_for(streams: int | None, ceiling: Ceiling | None) -> int:
    """How many workers a load needs: as many as its streams at TOKENS_PER_S need by the ceiling.

    1 where nothing is known of either; never more than there are cores, nor than streams.
    """
    if streams is None or ceiling is None or ceiling.streams == 0:
        return 1
    return max(1, min(math.ceil(streams / ceiling.streams), cores(), streams))


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
