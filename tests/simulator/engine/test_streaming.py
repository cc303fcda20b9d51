import asyncio
from collections import Counter

import pytest

from inferbench.loadgen.clock import LoopClock, VirtualClock
from inferbench.records.request_record import RequestRecord
from inferbench.simulator.engine.cluster import TwinTarget
from tests.support.twin_factories import Fixed, Records, Step, chunks, cluster, e2el_s, request, submit_all


@pytest.mark.parametrize("interval", [1, 4, 100])
def test_chunks_carry_every_token_in_time(interval: int) -> None:
    pace = cluster(stream_interval=interval, max_running=3, delay_ns=2_000_000)
    clock, records = VirtualClock(), []
    seen: dict[int, list[tuple[int, int]]] = {}
    target = TwinTarget(pace, clock, lambda seq, tokens: seen.setdefault(seq, []).append((clock.now_ns(), tokens)))
    for seq in range(8):
        target.submit(request(seq, osl=1 + 5 * seq), 0, records.append)
    clock.run(lambda: len(records) == 8)
    for record in records:
        times, tokens = zip(*seen[record.seq], strict=True)
        assert sum(tokens) == record.osl
        assert (times[0], tokens[0]) == (chunks(record).first_ns, 1)
        assert times[-1] == record.end_ns
        assert all(n >= interval for n in tokens[1:-1])


def test_watching_the_chunks_changes_no_record() -> None:
    quiet = submit_all(cluster(), [request(n) for n in range(5)])
    clock, watched = VirtualClock(), {}
    target = TwinTarget(cluster(), clock, lambda seq, tokens: None)
    for n in range(5):
        target.submit(request(n), 0, lambda record: watched.setdefault(record.seq, record))
    clock.run(lambda: len(watched) == 5)
    assert watched == quiet


def test_the_same_twin_runs_in_real_time() -> None:
    pace = cluster(prefill=Fixed(0.002), transfer=Fixed(0.001), decode=Step(0.002), max_running=3, delay_ns=1_000_000)

    async def serve() -> tuple[list[RequestRecord], Counter[int], Records]:
        records: list[RequestRecord] = []
        tokens: Counter[int] = Counter()
        finished = asyncio.Event()

        def done(record: RequestRecord) -> None:
            records.append(record)
            if len(records) == 6:
                finished.set()

        clock, sink = LoopClock(asyncio.get_running_loop()), Records()
        target = TwinTarget(pace, clock, lambda seq, n: tokens.update({seq: n}), sink)
        for seq in range(6):
            target.submit(request(seq, osl=5), 0, done)
        await asyncio.wait_for(finished.wait(), 30)
        return records, tokens, sink

    records, tokens, sink = asyncio.run(serve())
    [times] = sink.pass_times_ns
    assert sorted(record.seq for record in records) == list(range(6))
    assert set(tokens.values()) == {5}
    for record in records:
        assert e2el_s(record) >= 0.002 + 0.001 + 4 * 0.002 + 0.001
        assert times[chunks(record).last_pass] == record.end_ns
