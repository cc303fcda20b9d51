"""Prediction intervals from errors on held-out topologies (conformal), by class of decode worker and age of software.

Earlier software is known by its date alone, and its points scatter more than those of the last images.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from inferbench.simulator.parameters.parameters import ClassInterval
from inferbench.simulator.validation.prediction import METRICS, Prediction

COVERAGE = 0.9
OWN_POINTS = 12
"""Points that a class needs for an interval of its own."""
UNKNOWN = 0.7
"""Log half-width where nothing of a kind was ever measured: about a factor of two either way."""

LEAST = 0.02
"""Relative half-width that no class goes below: repeats of one measurement are as far apart."""


def conformal(errors: Sequence[tuple[float, float]]) -> float:
    """Return the log distance that covers COVERAGE of new errors, from old ones with their weights.

    The smallest old error with at least COVERAGE of the weight below or at it, one point of weight 1 counted as still
    to come: the ceil((n + 1) COVERAGE)-th smallest of n where all weights are 1.
    """
    if not errors:
        return UNKNOWN
    ordered = sorted((abs(error), weight) for error, weight in errors)
    needed = COVERAGE * (sum(weight for _, weight in ordered) + 1)
    reached = 0.0
    for error, weight in ordered:
        reached += weight
        if reached >= needed - 1e-9:
            return error
    return ordered[-1][0]


def _width(
    error: Callable[[Prediction], float | None], held_out: Sequence[Prediction], group: str, stack: str, current: bool
) -> tuple[float, int]:
    """Log half-width of a class in today's software or in earlier, and the errors of its own that it rests on.

    Where those are too few: the class in any software, then the whole stack in the same, then the whole stack.
    """
    of_stack = [(p, e) for p in held_out if p.point.stack == stack and (e := error(p)) is not None]
    same = [(p, e) for p, e in of_stack if p.current == current]
    of_class = [(p, e) for p, e in of_stack if p.point.group == group]
    own = [(p, e) for p, e in of_class if p.current == current]
    chosen = next((errors for errors in (own, of_class, same) if _points(errors) >= OWN_POINTS), of_stack)
    return conformal([(e, p.point.weight * p.share) for p, e in chosen]), _points(own)


def _points(errors: Sequence[tuple[Prediction, float]]) -> int:
    """Measured points behind errors, of which each shuffle has one."""
    return round(sum(p.share for p, _ in errors))


def with_intervals(held_out: Sequence[Prediction], parts: Sequence[int]) -> list[Prediction]:
    """Give each held-out prediction an interval from the errors of the other parts alone (cross-conformal)."""
    result = []
    cache: dict[tuple[int, str, bool], Mapping[str, float]] = {}
    for prediction, part in zip(held_out, parts, strict=True):
        key = part, prediction.point.group, prediction.current
        if key not in cache:
            others = [p for p, other in zip(held_out, parts, strict=True) if other != part]
            cache[key] = {
                m: _width(partial(_log_error, m), others, prediction.point.group, prediction.point.stack, key[2])[0]
                for m in METRICS
            }
        result.append(replace(prediction, half_width=cache[key]))
    return result


def _log_error(metric: str, prediction: Prediction) -> float | None:
    return prediction.log_error(metric)


def class_intervals(
    held_out: Sequence[Prediction], stack: str, *, current: bool
) -> dict[str, dict[str, ClassInterval]]:
    """Intervals of a stack's classes in today's software or in earlier, by precision and kind."""
    classes = sorted({(p.point.precision, p.point.decode.kind) for p in held_out if p.point.stack == stack})
    found: dict[str, dict[str, ClassInterval]] = {}
    for precision, kind in classes:
        group = f"{stack} {precision} {kind}"
        tpot, n = _width(partial(_log_error, "tpot"), held_out, group, stack, current)
        rate, _ = _width(partial(_log_error, "tokens_s_gpu"), held_out, group, stack, current)
        both, _ = _width(lambda p: p.frontier_error, held_out, group, stack, current)
        found.setdefault(precision, {})[kind] = ClassInterval(
            tpot=_relative(tpot),
            tokens_s_gpu=_relative(rate),
            at_interactivity=_relative(both),
            points=n,
            pooled=n < OWN_POINTS,
        )
    return found


def _relative(log_distance: float) -> float:
    """Half-width relative to the prediction, upward: the wider side."""
    return round(max(math.expm1(log_distance), LEAST), 3)
