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

    def joined(self, flights: Sequence[SimulatedSequence]) -> Chunks:
        """Requests joined the batch: return their first chunks."""
        at_once = 1 if self._first == 1 else 0
        self._sent.update((flight, at_once) for flight in flights if flight.passes)
        return [(flight, 1) for flight in flights if at_once or not flight.passes]

    def passed(self, number: int) -> Chunks:
        """Pass `number` ended: return the chunks that are due."""
        due = []
        for flight, sent in list(self._sent.items()):
            held = flight.tokens_after(number - flight.first_pass + 1)
            last = number == flight.last_pass
            if held - sent >= (self._interval if sent else self._first) or last:
                due.append((flight, held - sent))
                self._sent[flight] = held
            if last:
                del self._sent[flight]
        return due

    def emit(self, chunks: Chunks) -> None:
        """Hand chunks over, but for requests that have been cancelled meanwhile."""
        for flight, tokens in chunks:
            if flight.open:
                self._on_chunk(flight.request.seq, tokens)

    def reset(self) -> None:
        """Forget every stream."""
        self._sent.clear()
