"""Numbers as people read them."""

from __future__ import annotations

import pytest

from inferbench.numerals import ratio, significant, usd
from inferbench.render.format import count, interval, percent, short_names, utc


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2378, "2,380"),
        (0.15372, "0.154"),
        (12.34, "12.3"),
        (9.999, "10.0"),
        (99.96, "100"),
        (0, "0"),
        (-0.02504, "-0.0250"),
        (1234567.0, "1,230,000"),
        (None, "-"),
    ],
)
def test_three_significant_digits(value: float | None, text: str) -> None:
    assert significant(value) == text


def test_a_ratio_that_is_no_tie_does_not_read_as_one() -> None:
    assert [ratio(1.0), ratio(1.1), ratio(1.0042), ratio(None)] == ["1.00x", "1.10x", "1.0042x", "-"]


def test_a_missing_figure_is_a_dash_and_never_a_zero() -> None:
    assert {usd(None), percent(None), count(None), interval(1.0, None), interval(None, 1.0), utc(None)} == {"-"}


def test_units() -> None:
    assert (usd(0.0708), percent(0.052), count(2048), interval(0.9, 1.5)) == (
        "$0.0708",
        "+5.2%",
        "2,048",
        "0.900 to 1.50",
    )
    assert utc(0) == "1970-01-01 00:00:00 UTC"


def test_short_names_are_unique_parts() -> None:
    names = ("mi355x-sglang-mori", "b200-trtllm", "b200-sglang")
    assert short_names(names) == {
        "mi355x-sglang-mori": "mi355x",
        "b200-trtllm": "trtllm",
        "b200-sglang": "b200-sglang",
    }


@pytest.mark.parametrize("names", [("a", "a-b", "b"), ("x-y", "y-x"), ("a-b-c", "b-c-d", "c-d-a"), ("one",), ("", "-")])
def test_short_names_never_collide_and_never_name_another(names: tuple[str, ...]) -> None:
    shorts = short_names(names)
    assert len(set(shorts.values())) == len(names)
    assert all(short not in names or short == name for name, short in shorts.items())
