"""Tables of the answer: who is cheaper at each operating point, and under which prices."""

from __future__ import annotations

from inferbench.comparison.verdict import Conclusion, Outcome, PricedReading, Verdict
from inferbench.metrics.catalog import TPUT_PER_GPU
from inferbench.numerals import MISSING, ratio, significant, usd
from inferbench.render.table import Column, Table
from inferbench.runs.report.view import RunView

NOT_REACHED = "not reached"
DECIDED_MARK = "✓"
UNDECIDED_MARK = "?"


def conclusions_table(view: RunView) -> Table:
    """A row per operating point: what each deployment reaches and costs under the headline, and the outcome."""
    columns = [Column("operating point", align="left")]
    for name in view.deployments:
        columns.append(Column(view.short[name], TPUT_PER_GPU.unit, priority=2))
        columns.append(Column(view.short[name], "$/Mtok"))
    columns += [Column("cheapest", align="left"), Column("outcome", align="left")]
    return Table(
        title="Conclusions" + _simulated_mark(view),
        columns=tuple(columns),
        rows=tuple(_conclusion_row(view, c) for c in view.conclusions),
        note=_headline_note(view) + " The outcome is over all price books and tiers. " + marks_note(view),
    )


def verdict_matrix(view: RunView) -> Table:
    """A row per price book and tier, a column per operating point: the cheapest and its lead."""
    points = tuple(Column(c.operating_point.name, align="left") for c in view.conclusions)
    rows = tuple(
        (book, tier, *(verdict_cell(view, view.verdict(c, book, tier)) for c in view.conclusions))
        for book, tier in view.price_choices
    )
    return Table(
        title="Verdicts by price book and tier" + _simulated_mark(view),
        columns=(Column("price book", align="left"), Column("tier", align="left"), *points),
        rows=rows,
        note=marks_note(view),
        keys=2,
    )


def verdict_cell(view: RunView, verdict: Verdict | None) -> str:
    """The cheapest's short name, the runner-up's cost over its cost, and whether that decides."""
    if verdict is None or verdict.outcome is Outcome.UNREACHABLE:
        return MISSING
    mark = DECIDED_MARK if verdict.outcome is Outcome.CHEAPER else UNDECIDED_MARK
    return f"{short(view, verdict.cheapest)} {ratio(verdict.ratio)}{mark}"


def short(view: RunView, deployment: str | None) -> str:
    """The short name of a deployment, its whole name where it has none, a dash for no deployment."""
    return MISSING if deployment is None else view.short.get(deployment, deployment)


def marks_note(view: RunView) -> str:
    """What short names and marks stand for."""
    names = ", ".join(f"{s} = {name}" for name, s in view.short.items() if s != name)
    return (
        (f"{names}. " if names else "")
        + "1.10x: the next cheapest costs 1.10 times as much per token. "
        + f"{DECIDED_MARK} decided, {UNDECIDED_MARK} UNDECIDED, {MISSING} fewer than two deployments reach it."
    )


def _simulated_mark(view: RunView) -> str:
    return " (simulated)" if view.simulated else ""


def _headline_note(view: RunView) -> str:
    if view.scenario is None:
        return ""
    headline = view.scenario.headline
    return f"$/Mtok under {headline.book} {headline.tier}; throughput on the basis {view.basis.value}."


def _conclusion_row(view: RunView, conclusion: Conclusion) -> tuple[str, ...]:
    verdict = view.headline(conclusion)
    readings = {r.reading.deployment: r for r in verdict.readings} if verdict else {}
    cells = [conclusion.operating_point.name]
    for name in view.deployments:
        cells += _reading_cells(readings.get(name))
    return (*cells, verdict_cell(view, verdict), conclusion.outcome.value)


def _reading_cells(priced: PricedReading | None) -> tuple[str, str]:
    if priced is None:
        return MISSING, MISSING
    if not priced.reading.reachable:
        return NOT_REACHED, NOT_REACHED
    return significant(priced.reading.tput_per_gpu), usd(priced.usd_per_mtok)
