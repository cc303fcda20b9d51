"""From a demand to a fleet: whole replicas, whole nodes, and what they cost a year.

A fleet must serve the peak with headroom, so it stands partly idle at the mean: utilisation follows from the demand
and is not applied again. Every billed GPU is paid for around the clock, at the price of an hour that it is there.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from inferbench.errors import UsageError
from inferbench.fleet.fleet import Demand, Fleet, Replica, WorkerShape
from inferbench.pricing.bill_lines import Bill
from inferbench.pricing.build_up import provisioned_usd
from inferbench.pricing.cost_figures import IDLENESS
from inferbench.pricing.hourly_bill import figures_of, hourly_bill, switches_of
from inferbench.pricing.owned_book import Book, OwnedBook
from inferbench.pricing.price_books import all_in_kw
from inferbench.pricing.ranges import by_figure
from inferbench.pricing.settings import BOOK_AS_IT_IS, CostSettings
from inferbench.token_cost.per_token import joules_per_token
from inferbench.uncertainty.combine import LogError, Uncertain, log_ratio
from inferbench.units import HOURS_PER_YEAR, TOKENS_PER_MTOK


def nodes_apart(shapes: Sequence[WorkerShape], gpus_per_node: int) -> int:
    """Return the nodes of one replica whose worker groups share none."""
    return sum(_group_nodes(shape, gpus_per_node) for shape in shapes)


def nodes_packed(shapes: Sequence[WorkerShape], replicas: int, gpus_per_node: int) -> int:
    """Return the nodes of a fleet whose workers share nodes wherever they fit, the largest placed first.

    Best-fit decreasing: exact where worker sizes divide one another, as powers of two do.
    """
    whole, rests = 0, Counter[int]()
    for shape in shapes:
        full, rest = divmod(shape.gpus, gpus_per_node)
        whole += full * shape.workers * replicas
        if rest:
            rests[rest] += shape.workers * replicas
    return whole + _best_fit(rests, gpus_per_node)


def _group_nodes(shape: WorkerShape, gpus_per_node: int) -> int:
    if shape.gpus <= gpus_per_node:
        return ceil(shape.workers / (gpus_per_node // shape.gpus))
    return shape.workers * ceil(shape.gpus / gpus_per_node)


def _best_fit(sizes: Counter[int], gpus_per_node: int) -> int:
    """Nodes for so many items of each size, none larger than a node. Nodes are counted by the room they have left."""
    rooms: Counter[int] = Counter()
    for size in sorted(sizes.elements(), reverse=True):
        fitting = [room for room, nodes in rooms.items() if nodes and room >= size]
        room = min(fitting, default=gpus_per_node)
        if fitting:
            rooms[room] -= 1
        rooms[room - size] += 1
    return rooms.total()


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

    def hour(self, gpu: str) -> Uncertain:
        """The price of an hour that a GPU is there, by what makes it uncertain; lines of all GPUs have one name."""
        if not isinstance(self.book, OwnedBook):
            return Uncertain(self.bill(gpu).provisioned_usd_per_gpu_hour)
        switches = switches_of(self.book, self.settings)
        return by_figure(figures_of(self.book, gpu, self.settings), lambda values: provisioned_usd(values, switches))


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
    hour = LogError(
        log_ratio(bill.provisioned_low, bill.provisioned_usd_per_gpu_hour),
        log_ratio(bill.provisioned_high, bill.provisioned_usd_per_gpu_hour),
    )
    cost = Uncertain(usd_per_year, {"throughput": _throughput(nodes, fewest, most), "hour": hour}).interval()
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
        low=cost.low,
        high=cost.high,
        usd_per_mtok_served=usd_per_year / (demand.tokens_per_day * DAYS_PER_YEAR / TOKENS_PER_MTOK),
        utilisation=demand.mean_tok_s / (replicas * tput),
        joules_per_token_provisioned=None if kw is None else joules_per_token(kw * billed, demand.mean_tok_s),
    )


def best_of(fleets: Sequence[Fleet]) -> tuple[list[Fleet], list[Fleet]]:
    """Return the cheapest fleet of each deployment, the cheapest first, and all others; fewer GPUs break a tie."""
    ranked = sorted(fleets, key=lambda f: (f.usd_per_year, f.gpus_used, f.replica.deployment, f.replica.topology))
    best: dict[str, Fleet] = {}
    for found in ranked:
        best.setdefault(found.replica.deployment, found)
    return list(best.values()), [found for found in ranked if found not in best.values()]


def yearly_cost(of: Fleet, prices: FleetPrices) -> Uncertain:
    """Return what a fleet costs a year, USD, by what makes it uncertain: its throughput and each line of the price.

    Prices of two fleets share lines, which cancel in their ratio; throughputs of two deployments are independent.
    """
    own = _throughput(of.gpus_billed, of.gpus_billed_low, of.gpus_billed_high)
    hours = Uncertain(
        of.gpus_billed * HOURS_PER_YEAR, {f"throughput of {of.replica.deployment}, {of.replica.topology}": own}
    )
    return hours * prices.hour(of.replica.gpu)


def _throughput(billed: int, fewest: int, most: int) -> LogError:
    """What throughput does to the cost of a fleet: at its low end the most are billed."""
    return LogError(log_ratio(most, billed), log_ratio(fewest, billed))


def _nodes(replica: Replica, replicas: int, *, packed: bool) -> int:
    if packed:
        return nodes_packed(replica.shapes, replicas, replica.gpus_per_node)
    return replicas * nodes_apart(replica.shapes, replica.gpus_per_node)
