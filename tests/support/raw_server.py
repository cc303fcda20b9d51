"""Small raw servers on loopback that answer with whatever bytes a test wants, and the client that asks them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import uvloop

from inferbench.loadgen.clock import LoopClock
from inferbench.loadgen.dialects.dialect import Prompt
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.loadgen.http.target import HttpTarget
from inferbench.records.request_record import RequestRecord
from inferbench.scenario.scenario import Lengths
from inferbench.workload.plan import Plan
from inferbench.workload.planner import make_plan

GRACE_S = 20
"""A test that waits longer than this hangs."""

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


@dataclass
class RawServer:
    """A running raw server."""

    url: str
    connections: int = 0
    bodies: list[bytes] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)


Answer = Callable[[RawServer, asyncio.StreamWriter], Awaitable[None]]
"""Writes the answer to the latest request, or closes the writer."""


@asynccontextmanager
async def raw_server(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    """Serve on a free port."""
    state = RawServer("")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        state.connections += 1
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                if head.startswith(b"GET "):
                    writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                    continue
                length = next(
                    int(line.split(b":")[1]) for line in head.split(b"\r\n") if b"content-length" in line.lower()
                )
                state.bodies.append(await reader.readexactly(length))
                state.heads.append(head)
                await answer(state, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls, limit=1 << 24)
    scheme = "https" if tls else "http"
    state.url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield state
    finally:
        server.close()


def always(data: bytes, *, close: bool = False) -> Answer:
    """Answer every request with the same bytes."""

    async def answer(_: RawServer, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        if close:
            writer.close()

    return answer


def event(**fields: Any) -> bytes:
    return b"data: " + orjson.dumps(fields) + b"\n\n"


def text(words: str) -> bytes:
    """A completions event."""
    return event(choices=[{"index": 0, "text": words, "finish_reason": None}])


def usage(prompt: int, completion: int) -> bytes:
    return event(choices=[], usage={"prompt_tokens": prompt, "completion_tokens": completion})


DONE = b"data: [DONE]\n\n"
THREE = text("one") + text(" two") + text(" three") + usage(7, 3) + DONE
"""A good stream of three tokens."""


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def ok_head(*lines: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", "Content-Type: text/event-stream", *lines, "", ""]).encode()


CHUNKED = ok_head("Transfer-Encoding: chunked")
GOOD = CHUNKED + chunked(THREE)


def make_load(n: int = 1, isl: int = 4, osl: int = 3) -> Plan:
    lengths = Lengths(nominal=isl, min=isl, max=isl)
    return make_plan(n, isl=lengths, osl=Lengths(nominal=osl, min=osl, max=osl), seed=1, salt="t", max_concurrency=n)


class Client:
    """An HttpTarget and the records that it gave."""

    def __init__(
        self,
        url: str,
        plan: Plan,
        make_prompt: Callable[[Any], Prompt] | None = None,
        on_silence: Callable[[str], None] | None = None,
        **options: Any,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.plan = plan
        self.clock = LoopClock(loop)
        self.records: list[RequestRecord] = []
        endpoint = Endpoint(url, options.pop("path", "/v1/completions"), options.pop("model", "m"), **options)
        make_prompt = make_prompt or (lambda r: "word " * r.isl)
        self.target = HttpTarget(endpoint, plan, make_prompt, self.clock, loop, on_silence=on_silence)
        self._changed = asyncio.Event()

    def send(self, *seqs: int) -> None:
        for seq in seqs:
            self.target.submit(self.plan.request(seq), self.clock.now_ns(), self._ended)

    async def ended(self, count: int) -> list[RequestRecord]:
        """Wait until `count` requests have ended."""
        async with asyncio.timeout(GRACE_S):
            while len(self.records) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.records

    def _ended(self, record: RequestRecord) -> None:
        self.records.append(record)
        self._changed.set()


@asynccontextmanager
async def client(url: str, plan: Plan | None = None, connections: int = 1, **options: Any) -> AsyncIterator[Client]:
    """A client with its connections open; with 0 connections, every request has to open its own."""
    made = Client(url, plan or make_load(), **options)
    if connections:
        await made.target.open(connections)
    try:
        yield made
    finally:
        await made.target.close()


def run(work: Awaitable[Any], loop_factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop) -> Any:
    """Run on a loop of its own, and fail where a callback or a task failed without anybody noticing."""
    unnoticed: list[dict[str, Any]] = []

    async def wrap() -> Any:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: unnoticed.append(context))
        return await work

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        result = runner.run(wrap())
    assert unnoticed == []
    return result


async def ask(answer: Answer, n: int = 1, osl: int = 3, **options: Any) -> Sequence[RequestRecord]:
    """Send n requests one after the other to a server that answers so, and return their records."""
    async with raw_server(answer) as server, client(server.url, make_load(n, osl=osl), **options) as c:
        for seq in range(n):
            c.send(seq)
            await c.ended(seq + 1)
        return list(c.records)
