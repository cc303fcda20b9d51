"""Requests of a sweep point counted: how they ended, who counted their tokens, and those sent to look at the load."""

from __future__ import annotations

from typing import Literal

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveInt

from inferbench.values import Value


class Counts(Value):
    """Requests by how they ended. They add up to `planned`."""

    planned: NonNegativeInt
    ok: NonNegativeInt
    error: NonNegativeInt = 0
    timeout: NonNegativeInt = 0
    cancelled: NonNegativeInt = 0
    refused: NonNegativeInt = 0
    unsent: NonNegativeInt = 0
    """Never started, because the run was stopped."""
    retried: NonNegativeInt = 0
    """Sent more than once, after a refusal or where an idle connection was closing; each is also one of those above."""
    retries: NonNegativeInt = 0
    """Times that they were sent again."""

    @property
    def failed(self) -> int:
        """Requests that failed, by whatever fault but the client's own."""
        return self.error + self.timeout + self.refused

    @property
    def failed_share(self) -> float:
        """Those of the requests that came to an end: what was cancelled or never sent counts on neither side."""
        return self.failed / max(self.ok + self.failed, 1)


class TokenCounts(Value):
    """Who counted the generated tokens of the requests that succeeded, and what does not add up."""

    by_server: NonNegativeFloat
    """Share of requests whose tokens the server's usage counted."""
    by_text: NonNegativeFloat
    """... whose text was counted by the tokenizer that was given, since no usage came."""
    by_chunks: NonNegativeFloat
    """... of which chunks were counted, each as one token: a lower bound."""
    asked_mean: NonNegativeFloat
    """Tokens asked for, mean over requests."""
    prompt_asked_mean: NonNegativeFloat
    """Prompt tokens that were to be sent, mean over requests; `isl_mean` is what the server counted."""
    short: NonNegativeInt = 0
    """Requests that ended before all tokens asked for, though their end was to be ignored."""
    short_mean: NonNegativeFloat | None = None
    """Tokens of those requests, mean; None where there are none."""
    short_asked_mean: NonNegativeFloat | None = None
    """Tokens asked for by them, mean."""
    unstreamed_mean: NonNegativeFloat = 0.0
    """Tokens that the server counts and no chunk held, as of reasoning that is not shown; mean over requests."""
    disbelieved: NonNegativeInt = 0
    """Requests for which the server said something of its tokens that cannot be so."""
    first_remark: str | None = None
    """What it said of the first of them."""


Ended = Literal["error", "timeout", "refused", "cancelled"]
"""How a request ended that did not succeed."""


class FailedRequests(Value):
    """Requests that failed alike."""

    ended: Ended
    kind: str
    """What they said, with the parts that differ from request to request left out: numbers, names, quoted text."""
    n: PositiveInt
    first: str
    """What the first of them said, whole."""


class ProbeRequests(Value):
    """Requests for one token that were sent beside the load: how long a stranger's request waits."""

    rate: NonNegativeFloat
    """Requests/s, at equal distances, whatever became of those before."""
    completed: NonNegativeInt
    failed: NonNegativeInt
    unfinished: NonNegativeInt
    """Still out when the load ended; they count in `max_ms` alone, with what they had waited by then."""
    p50_ms: float | None
    """From sent to the token, over those completed; None where there are none."""
    p99_ms: float | None
    max_ms: float | None
