"""The fixed pace on the virtual clock: every token at its computed time."""

from __future__ import annotations

from itertools import pairwise

import pytest

from inferbench.loadgen.clock import VirtualClock
from inferbench.records.request_record import Status
from inferbench.simulator.server.fixed_pace import FixedPace
from inferbench.workload.plan import PlannedRequest

TTFT, TPOT = 200, 50


def planned(seq: int, osl: int) -> PlannedRequest:
    return PlannedRequest(seq, isl=10, osl=osl, seed=seq, planned_ns=None)


class Bench:
    """A pace on a virtual clock, with everything that it said."""

    def __init__(self, ttft: int = TTFT, clock: VirtualClock | None = None, **options):
        self.clock = clock or VirtualClock()
        self.records = []
        self.chunks = []
        self.target = FixedPace(ttft, TPOT, self.clock, self._on_chunk, **options)

    def _on_chunk(self, seq: int, tokens: int):
        self.chunks.append((self.clock.now_ns(), seq, tokens))

    def submit_at(self, when: int, seq: int, osl: int):
        self.clock.call_at(
            when, lambda: self.target.submit(planned(seq, osl), self.clock.now_ns(), self.records.append)
        )

    def run(self, count: int):
        self.clock.run(lambda: len(self.records) == count)
        return {r.seq: r for r in self.records}


@pytest.mark.parametrize("starts", [[0], [0, 0, 0], [0, 7, 199, 200, 201, 1000], list(range(0, 400, 3))])
def test_every_token_at_its_time(starts):
    bench = Bench()
    for seq, start in enumerate(starts):
        bench.submit_at(start, seq, osl=1 + seq % 5)
    records = bench.run(len(starts))
    for seq, start in enumerate(starts):
        record, times = records[seq], [start + TTFT + i * TPOT for i in range(1 + seq % 5)]
        assert (record.status, record.osl, record.sent_ns) == (Status.OK, len(times), start)
        assert list(record.chunks.times_ns) == times
        assert list(record.chunks.tokens) == [1] * len(times)
        assert (record.first_byte_ns, record.end_ns) == (times[0], times[-1])
        assert [c for c in bench.chunks if c[1] == seq] == [(t, seq, 1) for t in times]


def test_one_callback_serves_all_that_is_due():
    """Callbacks grow with the distinct times, not with the streams, whatever the order of submission."""
    bench, asked = Bench(), []
    call_at = bench.clock.call_at
    bench.clock.call_at = lambda when, callback: (asked.append(when), call_at(when, callback))
    for seq in range(100):
        bench.target.submit(planned(seq, 4), 0, bench.records.append)
    bench.run(100)
    assert len(asked) == 4


def test_earlier_tokens_do_not_multiply_callbacks():
    """A first token that is due before all others takes the place of the callback that was asked for."""
    bench, asked = Bench(ttft=1), []
    for seq in range(20):
        bench.submit_at(seq * 2, seq, osl=100)
    call_at = bench.clock.call_at
    bench.clock.call_at = lambda when, callback: (asked.append(when), call_at(when, callback))
    bench.run(20)
    distinct = {t for t, _, _ in bench.chunks}
    assert len(asked) <= len(distinct) + 20


class LateClock(VirtualClock):
    """Every callback comes 3 ns late, as an event loop's do."""

    def call_at(self, when_ns, callback):
        super().call_at(when_ns + 3, callback)


def test_lateness_never_adds_up():
    bench = Bench(clock=LateClock())
    bench.target.submit(planned(0, 100), 0, bench.records.append)
    assert list(bench.run(1)[0].chunks.times_ns) == [TTFT + i * TPOT + 3 for i in range(100)]


def test_grain_coalesces():
    grain = 20
    bench = Bench(grain_ns=grain)
    for seq in range(10):
        bench.submit_at(seq, seq, osl=50)
    records = bench.run(10)
    for seq in range(10):
        late = [t - (seq + TTFT + i * TPOT) for i, t in enumerate(records[seq].chunks.times_ns)]
        assert 0 <= min(late) <= max(late) <= grain
    wakes = sorted({t for t, _, _ in bench.chunks})
    assert min(b - a for a, b in pairwise(wakes)) >= grain


def test_cancel():
    bench = Bench()
    bench.submit_at(0, 0, osl=1)
    bench.submit_at(0, 1, osl=10)
    bench.submit_at(210, 2, osl=10)
    bench.clock.call_at(300, bench.target.cancel)
    records = bench.run(3)
    assert [records[s].status for s in range(3)] == [Status.OK, Status.CANCELLED, Status.CANCELLED]
    assert list(records[1].chunks.times_ns) == [200, 250]
    assert (records[2].chunks, records[2].osl, records[2].end_ns) == (None, 0, 300)
    bench.submit_at(400, 3, osl=2)
    assert list(bench.run(4)[3].chunks.times_ns) == [600, 650]
    assert len(bench.chunks) == 1 + 2 + 2
