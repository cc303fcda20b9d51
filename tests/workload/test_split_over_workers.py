"""A split plan is the plan: property tests."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferbench.errors import UsageError
from inferbench.scenario.scenario import Lengths
from inferbench.workload.plan import Arrival, Plan, PlannedRequest
from inferbench.workload.planner import make_plan
from inferbench.workload.shared_prefixes import SharedPrefix, Turns
from inferbench.workload.split_over_workers import split

SHAPES = st.fixed_dictionaries(
    {
        "n": st.integers(1, 80),
        "max_concurrency": st.integers(1, 20),
        "arrival": st.sampled_from([Arrival.CLOSED, Arrival.POISSON]),
        "turns": st.sampled_from([None, Turns(1), Turns(3, 0.5)]),
        "shared": st.sampled_from([None, SharedPrefix(7, 3)]),
        "slot_ramp_s": st.sampled_from([0.0, 2.0]),
    }
)


def plan(n: int, **shape: object) -> Plan:
    lengths = Lengths(nominal=10, min=5, max=10)
    return make_plan(n, isl=lengths, osl=lengths, seed=1, salt="s", **shape)  # type: ignore[arg-type]


def requests(made: Plan) -> dict[int, PlannedRequest]:
    found = [made.request(row) for row in range(len(made))]
    assert len({request.seq for request in found}) == len(found)
    return {request.seq: request for request in found}


@settings(max_examples=150, deadline=None)
@given(SHAPES, st.integers(1, 20))
def test_the_parts_are_the_plan(shape: dict[str, object], workers: int) -> None:
    made = plan(**shape)  # type: ignore[arg-type]
    concurrency = made.max_concurrency
    assert concurrency is not None
    if workers > concurrency:
        with pytest.raises(UsageError, match="each needs at least one slot"):
            split(made, workers)
        return
    parts = split(made, workers)
    slots = [part.max_concurrency or 0 for part in parts]
    assert sum(slots) == concurrency
    assert max(slots) - min(slots) <= 1
    merged: dict[int, PlannedRequest] = {}
    for part in parts:
        own = requests(part)
        assert [part.row_of(part.request(row).seq) for row in range(len(part))] == list(range(len(part)))
        assert not own.keys() & merged.keys()
        merged |= own
    # Numbers, lengths, seeds, prefixes and due times are those of the whole plan, request by request.
    assert merged == requests(made)
    if made.slot_open_ns is not None:
        opened = np.concatenate([part.slot_open_ns for part in parts if part.slot_open_ns is not None])
        assert sorted(opened.tolist()) == made.slot_open_ns.tolist()
        assert all(np.all(np.diff(part.slot_open_ns) >= 0) for part in parts if part.slot_open_ns is not None)
    if made.session is not None:
        owners = [set(part.session.tolist()) for part in parts if part.session is not None]
        assert sum(map(len, owners)) == len(set().union(*owners))


def test_every_slot_of_a_closed_loop_gets_as_many_requests() -> None:
    parts = split(plan(500, max_concurrency=5), 2)
    assert [(part.max_concurrency, len(part)) for part in parts] == [(3, 300), (2, 200)]


def test_an_open_loop_is_dealt_round_robin() -> None:
    made = plan(100, max_concurrency=None, arrival=Arrival.POISSON, rate=10.0)
    parts = split(made, 3)
    assert made.planned_ns is not None
    for worker, part in enumerate(parts):
        assert part.planned_ns is not None
        assert part.planned_ns.tolist() == made.planned_ns[worker::3].tolist()


def test_parts_can_be_split_again() -> None:
    made = plan(60, max_concurrency=12, turns=Turns(2))
    again = [piece for part in split(made, 2) for piece in split(part, 3)]
    assert sorted(seq for piece in again for seq in requests(piece)) == list(range(60))


def test_no_workers_are_refused() -> None:
    with pytest.raises(UsageError, match="at least 1"):
        split(plan(10, max_concurrency=4), 0)
