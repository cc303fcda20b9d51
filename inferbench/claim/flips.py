"""What would change the answer to a line: a measured point less, another price, another operating point."""

from __future__ import annotations

import numpy as np

from inferbench.claim.claim import Claimed, ClaimLine
from inferbench.claim.inputs import UnreachedError, World
from inferbench.claim.quantity_values import QuantityValues, evaluate, near, words

STEP = 0.25
"""Distance of the interactivities that are looked at, tok/s/user."""


def flips(line: ClaimLine, world: World, found: QuantityValues) -> str:
    """Say what would change the answer, in order of how little it takes; each is computed."""
    if line.claimed is None:
        return ""
    parts = [_price(line, line.claimed, world, found), _elsewhere(line, line.claimed, world)]
    parts = [part for part in parts if part] or [_edge(line, line.claimed, holds(line.claimed, found))]
    return "; ".join([*parts, *_points(line, world)])


def holds(claimed: Claimed, found: QuantityValues) -> bool:
    """Whether a claim holds for every value found."""
    return all(claimed.holds(value) for value in found.values)


def edge(claimed: Claimed, value: float) -> float:
    """The value at which the answer turns, that end of a range which is nearer."""
    if claimed.value is None or claimed.within is None:
        return claimed.above if claimed.above is not None else claimed.below or 0.0
    return min((claimed.value - claimed.within, claimed.value + claimed.within), key=lambda end: abs(end - value))


def _edge(line: ClaimLine, claimed: Claimed, now: bool) -> str:
    kind = line.quantity.kind
    if claimed.value is not None and claimed.within is not None:
        ends = f"{words(kind, claimed.value - claimed.within)} to {words(kind, claimed.value + claimed.within)}"
        return f"a value {'outside' if now else 'inside'} {ends}"
    side = "above" if claimed.above is not None else "below"
    return f"a value {'not ' if now else ''}{side} {words(kind, edge(claimed, 0))}"


def _price(line: ClaimLine, claimed: Claimed, world: World, found: QuantityValues) -> str:
    """Costs are proportional to prices, by either method, so the turning price is exact."""
    q = line.quantity
    if q.kind == "usd_per_mtok":
        hourly, value = world.price(q.of, q.book, q.tier), found.values[0]
        return f"a price of ${hourly * edge(claimed, value) / value:.4f}/GPU/h instead of ${hourly:.4f}"
    if q.kind == "cost_change":
        ratio = world.price(q.of, q.book, q.tier) / world.price(q.over, q.book, q.tier)
        turn = ratio * (1 + edge(claimed, found.values[0])) / (1 + found.values[0])
        return f"a price ratio of {turn:.4f} instead of {ratio:.4f}"
    return ""


def _elsewhere(line: ClaimLine, claimed: Claimed, world: World) -> str:
    """The nearest interactivity at which the answer is another one."""
    q = line.quantity
    if q.kind not in ("tput_ratio", "cost_change"):
        return ""
    now = holds(claimed, evaluate(q, world))
    here = getattr(q, "at", None) or world.interactivity
    for step in np.arange(STEP, here, STEP):
        for at in (here - step, here + step):
            try:
                moved = q.model_copy(update={"at": float(at)})
                if holds(claimed, evaluate(moved, world)) is not now:
                    return f"{at:.4g} instead of {here:g} tok/s/user"
            except UnreachedError:
                continue
    return ""


def _points(line: ClaimLine, world: World) -> list[str]:
    """Which single measured points carry the answer."""
    if line.claimed is None or not line.quantity.curves():
        return []
    now = holds(line.claimed, evaluate(line.quantity, world))
    carry = []
    for curve in line.quantity.curves():
        for point in world.points[curve]:
            try:
                without = evaluate(line.quantity, world.without(curve, point))
                if holds(line.claimed, without) is not now:
                    carry.append((abs((point.interactivity or 0) - world.interactivity), curve, point, without.values))
            except UnreachedError:
                carry.append((abs((point.interactivity or 0) - world.interactivity), curve, point, ()))
    if not carry:
        return ["no single point taken out changes it"]
    _, curve, point, values = min(carry, key=lambda entry: entry[0])
    becomes = (
        words(line.quantity.kind, values[0]) if len(values) == 1 else "another answer" if values else "out of reach"
    )
    more = f" (so would {len(carry) - 1} more)" if len(carry) > 1 else ""
    return [f"without {curve} at {near(point)} it is {becomes}{more}"]
