"""The published claim, to the digit; and that every answer is computed: less a point, or at another price, it moves."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from inferbench.claim.answer import ClaimReport, LineAnswer, LineOutcome
from inferbench.claim.answer_file import claims
from inferbench.comparison.verdict import Outcome
from inferbench.errors import FileError

FOLDER = Path(__file__).parents[2] / "scenarios" / "claims"
Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def shipped() -> ClaimReport:
    return claims()


@pytest.fixture
def changed(tmp_path: Path) -> Callable[..., ClaimReport]:
    """Answers a claim file after a change to its content."""

    def answer(change: Change, name: str = "mi355x-mori-2026-05", **options: Any) -> ClaimReport:
        content = deepcopy(yaml.safe_load((FOLDER / f"{name}.yaml").read_text()))
        change(content)
        path = tmp_path / "claim.yaml"
        path.write_text(yaml.safe_dump(content))
        return claims(path, **options)

    return answer


def line(report: ClaimReport, id: str) -> LineAnswer:
    return next(line for line in report.lines if line.id == id)


def curve(content: dict[str, Any], name: str) -> dict[str, Any]:
    return next(c for c in content["curves"] if c["name"] == name)


@pytest.mark.parametrize(
    ("id", "value", "tolerance"),
    [
        ("tput-mi355x", 2435.8, 0.1),
        ("tput-b200-sglang", 1945.3, 0.1),
        ("tput-b200-trt", 3128.5, 0.1),
        ("ratio", 1.252, 0.0005),
        ("cost-mi355x", 0.1688, 0.00005),
        ("cost-b200-sglang", 0.2840, 0.00005),
        ("cost-b200-trt", 0.1775, 0.00005),
        ("cheaper", -0.049, 0.0005),
        ("derived-mi355x", 0.1688, 0.00005),
        ("derived-b200-sglang", 0.2784, 0.00005),
        ("derived-b200-trt", 0.1731, 0.00005),
        ("cheaper-derived", -0.025, 0.0005),
        ("cheaper-july", 0.114, 0.0005),
        ("trt-faster", 1.28, 0.005),
        ("break-even", 0.7786, 0.00005),
        ("all-to-all", 0, 0),
        ("software-gap-trt", 118, 0),
        ("gap-b200-sglang", 131.904951 - 75.913571, 0.001),
        ("gap-b200-trt", 151.384971 - 106.300569, 0.001),
    ],
)
def test_the_claim_is_computed_to_the_digit(shipped: ClaimReport, id: str, value: float, tolerance: float) -> None:
    found = line(shipped, id).value
    assert found is not None
    assert found == pytest.approx(value, abs=tolerance)


def test_what_holds_and_what_does_not(shipped: ClaimReport) -> None:
    held = {x.id for x in shipped.lines if x.answer is LineOutcome.REPRODUCED}
    assert held == {
        "tput-mi355x", "tput-b200-sglang", "tput-b200-trt", "ratio", "cost-mi355x", "cost-b200-sglang",
        "cost-b200-trt", "cheaper",
    }  # fmt: skip
    assert {x.id for x in shipped.lines if x.answer is LineOutcome.NOT_REPRODUCED} == {
        "cheaper-derived", "cheaper-july", "ratio-elsewhere", "ratio-fp8", "all-to-all",
    }  # fmt: skip
    assert line(shipped, "ratio-elsewhere").found == (
        "1.00x at 80, 1.09x at 100, 1.25x at 129, 1.63x at 150, 1.09x at 200"
    )
    assert line(shipped, "all-to-all").found.startswith("the reading stands on 1xTP8 + 2xTP8, without expert")
    assert "3.9 months" in line(shipped, "software-gap-trt").found


def test_fp8_is_below_one_at_every_point_that_is_reached(shipped: ClaimReport) -> None:
    fp8 = line(shipped, "ratio-fp8")
    ratios = [float(part.split("x at ")[0]) for part in fp8.found.split(", ")]
    assert len(ratios) == 5
    assert all(ratio < 1 for ratio in ratios)


def test_spline_cost_is_the_older_way_in_every_line() -> None:
    older = claims(spline_cost=True)
    assert line(older, "derived-b200-trt").value == pytest.approx(0.1775, abs=5e-5)
    assert line(older, "cheaper-derived").answer is LineOutcome.REPRODUCED


def test_the_verdict_has_an_interval_a_break_even_and_what_moves_it(shipped: ClaimReport) -> None:
    first = shipped.verdicts[0]
    assert (first.against, first.book, first.tier) == ("b200-trt", "inferencex-2025-08", "hyperscaler")
    assert first.outcome is Outcome.UNDECIDED
    assert first.ratio.low < first.ratio.central < 1 < first.ratio.high
    assert first.ratio.central == pytest.approx(first.price_ratio / first.break_even_price_ratio)
    assert first.tornado[0].name == "b200-trt: gap"
    widths = [bar.width for bar in first.tornado]
    assert widths == sorted(widths, reverse=True)
    # Both cost the same there: read the throughputs again at the crossing.
    assert first.break_even_interactivity[0] == pytest.approx(127.4, abs=0.1)
    assert all(v.outcome is Outcome.CHEAPER for v in shipped.verdicts if v.against == "b200-sglang")
    assert len(shipped.verdicts) == 12


def test_at_the_break_even_interactivity_both_cost_the_same(
    shipped: ClaimReport, changed: Callable[..., ClaimReport]
) -> None:
    at = shipped.verdicts[0].break_even_interactivity[0]
    there = changed(lambda content: content.update(interactivity=at))
    # Crossings are found to a straight line between 400 steps.
    assert there.verdicts[0].ratio.central == pytest.approx(1, abs=1e-4)


def test_the_flags_of_the_run_behind_the_claim_stand_beside_it(shipped: ClaimReport) -> None:
    assert shipped.audit is not None
    said = " | ".join(flag.observation for flag in shipped.audit.flags)
    assert "speculation gains 1.53x at concurrency 1 but 1.75-2.33x at 2 to 256" in said
    assert "217 -> 239 -> 278 tok/s/user as concurrency goes 1 -> 2 -> 4" in said


def test_less_a_point_the_answers_move_as_they_said(shipped: ClaimReport, changed: Callable[..., ClaimReport]) -> None:
    assert "without mi355x-mori at 130.6 tok/s/user" in line(shipped, "ratio").flips

    def take_out(content: dict[str, Any]) -> None:
        points = curve(content, "mi355x-mori")["points"]
        points[:] = [p for p in points if p["interactivity"] != 130.613]

    moved = changed(take_out)
    assert line(moved, "ratio").answer is LineOutcome.NOT_REPRODUCED
    assert f"it is {line(moved, 'ratio').value:.3f}x" in line(shipped, "ratio").flips
    assert line(moved, "tput-b200-trt") == line(shipped, "tput-b200-trt")


def test_at_another_price_the_answers_move_as_they_said(changed: Callable[..., ClaimReport]) -> None:
    def own_price(value: float) -> Change:
        price = {"book": "inferencex-2026-07", "tier": "hyperscaler", "gpu": "mi355x", "value": value,
                 "unit": "USD/GPU/h", "source": "a test"}  # fmt: skip
        return lambda content: content.update(prices=[price])

    # The line says a price ratio of 0.7786 turns it: 1.73 x 0.7786 = 1.347.
    assert line(changed(own_price(1.346)), "cheaper-july").answer is LineOutcome.REPRODUCED
    assert line(changed(own_price(1.348)), "cheaper-july").answer is LineOutcome.NOT_REPRODUCED


def test_out_of_reach_is_undecidable(changed: Callable[..., ClaimReport]) -> None:
    report = changed(lambda content: content.update(interactivity=300))
    sglang = line(report, "tput-b200-sglang")
    assert sglang.answer is LineOutcome.UNDECIDABLE
    assert sglang.value is None
    assert "reaches 64.68 to 258" in sglang.found
    assert line(report, "tput-mi355x").answer is LineOutcome.NOT_REPRODUCED
    assert {v.against for v in report.verdicts} == set()
    assert len(report.unanswered) == 2


def test_another_interactivity_flips_where_the_line_says(
    shipped: ClaimReport, changed: Callable[..., ClaimReport]
) -> None:
    words = line(shipped, "cheaper-july").flips
    at = float(words.split("; ")[1].split(" ")[0])
    there = changed(lambda content: content.update(interactivity=at))
    assert line(there, "cheaper-july").answer is LineOutcome.REPRODUCED


def test_the_bytes_claim_says_bytes_and_no_time() -> None:
    report = claims("mori-wire-bytes-2026-05")
    assert line(report, "bytes-before").value == 28_672
    assert line(report, "bytes-after").value == 11_200
    assert line(report, "bytes-ratio").value == pytest.approx(2.56)
    assert "this says no time" in line(report, "bytes-ratio").found
    assert line(report, "time-large").value == pytest.approx((463.9 + 867.1) / (335.1 + 769))
    answers = [x.answer for x in report.lines]
    assert answers.count(LineOutcome.REPRODUCED) == 3
    assert answers.count(LineOutcome.NOT_REPRODUCED) == 3
    assert report.verdicts == ()
    assert report.audit is None


def test_the_bytes_follow_from_the_formats(changed: Callable[..., ClaimReport]) -> None:
    def without_scales(content: dict[str, Any]) -> None:
        content["lines"][1]["quantity"]["before"][0] = {"bits": 4}

    assert line(changed(without_scales, "mori-wire-bytes-2026-05"), "bytes-after").value == 11_200 - 224


def test_the_template_is_a_claim_of_ones_own() -> None:
    report = claims("template")
    assert line(report, "ratio").value == pytest.approx(1.561, abs=0.001)
    assert [v.outcome for v in report.verdicts] == [Outcome.CHEAPER]
    assert "mine: price" in [bar.name for bar in report.verdicts[0].tornado]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["lines"][0]["quantity"].update(of="mi355x-mary"), "did you mean 'mi355x-mori'"),
        (lambda c: c["lines"][0]["quantity"].update(kind="tput"), "kind"),
        (lambda c: c["lines"][0].update(claimed={"value": 3}), "value and within belong together"),
        (lambda c: c["lines"][0].update(claimed={"value": 3, "within": 1, "above": 2}), "one of value, above or below"),
        (lambda c: c["curves"][0]["points"][0].update(tput_per_gpu=-1), "curves[0].points[0].tput_per_gpu"),
        (lambda c: c["curves"].append(c["curves"][0]), "two curves are named 'mi355x-mori'"),
        (lambda c: c.pop("interactivity"), "needs an interactivity"),
        (lambda c: c["comparison"].update(tier="hyperscale"), "did you mean 'hyperscaler'"),
        (lambda c: c.update(price_books=["inferencex-2026-07"]), "inferencex-2025-08"),
        (lambda c: c.update(price_books=["nowhere"]), "nowhere"),
    ],
)
def test_a_bad_file_is_one_clear_line(changed: Callable[..., ClaimReport], change: Change, message: str) -> None:
    with pytest.raises(FileError) as caught:
        changed(change)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
