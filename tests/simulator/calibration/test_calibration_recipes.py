import datetime
from dataclasses import replace

import pytest

from inferbench.evidence.points_csv import Point, Workers
from inferbench.simulator.calibration.configuration import configurations
from inferbench.simulator.calibration.launch_recipes import load_recipes, recipe_of
from inferbench.simulator.calibration.software_dates import MIXED
from tests.support.calibration_factories import measured_points, point

DEP8, TP8, TEP8 = Workers(1, 8, 8, 8, True), Workers(1, 8, 8, 1, False), Workers(5, 8, 8, 8, False)


def mi355x(**changes: object) -> Point:
    own = {"hw": "mi355x", "framework": "sglang", "precision": "fp4", "prefill": TP8, "decode": TP8, "mtp": True}
    return point(**{**own, **changes})


@pytest.mark.parametrize(
    ("of", "depth"),
    [
        (point(mtp=False), 0),
        (point(mtp=True), 3),  # ctx1_gen5_tep8_batch8_eplb0_mtp3
        (point(mtp=True, prefill=Workers(5, 4, 4, 4, True), decode=DEP8, concurrency=1691), 1),  # ctx5_gen1_dep8_mtp1
        (mi355x(concurrency=4), 3),
        (mi355x(decode=Workers(2, 8, 8, 1, False), concurrency=128), 2),
        (mi355x(prefill=DEP8, decode=DEP8, concurrency=256), 1),
        (mi355x(prefill=DEP8, decode=DEP8, concurrency=256, date=datetime.date(2026, 5, 31)), 3),
        (mi355x(decode=Workers(2, 8, 8, 1, False), concurrency=128, date=datetime.date(2026, 3, 13)), 1),
        (mi355x(precision="fp8", decode=DEP8, date=datetime.date(2026, 2, 6)), 2),
        (mi355x(precision="fp8", decode=DEP8, date=datetime.date(2026, 2, 12)), 1),
        (mi355x(decode=TEP8, date=datetime.date(2026, 2, 13)), 1),
        (mi355x(decode=TEP8, isl=1024, date=datetime.date(2026, 2, 13)), 2),
        (point(isl=1024, mtp=True, decode=Workers(2, 8, 8, 8, True), concurrency=1214), 2),  # ctx1_gen2_dep8_mtp2
    ],
)
def test_draft_depth_of_the_recipes(of: Point, depth: int) -> None:
    recipe = recipe_of(of, of.concurrency, of.date)
    assert recipe is not None
    assert recipe.mtp == depth
    assert "mtp" not in recipe.guesses


@pytest.mark.parametrize(
    ("of", "most", "cap", "guessed"),
    [
        (point(mtp=True, concurrency=60), 60, 8, False),
        (point(mtp=True, concurrency=6), 60, 1, False),
        (point(mtp=True, prefill=Workers(5, 4, 4, 4, True), decode=DEP8, concurrency=1691), 1691, 1536, False),
        (point(isl=1024, mtp=True, decode=Workers(5, 8, 8, 8, True), concurrency=875), 875, 8 * 16, False),
        (point(isl=2048, decode=DEP8, concurrency=875), 875, 8 * 64, True),  # 109 a rank: the step below
        (mi355x(), 60, 128, False),
        (mi355x(decode=TEP8), 60, 256, False),
    ],
)
def test_batch_caps(of: Point, most: int, cap: int, guessed: bool) -> None:
    recipe = recipe_of(of, most, of.date)
    assert recipe is not None
    assert recipe.cap == cap
    assert ("cap" in recipe.guesses) == guessed


def test_a_guess_is_marked() -> None:
    recipe = recipe_of(point(hw="gb200", mtp=True), 60, None)
    assert recipe is not None
    assert set(recipe.guesses) == {"mtp", "cap", "max_batch_tokens"}


def test_a_rule_with_dates_needs_a_day() -> None:
    early = mi355x(precision="fp8", decode=DEP8)
    depths = [recipe_of(early, 60, day) for day in (datetime.date(2026, 1, 8), None)]
    assert [recipe and recipe.mtp for recipe in depths] == [2, 1]


def test_a_stack_without_rules_has_no_recipe() -> None:
    assert recipe_of(point(hw="mi300x"), 60, None) is None


def test_every_rule_names_a_source_and_says_something() -> None:
    recipes = load_recipes()
    for rule in recipes.rules:
        assert rule.source in recipes.sources
        assert any(
            v is not None
            for v in (
                rule.mtp,
                rule.cap,
                rule.cap_per_gpu,
                rule.max_batch_tokens,
                rule.first_chunk,
                rule.balance_passes,
            )
        )
        assert rule.guess == (rule.source == "none")


def test_every_measured_point_has_a_recipe() -> None:
    for own in measured_points():
        assert recipe_of(own, own.concurrency, own.date) is not None, own


def test_undated_points_ran_the_software_of_their_topology() -> None:
    old, today = datetime.date(2026, 2, 10), datetime.date(2026, 5, 27)
    rows = [
        mi355x(line=1, date=old, concurrency=4),
        mi355x(line=2, date=None, concurrency=8),
        mi355x(line=3, date=today, decode=TEP8, concurrency=4),
        mi355x(line=4, date=None, decode=TEP8, concurrency=8),
        mi355x(line=5, date=None, decode=DEP8, prefill=DEP8),
    ]
    found, reasons = configurations(rows)
    assert not reasons
    assert [c.software for c in found] == ["2026-02-28", "2026-02-28", None, None, MIXED]


def test_medians_over_runs_have_the_recipe_of_their_day() -> None:
    rows = [
        mi355x(line=line, precision="fp8", decode=DEP8, date=day, concurrency=line)
        for line, day in enumerate((datetime.date(2026, 1, 8), datetime.date(2026, 2, 6), None), 1)
    ]
    found, _ = configurations(rows)
    assert [c.recipe.mtp for c in found] == [2, 2, 2]
    later, _ = configurations([*rows, *(replace(r, date=datetime.date(2026, 2, 12)) for r in rows)])
    assert later[2].recipe.mtp == 2, "the middle of three days"


def test_medians_over_runs_that_ended_long_ago_are_of_their_middle_days() -> None:
    days = [datetime.date(2026, 2, day) for day in (6, 11, 12, 20)]
    rows = [mi355x(line=1, date=days[3], concurrency=4), mi355x(line=2, date=None, concurrency=8)]
    rows = [replace(row, precision="fp8") for row in rows]
    plain = [replace(rows[0], date=day, mtp=False) for day in days[:3]]
    found, _ = configurations([*rows, *plain[:1]])
    assert found[1].software == ("2026-02-09", "2026-02-28")
    found, _ = configurations([*rows, *plain])
    assert found[1].software == "2026-02-13"
    longer, _ = configurations([*rows, *(replace(row, isl=1024) for row in plain)])
    assert longer[1].software == "2026-02-28", "other lengths were run on other days"
