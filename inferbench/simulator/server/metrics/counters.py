"""What the server's metrics are made of, counted as requests go by. Times are real, in seconds."""

from __future__ import annotations

import time
from collections.abc import Mapping

from inferbench.simulator.server.metrics.histogram import Histogram
from inferbench.simulator.server.send_record import SendRecord
from inferbench.units import NS_PER_S

# SGLang's default buckets, seconds.
TTFT_BOUNDS = (0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 4, 6, 8, 10, 20, 40, 60, 80, 100, 200, 400)
E2E_BOUNDS = (*TTFT_BOUNDS, 600, 1200, 1800, 2400)
ITL_BOUNDS = (
    0.002, 0.004, 0.006, 0.008, 0.010, 0.015, 0.020, 0.025, 0.030, 0.035, 0.040, 0.060, 0.080, 0.100, 0.200, 0.400,
    0.600, 0.800, 1, 2, 4, 6, 8,
)  # fmt: skip

RATE_NS = NS_PER_S
"""Least time over which a rate is taken."""


class Monitor:
    """The counts of one server."""

    def __init__(self) -> None:
        self.waiting = 0
        """Requests without a token yet."""
        self.running = 0
        """Requests that have their first token and not their last."""
        self.context_tokens = 0
        """Tokens, prompt and answer, of those that run."""
        self.requests = self.aborted = 0
        self.prompt_tokens = self.answer_tokens = 0
        """Of requests that have ended well: SGLang counts them only then."""
        self.drafted_tokens = self.passes = 0
        """Tokens that came out of passes with drafts, and those passes."""
        self.ttft, self.itl = Histogram(TTFT_BOUNDS), Histogram(ITL_BOUNDS)
        self.tpot, self.e2e = Histogram(ITL_BOUNDS), Histogram(E2E_BOUNDS)
        self._sent_tokens = 0
        self._mark_ns, self._mark_tokens, self._rate = time.monotonic_ns(), 0, 0.0

    @property
    def open(self) -> int:
        """Requests that are being answered."""
        return self.waiting + self.running

    def started(self) -> None:
        """A request was taken."""
        self.waiting += 1

    def sent(self, sends: SendRecord, now_ns: int, tokens: int) -> None:
        """Tokens are about to be sent; `sends` still holds what was before them."""
        if sends.tokens:
            self.itl.observe((now_ns - sends.last_token_ns) / tokens / NS_PER_S, tokens)
        else:
            self.waiting -= 1
            self.running += 1
            self.context_tokens += sends.prompt_tokens
            self.ttft.observe((now_ns - sends.arrival_ns) / NS_PER_S)
        self._sent_tokens += tokens
        self.context_tokens += tokens

    def ended(self, sends: SendRecord, ok: bool, passes: int | None) -> None:
        """A request's record is out."""
        if sends.tokens:
            self.running -= 1
            self.context_tokens -= sends.prompt_tokens + sends.tokens
        else:
            self.waiting -= 1
        if not ok:
            self.aborted += 1
            return
        self.requests += 1
        self.prompt_tokens += sends.prompt_tokens
        self.answer_tokens += sends.tokens
        self.e2e.observe((sends.last_token_ns - sends.arrival_ns) / NS_PER_S)
        if sends.tokens > 1:
            self.tpot.observe((sends.last_token_ns - sends.first_token_ns) / (sends.tokens - 1) / NS_PER_S)
            if passes:
                self.drafted_tokens += sends.tokens - 1
                self.passes += passes

    def tokens_per_second(self) -> float:
        """Rate of generated tokens since it was last asked for, over a second at least."""
        elapsed_ns = time.monotonic_ns() - self._mark_ns
        if elapsed_ns >= RATE_NS:
            self._rate = (self._sent_tokens - self._mark_tokens) * NS_PER_S / elapsed_ns
            self._mark_ns, self._mark_tokens = time.monotonic_ns(), self._sent_tokens
        return self._rate

    def histograms(self) -> Mapping[str, Histogram]:
        """By SGLang's names without the prefix."""
        return {
            "time_to_first_token_seconds": self.ttft,
            "inter_token_latency_seconds": self.itl,
            "request_time_per_output_token_seconds": self.tpot,
            "e2e_request_latency_seconds": self.e2e,
        }
