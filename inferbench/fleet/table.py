"""The table of fleets: which deployment serves a demand, on how many GPUs, at what cost a year."""

from __future__ import annotations

from inferbench.fleet.fleet import Fleet, Sizing
from inferbench.metrics.goodput import limits
from inferbench.numerals import MISSING, significant
from inferbench.render.format import count, interval
from inferbench.render.table import Column, Table

NO_POINT = "no point keeps the SLO"


def sizing_table(found: Sizing, *, every: bool = False) -> Table:
    """A row per deployment, the cheapest first, then those that cannot keep the SLO.

    `every`: a row per topology and load that keeps it instead.
    """
    fleets = sorted((*found.fleets, *found.others), key=lambda f: f.usd_per_year) if every else found.fleets
    rows = [_row(fleet) for fleet in fleets]
    rows += [(name, NO_POINT, *[MISSING] * 10, why) for name, why in found.unreachable.items()]
    return Table(
        title=f"Fleets for {significant(found.demand.tokens_per_day)} tokens a day: {found.outcome.value}",
        columns=(
            Column("deployment", align="left"),
            Column("topology", align="left"),
            Column("concurrency", short="conc", priority=3),
            Column("replica", "tok/s", priority=3),
            Column("replicas"),
            Column("GPUs used"),
            Column("GPUs billed"),
            Column("cost", "$M/year"),
            Column("interval", "$M/year"),
            Column("cost", "$/Mtok", priority=2),
            Column("mean use", priority=2),
            Column("energy, provisioned", "J/tok", priority=4),
            Column("origin or reason", align="left", priority=5),
        ),
        rows=tuple(rows),
        note=_note(found),
    )


def _row(fleet: Fleet) -> tuple[str, ...]:
    return (
        fleet.replica.deployment,
        fleet.replica.topology,
        count(fleet.replica.concurrency),
        significant(fleet.replica.total_tput),
        count(fleet.replicas),
        count(fleet.gpus_used),
        count(fleet.gpus_billed),
        significant(fleet.usd_per_year / 1e6),
        interval(fleet.low / 1e6, fleet.high / 1e6),
        significant(fleet.usd_per_mtok_served),
        f"{fleet.utilisation:.0%}",
        significant(fleet.joules_per_token_provisioned),
        fleet.replica.origin.value,
    )


def _note(found: Sizing) -> str:
    demand = found.demand
    kept = [f"p99 {metric.label} {limit:g} ms" for metric, limit in limits(found.slo)]
    packing = (
        "Workers of all roles and replicas share nodes."
        if found.packed
        else "Each role's workers of a replica have whole nodes of their own; GPUs that are left over are paid for."
    )
    return (
        f"{found.outcome.value}: {found.reason}. Capacity: {significant(demand.capacity_tok_s)} tok/s, which is "
        f"a mean of {significant(demand.mean_tok_s)} x {demand.peak_to_mean:g} at the peak x "
        f"{1 + demand.headroom:g} headroom, under {' and '.join(kept)}. {found.book} {found.tier}, every billed GPU "
        f"around the clock. Basis {found.basis.value}. {packing}"
    )
