"""Two deployments of a run, or two runs, side by side."""

from __future__ import annotations

from functools import partial

import streamlit as st

from dashboard import chosen, controls, data
from dashboard.page import Page
from inferbench.comparison.verdict import Outcome
from inferbench.numerals import ratio, usd
from inferbench.runs.answers.held_equal import equal
from inferbench.runs.answers.what_if import prices_all, scenario_of
from inferbench.runs.comparison.compare import compare
from inferbench.runs.comparison.compare_runs import differing, lengths_differing
from inferbench.runs.comparison.figure import ratios_chart
from inferbench.runs.comparison.table import comparison_table
from inferbench.runs.figures.held_equal import differences_table, equal_chart, equal_table, run_differences_table


def deployments(name: str) -> None:
    """Show two deployments of a run with one thing held equal."""
    run, view = data.run_of(name), data.view_of(name)
    scenario = scenario_of(run)
    page = Page("compare", "Two deployments side by side")
    page.say(view.title, small=True)
    names = list(view.deployments)
    if len(names) < 2:
        st.info("This run has one deployment only: compare two runs instead.")
        return
    left, right = st.columns(2)
    with left:
        first = controls.select("First", names, "first")
        at = chosen.pace(view)
        budget = controls.slider("Budget, $ an hour", 10, 5_000, 500, "budget", step=10, form="%d")
    with right:
        second = controls.select("Second", [other for other in names if other != first], "second")
        wait = controls.slider("p99 TTFT within, ms", 200, 20_000, 2_000, "ttft", step=100, form="%d")
        usable = [book for book, prices in data.books().items() if prices_all(prices, scenario)]
        book = data.books()[controls.select("Price book", usable, "book", controls.HEADLINE_BOOK)]
        tier = controls.select("Tier", book.tiers, "tier")
    pair = (first, second)
    found = equal(run, book, tier, interactivity=at.interactivity or 1.0, ttft_p99_ms=wait, usd_per_hour=budget)
    same_pace = {r.reading.deployment: r.usd_per_mtok for r in next(iter(found.values()))}
    page.lead(_sentence(at.name, pair, same_pace, simulated=bool(view.simulated)))
    page.chart(equal_chart(view, found, pair))
    page.table(equal_table(found, pair))
    page.table(differences_table(scenario.deployment(first), scenario.deployment(second)))
    page.exports()


def _sentence(at: str, pair: tuple[str, str], cost: dict[str, float | None], *, simulated: bool) -> str:
    first, second = (cost[name] for name in pair)
    mark = " (simulated)" if simulated else ""
    if first is None or second is None:
        return f"At {at}{mark}: {Outcome.UNREACHABLE.value} by {' and '.join(n for n in pair if cost[n] is None)}"
    low, high = sorted(pair, key=lambda name: cost[name] or 0.0)
    times = ratio(max(first, second) / min(first, second))
    costs = f"{low} {usd(cost[low])}, {high} {usd(cost[high])} per million tokens"
    return f"At {at}{mark}: {costs}, {times} as much"


def runs(name: str) -> None:
    """Show a run against an earlier one."""
    page = Page("compare-runs", "Two runs side by side")
    others = [other for other in data.listing().names if other != name]
    if not others:
        st.info("This store has one run only.")
        return
    same = [other for other in others if other.split("/")[0] == name.split("/")[0]]
    baseline = controls.select(
        "Baseline (the run of the sidebar is the candidate)", [*same, *sorted(set(others) - set(same))], "baseline"
    )
    a, b = data.run_of(baseline), data.run_of(name)
    found = lengths_differing(a.summaries, b.summaries) | differing(a.manifest, b.manifest)
    if found:
        page.say(f"They differ in {', '.join(found)}: their ratios hold that difference too.")
    points = compare(a, b, allow_different=list(found))
    if any(point.metrics for point in points):
        page.chart(ratios_chart(points))
    page.table(run_differences_table(found))
    page.table(comparison_table(points), height=420)
    page.exports()


SHOWN = {"deployments": deployments, "runs": runs}
chosen_run = chosen.run_name(lambda row: bool(row["n_points"]))
if chosen_run is None:
    st.info("No run of this store has a sweep point yet.")
else:
    what = controls.choice("Compare", list(SHOWN), "compare")
    chosen.readable(partial(SHOWN[what], chosen_run))
