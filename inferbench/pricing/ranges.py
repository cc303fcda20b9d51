"""What the ranges of figures do to a result: one figure at a time, and all together.

Each figure is moved to both ends of its range while the others stay. Errors count as independent, so the swings add
in quadrature, upwards and downwards apart. A figure for all GPUs of a book moves for all of them at once, so it may
cancel in a ratio.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from inferbench.pricing.cost_figures import CostFigure

Values = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Swing:
    """What one figure's range does to a result."""

    item: str
    gpu: str | None
    """None: a figure of all GPUs."""
    low: float
    high: float
    """The smallest and largest result with the figure within its range."""


def swings(figures: Mapping[str, CostFigure], result: Callable[[Values], float]) -> tuple[Swing, ...]:
    """Move each figure that has a range to both its ends, and return what `result` becomes; the widest first."""
    values = {item: figure.value for item, figure in figures.items()}
    at = result(values)
    found = []
    for item, figure in figures.items():
        ends = [at, *(result({**values, item: end}) for end in figure.ends)]
        if min(ends) < max(ends):
            found.append(Swing(item, figure.gpu, min(ends), max(ends)))
    return tuple(sorted(found, key=lambda swing: swing.low - swing.high))


def interval(at: float, moved: Sequence[Swing], floor: float = 0.0) -> tuple[float, float]:
    """Return the interval of a result that is `at` its central value; never below `floor`."""
    down = math.hypot(*(at - swing.low for swing in moved))
    up = math.hypot(*(swing.high - at for swing in moved))
    return max(at - down, floor), at + up


def ratio_interval(
    a: Mapping[str, CostFigure],
    b: Mapping[str, CostFigure],
    result_a: Callable[[Values], float],
    result_b: Callable[[Values], float],
) -> tuple[float, float]:
    """Return the interval of result_b / result_a, both above 0, where figures of all GPUs move in both at once.

    On the log scale, where a ratio is a difference.
    """
    values_a, values_b = _values(a), _values(b)
    at = result_b(values_b) / result_a(values_a)
    moved = ratio_swings(a, b, result_a, result_b)
    down = math.hypot(*(math.log(at / swing.low) for swing in moved))
    up = math.hypot(*(math.log(swing.high / at) for swing in moved))
    return at * math.exp(-down), at * math.exp(up)


def ratio_swings(
    a: Mapping[str, CostFigure],
    b: Mapping[str, CostFigure],
    result_a: Callable[[Values], float],
    result_b: Callable[[Values], float],
) -> tuple[Swing, ...]:
    """Move each figure that has a range to both its ends, in both where it is one of all GPUs; the widest first."""
    values_a, values_b = _values(a), _values(b)
    at = result_b(values_b) / result_a(values_a)
    found = []
    for item, gpu, move_a, move_b in _moves(a, b):
        ends = [
            result_b({**values_b, **to_b}) / result_a({**values_a, **to_a})
            for to_a, to_b in zip(move_a, move_b, strict=True)
        ]
        found.append(Swing(item, gpu, min(*ends, at), max(*ends, at)))
    return tuple(sorted((swing for swing in found if swing.low < swing.high), key=lambda s: s.low / s.high))


def _values(figures: Mapping[str, CostFigure]) -> dict[str, float]:
    return {item: figure.value for item, figure in figures.items()}


def _moves(
    a: Mapping[str, CostFigure], b: Mapping[str, CostFigure]
) -> list[tuple[str, str | None, list[dict[str, float]], list[dict[str, float]]]]:
    """Both ends of every figure, as what changes in `a` and what changes in `b`; a shared one changes both."""
    still: list[dict[str, float]] = [{}, {}]
    moves: list[tuple[str, str | None, list[dict[str, float]], list[dict[str, float]]]] = []
    for item in a:
        move_a, move_b = ([{item: end} for end in own[item].ends] for own in (a, b))
        if a[item] == b[item]:
            moves.append((item, None, move_a, move_b))
        else:
            moves += [(item, a[item].gpu, move_a, still), (item, b[item].gpu, still, move_b)]
    return moves
