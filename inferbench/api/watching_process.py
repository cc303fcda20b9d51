"""The process that watches: `python -m inferbench.api.watching_process`, its job as a line of JSON on standard input.

It says what cannot be read, and when it has looked at everything once, as lines of JSON. It ends, with one last look,
when its input does, so that it does not outlive who started it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import orjson
from typing_extensions import override

from ..domain.errors import EndpointError, InferbenchError
from ..domain.redaction import excerpt, redact
from ..domain.secret_values import KNOWN
from ..domain.telemetry import Reading, TelemetrySource, WorkerRole
from ..store.spool import keep_pandas_out
from ..store.telemetry import TelemetrySink
from ..targets.scrape import Scraper, pages
from ..telemetry.exposition import ACCEPT
from ..telemetry.gpu_tools import COMMANDS, read_tool
from ..telemetry.vocabulary import read_metrics
from .faults import watch_stderr
from .watching import LINE, WatchedGpus, WatchedWorker, WatchJob

NICE = 10
"""The load comes first."""
TOOL_S = 10.0
"""Longest that one run of a GPU tool may take, s."""


class _Source(ABC):
    """Something to look at again and again."""

    def __init__(self, name: str, role: WorkerRole) -> None:
        self.name, self._role = name, role
        self._engine: str | None = None

    @property
    def identity(self) -> TelemetrySource:
        return TelemetrySource(name=self.name, role=self._role, engine=self._engine)

    @abstractmethod
    async def look(self) -> Sequence[Reading]:
        """What it tells now. Raises EndpointError."""


class _Page(_Source):
    """A metrics page."""

    def __init__(self, worker: WatchedWorker, scraper: Scraper) -> None:
        super().__init__(worker.url, worker.role)
        self._worker, self._scraper = worker, scraper
        self._pages = pages(worker.url)

    @override
    async def look(self) -> Sequence[Reading]:
        try:
            return await self._look_at(self._pages[0])
        except EndpointError as error:
            for url in self._pages[1:]:
                with contextlib.suppress(EndpointError):
                    readings = await self._look_at(url)
                    self._pages = (url,)
                    return readings
            raise error from None

    async def _look_at(self, url: str) -> Sequence[Reading]:
        headers = {"Accept": ACCEPT, **self._worker.headers}
        page = KNOWN.hide(await self._scraper.fetch(url, headers, self._worker.verify_tls))
        engine, readings = read_metrics(page, url)
        if self._worker.engine not in (None, engine):
            raise EndpointError(f"{url} tells the metrics of {engine}, and not of {self._worker.engine}")
        self._engine, self._pages = engine, (url,)
        return readings


class _Tool(_Source):
    """A vendor's command-line tool, run anew for each look."""

    def __init__(self, gpus: WatchedGpus) -> None:
        super().__init__(redact(" ".join([*gpus.prefix, gpus.tool])), WorkerRole.GPUS)
        self._gpus = gpus

    @override
    async def look(self) -> Sequence[Reading]:
        text = await self._run([*self._gpus.prefix, *COMMANDS[self._gpus.tool]])
        readings = read_tool(self._gpus.tool, text, self.name)
        self._engine = self._gpus.tool
        return [r for r in readings if not self._gpus.devices or r.device in self._gpus.devices]

    async def _run(self, command: Sequence[str]) -> str:
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
        except OSError as error:
            raise EndpointError(f"{self.name} cannot be run: {error.strerror}") from None
        try:
            out, errors = await asyncio.wait_for(process.communicate(), TOOL_S)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise EndpointError(f"{self.name} did not end within {TOOL_S:g} s") from None
        if process.returncode != 0:
            lines = (errors or out).decode(errors="replace").strip().splitlines()
            why = f": {excerpt(lines[-1], 120)}" if lines else ""
            raise EndpointError(f"{self.name} ended with exit code {process.returncode}{why}")
        return out.decode(errors="replace")


class _Watcher:
    """Looks at sources, and keeps what they tell."""

    def __init__(self, sink: TelemetrySink, every_s: float, say: Callable[[object], None]) -> None:
        self._sink, self._every_s, self._say = sink, every_s, say
        self._said: set[str] = set()

    async def look(self, source: _Source) -> None:
        """Look once. What is told is dated to the middle of the look: it was true at some time within."""
        began = time.monotonic_ns()
        try:
            readings = await source.look()
        except EndpointError as error:
            self._sink.failed(source.identity, _middle(began), str(error))
            if source.name not in self._said:
                self._said.add(source.name)
                self._say({"problem": str(error)})
        else:
            self._sink.told(source.identity, _middle(began), readings)

    async def keep_looking(self, source: _Source) -> None:
        """Look at a steady beat; where a look takes longer, beats are left out."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += self._every_s * max(1, -(-(loop.time() - due) // self._every_s))
            await asyncio.sleep(due - loop.time())
            await self.look(source)


def _middle(began_ns: int) -> int:
    return (began_ns + time.monotonic_ns()) // 2


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    line = await reader.readline()
    if not line:
        return
    job = WatchJob.model_validate_json(line)
    sink = TelemetrySink(job.directory)
    async with Scraper() as scraper:
        sources: list[_Source] = [*(_Page(w, scraper) for w in job.workers), *(_Tool(g) for g in job.gpus)]
        watcher = _Watcher(sink, job.every_s, _say)
        await asyncio.gather(*map(watcher.look, sources))
        _say({"ready": True})
        beats = [loop.create_task(watcher.keep_looking(source)) for source in sources]
        ended = loop.create_task(reader.read())
        await asyncio.wait([ended, *beats], return_when=asyncio.FIRST_COMPLETED)
        for task in beats:
            task.cancel()
        await _raise_of(beats)
        await asyncio.gather(*map(watcher.look, sources))  # so that the load lies between two looks
    sink.close()


async def _raise_of(tasks: Sequence[asyncio.Task[None]]) -> None:
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, InferbenchError):
            raise outcome


def _say(what: object) -> None:
    with contextlib.suppress(BrokenPipeError):  # whoever started this is gone: what was told is kept all the same
        sys.stdout.buffer.write(orjson.dumps(what) + b"\n")
        sys.stdout.buffer.flush()


def main() -> int:
    """Run the process."""
    watch_stderr()
    keep_pandas_out()
    with contextlib.suppress(OSError):
        os.nice(NICE)
    try:
        asyncio.run(_serve())
    except InferbenchError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
