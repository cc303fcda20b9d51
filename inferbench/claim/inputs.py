"""What a claim is computed from: its curves, its operating point, and the prices. A changed copy answers what-ifs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from inferbench.claim.claim import Claim, OwnPrice
from inferbench.comparison.frontier import front_of
from inferbench.comparison.operating_point import read_at, spline_cost
from inferbench.comparison.verdict import FrontierPoint, Reading
from inferbench.errors import FileError
from inferbench.evidence.measured_point import MeasuredPoint
from inferbench.files.spelling import unknown
from inferbench.pricing.owned_book import Book
from inferbench.pricing.price_books import price_of
from inferbench.pricing.rate_card import Price
from inferbench.scenario.scenario import OperatingPoint
from inferbench.token_cost.per_token import usd_per_mtok


class UnreachedError(Exception):
    """The points or prices given do not reach what a line asks for."""


@dataclass(frozen=True)
class World:
    """A claim's curves and prices, and where its curves are read."""

    claim: Claim
    books: Mapping[str, Book]
    points: Mapping[str, tuple[MeasuredPoint, ...]]
    fronts: Mapping[str, tuple[FrontierPoint, ...]]
    """The Pareto front of every curve, empty where a curve has no points."""
    interactivity: float

    @classmethod
    def of(cls, claim: Claim, books: Mapping[str, Book]) -> World:
        """The world as the claim file has it."""
        points = {curve.name: curve.measured() for curve in claim.curves}
        fronts = {name: _front(name, own) for name, own in points.items()}
        return cls(claim, books, points, fronts, claim.interactivity or 0.0)

    def without(self, curve: str, point: MeasuredPoint) -> World:
        """The same without one measured point."""
        kept = tuple(p for p in self.points[curve] if p is not point)
        fronts = {**self.fronts, curve: _front(curve, kept)}
        return replace(self, points={**self.points, curve: kept}, fronts=fronts)

    def at(self, interactivity: float | None) -> World:
        """The same, read elsewhere; None: where it is."""
        return self if interactivity is None else replace(self, interactivity=interactivity)

    def reading(self, curve: str) -> Reading:
        """What a curve reaches. Raises UnreachedError where it does not reach the interactivity."""
        at = OperatingPoint(name="at", interactivity=self.interactivity)
        reading = read_at(self.fronts[curve], curve, at)
        if reading.tput_per_gpu is None:
            raise UnreachedError(f"{curve} {reading.unreachable}, not {self.interactivity:g}")
        return reading

    def tput(self, curve: str) -> float:
        """Interpolated tok/s/GPU. Raises UnreachedError."""
        return self.reading(curve).tput_per_gpu or 0.0

    def neighbours(self, curve: str) -> tuple[MeasuredPoint, MeasuredPoint]:
        """The measured points that the reading lies between. Raises UnreachedError."""
        reading = self.reading(curve)
        below, above = (self._measured(curve, point) for point in (reading.below, reading.above))
        return below, above

    def usd_per_mtok(self, curve: str, method: str, book: str, tier: str) -> float:
        """$ per million tokens, by either method. Raises UnreachedError, and FileError for an unknown price."""
        hourly = self.price(curve, book, tier)
        if method == "spline":
            self.reading(curve)
            return spline_cost(self.fronts[curve], hourly, self.interactivity)
        return usd_per_mtok(hourly, self.tput(curve))

    def price(self, curve: str, book: str, tier: str) -> float:
        """USD/GPU/h of a curve's GPU. Raises FileError where there is none."""
        return self.price_with_range(curve, book, tier).value

    def price_with_range(self, curve: str, book: str, tier: str) -> Price | OwnPrice:
        """The claim's own price of a curve's GPU, else the book's. Raises FileError where there is none."""
        gpu = self.claim.curve(curve).gpu
        own = next((p for p in self.claim.prices if (p.book, p.tier, p.gpu) == (book, tier, gpu)), None)
        if own is not None:
            return own
        if book not in self.books:
            if mine := [f"{price.gpu} in tier {price.tier}" for price in self.claim.prices if price.book == book]:
                raise FileError(
                    f"prices: book {book!r} has no price for {gpu} in tier {tier}; it has {', '.join(mine)}"
                )
            names = {*self.books, *(price.book for price in self.claim.prices)}
            raise FileError(f"{unknown('price book', book, names)}, with a price for {gpu} in tier {tier}")
        return price_of(self.books[book], gpu, tier)

    def _measured(self, curve: str, on_front: FrontierPoint | None) -> MeasuredPoint:
        assert on_front is not None, "a reading that is reached has neighbours"
        figures = (on_front.interactivity, on_front.tput_per_gpu)
        return next(p for p in self.points[curve] if (p.interactivity, p.tput_per_gpu) == figures)


def _front(curve: str, points: Sequence[MeasuredPoint]) -> tuple[FrontierPoint, ...]:
    return front_of([_frontier_point(curve, point) for point in points]) if points else ()


def _frontier_point(curve: str, point: MeasuredPoint) -> FrontierPoint:
    assert point.interactivity is not None, "a point of a claim has an interactivity"
    return FrontierPoint(
        deployment=curve,
        topology=point.topology,
        concurrency=point.concurrency or 0,
        interactivity=point.interactivity,
        tput_per_gpu=point.tput_per_gpu,
        ttft_p99_ms=None,
        tpot_p99_ms=None,
        gpus=point.gpus,
        precision=point.precision,
        speculation=point.speculation,
        date=point.date,
    )
