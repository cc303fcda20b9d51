"""Who may import whom: the picture in docs/design.md, held against the imports that the code really has."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "inferbench"

ROOMS = (
    "distribution", "numerals", "secrets", "errors", "units", "values", "arrays", "files", "processes", "render",
    "uncertainty", "catalog", "pricing", "scenario", "workload", "records", "metrics", "loadgen", "endpoint",
    "telemetry", "microbench", "evidence", "simulator", "token_cost", "comparison", "fleet", "audits", "formats",
    "store", "runs", "regression", "claim", "pareto", "deploy", "testing", "cli",
)  # fmt: skip
"""The rooms, and the modules beside them, in the order of docs/design.md: each may import those before it."""

ONLY_IN = {
    "streamlit": {"dashboard"},
    "typer": {"cli"},
    "click": {"cli"},
    "aiohttp": {"loadgen", "endpoint", "telemetry"},
    "duckdb": {"store"},
    "sklearn": {"simulator"},
    "ray": {"loadgen"},
    "tokenizers": {"workload"},
    "prometheus_client": {"telemetry"},
}
"""Libraries that one room, or few, hide from all others."""

FIGURES = {"render", "telemetry", "simulator", "uncertainty", "runs", "regression", "claim", "pareto"}
"""Where plotly may be: in how charts look, and in the figures of a feature."""

MODULES_IN_A_FOLDER = 15
LINES_IN_A_FILE = 260

FILES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    """The dotted name of a module of the package."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


NAMES = {name_of(path) for path in FILES}


def imports(path: Path) -> list[str]:
    """The dotted names of all modules that a file imports, wherever in it."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: imports are written in full"
            base = node.module or ""
            found += [name if (name := f"{base}.{alias.name}") in NAMES else base for alias in node.names]
    return found


def room_of(name: str) -> str:
    """The room of a module; "" for the package itself, which offers names of all rooms."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[1] != "__main__" else ""


def test_every_room_has_its_place() -> None:
    assert {room_of(name) for name in NAMES} - {""} <= set(ROOMS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_go_one_way(path: Path) -> None:
    room = room_of(name_of(path))
    for name in imports(path):
        top = name.split(".")[0]
        if top == "inferbench" and room and room_of(name):
            assert ROOMS.index(room_of(name)) <= ROOMS.index(room), f"{room} stands before {room_of(name)}: {name}"
        assert top != "streamlit", "streamlit is the dashboard's"
        if top in ONLY_IN:
            assert room in ONLY_IN[top], f"{top} is imported in {room or 'the package root'}"
        if top == "plotly":
            assert room in FIGURES, f"plotly is imported in {room}"


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {name_of(path): [name for name in imports(path) if name in NAMES] for path in FILES}
    done: set[str] = set()
    for start in graph:
        _walk(start, graph, [], done)


def _walk(name: str, graph: dict[str, list[str]], path: list[str], done: set[str]) -> None:
    assert name not in path, "a circle: " + " -> ".join([*path[path.index(name) :], name])
    if name in done:
        return
    for other in graph[name]:
        _walk(other, graph, [*path, name], done)
    done.add(name)


def test_no_folder_is_too_full() -> None:
    full = Counter(path.parent for path in FILES if path.name != "__init__.py")
    assert not {str(folder): n for folder, n in full.items() if n > MODULES_IN_A_FOLDER}


def test_a_class_name_stands_once() -> None:
    classes = Counter(
        node.name
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    )
    assert not [name for name, n in classes.items() if n > 1]


def test_files_can_be_read_in_one_sitting() -> None:
    long = {path.name: n for path in FILES if (n := len(path.read_text().splitlines())) > LINES_IN_A_FILE}
    assert not long


def test_the_order_has_every_room_once() -> None:
    assert all(a != b for a, b in pairwise(sorted(ROOMS)))


DASHBOARD = ROOT / "dashboard"
NOT_FOR_THE_DASHBOARD = {"loadgen", "endpoint", "simulator", "deploy", "microbench", "testing", "cli"}
"""The dashboard stands on what is measured: it computes nothing itself, and sends no load."""
BUT = ("inferbench.simulator.ablation.",)
"""... though what an ablation found is shown."""


@pytest.mark.parametrize(
    "path", sorted(DASHBOARD.rglob("*.py")), ids=lambda path: path.relative_to(DASHBOARD).as_posix()
)
def test_the_dashboard_stands_on_the_rooms_and_draws_nothing(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            assert name.split(".")[0] not in ONLY_IN or "dashboard" in ONLY_IN[name.split(".")[0]], name
            assert name.split(".")[0] != "plotly", "charts are made by the rooms"
            own = name.startswith("inferbench.") and not name.startswith(BUT)
            assert not own or room_of(name) not in NOT_FOR_THE_DASHBOARD, name


def test_a_load_generator_loads_nothing_that_it_does_not_use() -> None:
    """Before its load has ended `bench` imports none of these: they cost time and memory beside the load."""
    heavy = {"pandas", "pyarrow", "ray", "plotly", "scipy", "streamlit"}
    loads = "inferbench.cli.bench.bench, inferbench.runs.bench.bench, inferbench.runs.measure.plan_run"
    code = f"import sys, {loads}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not heavy & {name.split(".")[0] for name in loaded}
