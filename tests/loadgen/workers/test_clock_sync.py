"""Clock alignment against simulated clocks whose offset is known."""

from __future__ import annotations

import random

import pytest

from inferbench.loadgen.workers.clock_sync import SAME_CLOCK, Alignment, align, residual_ns


def exchanges(offset_ns: int, delays: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Readings of a clock that is `offset_ns` ahead, over lines that take (there, back) ns."""
    found, now = [], 1_000_000
    for there, back in delays:
        found.append((now, now + there + offset_ns, now + there + back))
        now += there + back + 777
    return found


@pytest.mark.parametrize("offset_ns", [0, 5, -3_600_000_000_000, 123_456_789_012])
def test_equal_ways_there_and_back_give_the_offset_exactly(offset_ns: int) -> None:
    assert align(exchanges(offset_ns, [(40, 40), (900, 100), (20, 20)])) == Alignment(offset_ns, 20)


def test_the_worst_line_is_off_by_exactly_the_residual() -> None:
    assert align(exchanges(1000, [(30, 0)])) == Alignment(1015, 15)
    assert align(exchanges(1000, [(0, 30)])) == Alignment(985, 15)


def test_whatever_the_delays_the_offset_lies_within_the_residual() -> None:
    rng = random.Random(0)
    for _ in range(300):
        offset = rng.randrange(-(10**12), 10**12)
        delays = [(rng.randrange(10**6), rng.randrange(10**6)) for _ in range(rng.randrange(1, 40))]
        found = align(exchanges(offset, delays))
        assert abs(found.offset_ns - offset) <= found.residual_ns
        assert found.residual_ns == (min(map(sum, delays)) + 1) // 2


def test_drift_between_two_alignments_counts_in_full() -> None:
    assert residual_ns(Alignment(100, 7), Alignment(100, 4)) == 7
    assert residual_ns(Alignment(100, 7), Alignment(-150, 9)) == 9 + 250
    assert residual_ns(SAME_CLOCK, SAME_CLOCK) == 0
