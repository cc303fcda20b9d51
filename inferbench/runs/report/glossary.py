"""The metrics that a report shows: what each means, its formula, and the trap in it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """One metric in words."""

    name: str
    unit: str
    formula: str
    note: str


TERMS = (
    Term("ISL, OSL", "tokens", "prompt tokens, generated tokens", "from the server's own count where it gives one"),
    Term(
        "TTFT", "ms", "arrival of the first chunk with a token - start",
        "time to first token; start is when the request's last byte was sent",
    ),
    Term(
        "TPOT", "ms", "(last token - first token) / (OSL - tokens of the first chunk)",
        "time per output token, one figure per request",
    ),
    Term("ITL", "ms", "time between two tokens", "inter-token latency; a chunk of k tokens gives k equal gaps"),
    Term("E2EL", "ms", "arrival of the last token - start", "end-to-end latency"),
    Term(
        "interactivity", "tok/s/user", "1000 / median TPOT",
        "the pace at which one user sees text; a percentile of it inverts that percentile of TPOT, never a mean",
    ),
    Term("concurrency", "requests", "the most requests in flight at once", "a slot that frees takes the next request"),
    Term(
        "tput_per_gpu", "tok/s/GPU", "(prompt + generated tokens) / time / all GPUs",
        "prefill and decode GPUs together",
    ),
    Term(
        "$/Mtok", "USD", "$ per GPU-hour / (tok/s/GPU x 3600 / 1,000,000)",
        "per million prompt and generated tokens together, all GPUs charged",
    ),
    Term("p50, p90, p99", "", "the value that 50, 90, 99 % of requests stay below", "linear between order statistics"),
    Term(
        "whole_run", "", "first start to last token", "a basis: ramp-up and drain included, as InferenceX and vLLM do"
    ),
    Term(
        "window", "", "while every slot is busy",
        "a basis: steady state; about 10 % above whole_run, so the two are never compared",
    ),
    Term(
        "interval", "", "throughput x (1 - h) to x (1 + h); cost / (1 + h) to / (1 - h)",
        "h is the half-width of a simulated figure",
    ),
    Term(
        "ratio", "", "cost of the next cheapest / cost of the cheapest",
        "its interval adds both sides' doubt as independent errors; where it holds 1.00x the verdict is UNDECIDED",
    ),
)  # fmt: skip
