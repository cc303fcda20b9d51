"""Turns of the sessions of a trace: which follows which, when, and what their prompts are made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from inferbench.arrays import Ints
from inferbench.errors import UsageError
from inferbench.workload.plan import Prefixes
from inferbench.workload.shared_prefixes import BLOCK_STREAMS, TEXT_STREAMS, TURN_STREAMS
from inferbench.workload.traces.trace_request import MOST_TOKENS, TraceRequest

Pairs = list[tuple[int, int]]
"""(stream of text, tokens of it) that a prompt is made of; see `domain.plan.Prefix`."""

NO_TIMES = "the trace tells no times; give a request rate or a concurrency"
WHOLE = "turns of the trace's sessions begin with the blocks of the turn before, and were read as whole prompts"
ADDED = "turns of the trace's sessions were read as what each adds to what was said before"


def timed(requests: Iterable[TraceRequest]) -> Iterator[tuple[float, TraceRequest]]:
    """Each request with the earliest time at which it can come: its own, and not before the turn before it.

    Raises UsageError where a request has no time, and no turn before it that has one.
    """
    latest: dict[int, float] = {}
    for request in requests:
        before = None if request.session is None else latest.get(request.session)
        known = [at_s for at_s in (request.at_s, before) if at_s is not None]
        if not known:
            raise UsageError(NO_TIMES)
        if request.session is not None:
            latest[request.session] = max(known)
        yield max(known), request


def sessions(requests: Sequence[TraceRequest]) -> tuple[Ints, Ints]:
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


def in_context(requests: Sequence[TraceRequest]) -> tuple[list[TraceRequest], list[str]]:
    """Decide whether turns of which nobody says so are whole prompts, by their blocks; and say how they were read.

    A turn that is a whole prompt repeats the first block of the turn before it; text that is added does not.
    """
    before: dict[int, TraceRequest] = {}
    open_, repeated, added = False, False, False
    for request in requests:
        if request.session is None:
            continue
        last = before.get(request.session)
        before[request.session] = request
        if last is not None:
            added = added or request.whole is False
            open_ = open_ or request.whole is None
            repeated = repeated or (request.whole is None and request.blocks[:1] == last.blocks[:1])
    decided = [replace(r, whole=repeated or not open_) if r.whole is None else r for r in requests]
    return decided, [WHOLE] * repeated + [ADDED] * (added or (open_ and not repeated))


def composed(requests: Sequence[TraceRequest], session: Ints | None, size: int) -> tuple[Ints, Prefixes | None]:
    """Whole lengths of all prompts, and what they share; `size` is the tokens of a block, `session` None: all alone.

    Prompts share their blocks and texts where the trace tells these, and else all of a session's text. Raises
    UsageError where a session grows beyond what a prompt can be.
    """
    said: dict[int, Pairs] = {}
    rows: list[Pairs] = []
    for row, request in enumerate(requests):
        before = said.get(request.session, []) if request.session is not None and request.whole is False else []
        pairs = before + _own(request, row, session, size)
        rows.append(pairs)
        if request.session is not None and request.whole is False:
            said[request.session] = [*pairs, (TURN_STREAMS + 2 * row + 1, request.osl)]
    isl = np.array(
        [sum(n for _, n in pairs) if r.whole is False else r.isl for r, pairs in zip(requests, rows, strict=True)],
        dtype=np.int64,
    )
    if isl.max(initial=0) > MOST_TOKENS:
        raise UsageError(f"a session of the trace grows to {isl.max():,} tokens, above {MOST_TOKENS:,}")
    if not any(rows):
        return isl, None
    flat = np.array([pair for row in rows for pair in row], dtype=np.int64).reshape(-1, 2)
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return isl, Prefixes(offsets, flat[:, 0], flat[:, 1])


def _own(request: TraceRequest, row: int, session: Ints | None, size: int) -> Pairs:
    """What a prompt is made of beside what was said before; text that is the prompt's alone is in no stream."""
    if request.text is not None:
        return [(TEXT_STREAMS + request.text, request.isl)]
    begins = range(0, request.isl, size)
    pairs = [
        (BLOCK_STREAMS + block, min(size, request.isl - begin))
        for block, begin in zip(request.blocks, begins, strict=False)
    ]
    rest = request.isl - sum(tokens for _, tokens in pairs)
    if rest and request.whole is False:
        pairs.append((TURN_STREAMS + 2 * row, rest))
    elif session is not None and not pairs:
        pairs.append((int(session[row]), request.isl))
    return pairs
