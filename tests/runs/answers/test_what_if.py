"""Other prices, other assumptions: held against the definitions."""

from __future__ import annotations

import math

import pytest

import inferbench
from inferbench.errors import UsageError
from inferbench.pricing.bundled_books import open_book
from inferbench.pricing.price_books import price_of
from inferbench.pricing.settings import CostSettings
from inferbench.runs.answers.break_even import break_even
from inferbench.runs.answers.what_if import cost_tornado, verdict_under, verdicts_over, with_prices
from inferbench.runs.opened_run import Run
from inferbench.scenario.scenario import OperatingPoint
from tests.support.scenarios_for_tests import small_scenario, write_scenario

AT = OperatingPoint(name="here", interactivity=205)
LISTED, OWNED = open_book("inferencex-2026-09"), open_book("neocloud-owned-2026")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    place = tmp_path_factory.mktemp("what-if")
    scenario = small_scenario()
    for deployment in scenario["deployments"]:
        for topology in deployment["topologies"]:
            topology["concurrency"] = [1, 8, 64]
    return inferbench.run(write_scenario(place / "small.yaml", scenario), store=place / "store", live=False)


def costs(verdict: object) -> dict[str, float]:
    return {p.reading.deployment: p.usd_per_mtok for p in verdict.readings}  # type: ignore[attr-defined]


def test_a_price_that_doubles_doubles_the_cost_of_its_gpu_alone(run: Run) -> None:
    (before,) = verdict_under(run, AT, LISTED, "hyperscaler").verdicts
    dearer = with_prices(LISTED, "hyperscaler", {"b200": 2 * price_of(LISTED, "b200", "hyperscaler").value})
    (after,) = verdict_under(run, AT, dearer, "hyperscaler").verdicts
    assert costs(after)["b200-trtllm"] == pytest.approx(2 * costs(before)["b200-trtllm"])
    assert costs(after)["mi355x-sglang-mori"] == costs(before)["mi355x-sglang-mori"]
    assert price_of(LISTED, "b200", "hyperscaler").value == 1.73, "the book itself is as it was"


def test_utilisation_enters_a_listed_price_once(run: Run) -> None:
    (half,) = verdict_under(run, AT, LISTED, "hyperscaler", CostSettings({"utilisation": 0.5})).verdicts
    (full,) = verdict_under(run, AT, LISTED, "hyperscaler").verdicts
    for name, cost in costs(full).items():
        assert costs(half)[name] == pytest.approx(2 * cost)
    assert half.ratio == pytest.approx(full.ratio)


def test_a_listed_price_has_no_room_for_a_power_price(run: Run) -> None:
    with pytest.raises(UsageError, match="power_price is already inside"):
        verdict_under(run, AT, LISTED, "hyperscaler", CostSettings({"power_price": 0.1}))


def test_a_set_server_price_is_exact_and_narrows_the_interval(run: Run) -> None:
    (before,) = verdict_under(run, AT, OWNED, "owned").verdicts
    known = with_prices(OWNED, "owned", {"mi355x": 257600.0})
    (after,) = verdict_under(run, AT, known, "owned").verdicts
    assert after.ratio == pytest.approx(before.ratio)
    assert after.ratio_high < before.ratio_high


def test_every_tier_of_every_book_is_judged(run: Run) -> None:
    over = verdicts_over(run, AT, [LISTED, OWNED], CostSettings())
    assert [(v.book, v.tier) for v in over.verdicts] == [
        ("inferencex-2026-09", "hyperscaler"), ("inferencex-2026-09", "rental-3y"), ("neocloud-owned-2026", "owned"),
    ]  # fmt: skip
    alone = verdict_under(run, AT, LISTED, "rental-3y").verdicts[0]
    assert over.verdicts[1] == alone


def test_the_ends_of_a_tornado_are_verdicts_at_these_ends(run: Run) -> None:
    (verdict,) = verdict_under(run, AT, OWNED, "owned").verdicts
    bars = {bar.name: bar for bar in cost_tornado(run, verdict, OWNED)}
    for gpu in ("b200", "mi355x"):
        line = next(line for line in OWNED.lines if line.item == "server_price" and line.gpu == gpu)
        ratios = []
        for end in (line.low, line.high):
            (moved,) = verdict_under(run, AT, with_prices(OWNED, "owned", {gpu: end}), "owned").verdicts
            by_name = costs(moved)
            ratios.append(by_name[verdict.runner_up] / by_name[verdict.cheapest])
        bar = bars[f"server price of {gpu}"]
        assert sorted([bar.at_low, bar.at_high]) == pytest.approx(sorted(ratios))
    for item in ("pue", "capital_rate"):
        line = next(line for line in OWNED.lines if line.item == item)
        ratios = []
        for end in (line.low, line.high):
            (moved,) = verdict_under(run, AT, OWNED, "owned", CostSettings({item: end})).verdicts
            ratios.append(costs(moved)[verdict.runner_up] / costs(moved)[verdict.cheapest])
        bar = bars[item.replace("_", " ")]
        assert [bar.at_low, bar.at_high] == pytest.approx([min(*ratios, verdict.ratio), max(*ratios, verdict.ratio)])
    widths = [bar.width for bar in cost_tornado(run, verdict, OWNED)]
    assert widths == sorted(widths, reverse=True)


def test_tokens_move_the_ratio_by_their_half_width(run: Run) -> None:
    (verdict,) = verdict_under(run, AT, LISTED, "hyperscaler").verdicts
    first, second = cost_tornado(run, verdict, LISTED)
    widths = {p.reading.deployment: p.half_width for p in verdict.readings}
    for bar in (first, second):
        width = widths[bar.name.removeprefix("tokens of ")]
        ends = sorted([bar.at_low / verdict.ratio, bar.at_high / verdict.ratio])
        assert ends in (pytest.approx([1 - width, 1 + width]), pytest.approx([1 / (1 + width), 1 / (1 - width)]))


def test_on_the_line_of_the_map_both_cost_the_same(run: Run) -> None:
    even = break_even(run, "mi355x-sglang-mori", "b200-trtllm")
    assert even is not None
    at = OperatingPoint(name="at", interactivity=even.interactivity[30])
    prices = {"mi355x": 2.0 * even.price_ratio[30], "b200": 2.0}
    (verdict,) = verdict_under(run, at, with_prices(LISTED, "hyperscaler", prices), "hyperscaler").verdicts
    assert verdict.ratio == pytest.approx(1.0)
    assert verdict.ratio_high == pytest.approx(even.high[30] / even.price_ratio[30])
    assert math.isclose(even.low[30] * even.high[30], even.price_ratio[30] ** 2)


def test_no_map_of_deployments_that_share_no_pace(run: Run) -> None:
    cut = Run(run.directory)
    cut.__dict__["summaries"] = tuple(s for s in run.summaries if s.point.deployment == "b200-trtllm")
    assert break_even(cut, "mi355x-sglang-mori", "b200-trtllm") is None
