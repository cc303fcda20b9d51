"""The lists of the mutation run name what is there: a module that moves is not left out unnoticed."""

from __future__ import annotations

import pytest

from tests.mutants.run import GROUPS, ROOT, equivalents

LISTED = [(group, path) for group, room in GROUPS.items() for path in (*room["modules"], *room["tests"])]


@pytest.mark.parametrize(("group", "path"), LISTED)
def test_every_module_and_test_of_a_group_is_there(group: str, path: str) -> None:
    assert (ROOT / path.removeprefix("--deselect=").partition("::")[0]).exists()


def test_no_module_is_in_two_groups() -> None:
    modules = [path for room in GROUPS.values() for path in room["modules"]]
    assert len(modules) == len(set(modules))


def test_every_equivalent_stands_in_a_module_of_a_group_with_a_reason() -> None:
    listed = {path for room in GROUPS.values() for path in room["modules"]}
    for change, why in equivalents().items():
        path = change.function.partition("::")[0]
        lines = {line.strip() for line in (ROOT / path).read_text().splitlines()}
        assert path in listed, change
        assert set(change.before) <= lines, f"no longer in {path}: {change}"
        assert change.before != change.after, change
        assert len(why.split()) >= 4, change
