"""Emptying a server's prefix cache."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from inferbench.endpoint.control_requests import FAILURES, asking, why_no_answer
from inferbench.loadgen.http.endpoint import Endpoint

PATHS = ("/flush_cache", "/reset_prefix_cache")
"""Where SGLang and vLLM have it."""
TRIES = 10
"""A server that still works on something refuses; it is asked again so often, as long as that may be over."""
PAUSE_S = 0.5


@dataclass(frozen=True)
class Flush:
    """How emptying one server's prefix cache went."""

    path: str | None = None
    """The path that did it; None where it was not emptied."""
    why_not: str | None = None


async def flush_cache(endpoint: Endpoint) -> Flush:
    """Ask a server to empty its prefix cache, and say how that went.

    A run without it is a good run, as long as no prompt was sent before, so that nothing is raised.
    """
    async with asking(endpoint) as asker:
        refused = ""
        for path in PATHS:
            for _ in range(TRIES):
                try:
                    answer = await asker.post(path)
                except FAILURES as error:
                    return Flush(why_not=f"no answer: {why_no_answer(error)}")
                if answer.ok:
                    return Flush(path)
                if answer.status != 400:  # SGLang's word for: requests are running
                    break
                refused = f"it refuses (HTTP 400: {answer.text})"
                await asyncio.sleep(PAUSE_S)
    return Flush(why_not=refused or f"it has no {' or '.join(PATHS)}")
