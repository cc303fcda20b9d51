"""An HTTP server around any target, in real time, that speaks as SGLang does and keeps a record of what it sent."""

from __future__ import annotations

import asyncio
import signal
from collections import deque
from collections.abc import Callable
from functools import partial

import uvloop

from inferbench.errors import EndpointError, FieldName, UsageError
from inferbench.loadgen.clock import LoopClock
from inferbench.loadgen.open_files import raise_open_files
from inferbench.loadgen.port import Clock, Target
from inferbench.simulator.engine.streaming import OnChunk
from inferbench.simulator.server.backend import ServingBackend, WholeDeployment
from inferbench.simulator.server.control_pages import ControlPages
from inferbench.simulator.server.faults.fault_rules import Faults
from inferbench.simulator.server.faults.faulty_backend import FaultyBackend
from inferbench.simulator.server.http_connection import HttpRequest, ServerConnection
from inferbench.simulator.server.identity import Served
from inferbench.simulator.server.protocol.replies import error_reply
from inferbench.simulator.server.protocol.request_body import BadRequestError, GenerateEndpoint, parse_ask
from inferbench.simulator.server.realtime_clock import FollowingClock
from inferbench.simulator.server.streams import Streams
from inferbench.units import NS_PER_MS

MakeTarget = Callable[[Clock, OnChunk], Target]
MakeBackend = Callable[[FollowingClock, OnChunk], ServingBackend]

BACKLOG = 4096
"""Connections that may wait to be accepted; the kernel caps it at net.core.somaxconn."""

HANDLE_NS = NS_PER_MS
"""Time that one turn of the loop may spend on new requests, so that those that come meanwhile are stamped in time."""

NO_FAULTS = Faults()
GENERATE = {kind.value: kind for kind in GenerateEndpoint}


def whole(make_target: MakeTarget) -> MakeBackend:
    """Put a target alone behind an endpoint."""
    return lambda clock, on_chunk: WholeDeployment(make_target(clock, on_chunk), clock)


class SimulatorServer:
    """The server without its socket: `connection` makes the protocol of each client. Made on a running event loop.

    time_scale: real seconds that one second of the target takes. died: set when the server is to be gone, by a fault.
    """

    def __init__(
        self, make_backend: MakeBackend, served: Served, time_scale: float = 1.0, faults: Faults = NO_FAULTS
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._real = LoopClock(self._loop)
        self._served = served
        self._waiting: deque[tuple[ServerConnection, HttpRequest]] = deque()
        clock = FollowingClock(self._loop, time_scale)
        streams = self._streams = Streams(served, clock)
        self._faults, self._time_scale = faults, time_scale
        self.died = asyncio.Event()
        self.backend = streams.backend = (
            FaultyBackend(make_backend, faults, clock, streams.on_chunk, streams.cut)
            if faults.cut or faults.stall
            else make_backend(clock, streams.on_chunk)
        )
        self._control = ControlPages(served, streams.monitor, streams.pacing, streams.record, self.backend)

    def connection(self) -> ServerConnection:
        """Make the protocol of one client."""
        return ServerConnection(self._on_request)

    def _on_request(self, connection: ServerConnection, request: HttpRequest) -> None:
        if not self._waiting:
            self._loop.call_soon(self._handle_waiting)
        self._waiting.append((connection, request))

    def _handle_waiting(self) -> None:
        enough_ns = self._real.now_ns() + HANDLE_NS
        while self._real.now_ns() < enough_ns and self._waiting:
            self._handle(*self._waiting[0])
            self._waiting.popleft()
        if self._waiting:
            self._loop.call_soon(self._handle_waiting)

    def _handle(self, connection: ServerConnection, request: HttpRequest) -> None:
        if request.method == "POST" and (kind := GENERATE.get(request.path)):
            try:
                self._generate(connection, request, kind)
            except BadRequestError as error:
                connection.respond(error_reply(error.status, str(error)))
        elif page := self._control.find(request.method, request.path, request.query):
            connection.respond(page())
        else:
            known = request.path in self._control.paths or request.path in GENERATE
            connection.respond(error_reply(405 if known else 404, f"no {request.method} {request.path} here"))

    def _generate(self, connection: ServerConnection, request: HttpRequest, kind: GenerateEndpoint) -> None:
        ask, limit = parse_ask(request.body, self._served.model, kind), self._faults.overload
        if limit is not None and self._streams.monitor.open >= limit:
            connection.respond(error_reply(503, "The request queue is full."))
            return
        if self._faults.dead_after_s is not None and not self._streams.record:
            self._loop.call_later(self._faults.dead_after_s * self._time_scale, self.died.set)
        self._streams.submit(connection, request, ask)

    def abort(self) -> None:
        """Break off every stream, as a process that is killed does."""
        self._streams.abort()


def serve(
    make_backend: MakeBackend,
    served: Served,
    host: str,
    port: int,
    on_ready: Callable[[str], None],
    time_scale: float = 1.0,
    faults: Faults = NO_FAULTS,
) -> None:
    """Serve until SIGTERM or SIGINT; `on_ready` gets the URL. Port 0 takes a free one.

    Raises UsageError where the address cannot be used, and EndpointError where a fault ended it.
    """
    raise_open_files()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(partial(SimulatorServer, make_backend, served, time_scale, faults), host, port, on_ready))


async def _serve(
    make_server: Callable[[], SimulatorServer], host: str, port: int, on_ready: Callable[[str], None]
) -> None:
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    server = make_server()
    await server.backend.open()
    try:
        listener = await loop.create_server(server.connection, host, port, backlog=BACKLOG)
    except OSError as error:
        raise UsageError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    on_ready(f"http://{host}:{listener.sockets[0].getsockname()[1]}")
    endings = [asyncio.create_task(event.wait()) for event in (stopped, server.died)]
    await asyncio.wait(endings, return_when=asyncio.FIRST_COMPLETED)
    listener.close()
    if server.died.is_set():
        server.abort()
    server.backend.close()
    if server.died.is_set():
        raise EndpointError("the decode worker is dead, as ", FieldName("fault"), " dead-decode asked for")
