"""The value of each quantity that a claim can be about, with the words that say what it stands on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from inferbench.claim.inputs import UnreachedError, World
from inferbench.claim.quantity import Quantity
from inferbench.evidence.measured_point import MeasuredPoint
from inferbench.metrics.catalog import INTERACTIVITY, TPUT_PER_GPU

DAYS_PER_MONTH = 30.44
_UNITS = {
    TPUT_PER_GPU.name: TPUT_PER_GPU.unit,
    "gap": INTERACTIVITY.unit,
    "software_gap_days": "days",
    "wire_bytes": "bytes",
}


@dataclass(frozen=True, slots=True)
class QuantityValues:
    """The values of a quantity; a claim must hold for all of them."""

    values: tuple[float, ...]
    text: str


def evaluate(quantity: Quantity, world: World) -> QuantityValues:
    """Compute a quantity. Raises UnreachedError where the points do not reach it, FileError for an unknown price."""
    at = getattr(quantity, "at", None)
    return _EVALUATE[quantity.kind](quantity, world.at(at))


def words(kind: str, value: float) -> str:
    """A value of a quantity with its unit."""
    if kind == "cost_change":
        return f"{100 * value:+.1f} %"
    if kind == "usd_per_mtok":
        return f"${value:.4f}"
    if kind in ("tput_ratio", "tput_ratios", "wire_bytes_ratio", "time_ratio"):
        return f"{value:.3f}x"
    return f"{value:,.6g} {_UNITS.get(kind, '')}".rstrip()


def near(point: MeasuredPoint) -> str:
    """A measured point in a few words."""
    load = "" if point.concurrency is None else f"c{point.concurrency}, "
    return f"{point.interactivity:.1f} tok/s/user ({load}{point.date})"


def _tput(q: Any, world: World) -> QuantityValues:
    below, above = world.neighbours(q.of)
    value = world.tput(q.of)
    stand = f"measured at {near(below)}" if below is above else f"between {near(below)} and {near(above)}"
    return QuantityValues((value,), f"{value:,.1f} tok/s/GPU, {stand}")


def _ratio(q: Any, world: World) -> QuantityValues:
    of, over = world.tput(q.of), world.tput(q.over)
    return QuantityValues((of / over,), f"{of / over:.3f}x ({of:,.1f} over {over:,.1f} tok/s/GPU)")


def _ratios(q: Any, world: World) -> QuantityValues:
    values, words = [], []
    for at in q.points:
        try:
            values.append(world.at(at).tput(q.of) / world.at(at).tput(q.over))
            words.append(f"{values[-1]:.2f}x at {at:g}")
        except UnreachedError:
            words.append(f"unreached at {at:g}")
    if not values:
        raise UnreachedError(f"no interactivity asked for is reached by both {q.of} and {q.over}")
    return QuantityValues(tuple(values), ", ".join(words))


def _usd(q: Any, world: World) -> QuantityValues:
    usd = world.usd_per_mtok(q.of, q.method, q.book, q.tier)
    return QuantityValues((usd,), f"${usd:.4f} ({q.method}, ${world.price(q.of, q.book, q.tier):g}/GPU/h)")


def _change(q: Any, world: World) -> QuantityValues:
    of, over = (world.usd_per_mtok(name, q.method, q.book, q.tier) for name in (q.of, q.over))
    change = of / over - 1
    return QuantityValues((change,), f"{100 * change:+.1f} % (${of:.4f} against ${over:.4f}, {q.book} {q.tier})")


def _break_even(q: Any, world: World) -> QuantityValues:
    ratio = world.tput(q.of) / world.tput(q.over)
    here = world.price(q.of, q.book, q.tier) / world.price(q.over, q.book, q.tier)
    return QuantityValues((ratio,), f"{ratio:.4f} (in {q.book} {q.tier} it is {here:.4f})")


def _gap(q: Any, world: World) -> QuantityValues:
    below, above = world.neighbours(q.of)
    low, high = below.interactivity or 0.0, above.interactivity or 0.0
    at = world.interactivity
    return QuantityValues(
        (high - low,),
        f"{high - low:.1f} tok/s/user: {near(below)} is {at - low:.1f} below, {near(above)} is {high - at:.1f} above",
    )


def _expert_parallel(q: Any, world: World) -> QuantityValues:
    pair = world.neighbours(q.of)
    using = [max(role.ep for role in (p.prefill, p.decode) if role) > 1 for p in pair]
    shapes = " and ".join(dict.fromkeys(p.topology for p in pair))
    word = "with" if all(using) else "partly with" if any(using) else "without"
    return QuantityValues(
        (sum(using) / 2,),
        f"the reading stands on {shapes}, {word} expert parallelism, which all-to-all and its overlap need",
    )


def _software_gap(q: Any, world: World) -> QuantityValues:
    mine, theirs = world.neighbours(q.of), world.neighbours(q.over)
    days = [(abs((a.date - b.date).days), a, b) for a in mine for b in theirs if a.date and b.date]
    if not days:
        raise UnreachedError("the points have no dates")
    most, a, b = max(days, key=lambda entry: entry[0])
    return QuantityValues(
        (float(most),), f"{most} days ({most / DAYS_PER_MONTH:.1f} months): {a.date} against {b.date}"
    )


def _wire(q: Any, _: World) -> QuantityValues:
    before, after = (sum(f.bytes_per_token(q.hidden) for f in formats) for formats in (q.before, q.after))
    if q.kind == "wire_bytes":
        return QuantityValues((before,), f"{before:,.0f} bytes per token and copy at hidden {q.hidden}")
    return QuantityValues(
        (before / after,), f"{before / after:.2f}x ({before:,.0f} to {after:,.0f} bytes); this says no time"
    )


def _time(q: Any, _: World) -> QuantityValues:
    before, after = sum(q.before_us), sum(q.after_us)
    return QuantityValues((before / after,), f"{before / after:.2f}x ({before:,.1f} to {after:,.1f} us; {q.condition})")


_EVALUATE: dict[str, Callable[[Any, World], QuantityValues]] = {
    "tput_per_gpu": _tput,
    "tput_ratio": _ratio,
    "tput_ratios": _ratios,
    "usd_per_mtok": _usd,
    "cost_change": _change,
    "break_even_price_ratio": _break_even,
    "gap": _gap,
    "expert_parallel_share": _expert_parallel,
    "software_gap_days": _software_gap,
    "wire_bytes": _wire,
    "wire_bytes_ratio": _wire,
    "time_ratio": _time,
}
