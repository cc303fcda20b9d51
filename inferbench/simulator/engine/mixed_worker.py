"""Aggregated workers: the passes that decode also prefill the prompts of new requests, a chunk at a time."""

from __future__ import annotations

from collections import deque
from typing import Any

from typing_extensions import override

from inferbench.loadgen.port import Clock
from inferbench.simulator.engine.decode_worker import DecodeWorker, StepTime
from inferbench.simulator.engine.prefill_worker import PrefillTime
from inferbench.simulator.engine.sequence import SimulatedSequence
from inferbench.simulator.parameters.numbers import one


class AggregatedWorker(DecodeWorker):
    """A decode worker whose passes hold up to `chunk_tokens` of waiting prompts, first come, first served.

    A pass takes as long as its decode and its prompts together, whether a server runs them in one launch or in turn.
    A request joins the batch, and its client gets the first token, at the end of the pass that completes its prompt.
    With DP attention each rank has its share of the chunk, and prompts are on the ranks in turn; where decoding goes
    on meanwhile, they wait up to `balance_passes` for one on every rank, since ranks without one would stand idle.
    """

    def __init__(
        self,
        index: int,
        clock: Clock,
        step: StepTime,
        *,
        prefill: PrefillTime,
        chunk_tokens: int,
        balance_passes: int = 0,
        **rest: Any,
    ) -> None:
        self._prefill = prefill
        self._chunk_tokens = chunk_tokens
        self._balance_passes = balance_passes
        self._waited = 0
        """Passes that the first waiting prompt has let go by."""
        self._prompts: deque[SimulatedSequence] = deque()
        self._prefilled = 0
        """Tokens of the first waiting prompt that earlier passes have prefilled."""
        self._completed: list[SimulatedSequence] = []
        super().__init__(index, clock, step, **rest)

    def enqueue(self, sequence: SimulatedSequence) -> None:
        """Queue a prompt."""
        self._prompts.append(sequence)
        if not self._busy:
            self._start_pass()

    @override
    def reset(self) -> None:
        self._prompts.clear()
        self._prefilled = self._waited = 0
        self._completed = []
        super().reset()

    @override
    def _start_prompts(self) -> float:
        if not self._prompts or self._wait_for_more():
            return 0.0
        ranks = len(self._ranks)
        limit = max(self._chunk_tokens // ranks, 1)
        tokens, squared = [0] * ranks, [0] * ranks
        place = 0
        while self._prompts:
            sequence, rank, begin = self._prompts[0], place % ranks, self._prefilled
            end = min(sequence.request.isl, begin + limit - tokens[rank])
            if end <= begin or (not begin and not self.has_room(sequence)):
                break
            if not begin:
                self.running += 1
                self._reserved += sequence.kv_tokens
            tokens[rank] += end - begin
            squared[rank] += end * end - begin * begin  # what causal attention adds beyond the part before
            place += 1
            if end < sequence.request.isl:
                self._prefilled = end
                break
            self._prefilled = 0
            self._completed.append(self._prompts.popleft())
        if not place:
            return 0.0
        done = len(self._completed)
        return one(self._prefill.seconds(sum(tokens), sum(squared), done, max(tokens), max(squared)))

    def _wait_for_more(self) -> bool:
        waits = self._batch and not self._prefilled and len(self._prompts) < len(self._ranks)
        self._waited = self._waited + 1 if waits and self._waited < self._balance_passes else 0
        return self._waited > 0

    @override
    def _end_pass(self) -> None:
        # Those that join now are in the next pass: the one that ends has prefilled them and decoded the others.
        self._joining += self._completed
        self._completed = []
        super()._end_pass()
