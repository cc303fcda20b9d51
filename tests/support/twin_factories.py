"""Clusters of known pace, real facts, and a run of a plan through the real dispatcher on the virtual clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inferbench.catalog.gpu import Gpu, GpuFacts
from inferbench.catalog.model import ModelFacts, ModelSpec
from inferbench.files.yaml_values import read_value
from inferbench.loadgen.clock import VirtualClock
from inferbench.loadgen.dispatcher import Dispatcher
from inferbench.records.request_record import PassChunks, RequestRecord
from inferbench.scenario.deployment import Deployment, Topology
from inferbench.scenario.scenario import Scenario
from inferbench.simulator.engine.cluster import Cluster, TwinTarget
from inferbench.simulator.timing.decode_step import Coefficients
from inferbench.units import NS_PER_S
from inferbench.workload.plan import Arrival, Plan, PlannedRequest

ROOT = Path(__file__).parents[2]
FACTS = ROOT / "inferbench" / "catalog"
MODEL: ModelSpec = read_value(FACTS / "models.yaml", ModelFacts).models["deepseek-r1-0528"]
GPUS: dict[str, Gpu] = read_value(FACTS / "gpus.yaml", GpuFacts).gpus
SCENARIO = read_value(ROOT / "scenarios" / "deepseek-r1-mi355x-vs-b200.yaml", Scenario)


def deployment(name: str = "mi355x-sglang-mori", **stack: Any) -> Deployment:
    found = SCENARIO.deployment(name)
    return found.model_copy(update={"stack": found.stack.model_copy(update=stack)})


def topology(name: str = "1p2d-tp8", of: str = "mi355x-sglang-mori", **changes: Any) -> Topology:
    return SCENARIO.deployment(of).topology(name).model_copy(update=changes)


@dataclass(frozen=True)
class Fixed:
    """A prefill or a transfer that always takes as long."""

    time: float

    def seconds(self, *_: int) -> float:
        return self.time


@dataclass(frozen=True)
class PerToken:
    """A prefill that takes a time per prompt token."""

    time: float

    def seconds(self, tokens: int, *_: int) -> float:
        return self.time * tokens


@dataclass(frozen=True)
class Step:
    """A pass of fixed time plus a time for each request on the fullest rank and each token of context."""

    fixed: float
    per_fullest: float = 0.0
    per_context_token: float = 0.0

    def coefficients(self, fullest: int, batch: int) -> Coefficients:
        return Coefficients(self.fixed + self.per_fullest * fullest, self.per_context_token, 0.0)


class EveryToken:
    """No speculation: a pass makes one token."""

    def passes(self, tokens: int, seed: int) -> int:
        return tokens


PLANT = Cluster(
    prefill_workers=1,
    prefill=Fixed(0.1),
    max_batch_tokens=1,
    links_per_worker=1,
    transfer=Fixed(0.01),
    decode_workers=1,
    decode=Step(0.02),
    ranks=1,
    max_running=10**9,
    kv_tokens=10**12,
    passes=EveryToken(),
    delay_ns=0,
    stream_interval=1,
)


def cluster(**changes: Any) -> Cluster:
    return replace(PLANT, **changes)


def request(seq: int, isl: int = 100, osl: int = 11) -> PlannedRequest:
    return PlannedRequest(seq=seq, isl=isl, osl=osl, seed=1000 + seq, planned_ns=None)


def plan(
    n: int,
    concurrency: int | None,
    isl: tuple[int, int] = (100, 100),
    osl: tuple[int, int] = (11, 11),
    planned_ns: Sequence[int] | None = None,
) -> Plan:
    rng = np.random.default_rng(7)
    return Plan(
        seed=7,
        arrival=Arrival.CLOSED if planned_ns is None else Arrival.POISSON,
        max_concurrency=concurrency,
        isl=rng.integers(isl[0], isl[1] + 1, n),
        osl=rng.integers(osl[0], osl[1] + 1, n),
        seeds=np.arange(n, dtype=np.int64) + 1,
        planned_ns=None if planned_ns is None else np.asarray(planned_ns, dtype=np.int64),
        ignore_eos=True,
        salt="",
        prompt_hash="",
    )


class Records:
    """A sink that keeps the records, and the pass times that they refer to."""

    def __init__(self) -> None:
        self.ended_records: list[RequestRecord] = []
        self._passes: list[list[int]] = []

    @property
    def pass_times_ns(self) -> list[NDArray[np.int64]]:
        """Of each decode worker."""
        return [np.array(times, dtype=np.int64) for times in self._passes]

    def decode_worker(self, index: int) -> Callable[[int], None]:
        assert index == len(self._passes)
        self._passes.append([])
        return self._passes[index].append

    def started(self, seq: int, slot_free_ns: int) -> None:
        pass

    def ended(self, record: RequestRecord) -> None:
        self.ended_records.append(record)


def drive(of: Cluster, load: Plan) -> tuple[list[RequestRecord], Records]:
    clock, sink = VirtualClock(), Records()
    dispatcher = Dispatcher(load, TwinTarget(of, clock, pass_sink=sink), clock, sink)
    dispatcher.start()
    clock.run(lambda: dispatcher.finished)
    return sink.ended_records, sink


def submit_all(of: Cluster, requests: Sequence[PlannedRequest]) -> dict[int, RequestRecord]:
    """Submit requests at once and run until all have ended."""
    clock = VirtualClock()
    ended: dict[int, RequestRecord] = {}
    target = TwinTarget(of, clock)
    for each in requests:
        target.submit(each, 0, lambda record: ended.setdefault(record.seq, record))
    clock.run(lambda: len(ended) == len(requests))
    return ended


def chunks(record: RequestRecord) -> PassChunks:
    assert isinstance(record.chunks, PassChunks)
    return record.chunks


def ttft_s(record: RequestRecord) -> float:
    assert record.sent_ns is not None
    return (chunks(record).first_ns - record.sent_ns) / NS_PER_S


def tpot_s(record: RequestRecord) -> float:
    return (record.end_ns - chunks(record).first_ns) / (record.osl - 1) / NS_PER_S


def e2el_s(record: RequestRecord) -> float:
    assert record.sent_ns is not None
    return (record.end_ns - record.sent_ns) / NS_PER_S
