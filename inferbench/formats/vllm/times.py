"""Times of requests as `vllm bench serve` takes them, and the lists of its result file."""

from __future__ import annotations

from typing import Any

import numpy as np

from inferbench.arrays import NEVER, Floats, Ints
from inferbench.records.columns import Records
from inferbench.records.request_record import Status
from inferbench.units import NS_PER_S

UNSENT = "not sent: the run was stopped before"
"""Error of a planned request that never left."""
WORDS = {Status.OK: "no token was received"} | {
    status: status.name.lower() for status in Status if status is not Status.OK
}
"""Errors of requests that failed without a word."""


def waits(records: Records, *, due_at_once: bool) -> Floats:
    """From when each request was due to its start, s; 0 for those that were never sent.

    In a closed loop all requests are due at the beginning; with sessions, which vLLM does not have, a turn is due when
    its slot lets it go.
    """
    free = np.zeros_like(records.slot_free_ns) if due_at_once else records.slot_free_ns
    due = np.where(records.planned_ns == NEVER, free, records.planned_ns)
    waited: Floats = np.where(records.sent_ns == NEVER, 0, np.maximum(records.sent_ns - due, 0)) / NS_PER_S
    return waited


class Times:
    """Times in seconds of the requests that succeeded."""

    def __init__(self, records: Records, *, due_at_once: bool = True) -> None:
        chunks = records.chunks
        self.ok = ok = (records.status == Status.OK) & (chunks.first_ns != NEVER)
        self.start = records.sent_ns[ok] / NS_PER_S
        self.ttft: Floats = chunks.first_ns[ok] / NS_PER_S - self.start
        self.e2el: Floats = chunks.last_ns[ok] / NS_PER_S - self.start
        osl = records.osl[ok]
        several = osl > 1
        self.tpot: Floats = (self.e2el - self.ttft)[several] / (osl[several] - 1)
        self._chunks = [chunks.expand(int(row)) for row in np.flatnonzero(ok)]
        gaps = [np.diff(at) / NS_PER_S for at, _ in self._chunks]
        self.itl: Floats = np.concatenate(gaps) if gaps else np.empty(0)
        self.client_queue_time: Floats = waits(records, due_at_once=due_at_once)[ok]
        self.e2el_including_client_queue: Floats = self.e2el + self.client_queue_time

    def of(self, metric: str) -> Floats:
        """All values of a metric, s."""
        values: Floats = getattr(self, metric)
        return values

    def peak_tokens(self) -> float:
        """Most tokens in one second of the run, in whole seconds from its first start.

        vLLM counts chunks there, which is less where a chunk holds several tokens.
        """
        if not self._chunks:
            return 0.0
        at = np.concatenate([at for at, _ in self._chunks]) / NS_PER_S - self.start.min()
        tokens = np.concatenate([tokens for _, tokens in self._chunks])
        return float(np.bincount(at.astype(np.int64), weights=tokens).max())

    def peak_requests(self) -> int:
        """Most requests in flight at one instant, as vLLM counts since 2026.

        Until 0.33.0 it counted all that were in flight within the same second: up to twice the limit, and more.
        """
        at = np.concatenate([self.start + self.e2el, self.start])  # who ends makes room for who starts then
        change = np.repeat([-1, 1], len(self.start))
        return int(np.cumsum(change[np.argsort(at, kind="stable")]).max(initial=0))


class Lists:
    """Values of all planned requests in their order, whether they were sent or not."""

    def __init__(self, records: Records, planned: int) -> None:
        self._seq = records.seq
        self._n = max(planned, int(records.seq.max(initial=-1)) + 1)

    def of(self, values: Ints | Floats) -> list[Any]:
        """Values by the number of their request; 0 for those that have none."""
        out = np.zeros(self._n, dtype=values.dtype)
        out[self._seq] = values
        listed: list[Any] = out.tolist()
        return listed

    def kept_anyway(self, records: Records, times: Times, *, due_at_once: bool) -> dict[str, Any]:
        """The two lists that vLLM writes unasked: latencies, 0 of failures; and from when each was due to its start."""
        e2el = np.zeros(len(records))
        e2el[times.ok] = times.e2el
        waited = waits(records, due_at_once=due_at_once)
        return {"latencies": self.of(e2el), "queue_times": self.of(waited)}

    def details(self, records: Records, times: Times) -> dict[str, Any]:
        """What `--save-detailed` adds, times in s.

        A failure has no output tokens, and keeps the first token and the gaps that were received before it.
        """
        chunks, sent = records.chunks, records.sent_ns != NEVER
        first = np.where(sent & (chunks.first_ns != NEVER), chunks.first_ns - records.sent_ns, 0) / NS_PER_S
        itls: list[list[float]] = [[] for _ in range(self._n)]
        errors = [UNSENT] * self._n
        for row, seq in enumerate(records.seq.tolist()):
            itls[seq] = (np.diff(chunks.expand(row)[0]) / NS_PER_S).tolist()
            errors[seq] = "" if times.ok[row] else records.errors[row] or WORDS[Status(int(records.status[row]))]
        return {
            "input_lens": self.of(records.isl),
            "output_lens": self.of(np.where(times.ok, records.osl, 0)),
            "ttfts": self.of(first),
            "itls": itls,
            "start_times": self.of(np.where(sent, records.sent_ns, 0) / NS_PER_S),
            "errors": errors,
        }
