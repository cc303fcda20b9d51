"""A trace as a plan."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np

from ...domain.errors import UsageError
from ...domain.plan import Arrival, Plan, Prefixes
from ...domain.records import Ints
from ...domain.units import NS_PER_S
from .. import arrivals
from ..arrivals import RateRamp
from ..planning import distinct_seeds, hashed, of_first_turns
from ..prompts import TOKENIZER
from ..structure import BLOCK_STREAMS
from .mooncake import BLOCK
from .request import TraceRequest


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
) -> Plan:
    """Plan the requests of a trace.

    Arrival TRACE keeps its times, `speed_up` times as fast; CLOSED ignores them; the others draw their own, as
    `make_plan` does. Of the trace the first `max_requests` requests are taken, and those of its first `max_s`
    seconds, counted after the speed-up. Sessions stay in order and think for `think_s`; a session's first turn has
    its time. Raises UsageError where no request is left, or times are asked for that the trace does not tell.
    """
    if not speed_up > 0:
        raise UsageError(f"a speed-up of {speed_up:g} is not possible; it must be above 0")
    taken = list(_taken(requests, speed_up, max_requests, max_s))
    if not taken:
        raise UsageError("the trace holds no request that can be used")
    if arrival is Arrival.TRACE:
        taken.sort(key=_at_s)
    root = np.random.SeedSequence([seed, zlib.crc32(salt.encode())])
    for_seeds, for_arrivals = (np.random.default_rng(child) for child in root.spawn(2))
    session, turn = _sessions(taken)
    first = turn == 0
    if arrival is Arrival.TRACE:
        due: Ints | None = _due_ns(taken, speed_up)[first]
    else:
        due = arrivals.due_times(arrival, int(first.sum()), rate, burstiness, for_arrivals, rate_ramp)
    isl = np.array([request.isl for request in taken], dtype=np.int64)
    alone = bool(first.all())
    plan = Plan(
        seed=seed,
        arrival=arrival,
        max_concurrency=max_concurrency,
        isl=isl,
        osl=np.array([request.osl for request in taken], dtype=np.int64),
        seeds=distinct_seeds(len(taken), for_seeds),
        planned_ns=None if due is None else of_first_turns(due, first),
        ignore_eos=ignore_eos,
        salt=salt,
        prompt_hash="",
        session=None if alone else session,
        turn=None if alone else turn,
        think_ns=None if alone else np.where(first, 0, int(think_s * NS_PER_S)).astype(np.int64),
        prefix=_prefixes(taken, None if alone else session),
        slot_open_ns=None if max_concurrency is None else arrivals.slot_openings(max_concurrency, slot_ramp_s),
    )
    return hashed(plan, prompts)


def _at_s(request: TraceRequest) -> float:
    if request.at_s is None:
        raise UsageError("the trace tells no times; give a request rate or a concurrency")
    return request.at_s


def _taken(
    requests: Iterable[TraceRequest], speed_up: float, max_requests: int | None, max_s: float | None
) -> Iterator[TraceRequest]:
    """The requests of a trace within both limits; no more are read than are taken."""
    within = requests if max_s is None else _before(requests, max_s * speed_up)
    return islice(within, max_requests)


def _before(requests: Iterable[TraceRequest], seconds: float) -> Iterator[TraceRequest]:
    begin = None
    for request in requests:
        at_s = _at_s(request)
        begin = at_s if begin is None else begin
        if at_s - begin < seconds:
            yield request


def _due_ns(ordered: list[TraceRequest], speed_up: float) -> Ints:
    """Due times, from 0 at the first request."""
    at_s = np.array([_at_s(request) for request in ordered])
    due: Ints = ((at_s - at_s[0]) * (NS_PER_S / speed_up)).astype(np.int64)
    return due


def _sessions(requests: list[TraceRequest]) -> tuple[Ints, Ints]:
    """Session and turn of each request; one that stands alone is a session of its own."""
    number: dict[tuple[str, int], int] = {}
    said: Counter[int] = Counter()
    columns = []
    for row, request in enumerate(requests):
        name = ("alone", row) if request.session is None else ("session", request.session)
        session = number.setdefault(name, len(number))
        columns.append((session, said[session]))
        said[session] += 1
    both = np.array(columns, dtype=np.int64)
    return both[:, 0], both[:, 1]


def _prefixes(requests: list[TraceRequest], session: Ints | None) -> Prefixes | None:
    """What prompts share: their blocks where the trace tells them, all of a session's text in sessions."""
    if session is not None:
        pairs = [[(int(stream), request.isl)] for stream, request in zip(session, requests, strict=True)]
    elif any(request.blocks for request in requests):
        pairs = [_blocks(request) for request in requests]
    else:
        return None
    flat = np.array([pair for row in pairs for pair in row], dtype=np.int64).reshape(-1, 2)
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in pairs])]).astype(np.int64)
    return Prefixes(offsets, flat[:, 0], flat[:, 1])


def _blocks(request: TraceRequest) -> list[tuple[int, int]]:
    """Stream and tokens of each block, the last cut to the prompt's length."""
    sizes = [min(BLOCK, request.isl - begin) for begin in range(0, request.isl, BLOCK)]
    return [(BLOCK_STREAMS + block, size) for block, size in zip(request.blocks, sizes, strict=False)]
