"""Option groups: declared once, taken by several commands, in the order in which they stand there."""

from __future__ import annotations

import ast
import inspect
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.main import get_command

from inferbench.cli.app import load
from inferbench.cli.options.groups import given, grouped

CLI = Path(__file__).parents[2] / "inferbench" / "cli"


@dataclass(frozen=True)
class ColourOptions:
    """A group."""

    hue: Annotated[str | None, typer.Option(help="Which.")] = None
    light: Annotated[int, typer.Option("--light", min=0)] = 3


@dataclass(frozen=True)
class DarkOptions(ColourOptions):
    """One that extends it, with another default."""

    light: Annotated[int, typer.Option("--light", min=0)] = 1
    matt: Annotated[bool, typer.Option("--matt")] = False


@grouped
def paint(
    *, wall: Annotated[str, typer.Argument()], colour: DarkOptions, coats: Annotated[int, typer.Option()] = 2
) -> str:
    """Paint."""
    return f"{wall} {colour} {coats}"


def ask(*arguments: str) -> Any:
    app = typer.Typer(rich_markup_mode=None)
    app.command()(paint)
    return get_command(app).main(list(arguments), standalone_mode=False)


def test_a_group_is_its_options_in_the_place_of_its_parameter() -> None:
    assert list(inspect.signature(paint).parameters) == ["wall", "hue", "light", "matt", "coats"]


def test_a_command_is_given_its_groups_as_values() -> None:
    assert ask("north") == f"north {DarkOptions()} 2"
    assert ask("north", "--matt", "--hue", "blue", "--light", "0", "--coats", "1") == (
        f"north {DarkOptions('blue', 0, True)} 1"
    )


def test_what_is_none_unless_given_can_be_asked_for() -> None:
    assert given(ColourOptions(hue="blue", light=9)) == {"hue": "blue"}


@pytest.mark.parametrize("command", ["bench", "run", "eval"])
def test_no_option_of_a_command_stands_in_two_of_its_groups(command: str) -> None:
    found: Any = load(command)
    for leaf in (found, *getattr(found, "commands", {}).values()):
        names = Counter(name for option in leaf.params for name in (*option.opts, *option.secondary_opts))
        assert not [name for name, times in names.items() if times > 1]


def test_no_option_is_declared_twice() -> None:
    """The same flag, type and help in two places would be one option written twice: it belongs into `options`."""
    declared = Counter(
        ast.unparse(node).removeprefix("typer.")
        for path in CLI.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("Option", "Argument")
    )
    assert not [option for option, times in declared.items() if times > 1]
