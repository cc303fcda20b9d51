"""Fleets: whole replicas, whole nodes, what they cost a year, and whether that decides anything."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferbench.comparison import explain
from inferbench.comparison.decide import Decision, cheapest
from inferbench.comparison.verdict import Outcome
from inferbench.errors import FileError, UsageError
from inferbench.fleet.fleet import Demand, Fleet, Replica, WorkerShape
from inferbench.fleet.ranking import FleetPrices, best_of, fleet, nodes_apart, nodes_packed, replicas_for, yearly_cost
from inferbench.metrics.summary import Origin
from inferbench.pricing.cost_figures import IDLENESS
from inferbench.pricing.hourly_bill import hourly_bill
from inferbench.pricing.settings import CostSettings
from inferbench.uncertainty.interval import Interval
from tests.support.factories import price_book
from tests.support.owned_factories import exact_but, owned

DEMAND = Demand(tokens_per_day=86_400 * 100_000, peak_to_mean=2, headroom=0.25)
"""A mean of 100,000 tok/s, and 250,000 tok/s to be served."""
FLAT = FleetPrices(price_book({"b200": 2.0, "mi355x": 1.0}, {"b200": 1.5}), "rented")


def shapes(*sizes: tuple[int, int]) -> tuple[WorkerShape, ...]:
    """Groups of (workers, GPUs of one)."""
    return tuple(WorkerShape(role=f"r{i}", workers=workers, gpus=gpus) for i, (workers, gpus) in enumerate(sizes))


def replica(
    name: str = "d", gpu: str = "b200", tput: float = 50_000, half_width: float = 0.0, topology: str = "t",
    groups: tuple[WorkerShape, ...] = shapes((1, 8)),
) -> Replica:  # fmt: skip
    return Replica(
        deployment=name, topology=topology, concurrency=8, gpu=gpu, shapes=groups, total_tput=tput,
        half_width=half_width, origin=Origin.SIMULATED,
    )  # fmt: skip


def ranked(fleets: list[Fleet], prices: FleetPrices) -> Decision:
    return cheapest([(f.replica.deployment, yearly_cost(f, prices)) for f in best_of(fleets)[0]])


@pytest.mark.parametrize(
    ("groups", "apart"),
    [
        (shapes((1, 4), (1, 8)), 2),  # a TP4 prefill worker beside a TP8 decode worker bills 16
        (shapes((5, 4), (1, 8)), 4),  # two TP4 workers share a node, the fifth strands half a node
        (shapes((3, 5)), 3),  # no worker is split, though 15 GPUs would fit into two nodes
        (shapes((1, 16), (1, 1)), 3),
        (shapes((2, 12)), 4),
    ],
)
def test_worker_groups_round_up_to_whole_nodes(groups: tuple[WorkerShape, ...], apart: int) -> None:
    assert nodes_apart(groups, 8) == apart


@pytest.mark.parametrize(
    ("groups", "replicas", "packed"),
    [
        (shapes((1, 4), (1, 8)), 1, 2),
        (shapes((1, 4), (1, 8)), 2, 3),
        (shapes((5, 4), (1, 8)), 2, 7),
        (shapes((1, 5), (1, 3)), 4, 4),
        (shapes((3, 5)), 1, 3),
        (shapes((2, 12)), 1, 3),
        (shapes((1, 5), (1, 4), (1, 3), (2, 2)), 1, 2),  # the 3 must go beside the 5
    ],
)
def test_packed_workers_share_nodes(groups: tuple[WorkerShape, ...], replicas: int, packed: int) -> None:
    assert nodes_packed(groups, replicas, 8) == packed


GROUPS = st.lists(st.tuples(st.integers(1, 6), st.sampled_from([1, 2, 4, 8, 16])), min_size=1, max_size=4)


@given(GROUPS, st.integers(1, 9))
def test_workers_of_powers_of_two_pack_without_a_gap(sizes: list[tuple[int, int]], replicas: int) -> None:
    groups = shapes(*sizes)
    gpus = replicas * sum(workers * size for workers, size in sizes)
    assert nodes_packed(groups, replicas, 8) == math.ceil(gpus / 8)
    assert nodes_packed(groups, replicas, 8) <= replicas * nodes_apart(groups, 8)


@given(st.lists(st.integers(1, 8), min_size=1, max_size=6))
def test_packing_is_never_below_the_best_there_is_and_close_to_it(sizes: list[int]) -> None:
    found = nodes_packed(shapes(*((1, size) for size in sizes)), 1, 8)
    best = min(_next_fit(order) for order in itertools.permutations(sizes))
    assert best <= found <= math.ceil(11 / 9 * best + 6 / 9)  # the bound of best-fit decreasing (Dosa 2007)


def _next_fit(order: tuple[int, ...]) -> int:
    """Nodes if workers are put down in this order, each into the current node or else a new one."""
    nodes, room = 0, 0
    for size in order:
        if size > room:
            nodes, room = nodes + 1, 8
        room -= size
    return nodes


def test_replicas_are_whole_and_serve_the_peak_with_headroom() -> None:
    assert replicas_for(DEMAND, 250_000) == 1
    assert replicas_for(DEMAND, 249_999) == 2
    assert replicas_for(DEMAND, 1e9) == 1


def test_a_fleet_pays_for_stranded_gpus_around_the_clock() -> None:
    found = fleet(DEMAND, replica(groups=shapes((1, 4), (1, 8))), FLAT)
    assert (found.replicas, found.gpus_used, found.nodes, found.gpus_billed) == (5, 60, 10, 80)
    assert found.usd_per_year == 80 * 8760 * 2.0
    assert (found.low, found.high) == (pytest.approx(found.usd_per_year), pytest.approx(found.usd_per_year))
    assert found.utilisation == pytest.approx(0.4)
    assert found.joules_per_token_provisioned == pytest.approx(1500 * 80 / 100_000)
    assert found.usd_per_mtok_served == pytest.approx(found.usd_per_year / (0.1 * 86_400 * 365))


def test_a_throughput_that_is_not_sure_widens_the_fleet() -> None:
    found = fleet(DEMAND, replica(half_width=0.25), FLAT)
    assert (found.gpus_billed_low, found.gpus_billed, found.gpus_billed_high) == (32, 40, 56)
    assert found.low == pytest.approx(found.usd_per_year * 32 / 40)
    assert found.high == pytest.approx(found.usd_per_year * 56 / 40)


def test_an_owned_books_range_enters_the_yearly_cost_and_utilisation_does_not() -> None:
    bill = hourly_bill(owned(), "b200", "owned")
    found = fleet(DEMAND, replica(), FleetPrices(owned(), "owned"))
    assert found.usd_per_gpu_hour == bill.provisioned_usd_per_gpu_hour
    assert found.low == pytest.approx(40 * 8760 * bill.provisioned_low)
    assert found.high == pytest.approx(40 * 8760 * bill.provisioned_high)


def test_throughput_and_price_add_in_quadrature() -> None:
    bill = hourly_bill(owned(), "b200", "owned")
    found = fleet(DEMAND, replica(half_width=0.25), FleetPrices(owned(), "owned"))
    up = math.hypot(math.log(56 / 40), math.log(bill.provisioned_high / bill.provisioned_usd_per_gpu_hour))
    assert found.high == pytest.approx(found.usd_per_year * math.exp(up))


def test_utilisation_of_a_fleet_cannot_be_set() -> None:
    with pytest.raises(UsageError, match="utilisation: a fleet's follows from its demand; set headroom instead"):
        FleetPrices(owned(), "owned", CostSettings({"utilisation": 0.5}))


def test_a_fleet_of_gpus_without_a_price_is_an_error() -> None:
    with pytest.raises(FileError, match="unknown GPU 'h200'"):
        fleet(DEMAND, replica(gpu="h200"), FLAT)


def test_the_best_topology_of_each_deployment_counts() -> None:
    fleets = [
        fleet(DEMAND, replica("a", tput=tput, topology=f"t{tput:g}"), FLAT) for tput in (10_000, 50_000, 20_000)
    ] + [fleet(DEMAND, replica("b", "mi355x"), FLAT)]
    best, others = best_of(fleets)
    assert [(f.replica.deployment, f.replica.topology) for f in best] == [("b", "t"), ("a", "t50000")]
    assert [f.replica.topology for f in others] == ["t20000", "t10000"]


def test_fewer_gpus_break_a_tie_in_cost() -> None:
    small, large = (fleet(DEMAND, replica("a", topology=f"t{n}", groups=shapes((1, n))), FLAT) for n in (4, 8))
    assert small.usd_per_year == large.usd_per_year
    assert [f.replica.topology for f in best_of([large, small])[0]] == ["t4"]


def test_a_ratio_beyond_both_intervals_decides() -> None:
    found = ranked([fleet(DEMAND, replica("a"), FLAT), fleet(DEMAND, replica("b", "mi355x"), FLAT)], FLAT)
    assert found.ratio is not None
    assert (found.outcome, found.ratio.of, found.ratio.over) == (Outcome.CHEAPER, "a", "b")
    assert found.ratio.interval == Interval(low=2.0, central=2.0, high=2.0)
    assert explain.fleets(found) == "a costs 2.00x as much a year as b, interval 2.00x to 2.00x, which excludes a tie"


def test_intervals_that_overlap_leave_it_undecided() -> None:
    fleets = [fleet(DEMAND, replica("a", tput=45_000, half_width=0.25), FLAT), fleet(DEMAND, replica("b"), FLAT)]
    found = ranked(fleets, FLAT)
    assert found.outcome is Outcome.UNDECIDED
    assert found.ratio is not None
    assert found.ratio.interval.low <= 1
    assert "a tie with a is not excluded" in explain.fleets(found)


def test_the_half_width_of_either_side_counts() -> None:
    for unsure in ("a", "b"):
        fleets = [
            fleet(DEMAND, replica(name, tput=tput, half_width=0.4 if name == unsure else 0.0), FLAT)
            for name, tput in (("a", 40_000), ("b", 50_000))
        ]
        assert ranked(fleets, FLAT).outcome is Outcome.UNDECIDED


def test_what_all_gpus_of_a_book_share_cancels_between_fleets() -> None:
    """Two fleets of one GPU differ by their size alone: the price is not in doubt between them."""
    prices = FleetPrices(owned(), "owned")
    fleets = [fleet(DEMAND, replica("a", tput=25_000), prices), fleet(DEMAND, replica("b"), prices)]
    found = ranked(fleets, prices)
    assert found.outcome is Outcome.CHEAPER
    assert found.ratio is not None
    assert (found.ratio.interval.low, found.ratio.interval.high) == (2.0, 2.0)


def test_a_shared_price_moves_both_gpus_and_leaves_little_doubt_between_them() -> None:
    """Electricity is a larger share of an MI355X hour, so its price moves the ratio, by less than either hour."""
    exact = exact_but(owned(), "b200", "power_price", "server_price", "kw_per_gpu", "licence_price", *IDLENESS)
    own = {"server_price": 4e5, "kw_per_gpu": 2.0}
    alike = FleetPrices(owned(), "owned", CostSettings({**exact.values, **own}))
    between = (alike.hour("mi355x") / alike.hour("b200")).interval()
    assert (between.low, between.high) == (pytest.approx(1.0), pytest.approx(1.0)), "two GPUs alike in all but name"
    prices = FleetPrices(owned(), "owned", CostSettings({**exact.values, "server_price": 4e5}))
    between = (prices.hour("mi355x") / prices.hour("b200")).interval()
    assert 0.9 < between.low / between.central < 1 < between.high / between.central < 1.2


@pytest.mark.parametrize(("names", "reason"), [((), "no deployment keeps the SLO"), (("a",), "only a keeps the SLO")])
def test_fewer_than_two_deployments_cannot_be_ranked(names: tuple[str, ...], reason: str) -> None:
    found = ranked([fleet(DEMAND, replica(name), FLAT) for name in names], FLAT)
    assert (found.outcome, explain.fleets(found)) == (Outcome.UNREACHABLE, reason)


@pytest.mark.parametrize("bad", [{"tokens_per_day": 0}, {"peak_to_mean": 0.9}, {"headroom": -0.1}])
def test_a_demand_that_cannot_be(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="greater than"):
        Demand(**{"tokens_per_day": 1e9, **bad})
