"""The Python of README and docs/python.md is run: block after block as a script, and as a notebook runs its cells."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inferbench.simulator.server.server_process import PacedServer, start_paced
from tests.support.scenarios_for_tests import small_scenario, write_scenario

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "docs/python.md")
SCENARIO = "deepseek-r1-mi355x-vs-b200"
PATIENCE_S = 400
NOTEBOOK = """
import ast, asyncio, inspect, json, sys
async def cells():
    names = {"__name__": "__main__"}
    for cell in json.load(sys.stdin):
        code = compile(cell, "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        if inspect.iscoroutine(made := eval(code, names)):
            await made
asyncio.run(cells())
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PacedServer]:
    with start_paced(20, 4, "deepseek-ai/DeepSeek-R1-0528") as running:
        yield running


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with the files that the pages name; a file of a bundled scenario's name goes before that."""
    write_scenario(tmp_path / SCENARIO, scenario(seed=0))
    write_scenario(tmp_path / "my-scenario.yaml", scenario(seed=1))
    return tmp_path


def scenario(seed: int) -> dict[str, Any]:
    """The shipped scenario, cut down to a point each."""
    cut = small_scenario()
    del cut["live"]
    cut["name"] = SCENARIO
    lengths = {"isl": {"nominal": 16, "min": 12, "max": 16}, "osl": {"nominal": 8, "min": 8, "max": 8}}
    cut["load"] |= {"seed": seed, "prompts_per_concurrency": 3, "warmups_per_concurrency": 0.5, **lengths}
    for deployment in cut["deployments"]:
        deployment["topologies"] = [deployment["topologies"][0] | {"concurrency": [4]}]
    return cut


def blocks(page: str, server: PacedServer) -> list[str]:
    """The Python of a page, on a server that there is."""
    found = re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [re.sub(r"http://(?:127\.0\.0\.1|localhost):\d+", server.url, block) for block in found]


def run(place: Path, *arguments: str, given: str | None = None) -> None:
    done = subprocess.run(
        [sys.executable, *arguments], input=given, capture_output=True, text=True, cwd=place, timeout=PATIENCE_S,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def awaits(block: str) -> bool:
    """Whether a block is for a notebook alone: a script cannot await outside a function."""
    return any(isinstance(node, ast.Await) for node in ast.walk(ast.parse(block))) and "async def" not in block


@pytest.mark.parametrize("page", PAGES)
def test_the_python_of_a_page_runs_as_a_script(page: str, server: PacedServer, place: Path) -> None:
    script = place / "script.py"
    script.write_text("\n".join(block for block in blocks(page, server) if not awaits(block)), encoding="utf-8")
    run(place, str(script))


@pytest.mark.parametrize("page", PAGES)
def test_the_python_of_a_page_runs_in_a_loop_that_runs(page: str, server: PacedServer, place: Path) -> None:
    run(place, "-c", NOTEBOOK, given=json.dumps(blocks(page, server)))
