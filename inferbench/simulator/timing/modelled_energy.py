"""Power of a simulated deployment: what its GPUs take idle, and what prefill and decode add to that."""

from __future__ import annotations

import numpy as np

from inferbench.arrays import Floats
from inferbench.catalog.gpu import PowerModel
from inferbench.metrics.summary import EnergySummary, Origin, SweepPoint
from inferbench.records.columns import Records
from inferbench.records.request_record import Status
from inferbench.simulator.engine.cluster import Cluster
from inferbench.simulator.parameters.numbers import one
from inferbench.units import NS_PER_S


def modelled_energy(
    cluster: Cluster, power: PowerModel | None, records: Records, point: SweepPoint
) -> EnergySummary | None:
    """Return the energy of a run, first start to last token; None where the GPU's power is not known.

    Idle power of all GPUs for the whole time; prefill power of a worker for as long as its prompts take in full
    passes; decode power by the doublings of a rank's batch. Aggregated serving has no power model, nor has a run in
    which nothing succeeded.
    """
    ok = records.status == Status.OK
    if power is None or not point.prefill_gpus or not ok.any():
        return None
    begin, end = int(records.sent_ns[ok].min()), int(records.end_ns[ok].max())
    seconds = (end - begin) / NS_PER_S
    worker_gpus = point.prefill_gpus / cluster.prefill_workers
    joules = (
        power.idle_w * point.gpus * seconds
        + power.prefill_w * worker_gpus * prefill_seconds(cluster, records.isl[ok].astype(np.float64))
        + power.decode_w_per_doubling * point.decode_gpus * _doublings(cluster, records, ok)
    )
    tokens = float(records.osl[ok].sum())
    return EnergySummary(
        origin=Origin.SIMULATED,
        source="idle and activity of the twin",
        joules_total=joules,
        joules_per_output_token=joules / tokens,
        joules_per_total_token=joules / (tokens + float(records.isl[ok].sum())),
        mean_power_w_per_gpu=joules / seconds / point.gpus,
        valid=True,
    )


def prefill_seconds(cluster: Cluster, isl: Floats) -> float:
    """Time that prompts of these lengths take one worker that is full: the work, whatever the waiting between."""
    mean, squared = float(isl.mean()), float((isl**2).mean())
    per_rank = max(cluster.max_batch_tokens // cluster.prefill_ranks // mean, 1)
    prompts = per_rank * cluster.prefill_ranks
    full = cluster.prefill.seconds(
        round(prompts * mean),
        round(prompts * squared),
        round(prompts),
        round(per_rank * mean),
        round(per_rank * squared),
    )
    return len(isl) * one(full) / prompts


def _doublings(cluster: Cluster, records: Records, ok: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    """Integral over time of log2(1 + requests of a rank), requests spread evenly over workers and ranks, s."""
    first, last = records.chunks.first_ns[ok], records.end_ns[ok]
    times = np.concatenate([first, last])
    order = np.argsort(times, kind="stable")
    running = np.cumsum(np.concatenate([np.ones(len(first)), -np.ones(len(last))])[order])[:-1]
    per_rank = np.maximum(running, 0) / (cluster.decode_workers * cluster.ranks)
    return float((np.log2(1 + per_rank) * np.diff(times[order])).sum() / NS_PER_S)
