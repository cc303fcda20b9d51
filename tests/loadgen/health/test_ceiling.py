"""What steps of a self-check come to, and how many workers follow from it."""

from __future__ import annotations

import pytest

from inferbench.loadgen.health import ceiling as selfcheck
from inferbench.loadgen.health.ceiling import Ceiling, Limit, Machine, Step, ceiling_of, workers_for

MACHINE = Machine(cpu="a CPU", cpus=4, python="3.11.7", inferbench="0.1.0")


def step(streams: int, late_ms: float = 0.1, pace: float = 1.0) -> Step:
    offered = streams * 20.0
    return Step(
        streams=streams, offered_events_per_s=offered, events_per_s=pace * offered, stamp_late_p90_ms=late_ms,
        cpu_share=0.5,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "streams", "limit"),
    [
        ([step(256), step(512), step(1024, late_ms=4.2)], 512, Limit.CLIENT),
        ([step(256), step(512), step(1024, pace=0.9)], 512, Limit.SERVER),
        ([step(256), step(512), step(1024, late_ms=9), step(724)], 724, Limit.CLIENT),
        ([step(256), step(512), step(1024, late_ms=9), step(724, late_ms=5)], 512, Limit.CLIENT),
        ([step(256), step(512)], 512, Limit.NONE),
        ([step(256, late_ms=5, pace=0.5)], 0, Limit.CLIENT),
        ([], 0, Limit.NONE),
    ],
)
def test_the_ceiling_is_the_last_step_that_was_held(steps: list[Step], streams: int, limit: Limit) -> None:
    found = ceiling_of(MACHINE, steps)
    assert (found.streams, found.events_per_s, found.limited_by) == (streams, streams * 20, limit)
    assert [s.streams for s in found.steps] == sorted(s.streams for s in steps)


def test_what_ended_it_from_outside_is_kept() -> None:
    assert ceiling_of(MACHINE, [step(256)], Limit.FILES).limited_by is Limit.FILES


def ceiling(streams: int) -> Ceiling:
    return ceiling_of(MACHINE, [step(streams)] if streams else [])


@pytest.mark.parametrize(
    ("streams", "known", "workers"),
    [
        (2048, 1024, 2), (2049, 1024, 3), (1024, 1024, 1), (100_000, 1024, 4), (3, 1, 3), (2, 1, 2), (2048, None, 1),
        (None, 1024, 1), (2048, 0, 1),
    ],
)  # fmt: skip
def test_workers_follow_from_the_streams_that_one_can_take(
    monkeypatch: pytest.MonkeyPatch, streams: int | None, known: int | None, workers: int
) -> None:
    monkeypatch.setattr(selfcheck, "cores", lambda: 4)
    assert workers_for(streams, None if known is None else ceiling(known)) == workers
