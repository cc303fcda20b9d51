from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest

from inferbench.loadgen.clock import VirtualClock
from inferbench.records.request_record import CountSource, Status
from inferbench.simulator.engine.cluster import TwinTarget
from inferbench.units import NS_PER_S
from tests.support.twin_factories import (
    Fixed,
    PerToken,
    Step,
    chunks,
    cluster,
    drive,
    e2el_s,
    plan,
    request,
    submit_all,
    tpot_s,
    ttft_s,
)


def test_one_request_alone() -> None:
    [record] = submit_all(cluster(delay_ns=5_000_000), [request(0, osl=11)]).values()
    assert ttft_s(record) == pytest.approx(0.1 + 0.01 + 0.005)
    assert e2el_s(record) == pytest.approx(0.1 + 0.01 + 10 * 0.02 + 0.005)
    assert (record.status, record.isl, record.osl) == (Status.OK, 100, 11)
    assert record.isl_source == record.osl_source == CountSource.SERVER
    assert (record.sent_ns, record.slot_free_ns, record.connect_ns) == (0, 0, None)
    assert record.first_byte_ns == chunks(record).first_ns


def test_pass_times_hold_the_chunks_of_a_record() -> None:
    records, sink = drive(cluster(delay_ns=1_000), plan(20, 4, osl=(2, 30)))
    [times] = sink.pass_times_ns
    assert times.dtype == np.int64
    assert (np.diff(times) > 0).all()
    for record in records:
        own = chunks(record)
        assert times[own.last_pass] == record.end_ns
        assert own.last_pass - own.first_pass + 1 == record.osl - 1
        assert own.first_ns < times[own.first_pass]


def test_a_single_token_needs_no_pass() -> None:
    ended = submit_all(cluster(max_running=1), [request(n, osl=1) for n in range(3)])
    for record in ended.values():
        assert record.end_ns == chunks(record).first_ns
        assert chunks(record).last_pass < chunks(record).first_pass


def test_context_slows_a_pass_down_as_it_grows() -> None:
    [record] = submit_all(cluster(decode=Step(0.02, per_context_token=1e-4)), [request(0, isl=100, osl=4)]).values()
    assert e2el_s(record) == pytest.approx(0.11 + 3 * 0.02 + 1e-4 * (100 + 101 + 102))


def test_a_pass_lasts_as_its_requests_ask() -> None:
    """The running sums against each pass worked out from the records alone."""
    pace = cluster(prefill=Fixed(0.03), decode=Step(0.02, per_fullest=0.001, per_context_token=1e-5))
    records, sink = drive(pace, plan(60, 6, isl=(50, 300), osl=(2, 40)))
    [times] = sink.pass_times_ns
    members = [
        [record for record in records if chunks(record).first_pass <= k <= chunks(record).last_pass]
        for k in range(len(times))
    ]
    unbroken = [k for k in range(1, len(times)) if any(record in members[k - 1] for record in members[k])]
    assert len(unbroken) > 100
    for k in unbroken:
        context = sum(record.isl + k - chunks(record).first_pass for record in members[k])
        expected = 0.02 + 0.001 * len(members[k]) + 1e-5 * context
        assert (times[k] - times[k - 1]) / NS_PER_S == pytest.approx(expected)


def test_single_tokens_that_wait_for_one_slot_all_get_it() -> None:
    pace = cluster(max_running=1, prefill=Fixed(0.001), transfer=Fixed(0.0))
    ended = submit_all(pace, [request(0, osl=11), *(request(n, osl=1) for n in range(1, 5))])
    assert {record.end_ns for record in ended.values()} == {ended[0].end_ns}


def test_prefill_gets_tokens_and_squares_of_a_pass() -> None:
    @dataclass(frozen=True)
    class Sums:
        def seconds(self, tokens: int, squared_tokens: int, prompts: int, *_: int) -> float:
            return tokens + squared_tokens * 1e-3 + prompts * 1e-6

    pace = cluster(prefill=Sums(), max_batch_tokens=1000, transfer=Fixed(0.0))
    ended = submit_all(pace, [request(0, isl=100, osl=1), request(1, isl=200, osl=1), request(2, isl=300, osl=1)])
    assert ttft_s(ended[2]) - ttft_s(ended[0]) == pytest.approx(500 + 130 + 2e-6)


def test_prefill_batches_whole_prompts() -> None:
    pace = cluster(prefill=PerToken(0.001), max_batch_tokens=250, transfer=Fixed(0.0), decode=Step(1e-6))
    ended = submit_all(pace, [request(n, osl=1) for n in range(5)])
    # The first starts at once and alone; then two and two, for three would be 300 tokens.
    assert [round(ttft_s(ended[n]), 3) for n in range(5)] == [0.1, 0.3, 0.3, 0.5, 0.5]


def test_a_prompt_beyond_the_limit_runs_alone() -> None:
    [record] = submit_all(cluster(prefill=PerToken(0.001), max_batch_tokens=10), [request(0, isl=100)]).values()
    assert ttft_s(record) == pytest.approx(0.11)


def test_the_router_takes_turns() -> None:
    ended = submit_all(cluster(prefill_workers=2, transfer=Fixed(0.0)), [request(n, osl=1) for n in range(4)])
    assert [round(ttft_s(ended[n]), 3) for n in range(4)] == [0.1, 0.1, 0.2, 0.2]


@pytest.mark.parametrize(("links", "last"), [(1, 0.1 + 3 * 0.05), (3, 0.1 + 0.05)])
def test_transfers_queue_for_links(links: int, last: float) -> None:
    pace = cluster(prefill_workers=1, max_batch_tokens=1000, links_per_worker=links, transfer=Fixed(0.05))
    clock, ended = VirtualClock(), {}
    target = TwinTarget(pace, clock)
    target.submit(request(0, osl=1), 0, lambda record: ended.setdefault(record.seq, record))
    clock.run(lambda: len(ended) == 1)
    begin = clock.now_ns()
    # A first prompt keeps prefill busy, so that the next three are prefilled together.
    for seq in range(1, 5):
        target.submit(request(seq, osl=1), 0, lambda record: ended.setdefault(record.seq, record))
    clock.run(lambda: len(ended) == 5)
    assert (ended[4].end_ns - begin) / NS_PER_S == pytest.approx(0.1 + last)


def test_slots_bound_the_batch_and_are_given_in_order() -> None:
    pace = cluster(max_running=2, prefill=Fixed(0.001), transfer=Fixed(0.0))
    ended = submit_all(pace, [request(n, osl=11) for n in range(6)])
    firsts = [chunks(ended[n]).first_ns for n in range(6)]
    assert firsts == sorted(firsts)
    assert sum(1 for n in range(6) if chunks(ended[n]).first_ns < ended[0].end_ns) == 2


def test_kv_memory_bounds_the_batch() -> None:
    pace = cluster(kv_tokens=250, prefill=Fixed(0.001), transfer=Fixed(0.0))
    ended = submit_all(pace, [request(n, isl=100, osl=11) for n in range(6)])
    assert sum(1 for n in range(6) if chunks(ended[n]).first_ns < ended[0].end_ns) == 2


def test_a_request_that_never_fits_is_an_error() -> None:
    ended = submit_all(cluster(kv_tokens=110), [request(0, isl=100, osl=11), request(1, isl=90, osl=11)])
    assert ended[0].status is Status.ERROR
    assert ended[0].error == "111 tokens exceed the KV cache of a decode worker"
    assert ended[1].status is Status.OK


def test_the_emptiest_decode_worker_gets_the_request() -> None:
    ended = submit_all(cluster(decode_workers=3, prefill=Fixed(0.001)), [request(n, osl=200) for n in range(9)])
    assert Counter(chunks(record).worker for record in ended.values()) == {0: 3, 1: 3, 2: 3}


@pytest.mark.parametrize(("ranks", "fullest"), [(1, 4), (2, 2), (4, 1), (3, 2)])
def test_a_pass_waits_for_the_fullest_rank(ranks: int, fullest: int) -> None:
    pace = cluster(ranks=ranks, prefill=Fixed(0.0), transfer=Fixed(0.0), decode=Step(0.0, per_fullest=0.01))
    ended = submit_all(pace, [request(n, osl=1001) for n in range(4)])
    assert tpot_s(ended[3]) == pytest.approx(0.01 * fullest, rel=0.01)


def test_every_request_ends_once_and_the_same_way_each_time() -> None:
    load = plan(300, 16, isl=(50, 200), osl=(1, 60))
    pace = cluster(decode_workers=2, max_running=5, max_batch_tokens=400, decode=Step(0.01, per_context_token=1e-6))
    first, again = drive(pace, load)[0], drive(pace, load)[0]
    assert sorted(record.seq for record in first) == list(range(300))
    assert first == again
