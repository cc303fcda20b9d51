"""How a run goes and when it stops."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from inferbench.errors import InferbenchError
from inferbench.records.request_record import Status

MAX_ERROR_RATE = 0.1
"""Share of failed requests above which the measurement of a deployment is stopped, where nobody says otherwise."""


@dataclass(frozen=True, slots=True)
class RunLimits:
    """When to stop early."""

    max_error_rate: float = 1.0
    """Stop when more than this share of the requests that ended did not end OK; 1: never."""
    min_ended: int = 50
    """Requests that must have ended before the error rate counts."""
    duration_s: float | None = None
    """Send nothing new from this time of the run's clock on; None: until the plan is through."""
    grace_s: float = 30.0
    """What is in flight then may end within this time; the rest is cancelled."""


class StopKind(StrEnum):
    """Why a run stopped before its plan was through."""

    DURATION = "duration"
    """Its time was up: a normal end, since the plan is only a supply of requests then."""
    ERRORS = "errors"
    ASKED = "asked"
    """Somebody stopped it."""
    LOST = "lost"
    """A worker was lost; the others went on to their end."""
    SILENT = "silent"
    """The server said nothing any more."""
    UNRECORDED = "unrecorded"
    """What happens could no longer be written down."""

    @property
    def is_normal(self) -> bool:
        """Whether the run is complete all the same."""
        return self is StopKind.DURATION


@dataclass(slots=True)
class Progress:
    """How far a run is. Changed in place while it goes on."""

    planned: int
    sent: int = 0
    ended: int = 0
    in_flight: int = 0
    tokens: int = 0
    """Generated tokens of requests that ended OK."""
    strays: int = 0
    """Records of requests that were not in flight: a target ended one twice, or made one up. They are dropped."""
    by_status: dict[Status, int] = field(default_factory=lambda: dict.fromkeys(Status, 0))

    @property
    def failed(self) -> int:
        """Requests that ended in any way but OK."""
        return self.ended - self.by_status[Status.OK]

    @property
    def unsent(self) -> int:
        """Requests that were never sent."""
        return self.planned - self.sent

    def check(self) -> None:
        """Check, after the end, that every request ended as exactly one record or was not sent.

        Raises InferbenchError where the sum is off.
        """
        if self.strays or self.in_flight or self.planned != self.ended + self.unsent:
            raise InferbenchError(
                f"the records do not add up: {self.planned} planned, {self.ended} ended, {self.unsent} unsent, "
                f"{self.in_flight} without an end, {self.strays} ended that were not in flight"
            )
