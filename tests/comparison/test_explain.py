"""Every sentence about a decision, word for word, from facts worked by hand."""

from __future__ import annotations

import pytest

from inferbench.comparison import explain
from inferbench.comparison.conclude import conclude
from inferbench.comparison.judge import judge
from inferbench.comparison.operating_point import read_at
from inferbench.comparison.verdict import Conclusion, Outcome, PairVerdict, Reading, Verdict
from inferbench.metrics.summary import Basis, Origin
from inferbench.scenario.scenario import OperatingPoint
from inferbench.uncertainty.interval import Interval, TornadoBar
from tests.support.factories import frontier_point, price

AT_50 = OperatingPoint(name="50 tok/s/user", interactivity=50)
# 1000 tok/s/GPU are 3.6 Mtok an hour, so that $3.60 an hour are $1 a Mtok.
EQUAL = (Reading(deployment="a", tput_per_gpu=1000), Reading(deployment="b", tput_per_gpu=1000))


def verdict(
    a: float, b: float, book: str = "b1", readings: tuple[Reading, ...] = EQUAL, half_width: float = 0.25
) -> Verdict:
    """Hourly prices of a and b; c, where there is one, costs as much as a."""
    prices = {"a": price("a", a, "t1"), "b": price("b", b, "t1"), "c": price("c", a, "t1")}
    return judge(
        readings, prices, AT_50, book=book, tier="t1", basis=Basis.WHOLE_RUN, origin=Origin.SIMULATED,
        half_width=half_width,
    )  # fmt: skip


def concluded(*verdicts: Verdict) -> tuple[Conclusion, Verdict]:
    return conclude(verdicts), verdicts[0]


DECIDED = concluded(verdict(3.6, 7.2), verdict(3.6, 10.8, "b2"))
DISAGREE = concluded(verdict(3.6, 7.2), verdict(4.0, 3.6, "b2"), verdict(3.6, 7.2, "b3"))
INSIDE = concluded(verdict(3.6, 4.0))
ALONE = (EQUAL[0], Reading(deployment="b", tput_per_gpu=None, unreachable="reaches 1 to 2 tok/s/user"))
UNREACHED = concluded(verdict(3.6, 7.2, readings=ALONE))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            DECIDED,
            "At 50 tok/s/user: a is CHEAPER under every price book and tier; under b1 t1 a serves a million tokens for "
            "$1.00 and b for $2.00, 2.00x as much.",
        ),
        (
            DISAGREE,
            "At 50 tok/s/user: UNDECIDED. Under b1 t1 a serves a million tokens for $1.00 and b for $2.00, 2.00x as "
            "much, but the price books disagree (a under 2, b under 1) and under 1 of 3 prices the difference is "
            "smaller than the doubt in it.",
        ),
        (
            INSIDE,
            "At 50 tok/s/user: UNDECIDED. Under b1 t1 a serves a million tokens for $1.00 and b for $1.11, 1.11x as "
            "much, but under 1 of 1 prices the difference is smaller than the doubt in it.",
        ),
        (UNREACHED, "At 50 tok/s/user: UNREACHABLE: only a reaches it; b: reaches 1 to 2 tok/s/user."),
    ],
)
def test_the_answer_needs_no_other_page(found: tuple[Conclusion, Verdict], said: str) -> None:
    assert explain.answer(*found) == said


def test_an_answer_without_a_headline_is_its_conclusion() -> None:
    assert explain.answer(INSIDE[0], None) == f"At 50 tok/s/user: UNDECIDED: {INSIDE[0].reason}."


def test_the_details_say_how_sure_it_is_and_what_would_change_it() -> None:
    sure, change, over_all = explain.details(*DECIDED)
    assert sure == (
        "How sure: the ratio of costs is 2.00x and lies within 1.33x to 3.00x, which excludes a tie (1.00x)."
    )
    assert change == (
        "What would change it: both cost the same once a GPU-hour of a costs 1.00x one of b; here it costs 0.50x."
    )
    assert over_all == (
        "Over all prices: a is cheaper under every price book and tier: the runner-up costs 2.00x to 3.00x as much."
    )
    assert "lies within 0.74x to 1.67x, which holds a tie (1.00x)." in explain.details(*INSIDE)[0]


def test_the_details_say_how_far_from_a_reading_anything_was_run_and_who_does_not_reach_it() -> None:
    between = read_at([frontier_point(40, 1000, deployment="a"), frontier_point(70, 500, deployment="a")], "a", AT_50)
    there = read_at([frontier_point(50, 300, deployment="b")], "b", AT_50)
    lost = Reading(deployment="c", tput_per_gpu=None, unreachable="reaches 1 to 2 tok/s/user")
    said = explain.details(*concluded(verdict(3.6, 3.6, readings=(between, there, lost))))
    assert said[3:] == (
        "a is read between points that were run 10.0 tok/s/user below and 20.0 above.",
        "b was run at this very point.",
        "c does not reach it: reaches 1 to 2 tok/s/user.",
    )


def test_the_finding_is_that_of_one_price_and_the_outcome_that_of_all() -> None:
    assert explain.finding(DECIDED[1], Outcome.CHEAPER) == "a is CHEAPER, by 2.00x (1.33x to 3.00x)"
    said = "UNDECIDED; a has the lower estimate, by 2.00x (1.33x to 3.00x)"
    assert explain.finding(DECIDED[1], Outcome.UNDECIDED) == said
    assert explain.finding(UNREACHED[1], Outcome.UNREACHABLE) == "UNREACHABLE"


def test_the_cards_say_the_same_in_fewer_words() -> None:
    assert explain.lower_estimate(*DISAGREE) == "a has the lower estimate, here and under 2 of 3 prices."
    assert explain.both_costs(DECIDED[1]) == "$2.00 (b) over $1.00 (a) per million tokens, b1 t1."
    assert explain.how_sure(*DISAGREE) == "That interval excludes a tie (1.00x). Decided under 2 of 3 prices."
    assert explain.how_sure(*INSIDE) == "That interval holds a tie (1.00x). Decided under 0 of 1 prices."
    assert explain.break_even_price(DECIDED[1]) == (
        "a at $7.20/GPU/h",
        "There both cost the same. It is $3.60 here, against $7.20 for b; a narrower interval needs measured points.",
    )
    assert explain.break_even_price(UNREACHED[1]) == ("-", "no break-even price")


def test_the_tally_counts_each_outcome_that_there_is() -> None:
    assert explain.tally([DECIDED[0], INSIDE[0], DISAGREE[0], UNREACHED[0]]) == (
        "Of 4 operating points: 1 decided, 2 UNDECIDED, 1 reached by fewer than two deployments."
    )
    assert explain.tally([DECIDED[0]]) == "Of 1 operating points: 1 decided."


def test_a_reason_says_how_sure_each_throughput_is() -> None:
    exact = verdict(3.6, 7.2, half_width=0)
    assert exact.reason.endswith("(each throughput +-0 %, errors independent)")
    assert exact.excludes_tie
    assert not INSIDE[1].excludes_tie
    assert not UNREACHED[1].excludes_tie


def test_a_pair_says_what_it_rests_on_what_is_in_doubt_and_where_it_turns() -> None:
    found = PairVerdict(
        subject="x", against="y", book="b1", tier="t1", reason="",
        subject_usd_per_mtok=Interval(low=0.5, central=1.0, high=2.0),
        against_usd_per_mtok=Interval(low=1.0, central=2.0, high=3.0),
        ratio=Interval(low=0.2, central=0.5, high=0.9), outcome=Outcome.CHEAPER,
        break_even_price_ratio=0.5, price_ratio=0.25, break_even_utilisation=0.5,
        break_even_interactivity=(40.4, 99.6),
        tornado=(TornadoBar(name="x: gap", at_low=0.4, at_high=0.6, source="nobody measured there"),),
    )  # fmt: skip
    costs = "A million tokens cost $1.00 on x and $2.00 on y under b1 t1."
    work = "y serves 2.00x as much per GPU and a GPU-hour of it costs 4.00x one of x."
    turn = (
        "Both cost the same once the price ratio is 0.500 (it is 0.250), or at 40, 100 tok/s/user, or once its GPUs "
        "are busy 0.50x as much of the time as the other's."
    )
    doubt = "The widest doubt is x: gap: nobody measured there."
    assert explain.pair_details(found) == (costs, work, doubt, turn)
    sure = found.model_copy(update={"tornado": (), "break_even_interactivity": ()})
    assert explain.pair_details(sure) == (costs, work, turn.replace(", or at 40, 100 tok/s/user", ""))
