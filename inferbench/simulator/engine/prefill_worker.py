"""Prefill workers: a queue of prompts, passes over whole prompts, then the transfer of their KV cache."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Protocol

from inferbench.loadgen.port import Clock
from inferbench.simulator.engine.sequence import SimulatedSequence
from inferbench.simulator.parameters.numbers import Real, one
from inferbench.units import NS_PER_S


class PrefillTime(Protocol):
    """Duration of a prefill pass."""

    def seconds(
        self, tokens: Real, squared_tokens: Real, prompts: Real, rank_tokens: Real, rank_squared_tokens: Real, /
    ) -> Real:
        """Time of a pass over prompts with these sums, in all and on the fullest rank."""


class TransferTime(Protocol):
    """Duration of a KV transfer."""

    def seconds(self, tokens: Real, /) -> Real:
        """Time that a prompt's cache holds its link."""


class KvLinks:
    """The NICs of one prefill worker: transfers take the link that is free first and queue for it in order."""

    def __init__(
        self, clock: Clock, links: int, time: TransferTime, arrived: Callable[[SimulatedSequence], None]
    ) -> None:
        self._clock, self._time, self._arrived = clock, time, arrived
        self._free_ns = [0] * links

    def send(self, sequence: SimulatedSequence) -> None:
        """Move the cache of a prefilled prompt; `arrived` is called when decode has it."""
        free_ns = self._free_ns
        link = free_ns.index(min(free_ns))
        start_ns = max(self._clock.now_ns(), free_ns[link])
        free_ns[link] = start_ns + round(one(self._time.seconds(sequence.request.isl)) * NS_PER_S)
        self._clock.call_at(free_ns[link], partial(self._arrive, sequence))

    def reset(self) -> None:
        """Forget every transfer."""
        self._free_ns = [0] * len(self._free_ns)

    def _arrive(self, sequence: SimulatedSequence) -> None:
        if sequence.open:
            self._arrived(sequence)


class PrefillWorker:
    """Runs one pass at a time over the prompts at the head of its queue, up to a token limit.

    With DP attention each prompt is on one rank, given out in turn; every rank has its share of the limit, room for
    one prompt at least, and waits for the fullest.
    """

    def __init__(
        self,
        clock: Clock,
        time: PrefillTime,
        max_batch_tokens: int,
        links: KvLinks,
        ranks: int = 1,
        handoff_seconds: float = 0.0,
        handoff_passes: float = 0.0,
    ) -> None:
        self._handoff_seconds, self._handoff_passes = handoff_seconds, handoff_passes
        self._clock, self._time, self._links = clock, time, links
        self._rank_limit, self._ranks = max_batch_tokens / ranks, ranks
        self._queue: deque[SimulatedSequence] = deque()
        self._busy = False

    def enqueue(self, sequence: SimulatedSequence) -> None:
        """Queue a prompt."""
        self._queue.append(sequence)
        if not self._busy:
            self._start_pass()

    def reset(self) -> None:
        """Forget every prompt. A pass under way runs out, for the GPU cannot be stopped inside it."""
        self._queue.clear()
        self._links.reset()

    def _start_pass(self) -> None:
        queue, ranks = self._queue, self._ranks
        batch: list[SimulatedSequence] = []
        tokens, squared = [0] * ranks, [0] * ranks
        while queue:
            rank, isl = len(batch) % ranks, queue[0].request.isl
            if tokens[rank] and tokens[rank] + isl > self._rank_limit:
                break
            batch.append(queue.popleft())
            tokens[rank] += isl
            squared[rank] += isl * isl
        self._busy = bool(batch)
        if batch:
            seconds = one(self._time.seconds(sum(tokens), sum(squared), len(batch), max(tokens), max(squared)))
            self._clock.call_at(
                self._clock.now_ns() + round(seconds * NS_PER_S), partial(self._end_pass, batch, seconds)
            )

    def _end_pass(self, batch: list[SimulatedSequence], seconds: float) -> None:
        handoff = self._handoff_seconds + (self._handoff_passes * seconds if self._queue else 0.0)
        self._clock.call_at(self._clock.now_ns() + round(handoff * NS_PER_S), partial(self._send, batch))
        self._start_pass()

    def _send(self, batch: list[SimulatedSequence]) -> None:
        for sequence in batch:
            if sequence.open:
                self._links.send(sequence)
