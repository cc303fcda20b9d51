"""Who may import whom: the picture in docs/design.md, held against the imports that the code really has."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "inferbench"

MAY_IMPORT = {
    "domain": set(),
    "workload": {"domain"},
    "loadgen": {"domain", "workload"},
    "targets": {"domain", "workload", "loadgen"},
    "twin": {"domain", "workload", "loadgen"},
    "calibration": {"domain", "twin"},
    "metrics": {"domain"},
    "tco": {"domain", "metrics"},
    "analysis": {"domain", "metrics", "tco"},
    "report": {"domain", "metrics", "tco", "analysis"},
    "telemetry": {"domain"},
    "store": {"domain"},
    "interop": {"domain"},
    "deploy": {"domain"},
    "facts": set(),
    "engines": {"domain", "workload"},
    "probes": {"domain"},
    "api": {
        "domain", "workload", "loadgen", "targets", "twin", "metrics", "tco", "analysis", "report", "store", "interop",
        "calibration", "deploy", "engines", "telemetry", "probes",
    },
    # The command line names the values and defaults of the rooms whose flags it parses; it computes nothing.
    "cli": {
        "domain", "api", "report", "store", "interop", "loadgen", "targets", "twin", "calibration", "workload", "tco",
        "metrics", "deploy", "engines",
    },
}  # fmt: skip

ONLY_IN = {
    "streamlit": {"dashboard"},
    "typer": {"cli"},
    "click": {"cli"},
    "plotly": {"report"},
    "aiohttp": {"targets"},
    "pyarrow": {"store", "api"},
    "pandas": {"api", "dashboard"},
    "duckdb": {"store"},
    "scipy": {"analysis", "calibration"},
    "sklearn": {"calibration"},
    "ray": {"api"},
    "tokenizers": {"workload"},
    "prometheus_client": {"telemetry"},
}


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def imports(path: Path) -> list[tuple[str, bool]]:
    """(dotted name, whether it is inside inferbench) of every import in a file, wherever it stands."""
    found = []
    package = ("inferbench", *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, alias.name.split(".")[0] == "inferbench") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            name = ".".join([*base, *([node.module] if node.module else [])])
            if name == "inferbench":  # `from .. import api` names the room itself
                found += [(f"inferbench.{alias.name}", True) for alias in node.names]
            else:
                found.append((name, name.split(".")[0] == "inferbench"))
    return found


FILES = sorted(PACKAGE.rglob("*.py"))


def test_every_room_is_in_the_picture() -> None:
    assert {room_of(path) for path in FILES} - {""} == set(MAY_IMPORT)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_go_one_way(path: Path) -> None:
    room = room_of(path)
    for name, ours in imports(path):
        top = name.split(".")[0]
        if ours and room and "." in name:
            other = name.split(".")[1]
            assert other == room or other in MAY_IMPORT[room], f"{room} may not import {name}"
        if top in ONLY_IN:
            assert room in ONLY_IN[top], f"{top} is imported in {room or 'the package root'}"


DASHBOARD = PACKAGE.parent / "dashboard"
DASHBOARD_MAY_IMPORT = {"api", "report", "analysis", "tco", "metrics", "store", "domain"}


@pytest.mark.parametrize(
    "path", sorted(DASHBOARD.rglob("*.py")), ids=lambda path: path.relative_to(DASHBOARD).as_posix()
)
def test_the_dashboard_stands_on_the_rooms_and_draws_nothing(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for parts in (name.split(".") for name in names):
            assert parts[0] not in ONLY_IN or "dashboard" in ONLY_IN[parts[0]], f"{parts[0]} in the dashboard"
            assert parts[0] != "inferbench" or parts[1] in DASHBOARD_MAY_IMPORT, ".".join(parts)


def test_a_load_generator_loads_nothing_that_it_does_not_use() -> None:
    """Before its load has ended `bench` imports none of these: they cost time and memory beside the load."""
    heavy = {"pandas", "pyarrow", "ray", "plotly", "scipy", "streamlit"}
    code = "import sys, inferbench.cli.bench, inferbench.api.bench, inferbench.api.http_point; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not heavy & {name.split(".")[0] for name in loaded}


def test_files_can_be_read_in_one_sitting() -> None:
    long = {path.name: n for path in FILES if (n := len(path.read_text().splitlines())) > 260}
    assert not long
