"""Chunks for a client that watches: tokens gathered until there are enough of them to send.

Only a twin on the wire has one of these. It costs work per request and pass, which the simulation does without.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from inferbench.simulator.engine.sequence import SimulatedSequence

OnChunk = Callable[[int, int], None]
"""Called with (seq, tokens) when a chunk leaves for the client."""
Chunks = list[tuple[SimulatedSequence, int]]


class ChunkStream:
    """The streams of one decode worker: `first` tokens, then `interval` at a time, the rest at the end."""

    def __init__(self, on_chunk: OnChunk, interval: int, first: int = 1) -> None:
        self._on_chunk, self._interval, self._first = on_chunk, interval, first
        self._sent: dict[SimulatedSequence, int] = {}

    def joined(self, sequences: Sequence[SimulatedSequence]) -> Chunks:
        """Requests joined the batch: return their first chunks."""
        at_once = 1 if self._first == 1 else 0
        self._sent.update((sequence, at_once) for sequence in sequences if sequence.passes)
        return [(sequence, 1) for sequence in sequences if at_once or not sequence.passes]

    def passed(self, number: int) -> Chunks:
        """Pass `number` ended: return the chunks that are due."""
        due = []
        for sequence, sent in list(self._sent.items()):
            held = sequence.tokens_after(number - sequence.first_pass + 1)
            last = number == sequence.last_pass
            if held - sent >= (self._interval if sent else self._first) or last:
                due.append((sequence, held - sent))
                self._sent[sequence] = held
            if last:
                del self._sent[sequence]
        return due

    def emit(self, chunks: Chunks) -> None:
        """Hand chunks over, but for requests that have been cancelled meanwhile."""
        for sequence, tokens in chunks:
            if sequence.open:
                self._on_chunk(sequence.request.seq, tokens)

    def reset(self) -> None:
        """Forget every stream."""
        self._sent.clear()
