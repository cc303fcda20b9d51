"""An ad-hoc load that is awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from inferbench.loadgen.event_loop import beside_this_loop
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.loadgen.progress import Progress
from inferbench.runs.bench.bench import BenchRun, Client, bench
from inferbench.runs.bench.bench_plan import BenchLoad
from inferbench.store.run_directory import DEFAULT_STORE


async def bench_async(
    endpoints: Endpoint | Sequence[Endpoint],
    load: BenchLoad,
    client: Client | None = None,
    *,
    store: str | Path = DEFAULT_STORE,
    on_progress: Callable[[Progress], None] = lambda _: None,
    command: Sequence[str] = (),
) -> BenchRun:
    """Do as `bench`, and leave the running event loop free meanwhile; the load has a thread and a loop of its own.

    `endpoints`, `load`, `client`, `store` and `command` are as there; `on_progress` is called on the running loop.
    Where the caller is cancelled, the load is stopped as by Ctrl-C: what was measured is kept, and the run marked
    partial. Raises what `bench` does, and CancelledError.
    """
    loop = asyncio.get_running_loop()

    def show(progress: Progress) -> None:
        with suppress(RuntimeError):  # it was closed, and nobody waits any more
            loop.call_soon_threadsafe(on_progress, progress)

    return await beside_this_loop(
        partial(bench, endpoints, load, client, store=store, on_progress=show, command=command)
    )
