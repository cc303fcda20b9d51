"""Splits of measured points into parts that are held out in turn: by topology, lengths or backend, never by row.

Repeats of a measurement share all of these, so they stay together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, get_args

import numpy as np

from .points import Point

Split = Literal["topology", "shape", "lengths", "backend"]
SPLITS: tuple[Split, ...] = get_args(Split)
FOLDS = 5
SHUFFLES = 3
"""Topologies and shapes are put into parts so many times: one shuffle's error is off by a sixth either way."""
KEYS: dict[Split, Callable[[Point], tuple[object, ...]]] = {
    "topology": lambda point: point.topology,
    "shape": lambda point: point.shape,
    "lengths": lambda point: (point.isl, point.osl),
    "backend": lambda point: (point.hw, point.framework),
}
"""What is held out whole. A shape is a topology at all its lengths, with and without speculation."""


def shuffles(split: Split) -> int:
    """How many times a split is made; lengths and backends have but one way."""
    return 1 if split in ("lengths", "backend") else SHUFFLES


def folds(points: Sequence[Point], split: Split, seed: int = 0) -> Iterator[tuple[str, list[int]]]:
    """Yield a name and the places of the points held out, each point once.

    Lengths and backends are held out one by one; topologies and shapes in FOLDS parts, shuffled by the seed.
    """
    key = KEYS[split]
    keys = sorted({key(point) for point in points}, key=repr)
    if split in ("lengths", "backend"):
        parts = [[k] for k in keys]
    else:
        order = np.random.default_rng(seed).permutation(len(keys))
        parts = [[keys[i] for i in order[part::FOLDS]] for part in range(FOLDS)]
    for number, part in enumerate(parts):
        name = " ".join(map(str, part[0])) if len(part) == 1 else f"part {number + 1} of {len(parts)}"
        yield name, [place for place, point in enumerate(points) if key(point) in part]
