"""Per-request latencies, ms, shape (n,): NaN where a request has none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inferbench.arrays import NEVER, Floats, Ints
from inferbench.records.columns import Records
from inferbench.records.request_record import Status
from inferbench.units import NS_PER_MS
from inferbench.workload.plan import Arrival


def starts_ns(records: Records, arrival: Arrival) -> Ints:
    """When each request's latency begins to count, ns; NEVER where it was not sent.

    Closed loop: when its last byte went to the kernel, on a connection that was open already. Open loop: when
    it was due, whatever held it back, so that a slow server cannot hide its queue (coordinated omission).
    """
    return np.where(records.sent_ns == NEVER, NEVER, records.planned_ns if arrival.is_open else records.sent_ns)


@dataclass(frozen=True, eq=False)
class Latencies:
    """Latencies of the requests of a sweep point; rows of requests that did not succeed are NaN."""

    ok: np.ndarray[tuple[int], np.dtype[np.bool_]]
    start_ns: Ints
    ttft: Floats
    """First token-bearing chunk - start."""
    ttft_queued: Floats
    """First token-bearing chunk - the moment the request could have left, waiting in the client included."""
    e2el: Floats
    """Last token-bearing chunk - start."""
    tpot: Floats
    """(e2el - ttft) / (tokens of all chunks - those of the first); NaN where no token follows the first chunk.

    What a user could see stream: generated tokens that no chunk held, as of reasoning that is not shown, are not in it.
    """
    ttfat: Floats
    """First chunk of the answer itself - start; NaN where no reasoning came apart before it."""


def latencies(records: Records, arrival: Arrival) -> Latencies:
    """Derive each request's latencies."""
    chunks = records.chunks
    first, last = chunks.first_ns, chunks.last_ns
    ok = (records.status == Status.OK) & (first != NEVER)
    start = starts_ns(records, arrival)
    free = records.planned_ns if arrival.is_open else records.slot_free_ns
    ttft, e2el = _ms(first, start, ok), _ms(last, start, ok)
    later = chunks.held - chunks.first_tokens
    with np.errstate(divide="ignore", invalid="ignore"):
        tpot = np.where(ok & (later > 0), (e2el - ttft) / later, np.nan)
    ttfat = _ms(records.answer_ns, start, ok & (records.answer_ns != NEVER))
    return Latencies(ok, start, ttft, _ms(first, free, ok), e2el, tpot, ttfat)


def _ms(end: Ints, begin: Ints, valid: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Floats:
    out = np.full(len(end), np.nan)
    out[valid] = (end[valid] - begin[valid]) / NS_PER_MS
    return out
