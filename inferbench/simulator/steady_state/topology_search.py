"""Search over topologies: what serves the most tokens per GPU within latency limits, by the steady state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from inferbench.catalog.gpu import Gpu
from inferbench.catalog.model import ModelSpec
from inferbench.errors import UsageError
from inferbench.scenario.deployment import Deployment, Stack, Topology, WorkerGroup
from inferbench.scenario.scenario import Lengths
from inferbench.simulator.engine.build import cluster_of
from inferbench.simulator.parameters.error_intervals import interval_of
from inferbench.simulator.parameters.numbers import many
from inferbench.simulator.parameters.parameters import Kind, TwinParameters, load_parameters
from inferbench.simulator.steady_state.closed_loop import ClosedLoad
from inferbench.simulator.steady_state.disaggregated import steady_state

BANDS = ((1, 2, 4, 8, 16, 32, 64), (96, 128, 192, 256, 384, 512), (768, 1024, 1536, 2048, 3072, 4096))
"""Concurrencies, in launches: each is launched for the largest of its own, which sets its batch caps."""
PREFILL: tuple[tuple[Kind, int], ...] = (("tp", 4), ("tp", 8), ("dep", 4), ("dep", 8))
DECODE: tuple[tuple[Kind, int], ...] = (("tp", 8), ("tep", 8), ("dep", 8))
"""Kinds and GPUs of a worker that measured deployments have."""
BATCH_TOKENS_PER_GPU = 8192
"""Prompt tokens of a prefill pass per GPU of DP attention; twice that for a whole worker without."""


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """What a found deployment must keep, medians; None: no limit."""

    gpus: tuple[int, int]
    tpot_ms: float | None = None
    ttft_ms: float | None = None


@dataclass(frozen=True, slots=True)
class FoundTopology:
    """A topology at one concurrency."""

    topology: Topology
    concurrency: int
    tpot_ms: float
    ttft_ms: float
    tokens_s_gpu: float
    half_width: float
    """Relative, of tok/s/GPU at equal interactivity, 90 %."""
    how: str


def search(
    model: ModelSpec,
    gpu: Gpu,
    deployment: Deployment,
    lengths: tuple[Lengths, Lengths],
    limits: SearchLimits,
    best: int = 10,
    parameters: TwinParameters | None = None,
) -> list[FoundTopology]:
    """Return the best topologies within the limits, most tokens per GPU first, each at its best concurrency.

    deployment: gives GPU, stack and precision; its topologies do not matter. lengths: of prompts and of outputs.
    Raises UsageError where the twin has no constants for it, or where nothing keeps the limits.
    """
    parameters = parameters or load_parameters()
    parameters.stack(deployment.gpu, deployment.stack.framework)
    winners: list[FoundTopology] = []
    for topology in topologies(limits, model.mtp_layers > 0):
        own = [
            f for band in BANDS for f in _evaluated(model, gpu, deployment, topology, band, lengths, limits, parameters)
        ]
        if own:
            winners.append(max(own, key=lambda found: found.tokens_s_gpu))
    if not winners:
        raise UsageError("search: no topology keeps these limits; allow more GPUs, a longer TPOT or a longer TTFT")
    winners.sort(key=lambda found: -found.tokens_s_gpu)
    return winners[:best]


def topologies(limits: SearchLimits, drafts: bool) -> Iterator[Topology]:
    """All pairs of prefill and decode workers within the GPUs, with and without drafts; caps still open."""
    least, most = limits.gpus
    for prefill_kind, prefill_gpus in PREFILL:
        for decode_kind, decode_gpus in DECODE:
            for p in range(1, most // prefill_gpus + 1):
                for d in range(1, (most - p * prefill_gpus) // decode_gpus + 1):
                    if p * prefill_gpus + d * decode_gpus < least:
                        continue
                    for mtp in (0, 1, 2, 3) if drafts else (0,):
                        name = f"{p}p{prefill_kind}{prefill_gpus}-{d}d{decode_kind}{decode_gpus}-mtp{mtp}"
                        yield Topology(
                            name=name,
                            prefill=_group(p, prefill_kind, prefill_gpus),
                            decode=_group(d, decode_kind, decode_gpus),
                            mtp=mtp,
                            stream_interval=30,
                            concurrency=(1,),
                        )


def _group(workers: int, kind: Kind, gpus: int) -> WorkerGroup:
    return WorkerGroup(
        workers=workers,
        gpus=gpus,
        tp=gpus,
        ep=1 if kind == "tp" else gpus,
        dp_attention=kind == "dep",
        max_batch_tokens=BATCH_TOKENS_PER_GPU * (gpus if kind == "dep" else 2),
    )


def _evaluated(
    model: ModelSpec,
    gpu: Gpu,
    deployment: Deployment,
    topology: Topology,
    band: Sequence[int],
    lengths: tuple[Lengths, Lengths],
    limits: SearchLimits,
    parameters: TwinParameters,
) -> list[FoundTopology]:
    cap = -(-band[-1] // topology.decode.workers)
    launch = topology.model_copy(update={"decode": topology.decode.model_copy(update={"max_running": cap})})
    try:
        cluster = cluster_of(model, gpu, deployment, launch, parameters)
    except UsageError:  # the weights do not fit this worker
        return []
    isl, osl = moments(lengths[0]), moments(lengths[1])
    state = steady_state(cluster, ClosedLoad(np.array(band, dtype=float), isl[0], isl[1], osl[0]))
    tpot, ttft = many(state.tpot_s) * 1e3, many(state.ttft_s) * 1e3
    rate = many(state.requests_s) * (isl[0] + osl[0]) / launch.total_gpus
    half_width, how = interval_of(deployment, launch, parameters)
    kept = (tpot <= (limits.tpot_ms or np.inf)) & (ttft <= (limits.ttft_ms or np.inf))
    return [
        FoundTopology(launch, band[i], float(tpot[i]), float(ttft[i]), float(rate[i]), half_width, how)
        for i in map(int, np.flatnonzero(kept))
    ]


def moments(lengths: Lengths) -> tuple[float, float]:
    """Mean and mean square of a uniform whole number."""
    mean = (lengths.min + lengths.max) / 2
    return mean, mean**2 + ((lengths.max - lengths.min + 1) ** 2 - 1) / 12


def deployment_for(gpu: str, framework: str, precision: str, parameters: TwinParameters | None = None) -> Deployment:
    """Return a deployment of a stack as its constants were fitted, with no topology that matters.

    Raises UsageError where the twin has no constants for the stack.
    """
    own = (parameters or load_parameters()).stack(gpu, framework)
    mori = gpu.startswith("mi")
    fitted = Stack.model_validate(
        {
            "framework": framework,
            "kv_transfer": "mori-io" if mori else "nixl",
            "all_to_all": "mori-ep" if mori else "trtllm" if "trt" in framework else "allgather",
            "dispatch": "fp8" if mori and precision == "fp8" else own.fitted_dispatch,
            "combine": "bf16" if mori and precision == "fp8" else own.fitted_combine,
            "two_batch_overlap": own.prefill.all_to_all == "hidden" and precision == "fp4",
            "stream_workers": 32,
        }
    )
    dummy = next(topologies(SearchLimits((8, 16)), drafts=False))
    return Deployment.model_validate(
        {
            "name": "searched",
            "gpu": gpu,
            "precision": precision,
            "stack": fitted,
            "topologies": (dummy,),
            "source": "search",
        }
    )
