"""The twin's queues against M/M/1 and M/D/1, and its pass times against their own limits."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from inferbench.scenario.deployment import Deployment, Topology
from inferbench.simulator.engine.build import cluster_of
from inferbench.units import NS_PER_S
from tests.support.twin_factories import GPUS, MODEL, SCENARIO, Fixed, PerToken, Step, cluster, drive, plan, ttft_s

SERVICE, REQUESTS = 0.1, 40_000
EVERY = [(d, t) for d in SCENARIO.deployments for t in d.topologies]
PARTS = ("hbm_tb_s", "fp4_tflops", "fp8_tflops", "bf16_tflops", "scale_up_gb_s")


def arrivals(load: float) -> list[int]:
    gaps = np.random.default_rng(5).exponential(SERVICE / load, REQUESTS)
    return [int(t) for t in np.round(np.cumsum(gaps) * NS_PER_S)]


def error_of(waits: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Four standard errors of a mean of correlated values, from the means of 50 long batches."""
    return float(4 * waits.reshape(50, -1).mean(axis=1).std() / np.sqrt(50))


@pytest.mark.parametrize("load", [0.3, 0.6])
def test_prefill_queue_is_m_m_1(load: float) -> None:
    """Poisson arrivals, exponential prompts, one a pass: mean wait = rho s / (1 - rho), twice that of M/D/1."""
    mean_tokens = 10_000
    tokens = np.maximum(np.random.default_rng(6).exponential(mean_tokens, REQUESTS).round(), 1).astype(np.int64)
    drawn = replace(plan(REQUESTS, None, osl=(1, 1), planned_ns=arrivals(load)), isl=tokens)
    records, _ = drive(cluster(prefill=PerToken(SERVICE / mean_tokens), transfer=Fixed(0.0), decode=Step(1e-9)), drawn)
    by_seq = sorted(records, key=lambda record: record.seq)
    waits = np.array([ttft_s(record) for record in by_seq]) - tokens * SERVICE / mean_tokens
    error = error_of(waits)
    assert waits.mean() == pytest.approx(load * SERVICE / (1 - load), abs=error)
    # The error is small enough to tell it from M/D/1.
    assert error < 0.3 * waits.mean()


@pytest.mark.parametrize("load", [0.3, 0.7])
def test_a_kv_link_is_m_d_1(load: float) -> None:
    """Prefill that takes no time hands Poisson arrivals to the link."""
    pace = cluster(prefill=Fixed(0.0), transfer=Fixed(SERVICE), decode=Step(1e-9))
    records, _ = drive(pace, plan(REQUESTS, None, osl=(1, 1), planned_ns=arrivals(load)))
    waits = np.array([ttft_s(r) - SERVICE for r in sorted(records, key=lambda record: record.seq)])
    error = error_of(waits)
    assert waits.mean() == pytest.approx(load * SERVICE / (2 * (1 - load)), abs=error)
    assert error < 0.15 * waits.mean()


@pytest.mark.parametrize(("of", "top"), EVERY, ids=[f"{d.name}.{t.name}" for d, t in EVERY])
@pytest.mark.parametrize("part", PARTS)
def test_no_part_that_is_faster_slows_a_pass(of: Deployment, top: Topology, part: str) -> None:
    slow, fast = (
        cluster_of(MODEL, gpu, of, top)
        for gpu in (GPUS[of.gpu], GPUS[of.gpu].model_copy(update={part: 2 * getattr(GPUS[of.gpu], part)}))
    )
    for batch in (8, 64, 512):
        before, after = (
            p.decode.coefficients(max(batch // p.ranks, 1), batch).seconds(batch * 8192) for p in (slow, fast)
        )
        assert after <= before
    for tokens in (64, 8192, 65536):
        prompts = max(tokens // 8192, 1)
        load = (tokens, tokens**2 // prompts, prompts, tokens // prompts, (tokens // prompts) ** 2)
        assert fast.prefill.seconds(*load) <= slow.prefill.seconds(*load)
