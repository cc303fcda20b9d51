"""Multi-token prediction: what a decode pass yields when drafted tokens are accepted with a fixed probability.

A pass makes one token and, of n drafted ones, those before the first rejection: j tokens with probability
a^(j-1) (1-a) for j <= n, and n+1 with probability a^n.
"""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

from inferbench.arrays import Floats
from inferbench.simulator.parameters.numbers import Real, one

NEGLIGIBLE = 1e-18
"""Probabilities below this at either end of a distribution are cut: far below the resolution of a 53-bit uniform."""


def tokens_per_pass(acceptance: Real, depth: int) -> Real:
    """Expected tokens of a pass: 1 + a + ... + a^n = (1 - a^(n+1)) / (1 - a)."""
    return sum(acceptance**k for k in range(depth + 1))


def yield_probabilities(acceptance: float, depth: int) -> tuple[float, ...]:
    """Probability of 1, 2, ..., depth + 1 tokens in a pass."""
    return (*(acceptance**k * (1 - acceptance) for k in range(depth)), acceptance**depth)


def uniform(seed: int) -> float:
    """Return a number in [0, 1) that depends on nothing but the seed (SplitMix64, Steele et al. 2014)."""
    mask = (1 << 64) - 1
    z = (seed + 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return ((z ^ (z >> 31)) >> 11) / (1 << 53)


LONG_PROMPT = 4096
"""Prompts of at least so many tokens have skewed passes, where the parameters say so."""
EASY_SHARE = 0.7
"""Share of requests whose drafts are taken more readily: above a half, so that they are the median."""


def slow_factor(skew: Real) -> Real:
    """Passes of the other requests, over the mean, when EASY_SHARE of all need `skew` times the mean."""
    return (1 - EASY_SHARE * skew) / (1 - EASY_SHARE)


def skewed(passes: int, skew: float, seed: int) -> int:
    """Return the passes of a request when most need `skew` times the mean and the others the more, mean kept."""
    factor = skew if uniform(~seed) < EASY_SHARE else one(slow_factor(skew))
    return max(round(passes * factor), 1) if passes else 0


class PassSampler:
    """Draws how many passes a request needs, exactly and from one uniform number.

    Passes until m tokens are made: N(0) = 0 and N(m) = 1 + N(m - j) with j the yield of the first pass. That recursion
    gives the distribution of N(m) for all m up to the longest output, so that a draw is one search in it, where
    stepping through the passes would cost hundreds of draws per request.
    """

    def __init__(self, acceptance: float, depth: int) -> None:
        self._yields = yield_probabilities(acceptance, depth)
        self._rows: list[tuple[int, Floats]] = [(0, np.ones(1))]
        """Row m: the least N(m), and the probabilities from there on."""
        self._cumulative: dict[int, tuple[int, list[float]]] = {}

    def passes(self, tokens: int, seed: int) -> int:
        """Return the passes that make at least `tokens` tokens, drawn with the request's own seed."""
        if len(self._yields) == 1:
            return tokens
        first, cumulative = self._cumulative.get(tokens) or self._accumulate(tokens)
        return first + bisect_right(cumulative, uniform(seed))

    def _accumulate(self, tokens: int) -> tuple[int, list[float]]:
        while len(self._rows) <= tokens:
            self._rows.append(self._next_row())
        first, probabilities = self._rows[tokens]
        total = np.cumsum(probabilities)
        self._cumulative[tokens] = first, (total / total[-1]).tolist()
        return self._cumulative[tokens]

    def _next_row(self) -> tuple[int, Floats]:
        m = len(self._rows)
        parts = [(p, *self._rows[max(m - j, 0)]) for j, p in enumerate(self._yields, start=1)]
        first = min(low for _, low, _ in parts)
        out = np.zeros(max(low + len(row) for _, low, row in parts) - first)
        for probability, low, row in parts:
            out[low - first : low - first + len(row)] += probability * row
        kept = np.flatnonzero(out > NEGLIGIBLE)
        return first + 1 + int(kept[0]), out[kept[0] : kept[-1] + 1]
