"""How sure a figure is, by drawing its uncertain inputs, and what moves it, by turning one input at a time.

Inputs are independent factors. Errors that two deployments share would cancel in a ratio; that none is shared is the
more careful assumption. Four kinds are known: a second run lands elsewhere (run-to-run), nobody measured between two
points (gap), the twin is a model (twin), and a price is a range (price).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from inferbench.comparison.frontier import curve_of
from inferbench.comparison.interpolation import interpolate
from inferbench.comparison.verdict import FrontierPoint, Outcome
from inferbench.records.columns import Floats
from inferbench.uncertainty.interval import COVERAGE, Interval, TornadoBar, UncertainInput

DRAWS = 20_000
SEED = 20_260_528
Z90 = 1.6448536269514722
"""95th percentile of the standard normal distribution."""
Function = Callable[[Mapping[str, Floats]], Floats]
"""A figure from the factors by name, each an array of draws."""


def monte_carlo(
    inputs: Sequence[UncertainInput], figure: Function, draws: int = DRAWS, seed: int = SEED
) -> tuple[Interval, Floats]:
    """Return the interval of a figure and all its draws, shape (draws,). The same seed gives the same draws.

    `figure` gets every input by name. Raises ValueError where two inputs have one name.
    """
    if len({i.name for i in inputs}) != len(inputs):
        raise ValueError("two inputs have one name")
    rng = np.random.default_rng(seed)
    values = np.broadcast_to(figure({i.name: _draw(i, rng, draws) for i in inputs}), (draws,))
    low, high = np.quantile(values, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    central = float(figure({i.name: np.ones(1) for i in inputs})[0])
    # Rounding in a quantile of equal draws must not put the centre outside.
    return Interval(low=min(float(low), central), central=central, high=max(float(high), central)), values


def tornado(inputs: Sequence[UncertainInput], figure: Function) -> tuple[TornadoBar, ...]:
    """Return what each input moves a figure to at its two ends, all others central; the widest first."""

    def at(turned: UncertainInput, factor: float) -> float:
        return float(figure({i.name: np.full(1, factor if i is turned else 1.0) for i in inputs})[0])

    bars = [TornadoBar(name=i.name, at_low=at(i, i.low), at_high=at(i, i.high), source=i.source) for i in inputs]
    return tuple(sorted(bars, key=lambda bar: -bar.width))


def run_to_run(name: str, p90: float, source: str) -> UncertainInput:
    """A throughput's factor from how far re-runs land apart.

    `p90` is what |log ratio| of two runs stays within nine times in ten. The difference of two runs has sqrt(2) times
    the spread of one, and nine in ten normal values lie within 1.645 standard deviations.
    """
    end = math.exp(p90 / math.sqrt(2))
    return UncertainInput(name=name, low=1 / end, high=end, source=source)


def from_repeats(name: str, values: Sequence[float], source: str) -> UncertainInput:
    """A throughput's factor from repeats of one point. Raises ValueError for fewer than two."""
    if len(values) < 2:
        raise ValueError("a spread needs at least two repeats")
    end = math.exp(Z90 * float(np.std(np.log(values), ddof=1)))
    return UncertainInput(name=name, low=1 / end, high=end, source=source)


def interpolation_gap(name: str, front: Sequence[FrontierPoint], target: float) -> UncertainInput:
    """A throughput's factor from reading between two measured points.

    Nobody knows the curve between them. The rule: it lies within the distance between Steffen's curve and the straight
    line of the two neighbours, either way, or within a tenth of the distance to the nearer of them, whichever is wider.
    """
    x, y = curve_of(front)
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


def twin_interval(name: str, half_width: float, source: str) -> UncertainInput:
    """A throughput's factor from the twin's declared relative half-width. Raises ValueError outside 0..1."""
    if not 0 <= half_width < 1:
        raise ValueError(f"half_width must be 0 or more and below 1, not {half_width}")
    return UncertainInput(name=name, low=1 - half_width, high=1 + half_width, source=source)


def price_range(name: str, value: float, low: float, high: float, source: str) -> UncertainInput:
    """A price's factor from its range."""
    return UncertainInput(name=name, low=low / value, high=high / value, shape="uniform", source=source)


def decide(ratio: Interval, margin: float) -> Outcome:
    """Say what a ratio of costs, of the subject over another, allows to say.

    TIE where the whole interval lies within `margin` of equal costs, so that no difference matters; CHEAPER or DEARER
    where it excludes equal costs; UNDECIDED otherwise.
    """
    if 1 / (1 + margin) <= ratio.low and ratio.high <= 1 + margin:
        return Outcome.TIE
    if ratio.high < 1:
        return Outcome.CHEAPER
    return Outcome.DEARER if ratio.low > 1 else Outcome.UNDECIDED


def _draw(of: UncertainInput, rng: np.random.Generator, draws: int) -> Floats:
    low, high = math.log(of.low), math.log(of.high)
    if of.shape == "uniform":
        return np.exp(rng.uniform(low, high, draws))
    normal = rng.standard_normal(draws) / Z90
    return np.asarray(np.exp(np.where(normal < 0, normal * -low, normal * high)))
