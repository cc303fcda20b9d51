"""What the steady states of disaggregated and of aggregated clusters share: a closed loop, its batch, its whole run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from inferbench.simulator.engine.cluster import Cluster
from inferbench.simulator.parameters.numbers import Real
from inferbench.simulator.timing.speculative_decoding import slow_factor

KNEE = 8.0
"""How sharply a closed loop goes over from its own pace to that of the stage that is full."""
ROUNDS = 5
"""Of Steffensen's iteration for the batch; each is two evaluations of the pass time."""
SMALLEST_BATCH = 1e-3
DRAIN = 0.03
"""Share of a run that the last requests of every slot cost, waiting for each other, with lengths of 0.8 to 1.0."""
IMBALANCE = 0.18
"""By how many sqrt(requests of a rank) the fullest rank exceeds the mean one."""


@dataclass(frozen=True, slots=True)
class ClosedLoad:
    """A closed loop by its mean lengths. Numbers, or arrays of equal shape."""

    concurrency: Real
    isl: Real
    """Mean prompt, tokens."""
    isl_squared: Real
    """Mean square of the prompts."""
    osl: Real
    waves: float = 10.0
    """Requests of the run per slot."""


@dataclass(frozen=True, slots=True)
class SteadyState:
    """What a client would report of a whole run."""

    tpot_s: Real
    ttft_s: Real
    """Of a request in the middle of the run: its median."""
    requests_s: Real
    """Completed requests per second of the whole run, burst and drain included."""
    batch: Real
    """Requests that run on one decode worker."""
    prefill_load: Real
    """Share of the prefill capacity that is in use."""


def held_passes(cluster: Cluster, load: ClosedLoad) -> Real:
    """Passes that an answer's first chunk is held for."""
    return np.minimum(cluster.first_chunk - 1, np.maximum(load.osl - 1, 1)) / cluster.tokens_per_pass


def others(load: ClosedLoad) -> Real:
    """Share of the load that a request finds before it: in a closed loop it never meets itself."""
    return 1 - 1 / load.concurrency


def passes(cluster: Cluster, load: ClosedLoad) -> Real:
    """Mean decode passes of a request."""
    return np.maximum(load.osl - 1, 1) / cluster.tokens_per_pass


def slots(cluster: Cluster, load: ClosedLoad) -> Real:
    """Requests that a decode worker has room for: its own cap, and that of its KV cache."""
    return np.minimum(float(cluster.max_running), cluster.kv_tokens / (load.isl + load.osl))


def decode_pass_seconds(cluster: Cluster, load: ClosedLoad, batch: Real) -> Real:
    """Time of a decode pass when each worker runs `batch` requests."""
    running = np.maximum(batch, 1.0)
    fullest = running
    if cluster.ranks > 1:
        rank = running / cluster.ranks
        fullest = np.minimum(np.maximum(rank, 1.0) + IMBALANCE * np.sqrt(rank), running)
    context = running * (load.isl + load.osl / 2)
    return cluster.decode.coefficients(fullest, running).seconds(context)


def prefill_passes(cluster: Cluster, load: ClosedLoad, per_rank: Real, prompts: Real) -> tuple[Real, Real]:
    """Time of a prefill pass over one prompt, and over `prompts` of them, `per_rank` on each rank."""
    ranks, isl, squared = cluster.prefill_ranks, load.isl, load.isl_squared
    first = cluster.prefill.seconds(isl, squared, 1, isl, squared)
    # The fullest of n ranks with uniform lengths is sqrt(3) (n - 1) / (n + 1) standard deviations above the mean.
    deviation = np.sqrt(np.maximum(squared - isl**2, 0) * per_rank) * np.sqrt(3) * (ranks - 1) / (ranks + 1)
    fullest = per_rank * isl + deviation
    full = cluster.prefill.seconds(prompts * isl, prompts * squared, prompts, fullest, fullest * squared / isl)
    return first, full


def slower(first: Real, second: Real) -> Real:
    """The lower of two rates, rounded where both matter."""
    lower: Real = (first**-KNEE + second**-KNEE) ** (-1 / KNEE)
    return lower


def solve_batch(next_batch: Callable[[Real], Real], start: Real, cap: Real) -> Real:
    """Return the batch of a decode worker that `next_batch` maps to itself, between SMALLEST_BATCH and `cap`."""

    def step(log_batch: Real) -> Real:
        bounded: Real = np.log(np.clip(next_batch(np.exp(log_batch)), SMALLEST_BATCH, cap))
        return bounded

    x = np.log(np.clip(start, SMALLEST_BATCH, cap))
    for _ in range(ROUNDS):
        first = step(x)
        second = step(first)
        slope = second - 2 * first + x
        flat = np.abs(slope) < 1e-12
        better = x - (first - x) ** 2 / np.where(flat, 1.0, slope)
        x = np.clip(np.where(flat, second, better), np.log(SMALLEST_BATCH), np.log(cap))
    batch: Real = np.exp(x)
    return batch


def whole_run(load: ClosedLoad, share_in_decode: Real, prefill_load: Real, skew: Real) -> Real:
    """Whole-run rate over the steady one.

    The start burst is spread over the prompts' prefill, which costs half of that time; the last requests end apart,
    and the more so the longer the slow ones among them take.
    """
    waves = load.waves
    drain = DRAIN * 10 + (slow_factor(skew) - 1) / 2
    lost = drain / waves * share_in_decode + np.minimum(prefill_load, 1.0) * share_in_decode / (2 * waves)
    return 1 / (1 + lost)
