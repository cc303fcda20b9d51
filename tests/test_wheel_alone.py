"""The wheel with what it asks for and nothing more: no extra is needed to send a load, watch it, and read what came."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from inferbench.cli.app import COMMANDS, GROUPS
from inferbench.errors import ExitCode
from tests.support.scenarios_for_tests import small_scenario, write_scenario
from tests.support.simulator_servers import twin_server

ROOT = Path(__file__).parents[1]
WENT_WELL = (ExitCode.OK, ExitCode.INVALID)
"""A busy machine may make the client late, and then it says so."""

pytestmark = pytest.mark.wheel


def required(name: str, found: set[str]) -> set[str]:
    """A distribution and all that it asks for without extras."""
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key not in found:
        found.add(key)
        for line in distribution(name).requires or ():
            asked = Requirement(line)
            if asked.marker is None or asked.marker.evaluate({"extra": ""}):
                required(asked.name, found)
    return found


def dependencies(wheel: Path) -> Iterator[Path]:
    """What lies in this environment of the wheel's dependencies: a folder, or a module, each once."""
    said = subprocess.run(["unzip", "-p", str(wheel), "*/METADATA"], check=True, capture_output=True, text=True).stdout
    names: set[str] = set()
    for line in re.findall(r"^Requires-Dist: (.*)$", said, re.MULTILINE):
        asked = Requirement(line)
        if asked.marker is None or asked.marker.evaluate({"extra": ""}):
            required(asked.name, names)
    tops = {
        Path(distribution(name).locate_file(file.parts[0])) for name in names for file in distribution(name).files or ()
    }
    return (top for top in sorted(tops) if top.name not in ("..", "__pycache__", "inferbench"))


@pytest.fixture(scope="module")
def inferbench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("alone")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(place / "dist"), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = (place / "dist").glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", str(place / "venv")], check=True)
    python = place / "venv" / "bin" / "python"
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([python, *install], check=True, capture_output=True)
    (site,) = (place / "venv" / "lib").glob("python*/site-packages")
    for top in dependencies(wheel):
        if not (site / top.name).exists():
            (site / top.name).symlink_to(top)
    return python.parent / "inferbench"


def call(inferbench: Path, cwd: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [inferbench, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, env=environment, check=False
    )


@pytest.fixture(scope="module")
def run(inferbench: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("run")
    scenario = small_scenario()
    for deployment in scenario["deployments"]:
        deployment["topologies"] = deployment["topologies"][:1]
    write_scenario(place / "small.yaml", scenario)
    for _ in range(2):
        assert call(inferbench, place, "run", "small.yaml", "--no-live").returncode == ExitCode.OK
    return sorted(place.glob("reports/small/*/"))[0]


def test_the_extras_are_not_there(inferbench: Path, tmp_path: Path) -> None:
    code = "import importlib.util as u; print([n for n in ('ray', 'duckdb', 'streamlit', 'pytest') if u.find_spec(n)])"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [inferbench.parent / "python", "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("command", [*COMMANDS, *GROUPS])
def test_every_command_says_what_it_does(inferbench: Path, tmp_path: Path, command: str) -> None:
    done = call(inferbench, tmp_path, command, "--help")
    assert (done.returncode, done.stderr) == (ExitCode.OK, "")


@pytest.mark.parametrize(
    "arguments",
    [
        ("report", "{run}"),
        ("compare", "{run}", "{run}"),
        ("history", "tpot_p50", "--scenario", "small"),
        ("regress", "--baseline", "{run}", "--candidate", "{other}"),
        ("baseline", "set", "main", "{run}"),
        ("baseline", "show", "main"),
        ("validate", "small.yaml"),
        ("claims",),
        ("audit", "{run}"),
        ("export", "csv", "{run}", "--out", "out"),
        ("size", "--run", "{run}", "--slo", "tpot:100", "--tokens-per-day", "1e9", "--tier", "hyperscaler"),
        ("runs", "list"),
        ("runs", "show", "{run.name}"),
        ("runs", "verify"),
        ("runs", "gc"),
        ("tco", "bill", "--tier", "hyperscaler"),
        ("twin", "ablate"),
        ("engines",),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_a_command_that_needs_no_extra_runs_without_one(
    inferbench: Path, run: Path, arguments: tuple[str, ...]
) -> None:
    other = sorted(run.parent.glob("*/"))[1]
    done = call(inferbench, run.parents[2], *(word.format(run=run, other=other) for word in arguments))
    assert "ModuleNotFoundError" not in done.stderr
    assert "pip install" not in done.stderr
    assert done.returncode in (*WENT_WELL, ExitCode.REGRESSED, ExitCode.UNDECIDED), done.stderr


def test_a_load_is_sent_and_its_telemetry_read(inferbench: Path, run: Path, tmp_path: Path) -> None:
    scenario = run.parents[2] / "small.yaml"
    with twin_server() as server:
        sent = call(
            inferbench, tmp_path, "bench", "--base-url", server.url, "--num-prompts", "4", "--isl", "16", "--osl", "4"
        )
        assert sent.returncode in WENT_WELL, sent.stderr
        measured = call(
            inferbench, tmp_path, "run", scenario, "--no-live", "--base-url", server.url, "--deployment",
            "mi355x-sglang-mori", "--concurrency", "1", "--allow-different", "topology", "--json",
        )  # fmt: skip
    assert measured.returncode in WENT_WELL, measured.stderr
    told = json.loads(measured.stdout)
    assert "not watched" not in json.dumps(told)
    assert list(tmp_path.glob("reports/small/*/points/*/telemetry*"))
