"""What serving costs under other prices and assumptions, and what would turn the answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import streamlit as st

from dashboard import assumptions, chosen, controls, data
from dashboard.assumptions import Assumed
from dashboard.page import Page
from inferbench.comparison import explain
from inferbench.comparison.verdict import Conclusion, Verdict
from inferbench.fleet.fleet import Demand
from inferbench.fleet.table import sizing_table
from inferbench.numerals import ratio
from inferbench.pricing.cost_figures import IDLENESS
from inferbench.pricing.price_books import price_of
from inferbench.pricing.settings import CostSettings
from inferbench.runs.answers.break_even import break_even
from inferbench.runs.answers.costs import price_points
from inferbench.runs.answers.fleets import size
from inferbench.runs.answers.what_if import cost_tornado, prices_all, scenario_of, verdict_under, verdicts_over
from inferbench.runs.figures.break_even import break_even_map
from inferbench.runs.figures.fleet import fleet_chart
from inferbench.runs.figures.frontier import cost_chart
from inferbench.runs.figures.verdict import verdict_chart
from inferbench.runs.opened_run import Run
from inferbench.runs.report.books_table import books_table
from inferbench.runs.report.view import RunView
from inferbench.scenario.scenario import OperatingPoint, Slo
from inferbench.uncertainty.tornado_figure import tornado

TOKENS_PER_DAY = {"100 million": 1e8, "1 billion": 1e9, "10 billion": 1e10, "100 billion": 1e11, "1 trillion": 1e12}


@dataclass(frozen=True)
class Asked:
    """What the view shows, and the controls that it was asked with."""

    page: Page
    run: Run
    view: RunView
    assumed: Assumed
    at: OperatingPoint
    verdict: Verdict


def show(name: str) -> None:
    """Show the view."""
    run, view = data.run_of(name), data.view_of(name)
    scenario = scenario_of(run)
    page = Page("tco", "What it costs, and what would change that")
    page.say(view.title, small=True)
    assumed = assumptions.sidebar(scenario)
    at = chosen.pace(view)
    conclusion = verdict_under(run, at, assumed.book, assumed.tier, assumed.settings)
    (verdict,) = conclusion.verdicts
    page.lead(f"At {at.name}{' (simulated)' if view.simulated else ''}: {explain.finding(verdict, verdict.outcome)}")
    page.say(f"{verdict.reason}.")
    if assumed.moved:
        page.say("Sliders were moved: these are not the price book's own figures.", small=True)
    costs = price_points(run, assumed.book, assumed.tier, settings=assumed.settings)
    priced = replace(view, costs=costs, conclusions=(conclusion,))
    page.chart(cost_chart(priced, assumed.book.name, assumed.tier))
    looks = {"What moves it": _tornado, "Break-even": _even, "Price books": _books, "Fleet and bill": _fleet}
    look = controls.choice("Look at", list(looks), "look")
    looks[look](Asked(page, run, priced, assumed, at, verdict))
    page.exports()


def _tornado(asked: Asked) -> None:
    verdict, assumed = asked.verdict, asked.assumed
    bars = cost_tornado(asked.run, verdict, assumed.book, assumed.settings)
    if not bars or verdict.ratio is None:
        st.info("Nothing moves it: fewer than two deployments reach this pace, or nothing is uncertain.")
        return
    title = f"What moves the cost of {verdict.runner_up} over that of {verdict.cheapest}, {ratio(verdict.ratio)}"
    asked.page.chart(tornado(bars, verdict.ratio, title, f"{verdict.book} {verdict.tier} at {asked.at.name}"))


def _even(asked: Asked) -> None:
    view, run, assumed = asked.view, asked.run, asked.assumed
    names = list(view.deployments)
    left, right = st.columns(2)
    with left:
        first = controls.select("First", names, "first")
    with right:
        second = controls.select("Second", [name for name in names if name != first], "second")
    even = break_even(run, first, second)
    if even is None:
        st.info("These two have no pace in common.")
        return
    scenario = scenario_of(run)
    gpus = [scenario.deployment(name).gpu for name in (first, second)]
    prices: dict[str, float] = {"with the sliders": _ratio(assumed.book, assumed.tier, gpus, assumed.settings)}
    for book in data.books().values():
        for tier in book.tiers:
            if prices_all(book, scenario):
                prices[f"{book.name} {tier}"] = _ratio(book, tier, gpus, CostSettings())
    asked.page.chart(break_even_map(view, even, prices, asked.at.interactivity or 0.0))


def _ratio(book: Any, tier: str, gpus: list[str], settings: CostSettings) -> float:
    first, second = (price_of(book, gpu, tier, settings).value for gpu in gpus)
    return first / second


def _books(asked: Asked) -> None:
    over: Conclusion = verdicts_over(asked.run, asked.at, list(data.books().values()), CostSettings())
    asked.page.chart(verdict_chart(replace(asked.view, conclusions=(over,))))
    asked.page.table(books_table(asked.view, over))


def _fleet(asked: Asked) -> None:
    assumed = asked.assumed
    columns = st.columns(3)
    with columns[0]:
        tokens = controls.select("Tokens a day", list(TOKENS_PER_DAY), "tokens-per-day", "100 billion")
        peak = controls.slider("Peak over mean", 1, 5, 2, "peak", step=0.1)
    with columns[1]:
        ttft = controls.slider("p99 TTFT within, ms", 200, 20_000, 2_000, "ttft", step=100, form="%d")
        headroom = controls.slider("Headroom beyond the peak", 0, 1, 0.2, "headroom", step=0.05)
    with columns[2]:
        tpot = controls.slider("p99 TPOT within, ms", 5, 200, 80, "tpot", step=1, form="%d")
        packed = controls.toggle("Replicas share nodes", "packed")
    demand = Demand(tokens_per_day=TOKENS_PER_DAY[tokens], peak_to_mean=peak, headroom=headroom)
    kept = {item: value for item, value in assumed.settings.values.items() if item not in IDLENESS}
    found = size(
        asked.run, demand, Slo(ttft_p99_ms=ttft, tpot_p99_ms=tpot), assumed.book, assumed.tier,
        settings=CostSettings(kept, assumed.settings.switches), packed=packed,
    )  # fmt: skip
    if found.fleets:
        asked.page.chart(fleet_chart(asked.view, found))
    asked.page.table(sizing_table(found))
    asked.page.say("Utilisation follows from the demand here, so its slider does not count.", small=True)


chosen_run = chosen.run_name(lambda row: bool(row["n_points"]) and row["kind"] == "run")
if chosen_run is None:
    st.info("No run of this store compares deployments yet.")
else:
    chosen.readable(partial(show, chosen_run))
