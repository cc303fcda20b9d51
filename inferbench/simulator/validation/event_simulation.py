"""The event simulation of measured configurations, for comparison with the steady state."""

from __future__ import annotations

from inferbench.loadgen.clock import VirtualClock
from inferbench.loadgen.dispatcher import Dispatcher
from inferbench.loadgen.sinks import Kept
from inferbench.records.request_record import PassChunks
from inferbench.scenario.scenario import Lengths
from inferbench.simulator.calibration.configuration import RANGE_RATIO
from inferbench.simulator.engine.cluster import Cluster, TwinTarget
from inferbench.simulator.validation.agreement import Simulated, simulated
from inferbench.units import NS_PER_S
from inferbench.workload.planner import make_plan

WAVES = 10
"""Requests per slot of a measured run."""


def simulate(plant: Cluster, isl: int, osl: int, concurrency: int) -> Simulated:
    """Run the closed loop of a measured point on the twin, request by request."""
    plan = make_plan(
        WAVES * concurrency, isl=_lengths(isl), osl=_lengths(osl), seed=1, salt="", max_concurrency=concurrency
    )
    clock, kept = VirtualClock(), Kept()
    dispatcher = Dispatcher(plan, TwinTarget(plant, clock), clock, kept)
    dispatcher.start()
    clock.run(lambda: dispatcher.finished)
    tpots, ttfts = [], []
    for record in kept.records:
        assert isinstance(record.chunks, PassChunks)
        assert record.sent_ns is not None
        ttfts.append((record.chunks.first_ns - record.sent_ns) / NS_PER_S)
        tpots.append((record.end_ns - record.chunks.first_ns) / (record.osl - 1) / NS_PER_S)
    return simulated(tpots, ttfts, max(record.end_ns for record in kept.records) / NS_PER_S)


def _lengths(nominal: int) -> Lengths:
    return Lengths(nominal=nominal, min=max(int(RANGE_RATIO * nominal), 1), max=nominal)
