"""How sure a figure is: from named uncertain inputs to an interval, on the log scale in closed form or by draws.

An input is known by its name, and inputs of different names are independent. What two figures share has one name in
both: it moves both at once, and cancels in their ratio as far as it moves both alike. Inputs that are correlated are
given as what they share and what is their own, each under its name; or, for draws, as joint draws by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from inferbench.arrays import Floats
from inferbench.uncertainty.interval import COVERAGE, Interval, TornadoBar, UncertainInput

DRAWS = 20_000
SEED = 20_260_528
Z90 = 1.6448536269514722
"""95th percentile of the standard normal distribution."""
ROUNDING = 1e-12
"""What cancels on the log scale cancels but for rounding, which is far below this and no effect of an input."""
Ends = tuple[float, float]
"""What belongs to an input at its low end, and what at its high end."""
Function = Callable[[Mapping[str, Floats]], Floats]
"""A figure from the factors by name, each an array of draws."""


def turn(
    values: Mapping[str, float], ends: Mapping[str, Ends], figure: Callable[[Mapping[str, float]], float]
) -> dict[str, Ends]:
    """Return what a figure becomes with one input at a time at each of its ends, all others at their central values."""
    return {name: (figure({**values, name: low}), figure({**values, name: high})) for name, (low, high) in ends.items()}


def added(central: float, moved: Iterable[Ends], floor: float = 0.0) -> Interval:
    """Return the interval of a sum from the smallest and largest value that each input alone moves it to.

    Independent errors of a sum add in quadrature, downwards and upwards apart. Never below `floor`. Raises ValueError
    for what is no finite number.
    """
    pairs = list(moved)
    down = math.hypot(*(central - low for low, _ in pairs))
    up = math.hypot(*(high - central for _, high in pairs))
    return Interval(low=max(central - down, floor), central=central, high=central + up)


class LogError(NamedTuple):
    """What an input does to the natural logarithm of a figure, at its low end and at its high end."""

    at_low: float
    at_high: float

    @property
    def down(self) -> float:
        """How far the logarithm falls; 0 or more."""
        return -min(self.at_low, self.at_high, 0.0)

    @property
    def up(self) -> float:
        """How far the logarithm rises; 0 or more."""
        return max(self.at_low, self.at_high, 0.0)


NO_ERROR = LogError(0.0, 0.0)


@dataclass(frozen=True)
class Uncertain:
    """A figure above 0, and what each of its inputs does to it on the log scale, where a ratio is a difference.

    Raises ValueError for a figure that is not above 0, and for errors that are no numbers.
    """

    central: float
    errors: Mapping[str, LogError] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 < self.central < math.inf:
            raise ValueError(f"on the log scale a figure must be above 0, not {self.central}")
        for name, error in self.errors.items():
            if not all(map(math.isfinite, error)):
                raise ValueError(f"{name}: moves the logarithm by {tuple(error)}")

    @classmethod
    def of(cls, central: float, turned: Mapping[str, Ends]) -> Uncertain:
        """A figure from what it becomes with each input at its ends, as `turn` gives it."""
        errors = {
            name: LogError(log_ratio(low, central), log_ratio(high, central)) for name, (low, high) in turned.items()
        }
        return cls(central, errors)

    def __mul__(self, other: Uncertain) -> Uncertain:
        """The product; an input of both moves it by both its errors together."""
        return self._with(other, self.central * other.central, 1)

    def __truediv__(self, other: Uncertain) -> Uncertain:
        """The ratio; an input of both moves it by the difference of its errors."""
        return self._with(other, self.central / other.central, -1)

    def _with(self, other: Uncertain, central: float, sign: int) -> Uncertain:
        errors = dict(self.errors)
        for name, (at_low, at_high) in other.errors.items():
            own = errors.get(name, NO_ERROR)
            errors[name] = LogError(own.at_low + sign * at_low, own.at_high + sign * at_high)
        return Uncertain(central, errors)

    def interval(self) -> Interval:
        """The interval: independent errors add in quadrature on the log scale, downwards and upwards apart."""
        down = math.hypot(*(error.down for error in self.errors.values()))
        up = math.hypot(*(error.up for error in self.errors.values()))
        return Interval(low=self.central / math.exp(down), central=self.central, high=self.central * math.exp(up))

    def moved(self) -> dict[str, Ends]:
        """The smallest and the largest value that each input alone moves the figure to; those that move it, by name."""
        return {
            name: (self.central * math.exp(-error.down), self.central * math.exp(error.up))
            for name, error in self.errors.items()
            if error.down + error.up > ROUNDING
        }


def log_ratio(a: float, b: float) -> float:
    """Return log(a / b). Raises ValueError unless both are above 0."""
    if not (0 < a < math.inf and 0 < b < math.inf):
        raise ValueError(f"on the log scale figures must be above 0, not {a} and {b}")
    return math.log(a / b)


def log_half_width(half_width: float) -> float:
    """Return how far the log of a throughput may be off, from its relative half-width.

    Throughput that is down to 1 - h moves a cost further than throughput that is up to 1 + h, and the wider side stands
    for both. Raises ValueError unless the half-width is 0 or more and below 1.
    """
    if not 0 <= half_width < 1:
        raise ValueError(f"half_width must be 0 or more and below 1, not {half_width}")
    return abs(math.log1p(-half_width))


def both_ways(off: float) -> LogError:
    """Return the error of what a figure is divided by, or multiplied with, that is off by as much either way."""
    return LogError(-off, off)


def draw(inputs: Sequence[UncertainInput], draws: int = DRAWS, seed: int = SEED) -> dict[str, Floats]:
    """Return joint draws of inputs by name, shape (draws,) each. The same inputs and seed give the same draws.

    Figures of the same draws are drawn together: what they share cancels in their ratio. Raises ValueError where two
    inputs have one name.
    """
    if len({i.name for i in inputs}) != len(inputs):
        raise ValueError("two inputs have one name")
    rng = np.random.default_rng(seed)
    return {i.name: _draw(i, rng, draws) for i in inputs}


def interval_of(values: Floats, central: float) -> Interval:
    """Return the interval of a figure around its central value from its draws, shape (draws,).

    Raises ValueError for no draws and for draws that are no numbers.
    """
    if not np.size(values) or not np.isfinite(values).all():
        raise ValueError("an interval needs draws, all of them finite")
    low, high = np.quantile(values, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    # Rounding in a quantile of equal draws must not put the centre outside.
    return Interval(low=min(float(low), central), central=central, high=max(float(high), central))


def tornado(inputs: Sequence[UncertainInput], figure: Function) -> tuple[TornadoBar, ...]:
    """Return what each input moves a figure to at its two ends, all others central; the widest first."""

    def one(factors: Mapping[str, float]) -> float:
        return float(figure({name: np.full(1, factor) for name, factor in factors.items()})[0])

    turned = turn({i.name: 1.0 for i in inputs}, {i.name: (i.low, i.high) for i in inputs}, one)
    bars = [
        TornadoBar(name=i.name, at_low=turned[i.name][0], at_high=turned[i.name][1], source=i.source) for i in inputs
    ]
    return tuple(sorted(bars, key=lambda bar: -bar.width))


def run_to_run(name: str, p90: float, source: str) -> UncertainInput:
    """A throughput's factor from how far re-runs land apart.

    `p90` is what |log ratio| of two runs stays within nine times in ten. The difference of two runs has sqrt(2) times
    the spread of one, and nine in ten normal values lie within 1.645 standard deviations. Raises ValueError below 0.
    """
    end = math.exp(p90 / math.sqrt(2))
    return UncertainInput(name=name, low=1 / end, high=end, source=source)


def price_range(name: str, value: float, low: float, high: float, source: str) -> UncertainInput:
    """A price's factor from its range. Raises ValueError for a value that is 0 or outside its range."""
    if not value > 0:
        raise ValueError(f"{name}: a price with a range must be above 0, not {value}")
    return UncertainInput(name=name, low=low / value, high=high / value, shape="uniform", source=source)


def _draw(of: UncertainInput, rng: np.random.Generator, draws: int) -> Floats:
    low, high = math.log(of.low), math.log(of.high)
    if of.shape == "uniform":
        return np.exp(rng.uniform(low, high, draws))
    normal = rng.standard_normal(draws) / Z90
    return np.asarray(np.exp(np.where(normal < 0, normal * -low, normal * high)))
