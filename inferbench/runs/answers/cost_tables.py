"""Tables of money: the hourly bill, the figures behind it, what tokens cost, and what a tier's price implies."""

from __future__ import annotations

from collections.abc import Sequence

from inferbench.comparison.verdict import PricedReading
from inferbench.metrics.catalog import TPUT_PER_GPU, USD_PER_MTOK_TOTAL
from inferbench.metrics.families import COSTS
from inferbench.metrics.metric import MetricEntry
from inferbench.numerals import MISSING, significant, usd
from inferbench.pricing.bill_lines import Bill, CostLine
from inferbench.pricing.cost_figures import CostFigure, Trust
from inferbench.pricing.implied_price import ImpliedPrice
from inferbench.render.format import interval
from inferbench.render.table import Column, Table
from inferbench.scenario.scenario import OperatingPoint
from inferbench.token_cost.cost import Cost

ASSUMED = "ASSUMPTION"
"""Stands wherever a figure that no public source stands behind is shown, or has gone into one."""


def bill_table(bill: Bill) -> Table:
    """A row per line: price x quantity = $/h of one GPU, its interval, and how far it is to be trusted."""
    rows = [_bill_row(line) for line in bill.lines]
    rows.append(("total", MISSING, MISSING, "", significant(bill.usd_per_gpu_hour), _ends(bill), _trust_of(bill), ""))
    provisioned = f"${significant(bill.provisioned_usd_per_gpu_hour)}"
    if bill.figures:
        provisioned += f", interval {interval(bill.provisioned_low, bill.provisioned_high)}"
    named = ", ".join(figure.item for figure in bill.assumptions)
    note = f"One GPU for one hour that it works; while it is there, working or not: {provisioned}."
    if bill.off:
        note += f" Switched off: {', '.join(bill.off)}."
    if named:
        note += f" {ASSUMED}: no trustworthy public source stands behind {named}; their ranges are in the intervals."
    return Table(
        title=f"Bill of one {bill.gpu} under {bill.book} {bill.tier}",
        columns=(
            Column("line", align="left"),
            Column("price", "$/unit/h"),
            Column("quantity"),
            Column("unit", align="left", priority=2),
            Column("$/GPU/h"),
            Column("interval", "$/GPU/h", priority=1),
            Column("trust", align="left"),
            Column("source of the price", align="left", priority=3),
        ),
        rows=tuple(rows),
        note=note,
    )


def figures_table(bill: Bill) -> Table:
    """A row per figure that a bill was built up from, with its range, date, trust and source."""
    return Table(
        title=f"Figures behind one {bill.gpu} in {bill.book}",
        columns=(
            Column("figure", align="left"),
            Column("value"),
            Column("range"),
            Column("unit", align="left"),
            Column("trust", align="left"),
            Column("as of", align="left", priority=2),
            Column("source", align="left", priority=1),
        ),
        rows=tuple(_figure_row(figure) for figure in bill.figures),
        note=f"{ASSUMED}: no trustworthy public figure; its range enters every interval.",
    )


PRIORITIES = (2, 2, 3, 3, 1, 2, 3, 5, 4, 5, 3)
"""Of the metrics in COSTS: those with the highest are left out first where the table is too wide."""


def costs_table(costs: Sequence[Cost]) -> Table:
    """A row per sweep point: what a million tokens and a request cost, and tokens per dollar and per MW."""
    first = costs[0] if costs else None
    columns = [
        Column("sweep point", align="left"),
        Column(USD_PER_MTOK_TOTAL.label, _unit(USD_PER_MTOK_TOTAL)),
        Column("price interval", _unit(USD_PER_MTOK_TOTAL), priority=4),
        *(Column(metric.label, _unit(metric), priority=n) for metric, n in zip(COSTS, PRIORITIES, strict=True)),
        Column("origin", align="left", priority=6),
    ]
    note = ""
    if first is not None:
        note = f"{first.book} {first.tier}; throughput on the basis {first.basis.value}. "
        note += "Input and output: the whole cluster over these tokens alone; role: prefill and decode GPUs apart, "
        note += "as InferenceX. The interval is that of the price alone."
        if first.blend is not None:
            mix = first.blend
            note += f" Blended: {mix.input_per_output:g} prompt tokens per generated one, {mix.hit_rate:.0%} of them"
            note += f" cached at {mix.cached_price_share:.0%} of the cost, in role accounting."
    return Table(title="Cost of tokens", columns=tuple(columns), rows=tuple(map(_cost_row, costs)), note=note)


def readings_table(answers: Sequence[tuple[OperatingPoint, Sequence[PricedReading]]]) -> Table:
    """A row per operating point and deployment: throughput that is reached there, and what a token costs."""
    rows = [
        (
            at.name,
            priced.reading.deployment,
            significant(priced.reading.tput_per_gpu),
            usd(priced.usd_per_mtok),
            MISSING if priced.low == priced.high else interval(priced.low, priced.high),
            priced.reading.unreachable or "",
        )
        for at, readings in answers
        for priced in readings
    ]
    return Table(
        title="Cost at operating points",
        columns=(
            Column("operating point", align="left"),
            Column("deployment", align="left"),
            Column("tput", TPUT_PER_GPU.unit),
            Column("total", "$/Mtok"),
            Column("price interval", "$/Mtok"),
            Column("not reached because", align="left", priority=1),
        ),
        rows=tuple(rows),
        note="Interpolated on each front over the whole run; the interval is that of the price alone.",
        keys=2,
    )


def implied_table(found: Sequence[ImpliedPrice]) -> Table:
    """A row per GPU: the server price, or the cost of capital, that a tier's $/GPU-hour implies."""
    first = found[0]
    return Table(
        title=f"What {first.book} {first.tier} implies",
        columns=(
            Column("GPU", align="left"),
            Column("tier", "$/GPU/h"),
            Column("implied server", "$"),
            Column("interval", "$"),
            Column("server in the owned book", "$"),
            Column("implied cost of capital", "1/year"),
            Column("no rate because", align="left", priority=1),
        ),
        rows=tuple(_implied_row(row) for row in found),
        note=(
            f"All other lines from {first.owned_book}, {first.years:g} years, "
            f"{first.capital_rate:.1%} a year for the server price; the book's server price for the cost of capital. "
            "A negative server price: the other lines alone come to more than the tier asks."
        ),
    )


def _bill_row(line: CostLine) -> tuple[str, ...]:
    trust = "tier" if line.trust is None else _trust(line.trust)
    if line.assumed:
        trust += f": {', '.join(line.assumed)}"
    return (
        line.item,
        significant(line.usd_per_unit_hour),
        significant(line.quantity),
        line.unit,
        significant(line.usd_per_hour),
        interval(line.low, line.high),
        trust,
        line.source,
    )


def _ends(bill: Bill) -> str:
    return interval(bill.low, bill.high) if bill.low < bill.high else MISSING


def _trust_of(bill: Bill) -> str:
    return ASSUMED if bill.assumptions else ""


def _trust(trust: Trust) -> str:
    return ASSUMED if trust is Trust.ASSUMPTION else trust.value


def _figure_row(figure: CostFigure) -> tuple[str, ...]:
    return (
        figure.item,
        significant(figure.value, 4),
        interval(figure.low, figure.high),
        figure.unit,
        _trust(figure.trust),
        figure.as_of.isoformat(),
        figure.source + (f" ({figure.note})" if figure.note else ""),
    )


def _unit(metric: MetricEntry) -> str:
    return metric.unit.replace("USD", "$")


def _cost_row(cost: Cost) -> tuple[str, ...]:
    scale = cost.usd_per_mtok_total / cost.usd_per_gpu_hour if cost.usd_per_gpu_hour else None
    low, high = cost.usd_per_gpu_hour_low, cost.usd_per_gpu_hour_high
    exact = scale is None or low is None or high is None or low == high
    return (
        cost.point.key,
        usd(cost.usd_per_mtok_total),
        MISSING if exact or scale is None or low is None or high is None else interval(low * scale, high * scale),
        *((usd if metric.unit.startswith("USD") else significant)(metric.read(cost)) for metric in COSTS),
        cost.origin.value,
    )


def _implied_row(row: ImpliedPrice) -> tuple[str, ...]:
    return (
        row.gpu,
        significant(row.usd_per_gpu_hour),
        _signed(row.server_price),
        f"{_signed(row.server_price_low)} to {_signed(row.server_price_high)}",
        significant(row.book_server_price),
        MISSING if row.implied_rate is None else f"{row.implied_rate:.1%}",
        row.no_rate or "",
    )


def _signed(value: float) -> str:
    return f"-{significant(-value)}" if value < 0 else significant(value)
