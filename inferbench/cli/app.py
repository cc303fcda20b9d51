"""All commands, put together; only the one that is invoked is loaded."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from inferbench.cli.local_paths import refuse_urls
from inferbench.cli.options.flags import speak_flags

COMMANDS = {
    "run": ("inferbench.cli.measure.run", "Run a scenario: costs, verdicts, and a page of charts."),
    "bench": ("inferbench.cli.bench.bench", "Send a load to an OpenAI-compatible endpoint."),
    "report": ("inferbench.cli.results.report", "Make the report of a run again."),
    "compare": ("inferbench.cli.results.compare", "Set two runs side by side, point by point."),
    "history": ("inferbench.cli.results.history", "Say where a metric changed its level over all runs of a scenario."),
    "regress": (
        "inferbench.cli.results.regress",
        "Say whether a candidate is worse than its baseline, or that it can't be said.",
    ),
    "validate": ("inferbench.cli.answers.validate", "Check files without sending any load."),
    "dashboard": ("inferbench.cli.results.dashboard", "Open the runs of a store in a browser."),
    "size": (
        "inferbench.cli.answers.size",
        "Which deployment, in which topology, on how many GPUs, at what cost a year?",
    ),
    "claims": ("inferbench.cli.answers.claims", "Compute a published claim again from its measured points and prices."),
    "audit": ("inferbench.cli.answers.audit", "Say which measured points are not plausible."),
    "export": ("inferbench.cli.results.export", "Write a run's points in another tool's format, marked Unofficial."),
    "selfcheck": ("inferbench.cli.measure.selfcheck", "Find how much the client of this machine can take."),
}
"""Modules with a function of the command's own name, and the first sentence of its help."""
GROUPS = {
    "probe": ("inferbench.cli.measure.probe", "Measure the parts of a deployment by themselves."),
    "import": ("inferbench.cli.results.importing", "Bring published results into the store."),
    "tco": ("inferbench.cli.answers.tco", "What an hour of a GPU and its tokens cost, line by line."),
    "baseline": ("inferbench.cli.results.baseline", "Name the runs that candidates are held against."),
    "runs": ("inferbench.cli.results.runs", "The runs of a store: a directory, or an object store."),
    "twin": ("inferbench.cli.twin.twin", "The simulated deployment."),
    "deploy": ("inferbench.cli.measure.deploy", "Launch deployments on real clusters."),
    "engines": ("inferbench.cli.measure.engines", "Real engines on this machine: list them, start a small one."),
    "eval": ("inferbench.cli.measure.eval", "How right a deployment's answers are."),
}
"""Modules with an `app` of further commands, and the first sentence of its help."""


class _Commands(TyperGroup):
    """Loads a command when it is invoked; until then there is its line in the list of commands, and its name."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, listed, rest = super().resolve_command(ctx, args)
        return name, None if listed is None or name is None else load(name), rest


def build() -> TyperGroup:
    """Return the command line: every command by its name and its line, none of them loaded."""
    app = _app(cls=_Commands)
    app.callback()(_common)
    group = _group(app)
    for name, (_, line) in (*COMMANDS.items(), *GROUPS.items()):
        group.add_command(TyperCommand(name, help=line))
    return group


def load(name: str) -> Any:
    """Load a command or a group of commands. Before a load every import costs time, so no other one is."""
    app = _app()
    app.callback()(_common)
    if name in COMMANDS:
        module = import_module(COMMANDS[name][0], __package__)
        app.command(name, cls=getattr(module, "COMMAND", None))(getattr(module, name))
    else:
        app.add_typer(import_module(GROUPS[name][0], __package__).app, name=name)
    command = _group(app).commands[name]
    refuse_urls(command)
    speak_flags(command, lambda: map(load, (*COMMANDS, *GROUPS)))
    return command


def _app(cls: type[TyperGroup] | None = None) -> typer.Typer:
    return typer.Typer(
        name="inferbench",
        cls=cls,
        help="How fast and at what cost a deployment serves a large language model, and how sure that is.",
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


def _group(app: typer.Typer) -> TyperGroup:
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    return group


def _version(asked: bool) -> None:
    if asked:
        from inferbench.distribution import own_version

        typer.echo(f"inferbench {own_version()}")
        raise typer.Exit


def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options that come before a command."""
