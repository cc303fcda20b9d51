"""Monotone cubic interpolation between knots, never beyond them.

Steffen (1990), "A simple method for monotonic interpolation in one dimension", Astronomy and Astrophysics 239,
443, with the end slopes of d3.curveMonotoneX, which InferenceX draws its curves with. It cannot overshoot: between
two knots the curve stays between their values, so that it invents no peak that nobody measured.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from inferbench.uncertainty.interval import UncertainInput

Floats = NDArray[np.float64]


def interpolate(x: Floats, y: Floats, at: float | Floats) -> Floats:
    """Return the curve through the knots (x, y), read at `at`, in the shape of `at`.

    `x` must rise strictly; one knot can be read only where it lies, and two are joined by a straight line.
    Raises ValueError for knots that are none, unequal in number or not rising, and for a reading outside the
    range of `x`: there is no extrapolation.
    """
    x, y, at = np.asarray(x, dtype=float), np.asarray(y, dtype=float), np.asarray(at, dtype=float)
    _check(x, y, at)
    if len(x) == 1:
        return np.full(at.shape, y[0])
    slopes = steffen_slopes(x, y)
    left = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2)
    width = x[left + 1] - x[left]
    t = (at - x[left]) / width
    # The cubic Hermite basis on [0, 1]: values at both ends, then slopes at both ends.
    curve: Floats = (
        (1 + 2 * t) * (1 - t) ** 2 * y[left]
        + t**2 * (3 - 2 * t) * y[left + 1]
        + t * (1 - t) ** 2 * width * slopes[left]
        - t**2 * (1 - t) * width * slopes[left + 1]
    )
    return curve


def steffen_slopes(x: Floats, y: Floats) -> Floats:
    """Return the slope of the curve at each of two or more knots, shape (n,).

    Inside, the slope of the parabola through a knot and its neighbours, held to at most twice the flatter of the
    two secants, and 0 where they differ in sign. At an end, the slope that a parabola would have there.
    """
    h, secant = np.diff(x), np.diff(y) / np.diff(x)
    if len(x) == 2:
        return np.repeat(secant, 2)
    before, after = secant[:-1], secant[1:]
    parabola = (before * h[1:] + after * h[:-1]) / (h[:-1] + h[1:])
    limit = np.minimum(np.minimum(np.abs(before), np.abs(after)), 0.5 * np.abs(parabola))
    inner = (np.sign(before) + np.sign(after)) * limit
    first, last = (3 * secant[0] - inner[0]) / 2, (3 * secant[-1] - inner[-1]) / 2
    return np.concatenate([[first], inner, [last]])


def gap(name: str, x: Floats, y: Floats, target: float) -> UncertainInput:
    """A throughput's factor from reading between two measured points: `x` tok/s/user, `y` tok/s/GPU, shape (n,) each.

    Nobody knows the curve between them. The rule: it lies within the distance between Steffen's curve and the straight
    line of the two neighbours, either way, or within a tenth of the distance to the nearer of them, whichever is wider.
    """
    read = float(interpolate(x, y, target))
    line = float(np.interp(target, x, y))
    right = int(np.clip(np.searchsorted(x, target), 1, max(len(x) - 1, 1)))
    below, above = (y[right - 1], y[right]) if len(x) > 1 else (read, read)
    between = f"nobody measured between {x[right - 1]:.1f} and {x[min(right, len(x) - 1)]:.1f} tok/s/user"
    nearest = min(abs(read - below), abs(read - above))
    off = math.log1p(max(abs(read - line), nearest / 10) / read)
    return UncertainInput(
        name=name,
        low=math.exp(-off),
        high=math.exp(off),
        shape="uniform",
        source=f"{between}: Steffen's curve {read:,.1f} against the straight line {line:,.1f} tok/s/GPU",
    )


def _check(x: Floats, y: Floats, at: Floats) -> None:
    if x.ndim != 1 or x.shape != y.shape or not len(x):
        raise ValueError(f"x and y must be equally long and not empty, not of shapes {x.shape} and {y.shape}")
    if np.any(np.diff(x) <= 0):
        raise ValueError("x must rise strictly")
    if not np.all((at >= x[0]) & (at <= x[-1])):
        raise ValueError(f"outside {x[0]:g} to {x[-1]:g}: there is no extrapolation")
