"""A pytest plugin for the mutation run: the first test that fails ends a mutant, so quick ones go first."""

from __future__ import annotations

import pytest
from hypothesis import Phase, settings
from mutmut.state import state


def pytest_configure() -> None:
    """Have hypothesis draw the same examples each time, and leave the first that fails as it is."""
    quick = settings(phases=(Phase.explicit, Phase.generate), derandomize=True, database=None)
    settings.register_profile("mutants", quick)
    settings.load_profile("mutants")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    seconds = state().duration_by_test
    items.sort(key=lambda item: seconds.get(item.nodeid, 0.0))
