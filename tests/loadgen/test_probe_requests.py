"""What probe requests beside a load come to."""

from __future__ import annotations

import numpy as np
import pytest

from inferbench.loadgen.probe_requests import probe_plan, summarised
from inferbench.records.request_record import CountSource, RequestRecord, StampedChunks, Status
from inferbench.units import NS_PER_MS


def ended(seq: int, waited_ms: float, status: Status = Status.OK) -> RequestRecord:
    sent, end = seq * NS_PER_MS, int((seq + waited_ms) * NS_PER_MS)
    return RequestRecord(
        seq=seq, status=status, error=None, isl=1, isl_source=CountSource.SERVER, osl=1, osl_source=CountSource.SERVER,
        planned_ns=sent, slot_free_ns=sent, connect_ns=None, sent_ns=sent, first_byte_ns=None,
        chunks=StampedChunks([end], [1]) if status is Status.OK else None, end_ns=end + NS_PER_MS,
    )  # fmt: skip


def test_waits_are_from_sent_to_the_token_and_those_still_out_count_as_the_longest_only() -> None:
    waits = [10.0, 20.0, 30.0]
    records = [ended(k, wait) for k, wait in enumerate(waits)]
    records += [ended(3, 5, Status.ERROR), ended(4, 999, Status.CANCELLED)]
    found = summarised(records, rate=2)
    assert (found.completed, found.failed, found.unfinished) == (3, 1, 1)
    assert (found.p50_ms, found.p99_ms) == pytest.approx((20, np.percentile(waits, 99)))
    assert found.max_ms == pytest.approx(1000)


def test_of_none_that_succeeded_no_wait_is_told() -> None:
    found = summarised([ended(0, 5, Status.REFUSED)], rate=1)
    assert (found.completed, found.failed, found.p50_ms, found.max_ms) == (0, 1, None, None)


def test_probe_requests_are_one_token_at_equal_distances() -> None:
    plan = probe_plan(4, ignore_eos=False)
    assert plan.planned_ns is not None
    assert (set(plan.isl.tolist()), set(plan.osl.tolist()), plan.max_concurrency) == ({1}, {1}, None)
    assert np.diff(plan.planned_ns[:5]).tolist() == [250 * NS_PER_MS] * 4
