"""The process that watches: `python -m inferbench.telemetry.monitor_process`, its job as a line of JSON on stdin.

It says what cannot be read, and when it has looked at everything once, as lines of JSON. It ends, with one last look,
when its input does, so that it does not outlive who started it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable, Sequence

import orjson

from inferbench.errors import EndpointError, InferbenchError
from inferbench.files.tracebacks import watch_stderr
from inferbench.processes.child import exit_code, ignore_signals
from inferbench.records.writer_process import keep_pandas_out
from inferbench.telemetry.monitor import LINE, WatchJob
from inferbench.telemetry.scrape import Scraper
from inferbench.telemetry.sources import PageSource, Source, ToolSource
from inferbench.telemetry.storage import TelemetrySink

NICE = 10
"""The load comes first."""
REMARKS = 8
"""Most remarks on one source: what changes with each look is not said a thousand times."""


class _Watcher:
    """Looks at sources, and keeps what they tell."""

    def __init__(self, sink: TelemetrySink, every_s: float, say: Callable[[object], None]) -> None:
        self._sink, self._every_s, self._say = sink, every_s, say
        self._said: dict[str, set[str]] = {}

    async def look(self, source: Source) -> None:
        """Look once. What is told is dated to the middle of the look: it was true at some time within."""
        began = time.monotonic_ns()
        try:
            told = await source.look()
        except EndpointError as error:
            self._sink.failed(source.identity, _middle(began), str(error))
            self._say_once(source, "problem", str(error), most=1)
        else:
            self._sink.told(source.identity, _middle(began), told.readings)
            for remark in told.remarks:
                self._say_once(source, "remark", remark, most=REMARKS)

    def _say_once(self, source: Source, kind: str, line: str, most: int) -> None:
        said = self._said.setdefault(f"{kind} {source.name}", set())
        if line not in said and len(said) < most:
            said.add(line)
            self._say({kind: line})

    async def keep_looking(self, source: Source) -> None:
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
        sources: list[Source] = [*(PageSource(w, scraper) for w in job.workers), *(ToolSource(g) for g in job.gpus)]
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
    ignore_signals()
    watch_stderr()
    keep_pandas_out()
    with contextlib.suppress(OSError):
        os.nice(NICE)
    return exit_code(lambda: asyncio.run(_serve()), failed=1)


if __name__ == "__main__":
    sys.exit(main())
