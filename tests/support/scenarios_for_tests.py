"""A scenario small enough for a test: the shipped one, cut down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

SHIPPED = Path(__file__).parents[2] / "scenarios" / "deepseek-r1-mi355x-vs-b200.yaml"


def small_scenario() -> dict[str, Any]:
    """Two deployments of two topologies each at low concurrency, short lengths, a live leg of a second."""
    scenario: dict[str, Any] = yaml.safe_load(SHIPPED.read_text())
    scenario["name"] = "small"
    scenario["load"] |= {"isl": {"nominal": 512, "min": 400, "max": 512}, "osl": {"nominal": 64, "min": 48, "max": 64}}
    scenario["deployments"] = scenario["deployments"][:2]
    for deployment in scenario["deployments"]:
        deployment["topologies"] = deployment["topologies"][:2]
        for topology in deployment["topologies"]:
            topology["concurrency"] = [1, 4]
    scenario["operating_points"] = [{"name": "100 tok/s/user", "interactivity": 100}, {"name": "x", "interactivity": 9}]
    scenario["live"] |= {"isl": 16, "osl": 8, "ttft_ms": 50, "tpot_ms": 20, "concurrency": [4], "waves": 2}
    return scenario


def write_scenario(path: Path, scenario: dict[str, Any]) -> Path:
    """Write a scenario file."""
    path.write_text(yaml.safe_dump(scenario, sort_keys=False))
    return path
