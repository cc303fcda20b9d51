"""Splits of measured points into parts that are held out in turn: by topology, lengths or backend, never by row.

Repeats of a measurement share all of these, so they stay together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, get_args

import numpy as np

from inferbench.evidence.points_csv import Point

Split = Literal["topology", "shape", "lengths", "backend"]
SPLITS: tuple[Split, ...] = get_args(Split)
FOLDS = 5
SHUFFLES = 3
"""Topologies and shapes are put into parts so many times: one shuffle's error is off by a sixth either way."""
KEYS: dict[Split, Callable[[Point], tuple[object, ...]]] = {
    "topology": lambda point: point.topology,
    "shape": lambda point: point.shape,
    "lengths": lambda point: (point.isl, point.osl),
    "backend": lambda point: (point.stack,),
}
"""What is held out whole. A shape is a topology at all its lengths, with and without speculation."""


def shuffles(split: Split) -> int:
    """How many times a split is made; lengths and backends have but one way."""
    return 1 if split in ("lengths", "backend") else SHUFFLES


def folds(points: Sequence[Point], split: Split, seed: int = 0) -> Iterator[tuple[str, list[int]]]:
    """Yield a name and the places of the points held out, each point once.

    Lengths and backends are held out one by one; topologies and shapes in FOLDS parts, shuffled by the seed, with
    those of each stack, precision and speculation dealt out evenly.
    """
    key = KEYS[split]
    keys = sorted({key(point) for point in points}, key=repr)
    parts = [[k] for k in keys] if split in ("lengths", "backend") else _dealt(points, split, seed)
    for number, part in enumerate(parts):
        name = " ".join(map(str, part[0])) if len(part) == 1 else f"part {number + 1} of {len(parts)}"
        yield name, [place for place, point in enumerate(points) if key(point) in part]


def _dealt(points: Sequence[Point], split: Split, seed: int) -> list[list[tuple[object, ...]]]:
    rng = np.random.default_rng(seed)
    strata: dict[tuple[object, ...], set[tuple[object, ...]]] = defaultdict(set)
    for point in points:
        drafts = point.mtp if split == "topology" else None
        strata[point.stack, point.precision, drafts].add(KEYS[split](point))
    parts: list[list[tuple[object, ...]]] = [[] for _ in range(FOLDS)]
    for stratum in sorted(strata, key=repr):
        keys = sorted(strata[stratum], key=repr)
        first = int(rng.integers(FOLDS))
        for place, i in enumerate(rng.permutation(len(keys))):
            parts[(first + place) % FOLDS].append(keys[i])
    return parts
