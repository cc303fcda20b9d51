"""Token lengths."""

from __future__ import annotations

import numpy as np

from inferbench.arrays import Ints
from inferbench.scenario.scenario import Lengths


def draw(lengths: Lengths, n: int, rng: np.random.Generator) -> Ints:
    """Draw n lengths uniformly from the whole numbers min..max, both included; shape (n,), tokens."""
    return rng.integers(lengths.min, lengths.max, size=n, endpoint=True, dtype=np.int64)


def around(nominal: int, range_ratio: float) -> Lengths:
    """Lengths by `vllm bench serve --random-range-ratio` r: from L(1-r) to L(1+r), rounded down, at least 1.

    SGLang and InferenceX mean another interval by the same flag: L*r to L.
    """
    low, high = int(nominal * (1 - range_ratio)), int(nominal * (1 + range_ratio))
    return Lengths(nominal=nominal, min=max(1, low), max=max(1, high))
