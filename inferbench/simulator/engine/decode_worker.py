"""Decode workers with continuous batching, and the admission of requests to them.

A pass costs the same work whatever its batch: sums stand for the requests in it, and those that end with it lie in a
bucket under its number.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from inferbench.loadgen.port import Clock
from inferbench.simulator.engine.sequence import SimulatedSequence
from inferbench.simulator.engine.streaming import Chunks, ChunkStream
from inferbench.simulator.parameters.numbers import Real, one
from inferbench.simulator.timing.decode_step import Coefficients
from inferbench.units import NS_PER_S


class StepTime(Protocol):
    """Duration of a decode pass."""

    def coefficients(self, fullest: Real, batch: Real) -> Coefficients:
        """The pass time as a line in the context."""


class DecodeWorker:
    """One decode worker. Requests join and leave at pass boundaries; with DP attention each lives on one rank."""

    def __init__(
        self,
        index: int,
        clock: Clock,
        step: StepTime,
        *,
        ranks: int,
        max_running: int,
        kv_tokens: int,
        delay_ns: int,
        ended: Callable[[SimulatedSequence, int], None],
        stream: ChunkStream | None = None,
        passed: Callable[[int], None] | None = None,
    ) -> None:
        self.running = 0
        """Requests admitted and not yet ended."""
        self.pass_times_ns: list[int] = []
        """When the client got the tokens of each pass."""
        self.slot_freed: Callable[[], None] = lambda: None
        """Called after requests have left the batch and before others join it."""
        self._index, self._clock, self._delay_ns, self._ended, self._stream = index, clock, delay_ns, ended, stream
        self._passed = passed
        self._coefficients = step.coefficients
        self._known: dict[tuple[int, int], tuple[float, float, float]] = {}
        self._max_running, self._kv_tokens = max_running, kv_tokens
        self._busy = False
        self._ranks = [0] * ranks
        self.reset()

    def reset(self) -> None:
        """Forget every request. A pass under way runs out."""
        self.running = 0
        self._reserved = 0
        self._joining: list[SimulatedSequence] = []
        self._ending: dict[int, list[SimulatedSequence]] = {}
        self._ranks = [0] * len(self._ranks)
        self._batch, self._context, self._growth = 0, 0.0, 0.0
        self._fixed = self._slope = self._floor = 0.0
        if self._stream is not None:
            self._stream.reset()

    def has_room(self, sequence: SimulatedSequence) -> bool:
        """Whether a request could be admitted now."""
        return self.running < self._max_running and self._reserved + sequence.kv_tokens <= self._kv_tokens

    def could_ever_hold(self, sequence: SimulatedSequence) -> bool:
        """Whether a request fits an idle worker."""
        return sequence.kv_tokens <= self._kv_tokens

    def admit(self, sequence: SimulatedSequence) -> None:
        """Take a request; it joins at the next pass boundary, at once where the worker is idle."""
        self.running += 1
        self._reserved += sequence.kv_tokens
        self._joining.append(sequence)
        if not self._busy:
            self._start_pass()

    def _start_pass(self) -> None:
        self._busy = True
        now = self._clock.now_ns()
        while self._joining:  # requests of one token leave at once, and others take their place
            self._join(now)
        prefill_seconds = self._start_prompts()
        if not self._batch and not prefill_seconds:
            self._busy = False
            return
        decode_seconds = max(self._fixed + self._slope * self._context, self._floor) if self._batch else 0.0
        self._clock.call_at(now + round((decode_seconds + prefill_seconds) * NS_PER_S), self._end_pass)

    def _start_prompts(self) -> float:
        """Time that the pass takes longer for prompts in it: none here, where prefill has workers of its own."""
        return 0.0

    def _end_pass(self) -> None:
        number = len(self.pass_times_ns)
        seen_ns = self._clock.now_ns() + self._delay_ns
        self.pass_times_ns.append(seen_ns)
        if self._passed is not None:
            self._passed(seen_ns)
        self._context += self._growth
        chunks = self._stream.passed(number) if self._stream is not None else None
        ending = self._ending.pop(number, None)
        if chunks or ending:
            self._clock.call_at(seen_ns, partial(self._seen, seen_ns, ending or (), chunks))
        if ending:
            self._leave(ending)
        self._start_pass()

    def _join(self, now: int) -> None:
        first_pass, first_ns = len(self.pass_times_ns), now + self._delay_ns
        joining, self._joining = self._joining, []
        at_once: list[SimulatedSequence] = []
        for sequence in joining:
            sequence.worker, sequence.first_pass, sequence.first_ns = self._index, first_pass, first_ns
            sequence.rank = self._ranks.index(min(self._ranks))
            self._count(sequence, 1)
            if sequence.passes:
                self._context += sequence.request.isl
                self._ending.setdefault(sequence.last_pass, []).append(sequence)
            else:
                at_once.append(sequence)
        chunks = self._stream.joined(joining) if self._stream is not None else None
        if chunks or at_once:
            self._clock.call_at(first_ns, partial(self._seen, first_ns, at_once, chunks))
        if at_once:
            self._leave(at_once)
        self._batch_changed()

    def _leave(self, ending: list[SimulatedSequence]) -> None:
        for sequence in ending:
            self.running -= 1
            self._reserved -= sequence.kv_tokens
            self._count(sequence, -1)
            if sequence.passes:
                self._context -= sequence.request.isl + sequence.request.osl - 1
        self._batch_changed()
        self.slot_freed()

    def _count(self, sequence: SimulatedSequence, sign: int) -> None:
        self._batch += sign
        self._ranks[sequence.rank] += sign
        if sequence.passes:
            self._growth += sign * sequence.tokens_per_pass

    def _batch_changed(self) -> None:
        if not self._batch:
            self._context = self._growth = 0.0  # sums of fractions: start again from an exact zero
            return
        at = max(self._ranks), self._batch
        found = self._known.get(at)
        if found is None:
            line = self._coefficients(*at)
            found = self._known[at] = one(line.fixed), one(line.slope), one(line.floor)
        self._fixed, self._slope, self._floor = found

    def _seen(self, seen_ns: int, ending: Sequence[SimulatedSequence], chunks: Chunks | None) -> None:
        """The client has got the tokens of a pass at `seen_ns`."""
        if chunks:
            assert self._stream is not None
            self._stream.emit(chunks)
        for sequence in ending:
            if sequence.open:
                self._ended(sequence, seen_ns)


class Admission:
    """Gives transferred requests to the decode worker with the fewest running ones; first come, first served."""

    def __init__(self, workers: Sequence[DecodeWorker]) -> None:
        self._workers = workers
        self._waiting: deque[SimulatedSequence] = deque()
        for worker in workers:
            worker.slot_freed = self._admit_waiting

    def arrived(self, sequence: SimulatedSequence) -> None:
        """A request's KV cache can be had: admit it, or let it wait its turn."""
        self._waiting.append(sequence)
        self._admit_waiting()

    def reset(self) -> None:
        """Forget those that wait."""
        self._waiting.clear()

    def _admit_waiting(self) -> None:
        while self._waiting:
            worker = self._roomiest(self._waiting[0])
            if worker is None:
                return
            worker.admit(self._waiting.popleft())

    def _roomiest(self, sequence: SimulatedSequence) -> DecodeWorker | None:
        best = None
        for worker in self._workers:
            if (best is None or worker.running < best.running) and worker.has_room(sequence):
                best = worker
        return best
