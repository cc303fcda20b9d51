"""Points of many runs, ready to be drawn: the front of each series, and as many of the others as one asks for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inferbench.arrays import Floats, Ints
from inferbench.comparison.frontier import pareto

CELLS = 64
"""The plane is cut into so many by so many cells to thin points out evenly."""
SEED = 1


@dataclass(frozen=True, eq=False)
class Cloud:
    """Points to draw, shape (n,) each, those of a front last so that they lie on top."""

    rows: Ints
    """Of the points that were given, which ones these are."""
    front: NDArray[np.bool_]
    total: int
    """Points that could be drawn, drawn or not."""


def cloud(x: Floats, y: Floats, series: Ints, signs: tuple[int, int], *, front_only: bool, limit: int | None) -> Cloud:
    """Choose what to draw of points in several series; points without a finite x and y are left out.

    `signs`: 1 where more is better. All points of the fronts are kept; the others are thinned so that at most `limit`
    points remain, sparse regions first: what lies alone is kept and crowds are made thinner.
    """
    usable = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    on_front = np.zeros(len(x), dtype=bool)
    for code in np.unique(series[usable]):
        own = usable[series[usable] == code]
        on_front[own[pareto(signs[0] * x[own], signs[1] * y[own])]] = True
    fronts, others = usable[on_front[usable]], usable[~on_front[usable]]
    if front_only:
        others = others[:0]
    elif limit is not None and len(usable) > limit:
        others = others[thin(x[others], y[others], max(limit - len(fronts), 0))]
    rows = np.concatenate([others, fronts])
    return Cloud(rows, on_front[rows], len(usable))


def thin(x: Floats, y: Floats, keep: int) -> Ints:
    """Return the indices of at most `keep` points that show where all of them lie, in their own order.

    Every cell of a grid gives one point before any gives two, the emptiest cells first. The same points
    give the same choice.
    """
    if len(x) <= keep:
        return np.arange(len(x), dtype=np.int64)
    cell = _cells(x) * CELLS + _cells(y)
    shuffled = np.random.default_rng(SEED).permutation(len(x))
    order = shuffled[np.argsort(cell[shuffled], kind="stable")]
    starts = np.flatnonzero(np.r_[True, np.diff(cell[order]) != 0])
    sizes = np.diff(np.r_[starts, len(x)])
    within = np.arange(len(x)) - np.repeat(starts, sizes)
    turns = np.lexsort((np.repeat(sizes, sizes), within))
    return np.sort(order[turns[:keep]]).astype(np.int64)


def _cells(values: Floats) -> Ints:
    """The cell of each value, of equal widths; on the logarithm where all are above 0, as most axes are drawn."""
    scaled = np.log(values) if (values > 0).all() else values
    low, high = scaled.min(), scaled.max()
    share = np.clip((scaled - low) / (high - low), 0, 1) if high > low else np.zeros(len(values))
    return np.minimum((share * CELLS).astype(np.int64), CELLS - 1)
