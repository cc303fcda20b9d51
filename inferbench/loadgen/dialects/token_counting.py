"""How many tokens an answer had, where they came, and who says so.

The server's usage counts. Each token is put to the chunk that it came in: by running counts where the server sends
them; else one to each chunk where the numbers agree, with chunks that hold no text (half a character, reasoning that is
not shown, the token that ends the answer) or without them; else over the chunks by the length of their text. Tokens
that no chunk held count for the answer, and belong to no chunk.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from inferbench.loadgen.dialects.dialect import AT_LIMIT
from inferbench.loadgen.http.stream import StreamReading
from inferbench.records.request_record import ChunkTokens, CountSource, StampedChunks


def spread_tokens(total: int, lengths: Sequence[int]) -> list[int]:
    """Spread `total` tokens over chunks whose text has the given lengths, characters; they add up to `total`.

    Every chunk gets one token at least, as far as there are that many, and the first in any case: with its text the
    first token is there. A single token too many goes to the last chunk. More than that means chunks of several tokens
    (speculation, or a server that gathers tokens), and text length is the best sign of how many.
    """
    chunks = len(lengths)
    if not chunks:
        return []
    if total == chunks:
        return [1] * chunks
    if total == chunks + 1:
        return [1] * (chunks - 1) + [2]
    if 0 < total < chunks:
        return [1, *_apportion(total - 1, lengths[1:])]
    if not total:
        return [0] * chunks
    # A chunk's fair share is total * length / text; what it holds beyond its first token is that less 1.
    text = sum(lengths)
    beyond_one = _apportion(total - chunks, [max(total * length - text, 0) for length in lengths])
    return [1 + more for more in beyond_one]


def _apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Split a whole number in proportion to weights by largest remainder; equal remainders favour the earlier."""
    whole = sum(weights)
    if not whole:
        weights, whole = [1] * len(weights), len(weights)
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(parts)), key=lambda i: total * weights[i] % whole, reverse=True)
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


MOST_TOKENS = 10_000_000
"""Most generated tokens that are believed, whatever was asked for."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The generated tokens of one answer."""

    osl: int
    source: CountSource
    chunks: StampedChunks | None
    """None where no token came."""
    known_by: ChunkTokens
    remark: str | None = None
    """What the server said that cannot be so."""


def count_tokens(
    stream: StreamReading, limit: Callable[[], int | None], count_text: Callable[[str], int] | None = None
) -> Counted:
    """Count a stream that has ended. `limit` says how many tokens it was asked for at most, None where there is none.

    Without a usable usage `count_text` counts what was generated; without that each chunk with text counts as one.
    """
    told, remark = _believed(stream, limit)
    if told is not None:
        return _by_usage(stream, told)
    if count_text is not None and stream.texts and (tokens := count_text("".join(stream.texts))):
        spread, known_by = _spread(tokens, stream.lengths)
        return Counted(tokens, CountSource.TEXT, StampedChunks(stream.times_ns, spread), known_by, remark)
    times = _with_text(stream)
    return Counted(len(times), CountSource.CHUNKS, _ones(times) if times else None, ChunkTokens.ONE, remark)


def _ones(times: array[int]) -> StampedChunks:
    return StampedChunks(times, array("i", [1]) * len(times))


def _with_text(stream: StreamReading) -> array[int]:
    """Stamps of the chunks with text: what else was taken for a token rests on a count that is not believed."""
    if 0 not in stream.lengths:  # as mostly
        return stream.times_ns
    return array("q", [t for t, length in zip(stream.times_ns, stream.lengths, strict=True) if length])


def _believed(stream: StreamReading, limit: Callable[[], int | None]) -> tuple[int | None, str | None]:
    """The server's count where it can be so, and what is wrong with it where it can not."""
    told, shown = stream.usage.completion_tokens, len(stream.times_ns)
    if told is None:
        return None, None
    most = limit()
    if told > (MOST_TOKENS if most is None else min(most, MOST_TOKENS)):
        asked = "no answer has as many" if most is None or told <= most else f"at most {most:,} were asked for"
        return None, f"usage says {told:,} generated tokens, and {asked}"
    if told == 0:
        return None, f"usage says 0 generated tokens beside {shown:,} chunks of text" if shown else None
    return told, None


def _by_usage(stream: StreamReading, told: int) -> Counted:
    if told == len(stream.times_ns) and not stream.counts:  # as mostly
        return Counted(told, CountSource.SERVER, _ones(stream.times_ns), ChunkTokens.ONE)
    times, tokens, known_by = _running(stream, told) or _each_one(stream, told) or _shared_out(stream, told)
    remark = None
    if told < len(times) and told < (shown := sum(length > 0 for length in stream.lengths)):
        remark = f"usage says {told:,} generated tokens beside {shown:,} chunks of text"
    chunks = StampedChunks(times, array("i", tokens)) if len(times) else None
    return Counted(told, CountSource.SERVER, chunks, known_by, remark)


_Held = tuple[Sequence[int], Sequence[int], ChunkTokens]
"""Stamps of chunks, tokens in each, and how that is known."""


def _running(stream: StreamReading, told: int) -> _Held | None:
    """By the server's running count; None where it does not send one, or contradicts itself."""
    counts, times = list(stream.counts), list(stream.times_ns)
    if not counts or len(counts) != len(times) or counts[-1] > told or counts != sorted(counts):
        return None
    tokens = [b - a for a, b in zip([0, *counts], counts)]  # noqa: B905
    if counts[-1] < told and stream.finish_ns is not None:
        times.append(stream.finish_ns)
        tokens.append(told - counts[-1])
    first = next((i for i, held in enumerate(tokens) if held), 0)  # what came before held no token yet
    return times[first:], tokens[first:], ChunkTokens.USAGE


def _each_one(stream: StreamReading, told: int) -> _Held | None:
    """One token in each chunk, where the numbers agree; None where they do not."""
    for total in dict.fromkeys((told, told - _hidden(stream, told))):
        for times in _candidates(stream):
            if len(times) == total:
                return times, [1] * total, ChunkTokens.ONE
    return None


def _candidates(stream: StreamReading) -> Iterator[Sequence[int]]:
    """Stamps of the chunks that may hold a token each, the surest first."""
    shown, silent = stream.times_ns, stream.silent_ns
    end = [] if stream.finish_ns is None else [stream.finish_ns]
    yield shown
    yield sorted([*shown, *silent])
    yield [*shown, *end]
    yield sorted([*shown, *silent, *end])


def _shared_out(stream: StreamReading, told: int) -> _Held:
    """Shared out over the chunks by the length of their text."""
    total, shown = told - _hidden(stream, told), len(stream.times_ns)
    if not shown:
        times = stream.silent_ns or [t for t in (stream.finish_ns,) if t is not None]
        return times, spread_tokens(total, [0] * len(times)), ChunkTokens.SPREAD
    if total <= shown or stream.finish_reason is None or stream.finish_reason in AT_LIMIT:
        return stream.times_ns, *_spread(total, stream.lengths)
    # The answer ended by itself: with a token that has no text, and may have no chunk.
    end = [] if stream.finish_ns is None else [stream.finish_ns]
    tokens, known_by = _spread(total - 1, stream.lengths)
    return [*stream.times_ns, *end], [*tokens, *([1] * len(end))], known_by


def _spread(total: int, lengths: Sequence[int]) -> tuple[array[int], ChunkTokens]:
    tokens = array("i", spread_tokens(total, lengths))
    return tokens, ChunkTokens.ONE if total == len(lengths) else ChunkTokens.SPREAD


def _hidden(stream: StreamReading, told: int) -> int:
    """Tokens of reasoning that the server counts and did not stream."""
    reasoning = 0 if stream.reasoned else stream.usage.reasoning_tokens or 0
    return max(0, min(reasoning, told - len(stream.times_ns)))
