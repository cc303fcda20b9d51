"""A file of a person is refused in one line, or it works: nothing that validates ends in a fault of inferbench."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from inferbench.cli import execute
from inferbench.errors import ExitCode, InferbenchError
from inferbench.runs.sweep import jobs, run_job
from inferbench.scenario.read_scenario import load_scenario
from inferbench.scenario.scenario import Scenario
from tests.support.scenarios_for_tests import small_scenario
from tests.support.yaml_mutants import mutants

ROOT = Path(__file__).parents[2]
MOST_TOKENS = 3000
"""Generated in a run of this test: larger ones are valid, and take longer."""


def bundled(name: str, **shorter: int) -> dict[str, Any]:
    """A bundled file as plain data, some of its lists cut short."""
    data: dict[str, Any] = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    for key, length in shorter.items():
        data[key] = data[key][:length]
    return data


def tiny_scenario() -> dict[str, Any]:
    data = small_scenario()
    data["price_books"] = data["price_books"][-1:]
    for deployment in data["deployments"]:
        deployment["topologies"] = deployment["topologies"][:1]
        deployment["topologies"][0]["concurrency"] = [2]
    data["load"] |= {"prompts_per_concurrency": 2}
    data["deployments"][0]["launch"] |= {
        "flags": {"decode": {"--log-level": "info"}}, "environment": {"decode": {"X": "1"}}, "ports": {"worker": 8000},
    }  # fmt: skip
    return data


def used(path: Path, given: Sequence[str], capsys: pytest.CaptureFixture[str]) -> int:
    """Run one command on a file; a fault or more than one line of error fails the test."""
    code = execute([*given])
    said = capsys.readouterr().err
    assert code != ExitCode.INTERNAL, said
    assert code != ExitCode.USAGE or said.count("\n") == 1, said
    return code


@pytest.mark.parametrize(
    ("name", "shorter", "n", "commands"),
    [
        ("pricing/inferencex-2026-09.yaml", {"prices": 4, "power": 2}, 30, ["tco --tier hyperscaler --price-book"]),
        ("pricing/template-owned.yaml", {}, 15, ["tco --figures --price-book"]),
        ("scenarios/claims/template.yaml", {}, 25, ["claims --json", "audit"]),
        ("tests/formats/inferencex-master.yaml", {}, 10, ["import inferencex-config --list"]),
    ],
    ids=["all-in", "owned", "claim", "master"],
)
def test_a_file_with_a_fault_is_refused_in_one_line_or_works(
    name: str,
    shorter: dict[str, int],
    n: int,
    commands: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "file.yaml"
    for said, mutant in mutants(bundled(name, **shorter), n, seed=1):
        path.write_text(yaml.safe_dump(mutant, sort_keys=False), encoding="utf-8")
        print(said)
        validated = "import" in commands[0] or used(path, ["validate", str(path)], capsys) == ExitCode.OK
        for command in commands if validated else ():
            used(path, [*command.split(), str(path)], capsys)


def test_a_scenario_with_a_fault_is_refused_in_one_line_or_runs_and_renders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, ran = tmp_path / "scenario.yaml", 0
    for said, mutant in mutants(tiny_scenario(), 40, seed=2):
        path.write_text(yaml.safe_dump(mutant, sort_keys=False), encoding="utf-8")
        print(said)
        if used(path, ["validate", str(path)], capsys) != ExitCode.OK:
            continue
        spec = load_scenario(path)
        ran += _simulated(spec, tmp_path / said.partition(":")[0])
        deployment = spec.deployments[0]
        names = ["--deployment", deployment.name, "--topology", deployment.topologies[0].name]
        used(path, ["deploy", "render", str(path), *names, "--out", str(tmp_path / "plan")], capsys)
    assert ran >= 3


def _simulated(spec: Scenario, folder: Path) -> int:
    """Run what is small enough; the twin refuses in one line what it does not model."""
    planned = jobs(spec, lambda point: folder / point.key)
    requests = sum(job.point.concurrency for job in planned) * spec.load.prompts_per_concurrency
    if requests * spec.load.osl.max > MOST_TOKENS:
        return 0
    refused = []
    for job in planned:
        try:
            assert run_job(job).summary.counts.ok > 0
        except InferbenchError as error:
            refused.append(str(error))
    assert not any("\n" in line for line in refused)
    return 1
