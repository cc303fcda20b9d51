"""`inferbench probe`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import orjson
import typer

from inferbench.cli.files import write_file
from inferbench.cli.lists import parse_list
from inferbench.cli.options import shared
from inferbench.cli.output import line, put
from inferbench.errors import UsageError
from inferbench.files.spelling import unknown
from inferbench.microbench.kv_result import KvBackendName, KvProbe

app = typer.Typer(help="Measure the parts of a deployment by themselves.", rich_markup_mode=None)

UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


@app.callback()
def probe() -> None:
    """Keep `kv` a command of its own while it is the only one."""


@app.command()
def kv(
    backend: Annotated[
        list[str] | None, typer.Option(help="mooncake, nixl, mori-io; several are set side by side.")
    ] = None,
    sizes: Annotated[list[str] | None, typer.Option(help="Bytes of a message [4k,64k,1m,16m].")] = None,
    batch: Annotated[list[str] | None, typer.Option(help="Messages in a transfer [1,8].")] = None,
    concurrency: Annotated[list[str] | None, typer.Option(help="Transfers at once [1,4].")] = None,
    seconds: Annotated[float, typer.Option(min=0.01, max=60, help="Time for each point and direction.")] = 0.3,
    transport: Annotated[
        str | None, typer.Option(help="What carries the bytes: rdma for mooncake, a UCX_TLS list for nixl.")
    ] = None,
    listen: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Be the far end of one probe.")] = None,
    peer: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="The far end; one here by default.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for a file kv-<backend>.json each.")] = None,
    json: shared.JsonForTable = False,
) -> None:
    """How fast does a backend move KV cache between two processes or hosts? Every byte is checked.

    Bandwidth and latency against message size, batch and concurrency, with the backend's own engine. On two hosts:
    --listen on the one, --peer on the other, once for each backend. `inferbench twin calibrate --probe FILE` puts
    what a cluster gave into the twin.
    """
    from inferbench.cli.console import show
    from inferbench.microbench.probe import BATCHES, CONCURRENCIES, SIZES, probe_kv, serve_far
    from inferbench.microbench.table import kv_table

    if listen is not None:
        serve_far(listen)
        return
    found: list[KvProbe] = []
    missing: list[UsageError] = []
    for name in _backends(backend or []):
        try:
            found.append(
                probe_kv(
                    name,
                    far=peer,
                    sizes=parse_list("--sizes", sizes or [], _size, "a size such as 64k") or SIZES,
                    batches=_counts("--batch", batch) or BATCHES,
                    concurrencies=_counts("--concurrency", concurrency) or CONCURRENCIES,
                    seconds=seconds,
                    transport=transport,
                )
            )
        except UsageError as error:
            missing.append(error)
    if not found:
        raise missing[0]
    for why in missing:
        line(f"left out: {why}", error=True)
    if out is not None:
        for one in found:
            write_file(out / f"kv-{one.backend}.json", one.model_dump_json(indent=1).encode())
    if json:
        data = [one.model_dump(mode="json") for one in found]
        put(orjson.dumps(data, option=orjson.OPT_APPEND_NEWLINE))
    else:
        show(kv_table(found))


def _backends(given: list[str]) -> list[KvBackendName]:
    known: tuple[KvBackendName, ...] = get_args(KvBackendName)
    asked = parse_list("--backend", given, str, "a backend")
    for name in asked:
        if name not in known:
            raise UsageError(unknown("KV transfer backend", name, known))
    if not asked:
        raise UsageError(f"--backend: which? {', '.join(known)}")
    return [name for name in known if name in asked]


def _counts(option: str, given: list[str] | None) -> list[int]:
    return parse_list(option, given or [], _positive, "a positive whole number")


def _positive(text: str) -> int:
    if (value := int(text)) < 1:
        raise ValueError(text)
    return value


def _size(text: str) -> int:
    factor = UNITS.get(text[-1:].lower(), 1)
    return _positive(text[:-1] if factor > 1 else text) * factor
