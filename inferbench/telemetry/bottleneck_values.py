"""What holds a deployment back, with the evidence for it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from inferbench.values import Value


class Stage(StrEnum):
    """Where a request can be waited for or worked on."""

    CLIENT = "client"
    ROUTER = "router"
    PREFILL_QUEUE = "prefill queue"
    KV_TRANSFER = "KV transfer"
    DECODE = "decode"
    HOST_STREAMING = "host streaming"


class Bottleneck(Value):
    """The place that holds a sweep point back."""

    place: Stage | None
    """None: undecided."""
    evidence: tuple[str, ...]
    """Why, or what is missing for an answer; one sentence each."""
    shares: dict[Stage, float] = Field(default_factory=dict)
    """Share of the requests in flight that were in each place, on average over the span; empty where not known."""

    @property
    def outcome(self) -> str:
        """In a word or two."""
        return self.place.value if self.place else "undecided"
