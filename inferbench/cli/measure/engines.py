"""`inferbench engines`."""

from __future__ import annotations

import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from inferbench.cli.options import shared
from inferbench.cli.output import put
from inferbench.distribution import install
from inferbench.errors import UsageError
from inferbench.files.spelling import unknown

if TYPE_CHECKING:
    from inferbench.render.table import Table
    from inferbench.testing.installed_engines import Installed
    from inferbench.testing.llama_cpp import LlamaServer

app = typer.Typer(help="Real engines on this machine: list them, start a small one.", rich_markup_mode=None)

STARTABLE = ("llama.cpp",)


@app.callback(invoke_without_command=True)
def engines(
    context: typer.Context,
    json: shared.JsonForTable = False,
) -> None:
    """List the engines and routers that are installed here, or start a small one for a trial."""
    if context.invoked_subcommand is not None:
        return
    from inferbench.cli.console import say, show
    from inferbench.testing.installed_engines import installed

    found = installed()
    if json:
        data = [one.model_dump(mode="json") for one in found]
        put(orjson.dumps(data, option=orjson.OPT_APPEND_NEWLINE))
        return
    show(_table(found))
    say(_hint(found))


@app.command()
def start(
    engine: Annotated[str, typer.Argument(help="llama.cpp")],
    port: shared.AnyPort = 8400,
    slots: Annotated[int, typer.Option(min=1, max=256, help="Requests that it serves at once.")] = 4,
    threads: Annotated[int, typer.Option(min=1, help="Threads that it computes with.")] = 1,
) -> None:
    """Start a small engine on loopback, with a tiny model of random weights made on the spot.

    It is a real engine with real batching and queueing, and needs no GPU and no download; what it writes is nonsense.
    Ctrl-C ends it.
    """
    if engine not in STARTABLE:
        raise UsageError(unknown("engine to start", engine, STARTABLE))
    from inferbench.testing.installed_engines import engines_folder
    from inferbench.testing.llama_cpp import start as start_llama
    from inferbench.testing.tiny_llama import NAME

    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with start_llama(engines_folder() / NAME, port=port, slots=slots, threads=threads) as server:
        print(_announcement(server), flush=True)
        ended.wait()


def _announcement(server: LlamaServer) -> str:
    return (
        f"llama.cpp serves {server.model} at {server.url}, {server.slots} requests at once; Ctrl-C ends it.\n"
        "Measure it from another terminal:\n\n"
        f"    inferbench bench --base-url {server.url} --max-concurrency 1,{server.slots},{2 * server.slots} \\\n"
        f"        --num-prompts 64 --isl 128 --osl 64 --tokenizer {server.tokenizer}\n"
    )


def _table(found: Sequence[Installed]) -> Table:
    from inferbench.numerals import MISSING
    from inferbench.render.table import Column, Table

    return Table(
        "Engines and routers that are installed here",
        (
            Column("name", align="left"),
            Column("version", align="left"),
            Column("what", align="left", priority=1),
            Column("where", align="left"),
            Column("started by", align="left", priority=2),
        ),
        tuple((one.name, one.version or MISSING, one.what, _short(one.where), one.starts) for one in found),
    )


def _short(path: str) -> str:
    home = str(Path.home())
    return path.replace(home, "~", 1) if path.startswith(home) else path


def _hint(found: Sequence[Installed]) -> str:
    from inferbench.testing.known_engines import ENGINES

    names = {one.name for one in found}
    missing = [known.name for known in ENGINES if known.name not in names]
    absent = f"Not found: {', '.join(missing)}. " if missing else ""
    if "llama.cpp" in names:
        return f"{absent}`inferbench engines start llama.cpp` starts a small one."
    return f"{absent}`{install('llama')}` brings llama.cpp, a small one for a trial."
