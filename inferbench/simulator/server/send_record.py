"""The server's own record of what it sent: the truth beside which a client's stamps are set."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class SendRecord:
    """One request as the server saw it. Times are CLOCK_MONOTONIC of the machine, ns."""

    seq: int
    prompt_tokens: int
    arrival_ns: int
    """When the whole request had been read and was handed over."""
    first_token_ns: int = 0
    """Just before the first token went to the kernel: no client can have had it sooner. 0: never."""
    last_token_ns: int = 0
    tokens: int = 0
    taken_ns: int = 0
    """When it came by the target's own schedule; what follows was due by it, too."""
    first_due_ns: int = 0
    last_due_ns: int = 0
