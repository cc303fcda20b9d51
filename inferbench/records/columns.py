"""All records of a sweep point, column by column, and the two ways in which chunk times are kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from inferbench.arrays import NEVER, Floats, Ints


class ChunkColumn(Protocol):
    """Chunk times of n requests, however they are kept. Rows without chunks count as having no tokens."""

    @property
    def first_ns(self) -> Ints:
        """Time of the first token-bearing chunk, NEVER where there is none, shape (n,)."""

    @property
    def last_ns(self) -> Ints:
        """Time of the last token-bearing chunk, NEVER where there is none, shape (n,)."""

    @property
    def first_tokens(self) -> Ints:
        """Tokens in the first chunk, shape (n,)."""

    @property
    def held(self) -> Ints:
        """Tokens in all chunks, shape (n,): those generated, less those that were never streamed."""

    def tokens_before(self, time_ns: int) -> Ints:
        """Tokens that had arrived by `time_ns` (inclusive), shape (n,)."""

    def token_gaps(self, rows: NDArray[np.bool_]) -> tuple[Floats, Ints]:
        """Times between tokens in ns and how often each occurs, over the rows chosen, first tokens excluded.

        A chunk of k tokens that came t after the one before gives k gaps of t / k.
        """

    def expand(self, row: int) -> tuple[Ints, Ints]:
        """Chunk times in ns and tokens per chunk of one request."""


@dataclass(frozen=True, eq=False)
class StampedColumn(ChunkColumn):
    """Ragged arrays: row i owns times[offsets[i]:offsets[i+1]]."""

    offsets: Ints
    times_ns: Ints
    tokens: Ints

    def _edge(self, index: Ints, values: Ints, empty: int) -> Ints:
        has = self.offsets[1:] > self.offsets[:-1]
        out = np.full(len(has), empty, dtype=np.int64)
        out[has] = values[index[has]]
        return out

    @property
    @override
    def first_ns(self) -> Ints:
        return self._edge(self.offsets[:-1], self.times_ns, NEVER)

    @property
    @override
    def last_ns(self) -> Ints:
        return self._edge(self.offsets[1:] - 1, self.times_ns, NEVER)

    @property
    @override
    def first_tokens(self) -> Ints:
        return self._edge(self.offsets[:-1], self.tokens, 0)

    @property
    @override
    def held(self) -> Ints:
        return self._sums(self.tokens)

    @override
    def tokens_before(self, time_ns: int) -> Ints:
        return self._sums(np.where(self.times_ns <= time_ns, self.tokens, 0))

    def _sums(self, values: Ints) -> Ints:
        """Sum of each row's values."""
        reached = np.zeros(len(values) + 1, dtype=np.int64)
        np.cumsum(values, out=reached[1:])
        return np.diff(reached[self.offsets])

    @override
    def token_gaps(self, rows: NDArray[np.bool_]) -> tuple[Floats, Ints]:
        asked = np.repeat(rows, np.diff(self.offsets)) & (self.tokens > 0)
        begins = self.offsets[:-1]
        # A row's first chunk follows none; where a row is empty, that is the next row's.
        asked[begins[begins < len(asked)]] = False
        later = np.flatnonzero(asked)
        tokens = self.tokens[later]
        return (self.times_ns[later] - self.times_ns[later - 1]) / tokens, tokens

    @override
    def expand(self, row: int) -> tuple[Ints, Ints]:
        own = slice(self.offsets[row], self.offsets[row + 1])
        return self.times_ns[own], self.tokens[own]


@dataclass(frozen=True, eq=False)
class PassColumn(ChunkColumn):
    """Chunks by reference into one array of pass times per worker; see `record.PassChunks`."""

    first_chunk_ns: Ints
    worker: Ints
    first_pass: Ints
    last_pass: Ints
    osl: Ints
    pass_times_ns: Sequence[Ints]

    @property
    def _passes(self) -> Ints:
        passes: Ints = np.where(self.first_chunk_ns == NEVER, 0, np.maximum(self.last_pass - self.first_pass + 1, 0))
        return passes

    @property
    @override
    def first_ns(self) -> Ints:
        return self.first_chunk_ns

    @property
    @override
    def first_tokens(self) -> Ints:
        one_each: Ints = (self.first_chunk_ns != NEVER).astype(np.int64)
        return one_each

    @property
    @override
    def held(self) -> Ints:
        held: Ints = np.where(self.first_chunk_ns == NEVER, 0, self.osl)
        return held

    @property
    @override
    def last_ns(self) -> Ints:
        out = self.first_chunk_ns.copy()
        for worker, times in enumerate(self.pass_times_ns):
            own = (self.worker == worker) & (self._passes > 0)
            out[own] = times[self.last_pass[own]]
        return out

    def _tokens_after(self, done: Ints) -> Ints:
        """Tokens that a request holds after `done` of its passes, the first chunk's not counted."""
        passes = np.maximum(self._passes, 1)
        held: Ints = (self.osl - 1) * done // passes
        return held

    @override
    def tokens_before(self, time_ns: int) -> Ints:
        done = np.zeros(len(self.first_chunk_ns), dtype=np.int64)
        for worker, times in enumerate(self.pass_times_ns):
            own = self.worker == worker
            done[own] = np.searchsorted(times, time_ns, side="right") - self.first_pass[own]
        done = np.clip(done, 0, self._passes)
        started = (self.first_chunk_ns != NEVER) & (self.first_chunk_ns <= time_ns)
        arrived: Ints = np.where(started, 1 + self._tokens_after(done), 0)
        return arrived

    @override
    def token_gaps(self, rows: NDArray[np.bool_]) -> tuple[Floats, Ints]:
        parts = list(self._gaps_by_worker(rows))
        if not parts:
            return np.empty(0), np.empty(0, dtype=np.int64)
        return np.concatenate([g for g, _ in parts]), np.concatenate([t for _, t in parts])

    def _gaps_by_worker(self, rows: NDArray[np.bool_]) -> Iterator[tuple[Floats, Ints]]:
        """Gaps grouped by (pass, tokens in it), so that millions of tokens become thousands of pairs."""
        for worker, times in enumerate(self.pass_times_ns):
            chosen = np.flatnonzero(rows & (self.worker == worker) & (self._passes > 0))
            if not len(chosen):
                continue
            passes = self._passes[chosen]
            row = np.repeat(chosen, passes)
            nth = np.arange(len(row)) - np.repeat(np.cumsum(passes) - passes, passes)
            whole, total = self.osl[row] - 1, np.repeat(passes, passes)
            tokens = whole * (nth + 1) // total - whole * nth // total
            index = self.first_pass[row] + nth
            begins = nth == 0
            after_first = times[index[begins]] - self.first_chunk_ns[row[begins]]
            yield after_first / np.maximum(tokens[begins], 1), tokens[begins]
            width = int(tokens.max(initial=0)) + 1
            count = np.bincount(index[~begins] * width + tokens[~begins], minlength=len(times) * width)
            step, size = np.divmod(np.flatnonzero(count), width)
            kept = size > 0
            step, size = step[kept], size[kept]
            yield (times[step] - times[step - 1]) / size, count[step * width + size] * size

    @override
    def expand(self, row: int) -> tuple[Ints, Ints]:
        if self.first_chunk_ns[row] == NEVER:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        passes = int(self._passes[row])
        own = self.pass_times_ns[self.worker[row]][self.first_pass[row] : self.first_pass[row] + passes]
        held = 1 + (self.osl[row] - 1) * np.arange(passes + 1) // max(passes, 1)
        return np.concatenate([self.first_chunk_ns[row : row + 1], own]), np.diff(held, prepend=0)


@dataclass(frozen=True, eq=False)
class Records:
    """Records of one sweep point as columns of n rows, in the order in which requests ended."""

    seq: Ints
    status: Ints
    """`record.Status` codes."""
    isl: Ints
    osl: Ints
    osl_source: Ints
    planned_ns: Ints
    slot_free_ns: Ints
    connect_ns: Ints
    sent_ns: Ints
    first_byte_ns: Ints
    end_ns: Ints
    answer_ns: Ints
    first_late_ns: Ints
    last_late_ns: Ints
    cached_tokens: Ints
    accepted_tokens: Ints
    attempts: Ints
    client_worker: Ints
    chunks: ChunkColumn
    errors: Sequence[str | None]
    chunk_tokens_source: Ints | None = None
    """`record.ChunkTokens` codes; None where nobody kept them."""
    remarks: Sequence[str | None] = ()
    """What servers said of their tokens that cannot be so; empty where nobody kept it."""

    def __len__(self) -> int:
        return len(self.seq)
