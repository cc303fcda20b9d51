"""What the ranges of figures do to a result: one figure at a time, and all together.

Each figure is moved to both ends of its range while the others stay. Errors count as independent. A figure for all GPUs
of a book moves for all of them at once, so it has one name for all of them and may cancel in a ratio.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from inferbench.pricing.cost_figures import CostFigure
from inferbench.uncertainty.combine import Ends, Uncertain, added, turn

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
    at, turned = _turned(figures, result)
    found = [Swing(item, figures[item].gpu, min(at, *ends), max(at, *ends)) for item, ends in turned.items()]
    return tuple(sorted((s for s in found if s.low < s.high), key=lambda swing: swing.low - swing.high))


def interval(at: float, moved: Sequence[Swing], floor: float = 0.0) -> tuple[float, float]:
    """Return the interval of a result that is `at` its central value; never below `floor`."""
    found = added(at, ((swing.low, swing.high) for swing in moved), floor)
    return found.low, found.high


def by_figure(figures: Mapping[str, CostFigure], result: Callable[[Values], float]) -> Uncertain:
    """Return a result above 0 with what the range of each figure does to it, under the figure's name."""
    at, turned = _turned(figures, result)
    return Uncertain.of(at, {name_of(figures[item]): ends for item, ends in turned.items()})


def name_of(figure: CostFigure) -> str:
    """Return what a figure is called as an uncertain input: by its item, and by its GPU where it has one."""
    return f"{figure.item.replace('_', ' ')}{f' of {figure.gpu}' if figure.gpu else ''}"


def _turned(figures: Mapping[str, CostFigure], result: Callable[[Values], float]) -> tuple[float, dict[str, Ends]]:
    values = {item: figure.value for item, figure in figures.items()}
    return result(values), turn(values, {item: figure.ends for item, figure in figures.items()}, result)
