"""A trace as a plan."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from inferbench.arrays import NEVER, Floats, Ints
from inferbench.errors import FieldName, UsageError
from inferbench.units import NS_PER_S
from inferbench.workload import arrivals
from inferbench.workload.arrivals import RateRamp
from inferbench.workload.plan import Arrival, Plan
from inferbench.workload.planner import distinct_seeds, hashed, of_first_turns
from inferbench.workload.prompts import TOKENIZER
from inferbench.workload.traces.mooncake import BLOCK
from inferbench.workload.traces.session_turns import composed, sessions, timed
from inferbench.workload.traces.trace_request import TraceRequest

LONGEST_DAYS = 366
"""No trace is replayed for longer: its times are in another unit, or one of them is wrong."""


def take(
    requests: Iterable[TraceRequest],
    *,
    speed_up: float = 1.0,
    max_requests: int | None = None,
    max_s: float | None = None,
) -> list[TraceRequest]:
    """Return the first `max_requests` requests, of those of the first `max_s` seconds, counted after the speed-up.

    No more are read than are taken. Raises UsageError for a speed-up that is not possible.
    """
    if not speed_up > 0:
        raise UsageError(f"a speed-up of {speed_up:g} is not possible; it must be above 0")
    within = requests if max_s is None else _before(requests, max_s * speed_up)
    return list(islice(within, max_requests))


def _before(requests: Iterable[TraceRequest], seconds: float) -> Iterator[TraceRequest]:
    begin = None
    for at_s, request in timed(requests):
        begin = at_s if begin is None else begin
        if at_s - begin < seconds:
            yield request


def trace_plan(
    requests: Iterable[TraceRequest],
    *,
    seed: int,
    salt: str,
    arrival: Arrival = Arrival.TRACE,
    max_concurrency: int | None = None,
    speed_up: float = 1.0,
    max_requests: int | None = None,
    max_s: float | None = None,
    rate: float = 1.0,
    burstiness: float = 1.0,
    rate_ramp: RateRamp | None = None,
    slot_ramp_s: float = 0.0,
    think_s: float = 0.0,
    prompts: str = TOKENIZER,
    ignore_eos: bool = True,
    block: int = BLOCK,
) -> Plan:
    """Plan the requests of a trace, as far as `take` takes them.

    Arrival TRACE keeps its times, `speed_up` times as fast; CLOSED ignores them; the others draw their own, as
    `make_plan` does. Sessions stay in order. A later turn waits for the answer before it and the delay that the trace
    tells; with arrival TRACE also for its own time; where the trace tells neither, it thinks for `think_s`. `block`
    is the tokens of a block. Raises UsageError where no request is left, or times are asked for that the trace does
    not tell.
    """
    taken = take(requests, speed_up=speed_up, max_requests=max_requests, max_s=max_s)
    if not taken:
        raise UsageError("the trace holds no request that can be used")
    at_s: list[float] = []
    if arrival is Arrival.TRACE:
        ordered = sorted(timed(taken), key=lambda pair: pair[0])
        at_s, taken = [time_s for time_s, _ in ordered], [request for _, request in ordered]
    root = np.random.SeedSequence([seed, zlib.crc32(salt.encode())])
    for_seeds, for_arrivals = (np.random.default_rng(child) for child in root.spawn(2))
    session, turn = sessions(taken)
    first = turn == 0
    if arrival is Arrival.TRACE:
        planned: Ints | None = _planned_ns(taken, at_s, first, speed_up)
    else:
        due = arrivals.due_times(arrival, int(first.sum()), rate, burstiness, for_arrivals, rate_ramp)
        planned = None if due is None else of_first_turns(due, first)
    alone = bool(first.all())
    isl, prefix = composed(taken, None if alone else session, block)
    plan = Plan(
        seed=seed,
        arrival=arrival,
        max_concurrency=max_concurrency,
        isl=isl,
        osl=np.array([request.osl for request in taken], dtype=np.int64),
        seeds=distinct_seeds(len(taken), for_seeds),
        planned_ns=planned,
        ignore_eos=ignore_eos,
        salt=salt,
        prompt_hash="",
        session=None if alone else session,
        turn=None if alone else turn,
        think_ns=None if alone else _think_ns(taken, first, arrival, speed_up, think_s),
        prefix=prefix,
        slot_open_ns=None if max_concurrency is None else arrivals.slot_openings(max_concurrency, slot_ramp_s),
    )
    return hashed(plan, prompts)


def _planned_ns(
    taken: Sequence[TraceRequest], at_s: Sequence[float], first: NDArray[np.bool_], speed_up: float
) -> Ints:
    """Due times, from 0 at the first request; NEVER for a later turn that has no time of its own."""
    due_s = _possible((np.array(at_s) - at_s[0]) / speed_up)
    own = np.array([request.at_s is not None for request in taken])
    return np.where(first | own, (due_s * NS_PER_S).astype(np.int64), NEVER)


def _think_ns(
    taken: Sequence[TraceRequest], first: NDArray[np.bool_], arrival: Arrival, speed_up: float, think_s: float
) -> Ints:
    """From the answer before to a later turn: as the trace tells, and nothing where it has a time of its own."""
    unsaid = [0.0 if arrival is Arrival.TRACE and request.at_s is not None else think_s for request in taken]
    told = [None if request.delay_s is None else request.delay_s / speed_up for request in taken]
    each = _possible(np.array([own if known is None else known for known, own in zip(told, unsaid, strict=True)]))
    return np.where(first, 0, (each * NS_PER_S).astype(np.int64))


def _possible(seconds: Floats) -> Floats:
    """Raises UsageError for a time that nobody would wait for."""
    if (days := seconds.max(initial=0.0) / 86_400) > LONGEST_DAYS:
        raise UsageError(
            f"a replay of the trace would take {days:,.0f} days: a time in it is wrong, or of another unit (",
            FieldName("trace.time_unit"),
            "), or it needs ",
            FieldName("trace.speed_up"),
        )
    return seconds
