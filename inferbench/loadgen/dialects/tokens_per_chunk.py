"""How many tokens each chunk of a stream held, where only their sum is known."""

from __future__ import annotations

from collections.abc import Sequence


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
