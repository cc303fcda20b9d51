"""Watching servers and GPUs while a load runs: metrics, once a second, stored beside the records.

A process of its own does it (`monitor_process`), at a lower priority than the load: the process that stamps arrivals
neither fetches nor parses a page.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import Field, PositiveFloat
from typing_extensions import override

from inferbench.processes.child import ended, last_line
from inferbench.secrets.values import KNOWN
from inferbench.telemetry.series import WorkerRole
from inferbench.values import Value

END_S = 20
"""Longest that the process may take to end once it has been told to, s."""
START_S = 60
"""Longest that it may take to start and look at everything once, s."""
LINE = 1 << 24
"""Longest line between the two processes, bytes."""


class WatchedWorker(Value):
    """A server whose metrics page is read: an engine, a router, or an exporter of GPU metrics."""

    url: str
    """Base URL, below which the page is looked for where engines have it; or the URL of the page itself."""
    role: WorkerRole
    engine: str | None = None
    """What it should be, in the words of the vocabulary; None: whatever is recognised."""
    headers: dict[str, str] = Field(default_factory=dict, repr=False)
    """Sent along, credentials included; not shown."""
    verify_tls: bool = True

    @override
    def model_post_init(self, _: Any) -> None:
        """Have its credentials hidden wherever its page repeats them."""
        for name, value in self.headers.items():
            KNOWN.learn_header(name, value)


class WatchedGpus(Value):
    """GPUs of a host, read with the vendor's tool."""

    tool: Literal["nvidia-smi", "amd-smi"]
    prefix: tuple[str, ...] = ()
    """What stands before the tool's command, as in ("ssh", "node7"); empty: this host."""
    devices: tuple[str, ...] = ()
    """Indices of the GPUs that belong to the deployment; empty: all."""


class WatchJob(Value):
    """What the process is to watch."""

    workers: tuple[WatchedWorker, ...]
    gpus: tuple[WatchedGpus, ...]
    directory: Path
    every_s: PositiveFloat


class Watching:
    """What has come of it so far."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        """One line for each thing that could not be read, said once however often it fails."""
        self.remarks: list[str] = []
        """One line for each thing in what was read that is no reading."""


@asynccontextmanager
async def watch(
    workers: Sequence[WatchedWorker],
    directory: Path,
    *,
    every_s: float = 1.0,
    gpus: Sequence[WatchedGpus] = (),
    on_problem: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[Watching]:
    """Read every source once before the body runs, then every `every_s`, and once more after it.

    What is told goes to `directory` (`store.telemetry.read_telemetry`). A source that cannot be read, be it the whole
    time, is a gap with its reason and a line in `problems`; a load is never lost for it. Without sources nothing is
    started. On problems the load goes on, so nothing is raised.
    """
    watching = Watching()
    if not workers and not gpus:
        yield watching
        return

    def problem(line: str) -> None:
        watching.problems.append(line)
        on_problem(line)

    job = WatchJob(workers=tuple(workers), gpus=tuple(gpus), directory=directory.absolute(), every_s=every_s)
    # A session of its own, so that Ctrl-C reaches the parent alone and the child can write to the end.
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "inferbench.telemetry.monitor_process",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        start_new_session=True, limit=LINE, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(job.model_dump_json().encode() + b"\n")
    ready = asyncio.Event()
    listener = asyncio.create_task(_listen(process, ready, problem, watching.remarks.append))
    try:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ready.wait(), START_S)
        yield watching
    finally:
        await _end(process, listener, problem)


async def _listen(
    process: asyncio.subprocess.Process,
    ready: asyncio.Event,
    problem: Callable[[str], None],
    remark: Callable[[str], None],
) -> None:
    """Take in what the process says, until it has nothing more to say."""
    assert process.stdout is not None
    try:
        async for line in process.stdout:
            said = orjson.loads(line)
            if "problem" in said:
                problem(said["problem"])
            elif "remark" in said:
                remark(said["remark"])
            else:
                ready.set()
    finally:
        ready.set()


async def _end(
    process: asyncio.subprocess.Process, listener: asyncio.Task[None], problem: Callable[[str], None]
) -> None:
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.close()
    errors = asyncio.create_task(process.stderr.read())
    code = await ended(process, END_S)
    await listener
    said = await errors
    if code != 0:
        problem(f"telemetry is cut short: {last_line(said, 'the process that watches was killed')}")
