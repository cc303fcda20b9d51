"""From a demand to a fleet: whole replicas, whole nodes, and what they cost a year.

A fleet must serve the peak with headroom, so it stands partly idle at the mean: utilisation follows from the demand
and is not applied again. Every billed GPU is paid for around the clock, at the price of an hour that it is there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inferbench.comparison.verdict import Outcome
from inferbench.cost.cost import Bill
from inferbench.cost.per_token import joules_per_token
from inferbench.errors import UsageError
from inferbench.fleet.fleet import Demand, Fleet, Replica
from inferbench.fleet.whole_nodes import nodes_apart, nodes_packed
from inferbench.pricing.build_up import provisioned_usd
from inferbench.pricing.cost_figures import IDLENESS
from inferbench.pricing.hourly_bill import figures_of, hourly_bill, switches_of
from inferbench.pricing.owned_book import Book, OwnedBook
from inferbench.pricing.price_books import all_in_kw
from inferbench.pricing.ranges import ratio_interval
from inferbench.pricing.settings import BOOK_AS_IT_IS, CostSettings
from inferbench.units import HOURS_PER_YEAR, TOKENS_PER_MTOK

DAYS_PER_YEAR = HOURS_PER_YEAR / 24


@dataclass(frozen=True)
class FleetPrices:
    """A tier of a book, with what a user set, as the price of every fleet that is compared."""

    book: Book
    tier: str
    settings: CostSettings = BOOK_AS_IT_IS

    def __post_init__(self) -> None:
        for key in self.settings.values:
            if key in IDLENESS:
                raise UsageError(f"{key}: a fleet's follows from its demand; set headroom instead")

    def bill(self, gpu: str) -> Bill:
        """The hourly bill of a GPU. Raises FileError where the book has none."""
        return hourly_bill(self.book, gpu, self.tier, self.settings)

    def kw(self, gpu: str) -> float | None:
        """All-in kW per GPU."""
        return all_in_kw(self.book, gpu, self.settings)

    def ratio_spread(self, a: str, b: str) -> tuple[float, float]:
        """How far the ratio of b's price to a's may be off, as factors below and above 1; shared lines cancel."""
        if not isinstance(self.book, OwnedBook):
            return 1.0, 1.0
        switches = switches_of(self.book, self.settings)

        def hour(values: Mapping[str, float]) -> float:
            return provisioned_usd(values, switches)

        own_a, own_b = (figures_of(self.book, gpu, self.settings) for gpu in (a, b))
        at = hour({i: f.value for i, f in own_b.items()}) / hour({i: f.value for i, f in own_a.items()})
        low, high = ratio_interval(own_a, own_b, hour, hour)
        return low / at, high / at


def replicas_for(demand: Demand, total_tput: float) -> int:
    """Return how many whole replicas of `total_tput` tok/s serve the peak with headroom; 1 at least."""
    return max(math.ceil(demand.capacity_tok_s / total_tput), 1)


def fleet(demand: Demand, replica: Replica, prices: FleetPrices, *, packed: bool = False) -> Fleet:
    """Return enough replicas for a demand, in whole nodes, with their yearly cost and its interval."""
    tput, h = replica.total_tput, replica.half_width
    replicas = replicas_for(demand, tput)
    nodes, fewest, most = (
        _nodes(replica, replicas_for(demand, tput * factor), packed=packed) for factor in (1.0, 1 + h, 1 - h)
    )
    bill, kw = prices.bill(replica.gpu), prices.kw(replica.gpu)
    billed = nodes * replica.gpus_per_node
    usd_per_year = billed * HOURS_PER_YEAR * bill.provisioned_usd_per_gpu_hour
    down = math.hypot(_log(nodes, fewest), _log(bill.provisioned_usd_per_gpu_hour, bill.provisioned_low))
    up = math.hypot(_log(most, nodes), _log(bill.provisioned_high, bill.provisioned_usd_per_gpu_hour))
    return Fleet(
        replica=replica,
        replicas=replicas,
        gpus_used=replicas * replica.gpus,
        nodes=nodes,
        gpus_billed=billed,
        gpus_billed_low=fewest * replica.gpus_per_node,
        gpus_billed_high=most * replica.gpus_per_node,
        usd_per_gpu_hour=bill.provisioned_usd_per_gpu_hour,
        usd_per_year=usd_per_year,
        low=usd_per_year * math.exp(-down),
        high=usd_per_year * math.exp(up),
        usd_per_mtok_served=usd_per_year / (demand.tokens_per_day * DAYS_PER_YEAR / TOKENS_PER_MTOK),
        utilisation=demand.mean_tok_s / (replicas * tput),
        joules_per_token_provisioned=None if kw is None else joules_per_token(kw * billed, demand.mean_tok_s),
    )


@dataclass(frozen=True)
class Ranking:
    """Which fleet is cheapest, and whether that can be said."""

    outcome: Outcome
    reason: str
    ratio: float | None = None
    low: float | None = None
    high: float | None = None


def best_of(fleets: Sequence[Fleet]) -> tuple[list[Fleet], list[Fleet]]:
    """Return the cheapest fleet of each deployment, the cheapest first, and all others; fewer GPUs break a tie."""
    ranked = sorted(fleets, key=lambda f: (f.usd_per_year, f.gpus_used, f.replica.deployment, f.replica.topology))
    best: dict[str, Fleet] = {}
    for found in ranked:
        best.setdefault(found.replica.deployment, found)
    return list(best.values()), [found for found in ranked if found not in best.values()]


def rank(best: Sequence[Fleet], prices: FleetPrices) -> Ranking:
    """Say whether the first of `best` is cheaper than every other: the interval of each ratio must exclude a tie.

    Errors of two throughputs are independent, and so are those of prices, but for the lines that both share.
    """
    if len(best) < 2:
        only = f"only {best[0].replica.deployment} keeps the SLO" if best else "no deployment keeps the SLO"
        return Ranking(Outcome.UNREACHABLE, only)
    ratios = [_ratio(best[0], other, prices) for other in best[1:]]
    doubtful = [other for other, (_, low, _) in zip(best[1:], ratios, strict=True) if low <= 1]
    ratio, low, high = ratios[0]
    name, runner_up = best[0].replica.deployment, best[1].replica.deployment
    said = f"{runner_up} costs {ratio:.2f}x as much a year as {name}, interval {low:.2f}x to {high:.2f}x"
    if doubtful:
        names = ", ".join(other.replica.deployment for other in doubtful)
        return Ranking(Outcome.UNDECIDED, f"{said}; a tie with {names} is not excluded", ratio, low, high)
    return Ranking(Outcome.CHEAPER, f"{said}, which excludes a tie", ratio, low, high)


def _ratio(a: Fleet, b: Fleet, prices: FleetPrices) -> tuple[float, float, float]:
    """Yearly cost of b over that of a, with its interval."""
    ratio = b.usd_per_year / a.usd_per_year
    price_low, price_high = prices.ratio_spread(a.replica.gpu, b.replica.gpu)
    down = math.hypot(*(_log(x, y) for x, y in _ends(b, a)), math.log(price_low))
    up = math.hypot(*(_log(x, y) for x, y in _ends(a, b)), math.log(price_high))
    return ratio, ratio * math.exp(-down), ratio * math.exp(up)


def _ends(shrinks: Fleet, grows: Fleet) -> tuple[tuple[int, int], tuple[int, int]]:
    """Billed GPUs where one fleet is at its smallest and the other at its largest, as (larger, smaller)."""
    return (shrinks.gpus_billed, shrinks.gpus_billed_low), (grows.gpus_billed_high, grows.gpus_billed)


def _nodes(replica: Replica, replicas: int, *, packed: bool) -> int:
    if packed:
        return nodes_packed(replica.shapes, replicas, replica.gpus_per_node)
    return replicas * nodes_apart(replica.shapes, replica.gpus_per_node)


def _log(larger: float, smaller: float) -> float:
    return math.log(larger / smaller)
