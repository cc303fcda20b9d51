"""`inferbench selfcheck`: what the client of this machine can take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from inferbench.cli.options import shared
from inferbench.cli.output import put
from inferbench.errors import ExitCode
from inferbench.loadgen.health.ceiling import STAMP_MS, TOKENS_PER_S, Ceiling, Limit, Step

if TYPE_CHECKING:
    from inferbench.render.table import Table

_LIMITED_BY = {
    Limit.CLIENT: "beyond it stamps come late",
    Limit.SERVER: "beyond it this machine cannot run client and server together: the client alone may take more",
    Limit.FILES: "beyond it the system allows no more open files (ulimit -n)",
    Limit.NONE: "more was not tried",
}


def selfcheck(
    fresh: Annotated[bool, typer.Option("--fresh", help="Measure again, whatever is cached.")] = False,
    base_url: Annotated[
        list[str] | None, typer.Option("--base-url", help="Look instead where the servers of this URL run.")
    ] = None,
    json: shared.JsonForTable = False,
) -> int:
    """Find how much the client of this machine can take.

    It loads itself from a built-in server that costs next to nothing, with more and more streams, until its stamps
    come late. The result is kept for this machine. With --base-url it says instead whether servers on this machine,
    and those behind them, are pinned to cores that the client may run on, or to one core together (exit code 4 where
    no core is left for the client).
    """
    from inferbench.cli.console import say, show
    from inferbench.loadgen.health import selfcheck as runner

    if base_url:
        return _placement(base_url, json)

    found = runner.selfcheck(fresh=fresh)
    if json:
        put(orjson.dumps(found.model_dump(mode="json"), option=orjson.OPT_APPEND_NEWLINE))
        return ExitCode.OK
    show(_table(found))
    say(_sentence(found))
    return ExitCode.OK


def _placement(urls: list[str], json: bool) -> ExitCode:
    from inferbench.cli.console import say
    from inferbench.loadgen.health.cpu_placement import look

    found = look(urls)
    if json:
        put(orjson.dumps(found, option=orjson.OPT_APPEND_NEWLINE))
    else:
        for text in found.reasons:
            say(f"INVALID: {text}.")
        for text in found.warnings:
            say(f"Note: {text}.")
        if not found.reasons and not found.warnings:
            say("No server of these URLs is seen to be pinned to a core of this machine.")
    return ExitCode.INVALID if found.reasons else ExitCode.OK


def _sentence(found: Ceiling) -> str:
    if found.streams == 0:
        return "Not even the first step was held: this machine is too busy, or too slow, to measure anything on."
    return (
        f"One worker takes {found.events_per_s:,.0f} token events/s, {found.streams:,} streams of {TOKENS_PER_S} "
        f"tok/s; {_LIMITED_BY[found.limited_by]}."
    )


def _table(found: Ceiling) -> Table:
    from inferbench.render.table import Column, Table

    return Table(
        "The client of this machine, one worker",
        (
            Column("streams"),
            Column("offered", "events/s"),
            Column("came", "events/s"),
            Column("stamps late p90", "ms"),
            Column("CPU", "cores"),
            Column("held", align="left"),
        ),
        tuple(_row(step) for step in found.steps),
        f"Held: stamps at most {STAMP_MS:g} ms late (p90 of first and last tokens), and tokens at the offered pace. "
        f"{found.machine.cpu}, {found.machine.cpus} cores, Python {found.machine.python}.",
    )


def _row(step: Step) -> tuple[str, ...]:
    from inferbench.numerals import significant
    from inferbench.render.format import count

    held = "yes" if step.held else "no: late" if not step.in_time else "no: too few came"
    return (
        count(step.streams),
        count(round(step.offered_events_per_s)),
        count(round(step.events_per_s)),
        significant(step.stamp_late_p90_ms),
        significant(step.cpu_share),
        held,
    )
