"""How far the steady state is from the event simulation, for a sample of measured configurations."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from inferbench.catalog.gpu import Gpu
from inferbench.catalog.model import ModelSpec
from inferbench.simulator.calibration.configuration import Configuration, deployment_of, load_of
from inferbench.simulator.engine.build import cluster_of
from inferbench.simulator.engine.cluster import Cluster
from inferbench.simulator.parameters.numbers import many
from inferbench.simulator.parameters.parameters import TwinParameters
from inferbench.simulator.steady_state.disaggregated import steady_state

LEAST_SLOTS, MOST_SLOTS = 10, 512
"""Concurrency of the sample: fewer are all chance, more take long."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Relative distances of one configuration: the steady state's figure over the simulation's, less 1."""

    stack: str
    tpot: float
    rate: float
    ttft: float


@dataclass(frozen=True, slots=True)
class Simulated:
    """What a client reports of a simulated run."""

    tpot_s: float
    requests_s: float
    ttft_s: float


class Simulate(Protocol):
    """Runs a closed loop on a cluster, request by request."""

    def __call__(self, cluster: Cluster, isl: int, osl: int, concurrency: int, /) -> Simulated:
        """Nominal lengths, and slots."""


def sample(configurations: Sequence[Configuration], per_class: int) -> list[Configuration]:
    """Return up to `per_class` configurations of each class, spread over its loads."""
    classes: dict[str, dict[tuple[object, ...], Configuration]] = defaultdict(dict)
    for c in configurations:
        if LEAST_SLOTS <= c.point.concurrency <= MOST_SLOTS:
            classes[c.point.group].setdefault(c.identity, c)
    chosen = []
    for own in classes.values():
        ordered = sorted(own.values(), key=lambda c: (c.point.concurrency, c.point.line))
        places = np.unique(np.linspace(0, len(ordered) - 1, per_class).round().astype(int))
        chosen += [ordered[place] for place in places]
    return chosen


def agreements(
    model: ModelSpec,
    gpus: Mapping[str, Gpu],
    configurations: Sequence[Configuration],
    parameters: TwinParameters,
    simulate: Simulate,
) -> list[Agreement]:
    """Compare the two for each configuration."""
    found = []
    for c in configurations:
        deployment, topology = deployment_of(c)
        cluster = cluster_of(model, gpus[c.point.hw], deployment, topology, parameters, c.software)
        steady = steady_state(cluster, load_of([c.point]))
        run = simulate(cluster, c.point.isl, c.point.osl, c.point.concurrency)
        pairs = ((steady.tpot_s, run.tpot_s), (steady.requests_s, run.requests_s), (steady.ttft_s, run.ttft_s))
        found.append(Agreement(c.point.stack, *(float(many(value)[0]) / truth - 1 for value, truth in pairs)))
    return found


def simulated(tpots_s: Sequence[float], ttfts_s: Sequence[float], last_s: float) -> Simulated:
    """Summarise a run by its requests: medians, and requests over the whole time."""
    return Simulated(statistics.median(tpots_s), len(tpots_s) / last_s, statistics.median(ttfts_s))
