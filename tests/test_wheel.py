"""The wheel, installed and run outside the checkout."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.support.scenarios_for_tests import small_scenario, write_scenario

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has the wheel, and the dependencies of this one, but not this checkout."""
    place = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(place / "dist"), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = (place / "dist").glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", str(place / "venv")], check=True)
    found = place / "venv" / "bin" / "python"
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([found, *install], check=True, capture_output=True)
    (site,) = (place / "venv" / "lib").glob("python*/site-packages")
    # A plain path: the .pth files in there, our own editable install among them, are not read.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return found


def test_it_runs_what_it_carries(python: Path, tmp_path: Path) -> None:
    code = """
import inferbench
from inferbench.catalog.bundled import bundled
scenario = inferbench.load_scenario("deepseek-r1-mi355x-vs-b200")
print(inferbench.__file__, bundled("pricing"), bundled("dashboard") / "app.py", len(scenario.price_books), sep="\\n")
"""
    shown = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path).stdout
    *paths, books = shown.splitlines()
    assert all(str(python.parents[1]) in path for path in paths)
    assert books == "3"


def test_the_default_store_is_reports_in_the_current_directory(python: Path, tmp_path: Path) -> None:
    scenario = write_scenario(tmp_path / "small.yaml", small_scenario())
    command = [python.parent / "inferbench", "run", scenario, "--no-live"]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    assert len(list(tmp_path.glob("reports/small/*/report.html"))) == 1
