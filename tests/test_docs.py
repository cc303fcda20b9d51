"""Documentation that can be wrong is checked."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import inferbench
from tests.support.scenarios_for_tests import small_scenario, write_scenario

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md")])
FOLDERS = ("inferbench", "tests", "benchmarks", "dashboard", "pricing", "scenarios", "findings", "docs")


@pytest.mark.parametrize("page", ["cli.md", "dropin.md", "glossary.md"])
def test_pages_that_commands_make_are_what_they_make(page: str) -> None:
    made = runpy.run_path(str(ROOT / "docs" / "regenerate.py"))["PAGES"][page]()
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == made, "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_files_that_a_page_names_are_there(page: Path) -> None:
    named = re.findall(rf"\b(?:{'|'.join(FOLDERS)})/[a-z0-9_/.-]+\.\w+\b(?!-)", page.read_text(encoding="utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    command = ["-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going", "-d", str(tmp_path / "kept")]
    built = subprocess.run(
        [sys.executable, *command, str(ROOT / "docs"), str(tmp_path / "site")],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    shown = (tmp_path / "site" / "api.html").read_text(encoding="utf-8")
    for name in inferbench.__all__:
        assert f'id="inferbench.{name}"' in shown, f"{name} is not in the reference"


def test_the_picture_of_a_run_is_the_same_each_time(tmp_path: Path) -> None:
    scenario = write_scenario(tmp_path / "small.yaml", small_scenario())
    run = inferbench.run(scenario, store=tmp_path / "runs", live=False)
    draw = runpy.run_path(str(ROOT / "docs" / "answer.py"))["draw"]
    for folder in (once := tmp_path / "once", again := tmp_path / "again"):
        folder.mkdir()
        draw(run, folder)
    for theme in ("answer.svg", "answer-dark.svg"):
        assert (once / theme).read_bytes() == (again / theme).read_bytes()
    assert (once / "answer.svg").read_bytes() != (once / "answer-dark.svg").read_bytes()


def test_the_readme_begins_with_the_two_commands() -> None:
    top = (ROOT / "README.md").read_text(encoding="utf-8")[:400]
    assert "make run" in top
    assert "make test" in top
