"""The steady state of aggregated workers in a closed loop: their passes decode, and prefill what comes meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inferbench.simulator.engine.cluster import Cluster
from inferbench.simulator.parameters.numbers import Real
from inferbench.simulator.steady_state.closed_loop import (
    DRAIN,
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
)
from inferbench.units import NS_PER_S

BUNCHES = 2.0
"""How many times more slots become free in a pass than on average: a run starts all at once and spreads out slowly."""


@dataclass(frozen=True, slots=True)
class _Prompts:
    """What prompts add to a pass: first + more x (prompts - 1) seconds, up to a number of prompts."""

    first_s: Real
    more_s: Real
    most: Real
    chunks: Real
    """Passes that a prompt is spread over."""

    ranks: int
    balance_passes: int

    def crowd(self, ended: Real) -> Real:
        """Prompts of a pass that has some, when `ended` slots become free in a pass (Poisson)."""
        ended = np.maximum(ended, 1e-6)
        at_once = ended / -np.expm1(-ended)
        gathered = at_once + ended * self.balance_passes
        # Slots become free at random: some passes have a prompt for every rank before others have half as many.
        waited = (gathered**-2.0 + float(self.ranks) ** -2) ** -0.5
        return np.clip(np.maximum(at_once, waited) if self.balance_passes else at_once, 1.0, self.most)

    def wait_passes(self, ended: Real) -> Real:
        """Passes that a prompt waits for others on the mean: the first for all of them, the last for none."""
        return np.minimum((self.ranks - 1) / np.maximum(ended, 1e-6), self.balance_passes) / 2

    def seconds(self, crowd: Real) -> Real:
        """What `crowd` prompts add to a pass."""
        return self.first_s + self.more_s * (crowd - 1)


def aggregated_state(cluster: Cluster, load: ClosedLoad) -> SteadyState:
    """Solve the closed loop of each worker: its requests decode, and wait for the prompts of the others."""
    prompts = _prompts(cluster, load)
    own = load.concurrency / cluster.decode_workers
    batch = solve_batch(lambda b: _next_batch(cluster, load, prompts, own, b), own, slots(cluster, load))
    in_decode, rate, _, ttft = _pace(cluster, load, prompts, batch)
    waiting = own / rate - in_decode
    crowd = prompts.crowd(BUNCHES * batch / passes(cluster, load))
    used = np.minimum(rate * prompts.seconds(crowd) / crowd, 1.0)
    held = held_passes(cluster, load) / passes(cluster, load) * in_decode
    return SteadyState(
        tpot_s=(in_decode - held) / np.maximum(load.osl - 1, 1),
        ttft_s=np.maximum(waiting, ttft) + held,
        requests_s=rate * cluster.decode_workers / (1 + _drain(cluster, load, batch) / load.waves),
        batch=batch,
        prefill_load=used,
    )


def _next_batch(cluster: Cluster, load: ClosedLoad, prompts: _Prompts, own: Real, batch: Real) -> Real:
    in_decode, _, ttft, _ = _pace(cluster, load, prompts, batch)
    step = decode_pass_seconds(cluster, load, batch)
    full = prompts.most / (prompts.chunks * step + prompts.seconds(prompts.most))
    return slower(own / (ttft + in_decode), full) * in_decode


def _pace(cluster: Cluster, load: ClosedLoad, prompts: _Prompts, batch: Real) -> tuple[Real, Real, Real, Real]:
    """Time in decode, requests/s of a worker, mean and median time to first token, when it runs `batch` requests.

    A request decodes for its passes and for the prompts that come meanwhile: with rate x time in decode = batch,
    these are `batch` of them, less its own.
    """
    step = decode_pass_seconds(cluster, load, batch)
    alone = passes(cluster, load) * step
    among = others(load)
    ended = BUNCHES * batch / passes(cluster, load)
    crowd = prompts.crowd(ended)
    added = prompts.seconds(crowd)
    in_decode = alone + among * batch * added / crowd
    rate = batch / in_decode
    # A prompt comes just after the pass that freed its slot has ended, while the next runs: most of that is before it.
    delay = cluster.delay_ns / NS_PER_S
    busy = np.minimum(among * rate * (added + step) / crowd, 1.0)
    own = added + (prompts.chunks + prompts.wait_passes(ended)) * step * among + 2 * delay
    mean = own + np.maximum(step + busy * added - 2 * delay, 0.0) * among
    median = own + np.maximum(step + np.clip(3 * busy - 1.5, 0.0, 1.0) * added - 2 * delay, 0.0) * among
    return in_decode, rate, mean, median


def _drain(cluster: Cluster, load: ClosedLoad, batch: Real) -> Real:
    """Waves that the end of a run costs: the last requests leave one by one, and those that remain go faster.

    The start burst costs nothing here: the prompts that delay each other are work that every wave has.
    """
    half = decode_pass_seconds(cluster, load, batch / 2) / decode_pass_seconds(cluster, load, batch)
    return DRAIN * 10 * others(load) * half


def _prompts(cluster: Cluster, load: ClosedLoad) -> _Prompts:
    ranks, isl = cluster.prefill_ranks, load.isl
    limit = cluster.max_batch_tokens / ranks
    most = np.maximum(limit / isl, 1.0) * ranks
    chunks = np.maximum(isl / limit, 1.0)
    first, full = prefill_passes(cluster, load, most / ranks, most)
    more = np.where(most > 1, (full - first) / np.maximum(most - 1, 1e-9), first)
    return _Prompts(first, more, most, chunks, ranks, cluster.balance_passes)
