from __future__ import annotations

import pytest

from inferbench.cli.lists import parse_list, parse_pairs
from inferbench.errors import UsageError


@pytest.mark.parametrize(
    "given",
    [["1,2,4"], ["1 2 4"], ["1", "2", "4"], ["1,2", "4"], [" 1 ,, 2  4,"]],
)
def test_every_form_of_a_list_means_the_same(given: list[str]) -> None:
    assert parse_list("--x", given, int, "a whole number") == [1, 2, 4]


def test_a_bad_part_is_named() -> None:
    with pytest.raises(UsageError, match="--x: 'b' is not a whole number"):
        parse_list("--x", ["1,b"], int, "a whole number")


def test_pairs() -> None:
    assert parse_pairs("--metadata", ["a=1", "b=x=y", "c="]) == {"a": "1", "b": "x=y", "c": ""}
    with pytest.raises(UsageError, match="'a' is not KEY=VALUE"):
        parse_pairs("--metadata", ["a"])
    with pytest.raises(UsageError, match=r"^--header: \*\*\* is not KEY=VALUE$"):
        parse_pairs("--header", ["X-Key: s3cret"], hidden=True)
