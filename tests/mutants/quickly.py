"""A pytest plugin for the mutation run: the first test that fails ends a mutant, so likely and quick ones go first."""

from __future__ import annotations

import os

import pytest
from hypothesis import Phase, settings
from mutmut.state import state


def pytest_configure() -> None:
    """Have hypothesis draw the same examples each time, and leave the first that fails as it is."""
    quick = settings(phases=(Phase.explicit, Phase.generate), derandomize=True, database=None)
    settings.register_profile("mutants", quick)
    settings.load_profile("mutants")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put tests first whose file is named after the mutant's module, and quick ones before slow ones."""
    module = os.environ.get("MUTANT_UNDER_TEST", "").rpartition(".x")[0].rpartition(".")[2]
    seconds = state().duration_by_test
    items.sort(key=lambda item: (not module or module not in item.path.stem, seconds.get(item.nodeid, 0.0)))
