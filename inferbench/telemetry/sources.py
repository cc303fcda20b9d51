"""What is watched, one look at a time: a metrics page, or a vendor's tool."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace

from typing_extensions import override

from inferbench.errors import EndpointError
from inferbench.secrets.redact import excerpt, redact
from inferbench.secrets.values import KNOWN
from inferbench.telemetry.exporters.exposition import ACCEPT
from inferbench.telemetry.exporters.vocabulary import read_metrics
from inferbench.telemetry.gpu_tools import COMMANDS, read_tool
from inferbench.telemetry.monitor import WatchedGpus, WatchedWorker
from inferbench.telemetry.scrape import Scraper, pages
from inferbench.telemetry.series import SourceReading, TelemetrySource, WorkerRole

TOOL_S = 10.0
"""Longest that one run of a GPU tool may take, s."""
ENDED_S = 1.0
"""Longest that one that was killed is waited for, s."""
TOOL_BYTES = 16 << 20
"""Most that a GPU tool may print."""


class Source(ABC):
    """Something to look at again and again."""

    def __init__(self, name: str, role: WorkerRole) -> None:
        self.name, self._role = name, role
        self._engine: str | None = None

    @property
    def identity(self) -> TelemetrySource:
        """Who tells, as far as it is known."""
        return TelemetrySource(name=self.name, role=self._role, engine=self._engine)

    @abstractmethod
    async def look(self) -> SourceReading:
        """What it tells now. Raises EndpointError."""


class PageSource(Source):
    """A metrics page."""

    def __init__(self, worker: WatchedWorker, scraper: Scraper) -> None:
        super().__init__(worker.url, worker.role)
        self._worker, self._scraper = worker, scraper
        self._pages = pages(worker.url)

    @override
    async def look(self) -> SourceReading:
        try:
            return await self._look_at(self._pages[0])
        except EndpointError as error:
            for url in self._pages[1:]:
                with contextlib.suppress(EndpointError):
                    return await self._look_at(url)
            raise error from None

    async def _look_at(self, url: str) -> SourceReading:
        headers = {"Accept": ACCEPT, **self._worker.headers}
        text = KNOWN.hide(await self._scraper.fetch(url, headers, self._worker.verify_tls))
        # In a thread, so that a page which takes long to read keeps nobody from looking at GPUs.
        told = await asyncio.to_thread(read_metrics, text, url)
        if self._worker.engine not in (None, told.engine):
            raise EndpointError(f"{url} tells the metrics of {told.engine}, and not of {self._worker.engine}")
        self._engine, self._pages = told.engine, (url,)
        return told


class ToolSource(Source):
    """A vendor's command-line tool, run anew for each look."""

    def __init__(self, gpus: WatchedGpus) -> None:
        super().__init__(redact(" ".join([*gpus.prefix, gpus.tool])), WorkerRole.GPUS)
        self._gpus = gpus

    @override
    async def look(self) -> SourceReading:
        text, ended = await self._run([*self._gpus.prefix, *COMMANDS[self._gpus.tool]])
        try:
            told = read_tool(self._gpus.tool, text, self.name, self._gpus.devices)
        except EndpointError:
            if ended is None:
                raise
            raise EndpointError(ended) from None
        self._engine = self._gpus.tool
        # nvidia-smi ends with 14 where an infoROM is corrupted, and has printed every GPU.
        return told if ended is None else replace(told, remarks=(f"{ended}: what it printed counts", *told.remarks))

    async def _run(self, command: Sequence[str]) -> tuple[str, str | None]:
        """What a command printed, and, where it did not end well, what is to be said of that."""
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE, env=os.environ | {"LC_ALL": "C"}, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise EndpointError(f"{self.name} cannot be run: {error.strerror}") from None
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            async with asyncio.timeout(TOOL_S):
                out, errors = await asyncio.gather(_bounded(process.stdout), _bounded(process.stderr))
                code = await process.wait()
        except TimeoutError:
            raise EndpointError(f"{self.name} did not end within {TOOL_S:g} s") from None
        except _TooMuchError:
            raise EndpointError(f"{self.name} printed more than {TOOL_BYTES >> 20} MiB") from None
        finally:
            await _end(process)
        lines = (errors or out).decode(errors="replace").strip().splitlines()
        why = f": {excerpt(lines[-1], 120)}" if lines else ""
        return out.decode(errors="replace"), f"{self.name} ended with exit code {code}{why}" if code else None


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a command and all that it started: a child that lives holds the pipes open, and is waited for with them."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), ENDED_S)


class _TooMuchError(Exception):
    """A command prints more than anybody reads."""


async def _bounded(stream: asyncio.StreamReader) -> bytes:
    """All that comes of a stream. Raises _TooMuchError."""
    data = bytearray()
    while piece := await stream.read(1 << 16):
        data += piece
        if len(data) > TOOL_BYTES:
            raise _TooMuchError
    return bytes(data)
