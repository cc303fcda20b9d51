"""Who is cheaper at a claim's operating point, the interval that noise, gaps and prices give, and what moves it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from inferbench.arrays import Floats
from inferbench.claim.inputs import UnreachedError, World
from inferbench.comparison import explain
from inferbench.comparison.decide import CostRatio, between
from inferbench.comparison.frontier import curve_of
from inferbench.comparison.interpolation import gap, interpolate
from inferbench.comparison.verdict import PairVerdict
from inferbench.errors import FileError
from inferbench.token_cost.per_token import usd_per_mtok
from inferbench.uncertainty import combine
from inferbench.uncertainty.combine import Function
from inferbench.uncertainty.interval import UncertainInput

UNKNOWN_P90 = 0.14
UNKNOWN_SOURCE = (
    "the widest p90 of |log ratio| between re-runs within 4 days of a disaggregated class in InferenceX's rows"
)
STEPS = 400
"""Interactivities at which curves are compared for a crossing."""


def pair_verdicts(world: World) -> tuple[tuple[PairVerdict, ...], tuple[str, ...]]:
    """Judge the subject against each other under every price, the headline first; name what could not be judged."""
    comparison = world.claim.comparison
    if comparison is None:
        return (), ()
    verdicts, unanswered = [], []
    for other in comparison.against:
        for book, tier in _prices(world, comparison.subject, other):
            try:
                verdicts.append(_judge(world, comparison.subject, other, book, tier))
            except UnreachedError as reason:
                unanswered.append(f"{comparison.subject} against {other}: {reason}")
    return tuple(verdicts), tuple(dict.fromkeys(unanswered))


def _prices(world: World, subject: str, other: str) -> list[tuple[str, str]]:
    """Every book and tier that has a price for both, the headline's first."""
    comparison = world.claim.comparison
    assert comparison is not None
    world.price(subject, comparison.book, comparison.tier)  # a headline price that is missing is an error
    headline = (comparison.book, comparison.tier)
    pairs = [(book.name, tier) for book in world.books.values() for tier in book.tiers]
    pairs += [(price.book, price.tier) for price in world.claim.prices]
    return [p for p in dict.fromkeys([headline, *pairs]) if all(_has_price(world, c, *p) for c in (subject, other))]


def _has_price(world: World, curve: str, book: str, tier: str) -> bool:
    try:
        world.price(curve, book, tier)
    except FileError:
        return False
    return True


def _judge(world: World, subject: str, other: str, book: str, tier: str) -> PairVerdict:
    comparison = world.claim.comparison
    assert comparison is not None
    inputs = [i for name in (subject, other) for i in _inputs(world, name, book, tier)]
    costs = {name: usd_per_mtok(world.price(name, book, tier), world.tput(name)) for name in (subject, other)}
    figures = {name: _cost_figure(name, costs[name]) for name in (subject, other)}
    drawn = combine.draw(inputs)
    ends = {name: combine.interval_of(figures[name](drawn), costs[name]) for name in figures}

    def ratio_of(factors: Mapping[str, Floats]) -> Floats:
        return figures[subject](factors) / figures[other](factors)

    ratio = combine.interval_of(ratio_of(drawn), costs[subject] / costs[other])
    decision = between(CostRatio(subject, other, ratio), comparison.margin)
    prices = world.price(subject, book, tier) / world.price(other, book, tier)
    break_even = world.tput(subject) / world.tput(other)
    return PairVerdict(
        subject=subject,
        against=other,
        book=book,
        tier=tier,
        subject_usd_per_mtok=ends[subject],
        against_usd_per_mtok=ends[other],
        ratio=ratio,
        outcome=decision.outcome,
        break_even_price_ratio=break_even,
        break_even_utilisation=ratio.central,
        price_ratio=prices,
        break_even_interactivity=_crossings(world, subject, other, prices),
        tornado=combine.tornado(inputs, ratio_of),
        reason=explain.pair(decision),
    )


def _inputs(world: World, name: str, book: str, tier: str) -> list[UncertainInput]:
    """What one side's cost is uncertain by. Names begin with the side, so that no two are equal."""
    noise = world.claim.curve(name).noise
    p90, source = (noise.p90, noise.source) if noise else (UNKNOWN_P90, UNKNOWN_SOURCE)
    inputs = [combine.run_to_run(f"{name}: run to run", p90, source)]
    below, above = world.neighbours(name)
    if below is not above:
        inputs.append(gap(f"{name}: gap", *curve_of(world.fronts[name]), world.interactivity))
    price = world.price_with_range(name, book, tier)
    if price.low or price.high:
        low, high = price.low or price.value, price.high or price.value
        inputs.append(combine.price_range(f"{name}: price", price.value, low, high, price.source))
    return inputs


def _cost_figure(name: str, central: float) -> Function:
    """Cost of one side: a price factor multiplies it, a throughput factor divides it."""

    def figure(factors: Mapping[str, Floats]) -> Floats:
        value = np.full(np.shape(next(iter(factors.values()))), central)
        for key, factor in factors.items():
            side, _, kind = key.partition(": ")
            if side == name:
                value = value * factor if kind == "price" else value / factor
        return value

    return figure


def _crossings(world: World, subject: str, other: str, price_ratio: float) -> tuple[float, ...]:
    """Interactivities at which the ratio of throughputs is the ratio of prices, to a straight line between steps."""
    (x, y), (other_x, other_y) = (curve_of(world.fronts[name]) for name in (subject, other))
    at = np.linspace(max(x[0], other_x[0]), min(x[-1], other_x[-1]), STEPS)
    off = interpolate(x, y, at) / interpolate(other_x, other_y, at) - price_ratio
    turns = np.flatnonzero(off[:-1] * off[1:] < 0)
    return tuple(float(at[i] + (at[i + 1] - at[i]) * off[i] / (off[i] - off[i + 1])) for i in turns)
