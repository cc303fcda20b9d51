"""The list of commands that help prints is a table, so that help loads none of them; the table is held to them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from inferbench.cli.app import COMMANDS, GROUPS, build, load

LISTED = build().commands


@pytest.mark.parametrize("name", [*COMMANDS, *GROUPS])
@pytest.mark.parametrize("limit", [30, 45, 60, 200])
def test_the_line_of_a_command_in_the_list_is_that_of_its_own_help(name: str, limit: int) -> None:
    assert LISTED[name].get_short_help_str(limit) == load(name).get_short_help_str(limit)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["benhc"]])
def test_what_runs_no_command_loads_none(arguments: list[str]) -> None:
    code = (
        f"import sys; from inferbench.cli import execute; execute({arguments!r}); print(*sys.modules, file=sys.stderr)"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stderr
    loaded = set(told.split())
    modules = {module for module, _ in (*COMMANDS.values(), *GROUPS.values())}
    assert "inferbench.cli.app" in loaded
    assert not loaded & modules
    assert arguments != ["--help"] or not loaded & {"asyncio", "numpy", "pydantic"}


def test_what_stands_after_a_bare_double_dash_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "inferbench", "--", "validate", "nosuch.yaml"], capture_output=True, text=True
    )
    assert "nosuch.yaml" in done.stderr
