"""The twin's scheduler against queueing theory, at paces where theory has closed forms."""

import numpy as np
import pytest

from inferbench.units import NS_PER_S
from tests.support.twin_factories import Fixed, Step, chunks, cluster, drive, e2el_s, plan, ttft_s

INSTANT = {"transfer": Fixed(0.0), "decode": Step(1e-9)}


@pytest.mark.parametrize("load", [0.3, 0.7])
def test_prefill_queue_is_m_d_1(load: float) -> None:
    """Poisson arrivals, one prompt a pass: mean wait = rho s / (2 (1 - rho)) (Pollaczek-Khinchine)."""
    service, n = 0.1, 40_000
    gaps = np.random.default_rng(11).exponential(service / load, n)
    arrivals = np.round(np.cumsum(gaps) * NS_PER_S).astype(np.int64)
    records, _ = drive(cluster(**INSTANT), plan(n, None, osl=(1, 1), planned_ns=arrivals.tolist()))
    by_seq = sorted(records, key=lambda record: record.seq)
    waits = np.array([ttft_s(record) - service for record in by_seq])
    # Waits are correlated: their error comes from the means of 50 long batches.
    error = 4 * waits.reshape(50, -1).mean(axis=1).std() / np.sqrt(50)
    assert waits.mean() == pytest.approx(load * service / (2 * (1 - load)), abs=error)
    assert error < 0.15 * waits.mean()


def test_prefill_bound_throughput_is_its_capacity() -> None:
    n, workers = 2000, 3
    records, _ = drive(cluster(prefill_workers=workers, **INSTANT), plan(n, 64))
    span = max(record.end_ns for record in records) / NS_PER_S
    assert span == pytest.approx(np.ceil(n / workers) * 0.1, rel=1e-6)


def test_decode_bound_throughput_is_its_capacity() -> None:
    """Slots never idle: each of the m slots ends a request every `passes` steps."""
    slots, step, passes, n = 8, 0.02, 50, 800
    pace = cluster(prefill=Fixed(1e-6), transfer=Fixed(1e-6), decode=Step(step), max_running=slots)
    records, _ = drive(pace, plan(n, 4 * slots, osl=(passes + 1, passes + 1)))
    span = max(record.end_ns for record in records) / NS_PER_S
    least = n / slots * passes * step
    assert least <= span <= least * 1.03  # the first slots fill a few steps apart


@pytest.mark.parametrize("concurrency", [1, 7, 40])
def test_littles_law(concurrency: int) -> None:
    """In sequence = rate x time in system, over a span that begins and ends inside the closed loop."""
    pace = cluster(decode_workers=2, max_running=10, decode=Step(0.005, per_fullest=0.0005, per_context_token=1e-7))
    records, _ = drive(pace, plan(60 * concurrency, concurrency, isl=(50, 150), osl=(20, 80)))
    starts = np.array([record.sent_ns for record in records])
    ends = np.array([record.end_ns for record in records])
    begin, end = np.quantile(ends, 0.2), starts.max()
    inside = (ends > begin) & (starts < end)
    held = (np.minimum(ends, end) - np.maximum(starts, begin))[inside].sum() / (end - begin)
    assert held == pytest.approx(concurrency, rel=1e-9)
    ended = (ends > begin) & (ends <= end)
    rate = ended.sum() / ((end - begin) / NS_PER_S)
    mean_time = np.mean([e2el_s(record) for record, own in zip(records, ended, strict=True) if own])
    # Requests cut by either end of the span: at most two per slot.
    assert rate * mean_time == pytest.approx(concurrency, rel=2 * concurrency / ended.sum())


def test_a_lone_client_sees_the_sum_of_the_stages() -> None:
    records, _ = drive(cluster(), plan(10, 1, osl=(5, 50)))
    for record in records:
        assert e2el_s(record) == pytest.approx(0.1 + 0.01 + (record.osl - 1) * 0.02)
        assert chunks(record).last_pass - chunks(record).first_pass == record.osl - 2
