"""The name that inferbench is installed by."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from inferbench.distribution import DISTRIBUTION, install, own_version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_it_is_the_one_of_the_project() -> None:
    assert PROJECT["name"] == DISTRIBUTION
    assert own_version() == PROJECT["version"]


def test_every_extra_that_a_message_or_a_page_names_exists() -> None:
    """`inferbench` and `inferbench-cli` on PyPI are other people's, so that no line may send a reader there."""
    texts = [*ROOT.glob("inferbench/**/*.py"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md")]
    named = {
        found
        for path in texts
        for found in re.findall(r"pip install '?(inferbench[\w-]*)(?:\[(\w+)\])?", path.read_text(encoding="utf-8"))
    }
    assert {name for name, _ in named} == {DISTRIBUTION}
    used = {extra for path in texts for extra in re.findall(r"\binstall\('(\w+)'\)", path.read_text(encoding="utf-8"))}
    assert used | {extra for _, extra in named} - {""} <= set(PROJECT["optional-dependencies"])
    assert install("llama") == f"pip install '{DISTRIBUTION}[llama]'"
