"""The steady state against the event simulation, and against limits that have a closed form."""

import statistics
from typing import Any

import numpy as np
import pytest

from inferbench.simulator.engine.build import cluster_of
from inferbench.simulator.engine.cluster import Cluster
from inferbench.simulator.steady_state.closed_loop import ClosedLoad, SteadyState
from inferbench.simulator.steady_state.disaggregated import steady_state
from inferbench.units import NS_PER_S
from tests.support.twin_factories import GPUS, MODEL, SCENARIO, Fixed, Step, cluster, drive, plan, tpot_s

ISL = {8192: (6553, 8192), 1024: (819, 1024)}
SPREAD = [
    (8192, "mi355x-sglang-mori", "1p2d-tp8", 32),
    (8192, "mi355x-sglang-mori", "1p2d-tp8-mtp2", 128),
    (8192, "mi355x-sglang-mori", "1p2d-tp8-mtp2", 256),
    (8192, "mi355x-sglang-mori", "1p1d-dep8", 256),
    (8192, "b200-trtllm", "1p5d-tep8-b8", 60),
    (8192, "b200-trtllm", "1p3d-tep8-b16", 66),
    (8192, "b200-trtllm", "1p1d-dep8-b8", 90),
    (8192, "b200-sglang", "1p1d-tp8", 64),
    (8192, "b200-sglang", "2p5d-tep8", 128),
    (1024, "mi355x-sglang-mori", "1p2d-tp8", 64),
    (1024, "mi355x-sglang-mori", "1p1d-dep8", 256),
    (1024, "b200-trtllm", "1p3d-tep8-b16", 66),
    (1024, "b200-sglang", "1p1d-tep8", 128),
]
"""Decode-bound, prefill-bound and capped; both lengths; every stack and kind of worker."""


def of_scenario(name: str, topology: str) -> Cluster:
    deployment = SCENARIO.deployment(name)
    return cluster_of(MODEL, GPUS[deployment.gpu], deployment, deployment.topology(topology))


def closed(concurrency: float, isl: tuple[int, int], osl: tuple[int, int]) -> ClosedLoad:
    low, high = isl
    mean = (low + high) / 2
    squared = mean**2 + ((high - low + 1) ** 2 - 1) / 12
    return ClosedLoad(np.array([float(concurrency)]), mean, squared, (osl[0] + osl[1]) / 2)


def numbers(state: SteadyState) -> tuple[float, float, float]:
    return float(state.tpot_s[0]), float(state.requests_s[0]), float(state.ttft_s[0])


@pytest.mark.parametrize(("isl", "name", "topology", "concurrency"), SPREAD)
def test_it_agrees_with_events_within_3_percent(isl: int, name: str, topology: str, concurrency: int) -> None:
    """Median TPOT and whole-run rate. TTFT is held to less: a median of a queue is steep near saturation."""
    own = of_scenario(name, topology)
    records, _ = drive(own, plan(10 * concurrency, concurrency, isl=ISL[isl], osl=(819, 1024)))
    tpot, rate, _ = numbers(steady_state(own, closed(concurrency, ISL[isl], (819, 1024))))
    assert tpot == pytest.approx(statistics.median(map(tpot_s, records)), rel=0.03)
    assert rate == pytest.approx(len(records) / (max(r.end_ns for r in records) / NS_PER_S), rel=0.035)


def test_a_lone_client_waits_for_each_stage_once() -> None:
    own = cluster(prefill=Fixed(0.5), transfer=Fixed(0.25), decode=Step(0.02))
    tpot, rate, ttft = numbers(steady_state(own, closed(1, (100, 100), (101, 101))))
    assert tpot == pytest.approx(0.02)
    assert ttft == pytest.approx(0.75, rel=0.02)
    assert rate == pytest.approx(1 / (0.75 + 100 * 0.02), rel=0.05)


def test_a_full_prefill_sets_the_rate() -> None:
    own = cluster(prefill=Fixed(0.5), decode=Step(0.002), prefill_workers=2)
    state = steady_state(own, closed(1000, (100, 100), (11, 11)))
    assert numbers(state)[1] == pytest.approx(2 / 0.5, rel=0.01)
    assert float(state.prefill_load[0]) == pytest.approx(1, abs=0.01)


def test_a_cap_leaves_the_rest_waiting() -> None:
    own = cluster(prefill=Fixed(1e-6), transfer=Fixed(1e-6), decode=Step(0.02), max_running=8)
    state = steady_state(own, closed(100, (100, 100), (101, 101)))
    assert float(state.batch[0]) == pytest.approx(8, rel=1e-6)
    assert numbers(state)[2] == pytest.approx(100 / (8 / 2.0) - 2.0, rel=0.02)


def test_littles_law_holds_in_decode() -> None:
    own = of_scenario("b200-sglang", "4p1d-dep8")
    state = steady_state(own, closed(512, ISL[8192], (819, 1024)))
    in_decode = float(state.tpot_s[0]) * (921.5 - 1)
    steady_rate = float(state.batch[0]) / in_decode
    assert float(state.requests_s[0]) < steady_rate < 1.1 * float(state.requests_s[0])


def test_many_loads_at_once_are_the_same_as_one_by_one() -> None:
    own = of_scenario("mi355x-sglang-mori", "1p1d-dep8")
    load = closed(1, ISL[8192], (819, 1024))
    together = steady_state(own, ClosedLoad(np.array([64.0, 256.0]), load.isl, load.isl_squared, load.osl))
    for i, concurrency in enumerate((64, 256)):
        alone = steady_state(own, closed(concurrency, ISL[8192], (819, 1024)))
        assert together.requests_s[i] == pytest.approx(alone.requests_s[0], rel=1e-9)


@pytest.mark.parametrize("part", ["hbm_tb_s", "nic_gb_s", "fp4_tflops", "fp8_tflops", "scale_up_gb_s"])
@pytest.mark.parametrize(
    ("name", "topology", "concurrency"),
    [
        ("mi355x-sglang-mori", "2p1d-dep8", 2048),
        ("b200-trtllm", "5p1d-dep8-b192", 1691),
        ("b200-sglang", "1p1d-tp8", 64),
    ],
)
def test_a_faster_part_never_lowers_the_rate(part: str, name: str, topology: str, concurrency: int) -> None:
    deployment = SCENARIO.deployment(name)
    gpu = GPUS[deployment.gpu]
    faster = gpu.model_copy(update={part: 2 * getattr(gpu, part)})
    load = closed(concurrency, ISL[8192], (819, 1024))
    rates = [
        numbers(steady_state(cluster_of(MODEL, g, deployment, deployment.topology(topology)), load))[1]
        for g in (gpu, faster)
    ]
    assert rates[1] >= rates[0] * (1 - 1e-9)


def test_more_streams_never_lower_the_rate() -> None:
    own: Any = of_scenario("b200-sglang", "7p2d-dep8")
    rates = [numbers(steady_state(own, closed(c, ISL[8192], (819, 1024))))[1] for c in (1, 8, 64, 512, 4096)]
    assert rates == sorted(rates)
