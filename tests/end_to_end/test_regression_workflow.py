"""The example workflow: its own commands, run as a runner would, on a small scenario and against a local server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from inferbench.regression.policy import RegressionPolicy
from inferbench.simulator.server.server_process import PacedServer, start_paced
from tests.support.scenarios_for_tests import small_scenario, write_scenario

ROOT = Path(__file__).parents[2]
WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "regression.yml").read_text())


@pytest.fixture(scope="module")
def server() -> Iterator[PacedServer]:
    with start_paced(300, 60, "paced") as running:
        yield running


def commands(job: str) -> str:
    """The shell script of a job's own steps, without installing."""
    steps = [step["run"] for step in WORKFLOW["jobs"][job]["steps"] if "run" in step]
    return "\n".join(text for text in steps if "pip install" not in text)


def run_script(script: str, directory: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a script as a runner does: bash, which stops at the first failure, in a checkout."""
    (directory / ".github").mkdir(exist_ok=True)
    (directory / ".github" / "regress.yaml").write_text((ROOT / ".github" / "regress.yaml").read_text())
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    github = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(directory / "summary.md")}
    return subprocess.run(
        ["bash", "-e", "-c", script], cwd=directory, capture_output=True, text=True,
        env=os.environ | {"PATH": path} | github | env,
    )  # fmt: skip


def check_reports(directory: Path) -> None:
    assert "inferbench: " in (directory / "out" / "regression.md").read_text()
    assert (directory / "out" / "regression.html").read_text().startswith("<!DOCTYPE html>")
    assert (directory / "summary.md").read_text() == (directory / "out" / "regression.md").read_text()


def test_the_twin_leg_passes_and_says_that_it_is_simulated(tmp_path: Path) -> None:
    small = small_scenario()
    for deployment in small["deployments"]:
        deployment["topologies"] = deployment["topologies"][:1]
    scenario = write_scenario(tmp_path / "small.yaml", small)
    script = commands("twin").replace("--repeat 3", "--repeat 2")
    done = run_script(script, tmp_path, SCENARIO=str(scenario))
    assert done.returncode == 0, done.stderr
    assert "tests the plumbing" in done.stdout
    assert done.stderr.startswith("::")
    check_reports(tmp_path)
    cases = ET.parse(tmp_path / "out" / "regression.xml").getroot().findall(".//testcase")
    assert len(cases) == 3


def test_the_endpoint_leg_judges_what_a_server_answers(tmp_path: Path, server: PacedServer) -> None:
    script = commands("endpoint").replace("1 2 3 4 5", "1 2")
    load = "--isl 16 --osl 4 --num-prompts 16 --max-concurrency 8"
    done = run_script(script, tmp_path, BASELINE=server.url, CANDIDATE=server.url, LOAD=load)
    assert done.returncode in (0, 4), done.stderr  # 4: this machine was too busy for its client to be believed
    check_reports(tmp_path)


def test_the_endpoint_leg_has_a_slot_and_waits_for_it() -> None:
    job = WORKFLOW["jobs"]["endpoint"]
    assert "vars.INFERBENCH_BASE_URL" in job["if"]
    assert '--base-url "$CANDIDATE"' in commands("endpoint")


def test_the_twin_leg_needs_nothing_outside_the_runner_and_no_rights() -> None:
    assert "://" not in commands("twin")
    assert WORKFLOW["permissions"] == {"contents": "read"}
    uses = [step["uses"] for job in WORKFLOW["jobs"].values() for step in job["steps"] if "uses" in step]
    assert {name.split("@")[0].split("/")[0] for name in uses} == {"actions"}


def test_its_policy_is_the_default_one() -> None:
    text = (ROOT / ".github" / "regress.yaml").read_text()
    assert RegressionPolicy.model_validate(yaml.safe_load(text)) == RegressionPolicy()
