"""The steady state of a cluster in a closed loop, as a mean field: the same pass times as the simulation, no events.

A thousand configurations take a second, and every constant may be an array of many values, so that a fit can try them
all at once. What it leaves out are the fluctuations: they enter only through the three closed forms at the end, whose
constants are fitted to the event simulation and not to measurements.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inferbench.simulator.engine.cluster import Cluster
from inferbench.simulator.parameters.numbers import Real
from inferbench.simulator.steady_state.aggregated import aggregated_state
from inferbench.simulator.steady_state.closed_loop import (
    ClosedLoad,
    SteadyState,
    decode_pass_seconds,
    held_passes,
    others,
    passes,
    prefill_passes,
    slots,
    slower,
    solve_batch,
    whole_run,
)
from inferbench.simulator.timing.speculative_decoding import LONG_PROMPT
from inferbench.units import NS_PER_S

BUNCHES = 1.7
"""How much likelier a prompt is to find others waiting than the share of time that prefill is busy."""
SELDOM = 0.25
"""Share of busy time up to which the median prompt finds nobody before it; at twice that it waits as the mean does."""
QUEUE = 0.6
FULL_QUEUE = 0.85
"""Wait for QUEUE load / (1 - load) prompts, up to this load; beyond it the knee takes over."""


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


def steady_state(cluster: Cluster, load: ClosedLoad) -> SteadyState:
    """Solve the closed loop: requests in decode = rate x time in decode, with the rate that prefill leaves."""
    if cluster.aggregated:
        return aggregated_state(cluster, load)
    prefill = _prefill(cluster, load)
    batch = _fixed_point(cluster, load, prefill)
    in_decode = passes(cluster, load) * decode_pass_seconds(cluster, load, batch)
    rate = cluster.decode_workers * batch / in_decode
    step = in_decode / passes(cluster, load)
    waiting = load.concurrency / rate - in_decode
    _, median = prefill.seconds(others(load) * rate / cluster.prefill_workers)
    unhindered = median + step / 2 + 2 * cluster.delay_ns / NS_PER_S
    share = np.minimum(in_decode * rate / load.concurrency, 1.0)
    used = rate / prefill.capacity
    held = held_passes(cluster, load) * step
    skew = np.where(load.isl >= LONG_PROMPT, cluster.skew, 1.0)
    return SteadyState(
        tpot_s=(in_decode - held) / np.maximum(load.osl - 1, 1) * skew,
        ttft_s=np.maximum(waiting, unhindered) + held,
        requests_s=rate * whole_run(load, share, used, skew),
        batch=batch,
        prefill_load=used,
    )


def _prefill(cluster: Cluster, load: ClosedLoad) -> _Prefill:
    per_rank = np.maximum(np.floor(cluster.max_batch_tokens / cluster.prefill_ranks / load.isl), 1)
    prompts = per_rank * cluster.prefill_ranks
    first, full = prefill_passes(cluster, load, per_rank, prompts)
    transfer = cluster.transfer.seconds(load.isl)
    each = np.maximum(full / prompts, transfer / cluster.links_per_worker)
    more = (full - first) / np.maximum(prompts - 1, 1)
    after = transfer + cluster.handoff_seconds
    return _Prefill(first, more, prompts, after, cluster.handoff_passes, cluster.prefill_workers / each)


def _fixed_point(cluster: Cluster, load: ClosedLoad, prefill: _Prefill) -> Real:
    def next_batch(batch: Real) -> Real:
        in_decode = passes(cluster, load) * decode_pass_seconds(cluster, load, batch)
        now = np.minimum(cluster.decode_workers * batch / in_decode, prefill.capacity) / cluster.prefill_workers
        own_pace = load.concurrency / (prefill.seconds(others(load) * now)[0] + in_decode)
        return slower(own_pace, prefill.capacity) * in_decode / cluster.decode_workers

    return solve_batch(next_batch, load.concurrency / cluster.decode_workers, slots(cluster, load))
