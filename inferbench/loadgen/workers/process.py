"""A worker in a process of its own: `python -m inferbench.loadgen.workers.process`, spoken to over its pipes.

Messages are pickled, each after its length. The process ends when its input does, so that no worker outlives who
started it. It has a session of its own: Ctrl-C is for the parent, which then stops all workers together.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import signal
import struct
import sys
from typing import Any

import uvloop
from typing_extensions import override

from inferbench.files.tracebacks import watch_stderr
from inferbench.loadgen.workers.clock_sync import SAME_CLOCK, Alignment
from inferbench.loadgen.workers.coordinator import Command, Link, Message, Stop, Worker, WorkerLostError
from inferbench.loadgen.workers.local import WorkerJob, work
from inferbench.processes.child import ended, ignore_signals
from inferbench.records.writer_process import wait_until_written

END_S = 10
"""Longest that a worker may take to end once its input has, s."""

_LENGTH = struct.Struct("<Q")


def _framed(value: object) -> bytes:
    data = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(data)) + data


async def _read(reader: asyncio.StreamReader) -> Any:
    """Read the next value. Raises EOFError where there will be none."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        return pickle.loads(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        raise EOFError from None


class ProcessWorker(Worker):
    """A worker process, as its parent sees it."""

    def __init__(self, job: WorkerJob, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._job = job
        self._process = process
        self._input, self._output = process.stdin, process.stdout

    @classmethod
    async def start(cls, job: WorkerJob) -> ProcessWorker:
        """Start a process and give it its job."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "inferbench.loadgen.workers.process",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        worker = cls(job, process)
        worker._write(job)
        return worker

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @override
    async def receive(self) -> Message:
        try:
            message: Message = await _read(self._output)
        except EOFError:
            code = await self._process.wait()
            how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
            raise WorkerLostError(f"worker {self._job.number} {how}") from None
        return message

    @override
    def send(self, command: Command) -> None:
        self._write(command)

    def _write(self, value: object) -> None:
        if not self._input.is_closing():
            self._input.write(_framed(value))

    @override
    async def align(self) -> Alignment:
        return SAME_CLOCK

    @override
    async def close(self) -> None:
        self._input.close()
        if await ended(self._process, END_S) != 0:
            # Whoever wrote its records has outlived it, and is bringing them to an end.
            await asyncio.to_thread(wait_until_written, self._job.directory)


class _PipeLink(Link):
    """The child's end: pipes on its event loop, so that nothing here ever blocks."""

    def __init__(self, reader: asyncio.StreamReader, output: asyncio.WriteTransport) -> None:
        self._reader, self._output = reader, output

    @override
    def send(self, message: Message) -> None:
        self._output.write(_framed(message))

    @override
    async def receive(self) -> Command:
        try:
            command: Command = await _read(self._reader)
        except EOFError:
            return Stop("whoever started the worker is gone")
        return command


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    # What anybody prints must not end up among the messages.
    said = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    output, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, said)
    job: WorkerJob = await _read(reader)
    link = _PipeLink(reader, output)
    job_done = loop.create_task(work(job, link))
    await job_done
    while output.get_write_buffer_size():
        await asyncio.sleep(0.001)
    output.close()


def main() -> None:
    """Run the child."""
    ignore_signals()
    watch_stderr()
    with contextlib.suppress(EOFError), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve())


if __name__ == "__main__":
    main()
