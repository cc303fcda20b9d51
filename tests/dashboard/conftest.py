"""One small store for all tests of the dashboard: a run of two deployments whose title tries to be markup."""

from __future__ import annotations

from pathlib import Path

import pytest

import inferbench
from tests.support.apps import HOSTILE
from tests.support.scenarios_for_tests import small_scenario, write_scenario

POINTS = [{"name": f"{pace} tok/s/user", "interactivity": pace} for pace in (9, 205, 230)]
"""Both deployments reach the last two."""


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("dashboard")
    scenario = small_scenario() | {"title": HOSTILE, "operating_points": POINTS}
    for deployment in scenario["deployments"]:
        for topology in deployment["topologies"]:
            topology["concurrency"] = [1, 8, 64]
    inferbench.run(write_scenario(place / "small.yaml", scenario), store=place / "store", live=False)
    return place / "store"
