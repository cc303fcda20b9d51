"""An OpenAI-compatible HTTP server around any target, in real time, that keeps a record of what it sent."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

import uvloop

from ...domain.errors import UsageError
from ...domain.plan import PlannedRequest
from ...domain.record import RequestRecord, Status
from ...domain.units import NS_PER_MS
from ...loadgen.clock import LoopClock
from ...loadgen.limits import raise_open_files
from ...loadgen.port import Clock, Target
from ..streaming import OnChunk
from .answers import Answer, error_body, usage_of
from .body import Ask, BadRequestError, parse_ask
from .connection import HttpRequest, WireConnection
from .sends import SendRecord

MakeTarget = Callable[[Clock, OnChunk], Target]

BACKLOG = 4096
"""Connections that may wait to be accepted; the kernel caps it at net.core.somaxconn."""

HANDLE_NS = NS_PER_MS
"""Time that one turn of the loop may spend on new requests, so that those that come meanwhile are stamped in time."""


@dataclass(slots=True)
class _Stream:
    """One request that is being answered."""

    ask: Ask
    sends: SendRecord
    answer: Answer
    connection: WireConnection


class WireServer:
    """The server without its socket: `connection` makes the protocol of each client. Made on a running event loop."""

    def __init__(self, make_target: MakeTarget, model: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._clock = LoopClock(self._loop)
        self._model = model
        self._waiting: deque[tuple[WireConnection, HttpRequest]] = deque()
        self._streams: dict[int, _Stream] = {}
        self._record: list[SendRecord] = []
        self._get: dict[str, Callable[[], object]] = {
            "/v1/models": self._models,
            "/health": dict,
            "/server_info": lambda: {"model_path": model, "version": version("inferbench")},
            "/record": lambda: self._record,
        }
        self._generate = {
            "/v1/completions": partial(self._submit, chat=False),
            "/v1/chat/completions": partial(self._submit, chat=True),
        }
        self.target = make_target(self._clock, self._on_chunk)

    def connection(self) -> WireConnection:
        """Make the protocol of one client."""
        return WireConnection(self._on_request)

    def _on_request(self, connection: WireConnection, request: HttpRequest) -> None:
        if not self._waiting:
            self._loop.call_soon(self._handle_waiting)
        self._waiting.append((connection, request))

    def _handle_waiting(self) -> None:
        enough_ns = self._clock.now_ns() + HANDLE_NS
        while self._clock.now_ns() < enough_ns and self._waiting:
            self._handle(*self._waiting[0])
            self._waiting.popleft()
        if self._waiting:
            self._loop.call_soon(self._handle_waiting)

    def _handle(self, connection: WireConnection, request: HttpRequest) -> None:
        if request.method == "POST" and (generate := self._generate.get(request.path)):
            try:
                generate(connection, request)
            except BadRequestError as error:
                connection.respond(error.status, error_body(error.status, str(error)))
        elif request.method == "GET" and (get := self._get.get(request.path)):
            connection.respond(200, get())
        else:
            known = request.path in self._get or request.path in self._generate
            status = 405 if known else 404
            connection.respond(status, error_body(status, f"no {request.method} {request.path} here"))

    def _submit(self, connection: WireConnection, request: HttpRequest, chat: bool) -> None:
        ask = parse_ask(request.body, self._model, chat)
        seq = len(self._record)
        sends = SendRecord(seq, ask.prompt_tokens, request.arrival_ns)
        self._record.append(sends)
        answer = Answer(self._model, seq, int(time.time()), chat)
        self._streams[seq] = _Stream(ask, sends, answer, connection)
        if ask.stream:
            connection.start_stream(answer.opening())
        planned = PlannedRequest(seq, ask.prompt_tokens, ask.max_tokens, seq if ask.seed is None else ask.seed, None)
        self.target.submit(planned, self._clock.now_ns(), self._on_end)

    def _on_chunk(self, seq: int, tokens: int) -> None:
        stream = self._streams[seq]
        sends = stream.sends
        sends.last_token_ns = time.monotonic_ns()
        sends.first_token_ns = sends.first_token_ns or sends.last_token_ns
        sends.tokens += tokens
        if stream.ask.stream:
            stream.connection.write(stream.answer.tokens(tokens))

    def _on_end(self, record: RequestRecord) -> None:
        stream = self._streams.pop(record.seq)
        ask, answer, connection = stream.ask, stream.answer, stream.connection
        failure = None if record.status is Status.OK else record.error or record.status.name.lower()
        usage = usage_of(ask.prompt_tokens, record.osl)
        if ask.stream:
            closing = answer.failure(failure) if failure else answer.closing(usage if ask.include_usage else None)
            connection.end_stream(closing)
        elif failure:
            connection.respond(500, error_body(500, failure))
        else:
            connection.respond(200, answer.whole(record.osl, usage))

    def _models(self) -> object:
        model = {"id": self._model, "object": "model", "created": 0, "owned_by": "inferbench"}
        return {"object": "list", "data": [model]}


def serve(make_target: MakeTarget, model: str, host: str, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve a target until SIGTERM or SIGINT; `on_ready` gets the URL. Port 0 takes a free one.

    Raises UsageError where the address cannot be used.
    """
    raise_open_files()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(make_target, model, host, port, on_ready))


async def _serve(make_target: MakeTarget, model: str, host: str, port: int, on_ready: Callable[[str], None]) -> None:
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    server = WireServer(make_target, model)
    try:
        listener = await loop.create_server(server.connection, host, port, backlog=BACKLOG)
    except OSError as error:
        raise UsageError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    on_ready(f"http://{host}:{listener.sockets[0].getsockname()[1]}")
    await stopped.wait()
    listener.close()
    server.target.cancel_all()
