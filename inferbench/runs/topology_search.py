"""Searching for a topology, and the measured point that lies nearest to what was found."""

from __future__ import annotations

import math
from typing import get_args

from inferbench.catalog.bundled import gpus, models
from inferbench.errors import UsageError
from inferbench.evidence.points_csv import Point, Points
from inferbench.files.spelling import unknown
from inferbench.scenario.deployment import Deployment
from inferbench.scenario.scenario import Lengths
from inferbench.simulator.steady_state.topology_search import FoundTopology, SearchLimits, deployment_for, search

RANGE_RATIO = 0.8
"""Least length over nominal, as InferenceX draws them."""


def search_topologies(
    gpu: str, framework: str, precision: str, limits: SearchLimits, isl: int, osl: int, model: str, best: int
) -> list[FoundTopology]:
    """Return the best topologies of a stack within the limits. Raises UsageError for an unknown name."""
    precisions = get_args(Deployment.model_fields["precision"].annotation)
    for what, name, known in (("GPU", gpu, gpus()), ("model", model, models()), ("precision", precision, precisions)):
        if name not in known:
            raise UsageError(f"search: {unknown(what, name, known)}")
    deployment = deployment_for(gpu, framework, precision)
    lengths = (_lengths(isl), _lengths(osl))
    return search(models()[model], gpus()[gpu], deployment, lengths, limits, best)


def _lengths(nominal: int) -> Lengths:
    return Lengths(nominal=nominal, min=max(int(RANGE_RATIO * nominal), 1), max=nominal)


def nearest(points: Points, found: FoundTopology, gpu: str, framework: str, precision: str, isl: int) -> Point | None:
    """Return the measured point of the same stack, precision and prompt length that lies nearest in workers and load.

    Distance: the logs of prefill GPUs, decode GPUs and concurrency, and one for each kind of worker that differs.
    """
    own = [
        p
        for p in points.points
        if (p.hw, p.framework, p.precision, p.isl) == (gpu, framework, precision, isl) and p.prefill is not None
    ]
    return min(own, key=lambda point: _distance(point, found), default=None)


def _distance(point: Point, found: FoundTopology) -> float:
    assert point.prefill is not None
    top, total = found.topology, 0.0
    for workers, group in ((point.prefill, top.prefilling), (point.decode, top.decode)):
        total += abs(math.log(workers.workers * workers.gpus / group.total_gpus))
        total += (workers.dp_attention != group.dp_attention) + ((workers.ep > 1) != (group.ep > 1))
    total += point.mtp != (top.mtp > 0)
    return total + abs(math.log(point.concurrency / found.concurrency))
