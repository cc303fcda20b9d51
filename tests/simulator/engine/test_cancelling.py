import pytest

from inferbench.loadgen.clock import VirtualClock
from inferbench.records.request_record import RequestRecord, Status
from inferbench.simulator.engine.cluster import Cluster, TwinTarget
from inferbench.units import NS_PER_S
from tests.support.twin_factories import Fixed, Records, chunks, cluster, request, ttft_s


def cancelled_at(
    pace: Cluster, at_s: float, n: int = 40, sink: Records | None = None
) -> tuple[list[RequestRecord], TwinTarget, VirtualClock]:
    clock, records = VirtualClock(), []
    target = TwinTarget(pace, clock, pass_sink=sink)
    for seq in range(n):
        target.submit(request(seq, osl=50), 0, records.append)
    clock.call_at(round(at_s * NS_PER_S), target.cancel)
    clock.run(lambda: len(records) >= n)
    return records, target, clock


@pytest.mark.parametrize("at_s", [0.0, 0.05, 0.105, 1.0, 2.0, 3.5])
def test_cancelling_ends_every_request_once(at_s: float) -> None:
    records, target, clock = cancelled_at(cluster(max_running=4, delay_ns=3_000_000), at_s)
    assert sorted(record.seq for record in records) == list(range(40))
    assert {record.status for record in records} <= {Status.OK, Status.CANCELLED}
    assert any(record.status is Status.CANCELLED for record in records)
    target.cancel()
    late: list[int] = []
    clock.call_at(clock.now_ns() + 100 * NS_PER_S, lambda: late.append(1))
    clock.run(lambda: bool(late))
    assert len(records) == 40


def test_a_cancelled_request_keeps_the_tokens_that_it_got() -> None:
    sink = Records()
    records, _, _ = cancelled_at(cluster(max_running=4), 1.0, sink=sink)
    [times] = sink.pass_times_ns
    begun = [record for record in records if record.chunks is not None and record.status is Status.CANCELLED]
    assert begun
    for record in begun:
        own = chunks(record)
        seen = int((times[own.first_pass :] <= record.end_ns).sum())
        assert record.osl == 1 + seen
        assert own.last_pass == own.first_pass + seen - 1
    waiting = [record for record in records if record.chunks is None]
    assert waiting
    assert {record.osl for record in waiting} == {0}


def test_the_twin_serves_on_after_a_cancellation() -> None:
    _, target, clock = cancelled_at(cluster(max_running=4), 1.0)
    again: list[RequestRecord] = []
    begin = clock.now_ns()
    target.submit(request(100, osl=11), begin, again.append)
    clock.run(lambda: bool(again))
    # A prefill pass was under way and had to run out first.
    assert 0.31 <= (again[0].end_ns - begin) / NS_PER_S <= 0.31 + 0.1 + 0.02


def test_a_cancelled_transfer_takes_neither_link_nor_slot() -> None:
    pace = cluster(prefill_workers=1, transfer=Fixed(0.5), max_running=1)
    _, target, clock = cancelled_at(pace, 0.15, n=1)
    again: list[RequestRecord] = []
    begin = clock.now_ns()
    target.submit(request(100, osl=11), begin, again.append)
    clock.run(lambda: bool(again))
    assert ttft_s(again[0]) == pytest.approx(0.1 + 0.5)


def test_tokens_still_on_their_way_are_not_counted() -> None:
    records, _, _ = cancelled_at(cluster(delay_ns=NS_PER_S), 0.9, n=3)
    assert [(record.status, record.osl, record.chunks) for record in records] == [(Status.CANCELLED, 0, None)] * 3


def test_no_chunk_leaves_after_a_cancellation() -> None:
    clock, records = VirtualClock(), []
    late: list[int] = []
    target = TwinTarget(
        cluster(delay_ns=NS_PER_S), clock, lambda seq, tokens: late.append(seq) if len(records) == 4 else None
    )
    for seq in range(4):
        target.submit(request(seq, osl=50), 0, records.append)
    clock.call_at(round(1.5 * NS_PER_S), target.cancel)
    over: list[int] = []
    clock.call_at(20 * NS_PER_S, lambda: over.append(1))
    clock.run(lambda: bool(over))
    assert len(records) == 4
    assert late == []
