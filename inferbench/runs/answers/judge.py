"""From summaries to costs and conclusions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inferbench.comparison.conclude import conclude
from inferbench.comparison.frontier import front_of, usable_by_deployment
from inferbench.comparison.judge import judge
from inferbench.comparison.operating_point import read_at
from inferbench.comparison.verdict import Conclusion, FrontierPoint, Reading, Verdict
from inferbench.metrics.summary import Basis, Origin, PointSummary
from inferbench.pricing.owned_book import Book
from inferbench.pricing.price_books import price_of
from inferbench.pricing.settings import BOOK_AS_IT_IS, CostSettings
from inferbench.runs.prediction_interval import half_width_at
from inferbench.scenario.scenario import OperatingPoint, Scenario
from inferbench.token_cost.cost import Cost
from inferbench.token_cost.per_token import cost

BASIS = Basis.WHOLE_RUN
"""Verdicts stand on whole-run figures, as the published points that they answer do."""


def fronts(summaries: Iterable[PointSummary], basis: Basis = BASIS) -> dict[str, tuple[FrontierPoint, ...]]:
    """The Pareto front of each deployment."""
    return {name: front_of(points) for name, points in usable_by_deployment(summaries, basis).items()}


def costs(summaries: Sequence[PointSummary], scenario: Scenario, books: Sequence[Book]) -> tuple[Cost, ...]:
    """What the tokens of each sweep point cost, under every tier of every book and on each basis that it has."""
    gpu = {d.name: d.gpu for d in scenario.deployments}
    return tuple(
        cost(summary, book, tier, gpu[summary.point.deployment], basis)
        for summary in summaries
        for book in books
        for tier in book.tiers
        for basis in Basis
        if summary.on(basis) is not None
    )


def conclusions(
    summaries: Sequence[PointSummary],
    scenario: Scenario,
    books: Sequence[Book],
    settings: CostSettings = BOOK_AS_IT_IS,
) -> tuple[Conclusion, ...]:
    """The answer at each operating point of the scenario; `settings` take the place of figures of the books."""
    usable = usable_by_deployment(summaries, BASIS)
    origin = Origin.SIMULATED if any(s.origin is Origin.SIMULATED for s in summaries) else Origin.MEASURED
    answers = []
    for operating_point in scenario.operating_points:
        readings = [read_at(usable.get(d.name, ()), d.name, operating_point) for d in scenario.deployments]
        answers.append(conclude(_verdicts(readings, operating_point, scenario, books, origin, settings)))
    return tuple(answers)


def _verdicts(
    readings: Sequence[Reading],
    operating_point: OperatingPoint,
    scenario: Scenario,
    books: Sequence[Book],
    origin: Origin,
    settings: CostSettings,
) -> list[Verdict]:
    simulated = origin is Origin.SIMULATED
    widths = {r.deployment: half_width_at(scenario, r) if simulated else 0.0 for r in readings}
    return [
        judge(
            readings,
            {d.name: price_of(book, d.gpu, tier, settings) for d in scenario.deployments},
            operating_point,
            book=book.name,
            tier=tier,
            basis=BASIS,
            origin=origin,
            half_width=widths,
        )
        for book in books
        for tier in book.tiers
    ]
