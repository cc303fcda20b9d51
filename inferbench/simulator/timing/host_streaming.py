"""The host's streaming server: processes that turn new tokens into server-sent events."""

from __future__ import annotations

from inferbench.simulator.parameters.numbers import Real
from inferbench.simulator.timing.kernels import larger


def streaming_floor_seconds(
    batch: Real, tokens_per_pass: Real, chunk_seconds: float, workers: int, stream_interval: int
) -> Real:
    """Least time of a decode pass: a pass cannot be shorter than writing the chunks that it causes.

    A request causes one chunk per `stream_interval` tokens, and at most one per pass. `workers` processes share them.
    """
    chunks = batch * -larger(-1.0, -tokens_per_pass / stream_interval)
    return chunks * chunk_seconds / workers
