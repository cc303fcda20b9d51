"""The steady state of a plant in a closed loop, as a mean field: the same pass times as the simulation, no events.

A thousand configurations take a second, and every constant may be an array of many values, so that a fit can try them
all at once. What it leaves out are the fluctuations: they enter only through the three closed forms at the end, whose
constants are fitted to the event simulation and not to measurements.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..domain.units import NS_PER_S
from .kernels import Real
from .speculation import LONG_PROMPT, slow_factor
from .target import Plant

KNEE = 8.0
"""How sharply a closed loop goes over from its own pace to that of the stage that is full."""
ROUNDS = 5
"""Of Steffensen's iteration for the batch; each is two evaluations of the pass time."""
SMALLEST_BATCH = 1e-3
DRAIN = 0.03
"""Share of a run that the last requests of every slot cost, waiting for each other, with lengths of 0.8 to 1.0."""
IMBALANCE = 0.18
"""By how many sqrt(requests of a rank) the fullest rank exceeds the mean one."""

BUNCHES = 1.7
"""How much likelier a prompt is to find others waiting than the share of time that prefill is busy."""
SELDOM = 0.25
"""Share of busy time up to which the median prompt finds nobody before it; at twice that it waits as the mean does."""
QUEUE = 0.6
FULL_QUEUE = 0.85
"""Wait for QUEUE load / (1 - load) prompts, up to this load; beyond it the knee takes over."""


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


@dataclass(frozen=True, slots=True)
class _Prefill:
    """Passes of one prefill worker: first + more x (prompts - 1), up to a number of prompts."""

    first_s: Real
    more_s: Real
    prompts: Real
    after_s: Real
    """Handshakes and transfer."""
    handoff_passes: Real
    capacity: Real
    """Requests/s of all prefill workers and their links."""

    def seconds(self, rate: Real) -> tuple[Real, Real]:
        """Mean and median from arrival to the cache's arrival at decode, `rate` requests per second to each worker.

        A prompt waits for half of the pass under way and then for its own, which holds those that came meanwhile.
        Requests of a closed loop come in bunches, so that queues are longer than their load alone would make them.
        """
        alone = self.first_s - self.more_s
        crowd = np.clip(rate * alone / np.maximum(1 - rate * self.more_s, 1e-3), 1.0, self.prompts)
        own = alone + self.more_s * crowd
        busy = np.minimum(rate * own / crowd, 1.0)
        load = np.minimum(rate * self.more_s, FULL_QUEUE)
        queue = QUEUE * load / (1 - load) * self.more_s
        wait = own * (busy / 2 + np.minimum(BUNCHES * busy, 1.0) * self.handoff_passes) + queue
        return own + wait + self.after_s, own + wait * np.clip((busy - SELDOM) / SELDOM, 0.0, 1.0) + self.after_s


def steady_state(plant: Plant, load: ClosedLoad) -> SteadyState:
    """Solve the closed loop: requests in decode = rate x time in decode, with the rate that prefill leaves."""
    prefill = _prefill(plant, load)
    cap = float(plant.max_running)
    batch = _fixed_point(plant, load, prefill, cap)
    in_decode = _decode_seconds(plant, load, batch)
    rate = plant.decode_workers * batch / in_decode
    step = in_decode / _passes(plant, load)
    waiting = load.concurrency / rate - in_decode
    _, median = prefill.seconds(_others(load) * rate / plant.prefill_workers)
    unhindered = median + step / 2 + 2 * plant.delay_ns / NS_PER_S
    share = np.minimum(in_decode * rate / load.concurrency, 1.0)
    used = rate / prefill.capacity
    skew = np.where(load.isl >= LONG_PROMPT, plant.skew, 1.0)
    return SteadyState(
        tpot_s=in_decode / np.maximum(load.osl - 1, 1) * skew,
        ttft_s=np.maximum(waiting, unhindered),
        requests_s=rate * _whole_run(load, share, used, skew),
        batch=batch,
        prefill_load=used,
    )


def _others(load: ClosedLoad) -> Real:
    """Share of the load that a request finds before it: in a closed loop it never meets itself."""
    return 1 - 1 / load.concurrency


def _passes(plant: Plant, load: ClosedLoad) -> Real:
    return np.maximum(load.osl - 1, 1) / plant.tokens_per_pass


def _prefill(plant: Plant, load: ClosedLoad) -> _Prefill:
    ranks, isl, squared = plant.prefill_ranks, load.isl, load.isl_squared
    per_rank = np.maximum(np.floor(plant.max_batch_tokens / ranks / isl), 1)
    prompts = per_rank * ranks
    first = plant.prefill.seconds(isl, squared, 1, isl, squared)
    # The fullest of n ranks with uniform lengths is sqrt(3) (n - 1) / (n + 1) standard deviations above the mean.
    deviation = np.sqrt(np.maximum(squared - isl**2, 0) * per_rank) * np.sqrt(3) * (ranks - 1) / (ranks + 1)
    fullest = per_rank * isl + deviation
    full = plant.prefill.seconds(prompts * isl, prompts * squared, prompts, fullest, fullest * squared / isl)
    transfer = plant.transfer.seconds(isl)
    each = np.maximum(full / prompts, transfer / plant.links_per_worker)
    more = (full - first) / np.maximum(prompts - 1, 1)
    after = transfer + plant.handoff_seconds
    return _Prefill(first, more, prompts, after, plant.handoff_passes, plant.prefill_workers / each)


def _decode_seconds(plant: Plant, load: ClosedLoad, batch: Real) -> Real:
    """Time that a request spends in decode when each worker runs `batch` of them."""
    running = np.maximum(batch, 1.0)
    fullest = running
    if plant.ranks > 1:
        rank = running / plant.ranks
        fullest = np.minimum(np.maximum(rank, 1.0) + IMBALANCE * np.sqrt(rank), running)
    context = running * (load.isl + load.osl / 2)
    return _passes(plant, load) * plant.decode.coefficients(fullest, running).seconds(context)


def _fixed_point(plant: Plant, load: ClosedLoad, prefill: _Prefill, cap: float) -> Real:
    def step(log_batch: Real) -> Real:
        batch = np.exp(log_batch)
        in_decode = _decode_seconds(plant, load, batch)
        now = np.minimum(plant.decode_workers * batch / in_decode, prefill.capacity) / plant.prefill_workers
        own_pace = load.concurrency / (prefill.seconds(_others(load) * now)[0] + in_decode)
        rate = (own_pace**-KNEE + prefill.capacity**-KNEE) ** (-1 / KNEE)
        return np.log(np.clip(rate * in_decode / plant.decode_workers, SMALLEST_BATCH, cap))

    x = np.log(np.minimum(np.maximum(load.concurrency / plant.decode_workers, SMALLEST_BATCH), cap))
    for _ in range(ROUNDS):
        first = step(x)
        second = step(first)
        slope = second - 2 * first + x
        flat = np.abs(slope) < 1e-12
        better = x - (first - x) ** 2 / np.where(flat, 1.0, slope)
        x = np.clip(np.where(flat, second, better), np.log(SMALLEST_BATCH), np.log(cap))
    return np.exp(x)


def _whole_run(load: ClosedLoad, share_in_decode: Real, prefill_load: Real, skew: Real) -> Real:
    """Whole-run rate over the steady one.

    The start burst is spread over the prompts' prefill, which costs half of that time; the last requests end apart,
    and the more so the longer the slow ones among them take.
    """
    waves = load.waves
    drain = DRAIN * 10 + (slow_factor(skew) - 1) / 2
    lost = drain / waves * share_in_decode + np.minimum(prefill_load, 1.0) * share_in_decode / (2 * waves)
    return 1 / (1 + lost)
