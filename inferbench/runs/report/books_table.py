"""One operating point under every price book and tier, side by side."""

from __future__ import annotations

from inferbench.comparison.verdict import Conclusion, Verdict
from inferbench.numerals import MISSING, ratio, usd
from inferbench.render.table import Column, Table
from inferbench.runs.report.view import RunView


def books_table(view: RunView, conclusion: Conclusion) -> Table:
    """A row per tier of a book: what a GPU-hour and a million tokens cost, which is cheapest, and how sure that is."""
    columns = [Column("price book", align="left"), Column("tier", align="left")]
    for name in view.deployments:
        columns += [Column(view.short[name], "$/GPU/h"), Column(view.short[name], "$/Mtok")]
    columns += [
        Column("cheapest", align="left"), Column("ratio"), Column("interval of the ratio"),
        Column("outcome", align="left"),
    ]  # fmt: skip
    return Table(
        title=f"Price books side by side at {conclusion.operating_point.name}"
        + (" (simulated)" if view.simulated else ""),
        columns=tuple(columns),
        rows=tuple(_row(view, verdict) for verdict in conclusion.verdicts),
        note="Ratio: cost of the next cheapest over that of the cheapest. Owned books are built up from figures with "
        "ranges, which their intervals hold; listed prices are taken as exact.",
        keys=2,
    )


def _row(view: RunView, verdict: Verdict) -> tuple[str, ...]:
    priced = {p.reading.deployment: p for p in verdict.readings}
    cells: list[str] = []
    for name in view.deployments:
        own = priced.get(name)
        cells += [MISSING, MISSING] if own is None else [usd(own.usd_per_gpu_hour), usd(own.usd_per_mtok)]
    spread = MISSING if verdict.ratio is None else f"{ratio(verdict.ratio_low)} to {ratio(verdict.ratio_high)}"
    cheapest = MISSING if verdict.cheapest is None else view.short.get(verdict.cheapest, verdict.cheapest)
    return (verdict.book, verdict.tier, *cells, cheapest, ratio(verdict.ratio), spread, verdict.outcome.value)
