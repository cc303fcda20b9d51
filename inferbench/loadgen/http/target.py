"""A real endpoint over HTTP, as a target of the load generator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from typing_extensions import override

from inferbench.errors import EndpointError
from inferbench.loadgen.clock import LoopClock
from inferbench.loadgen.dialects.openai import dialect_for
from inferbench.loadgen.dialects.request_bodies import Bodies, MakePrompt
from inferbench.loadgen.health.kernel_stamps import KernelLag
from inferbench.loadgen.health.stamp_bounds import StampBounds
from inferbench.loadgen.http.connection import Connection
from inferbench.loadgen.http.dial import Dialer, why_not
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.loadgen.http.exchange import HttpExchange
from inferbench.loadgen.http.outcome import make_record, verdict
from inferbench.loadgen.http.polling import Looks
from inferbench.loadgen.http.retry import retry_delay_s
from inferbench.loadgen.http.stream import StreamReading
from inferbench.loadgen.http.timeouts import Patience
from inferbench.loadgen.open_files import need_open_files
from inferbench.loadgen.port import Done, Target
from inferbench.records.request_record import Status
from inferbench.units import NS_PER_MS, NS_PER_S
from inferbench.workload.plan import Plan, PlannedRequest
from inferbench.workload.prompt_source import read_tokenizer

AT_ONCE_NS = 20 * NS_PER_MS
"""A connection that is lost within this time, and that of a round trip, of the sending was closing already. A busy
server needs so long to close what it has found idle; to work on a request takes longer."""

BATCH = 1024
"""Connections opened at a time: more would overflow the listen backlog of common servers and be dropped."""


class HttpTarget(Target):
    """An OpenAI-compatible endpoint.

    While streams run, reads are stamped and kept; what they say is looked at in between. All methods are called from
    the thread of `loop`. `seqs` are the requests of the plan that come to this target. `on_silence` is called with the
    reason where the server has said nothing for too long, so that it stops the load; without it what is in flight ends.
    A request that is sent again (`Endpoint.retries`, or since its connection was closing) has the `sent_ns` of its last
    attempt and the `slot_free_ns` of its first, so that the time to its first token is the server's, and the queued one
    shows the wait.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        plan: Plan,
        make_prompt: MakePrompt,
        clock: LoopClock,
        loop: asyncio.AbstractEventLoop,
        seqs: range | None = None,
        on_silence: Callable[[str], None] | None = None,
    ) -> None:
        self.streams_open_max = 0
        """Most requests that were out on a connection at once."""
        self._endpoint = endpoint
        self._dialect = dialect_for(endpoint.path)
        self._count_text = read_tokenizer(endpoint.tokenizer).count_text if endpoint.tokenizer else None
        self._bodies = Bodies(endpoint, plan, make_prompt, loop, seqs)
        self._clock = clock
        self._loop = loop
        self._turns = StampBounds(clock, loop)
        self._dialer = Dialer(endpoint, clock, self._turns, loop)
        self._connections: set[Connection] = set()
        self._idle: list[Connection] = []
        self._under_way: dict[HttpExchange, None] = {}  # oldest first
        self._connecting: dict[HttpExchange, asyncio.Task[None]] = {}
        self._carried: dict[HttpExchange, Connection] = {}
        self._looks = Looks(clock, loop)
        self._patience = Patience(
            endpoint, clock, self._under_way, self._carried, self._give_up, self._server_is_silent
        )
        self._silence: str | None = None
        self._on_silence = on_silence or (lambda _: self.cancel())

    @override
    async def open(self, connections: int) -> None:
        """Open connections before the load starts, and write the first requests.

        Raises EndpointError where not even one can be had. Where some cannot, requests open their own later.
        """
        need_open_files(connections * (2 if self._endpoint.kernel_timestamps else 1))
        self._turns.start()
        try:
            self._idle.append(await self._dial())
        except OSError as error:
            raise EndpointError(f"{self._endpoint.base_url} cannot be reached: {why_not(error)}") from None
        await self._bodies.prepare(connections)
        for done in range(1, connections, BATCH):
            batch = (self._dial() for _ in range(min(BATCH, connections - done)))
            opened = await asyncio.gather(*batch, return_exceptions=True)
            self._idle += [connection for connection in opened if isinstance(connection, Connection)]
            for fault in opened:
                if isinstance(fault, BaseException) and not isinstance(fault, OSError):
                    raise fault

    @property
    def kernel_lag(self) -> KernelLag:
        """By how much user-space stamps were late; counted where `Endpoint.kernel_timestamps` is set."""
        return self._dialer.kernel_lag

    @property
    def streams_open(self) -> int:
        """Requests that are out on a connection now."""
        return len(self._carried)

    @override
    def submit(self, request: PlannedRequest, slot_free_ns: int, done: Done) -> None:
        wire = self._bodies.take(request)
        stream = self._new_stream()
        exchange = HttpExchange(request, slot_free_ns, done, wire, self._clock.now_ns(), stream)
        self._under_way[exchange] = None
        self._attempt(exchange)
        self._patience.watch()

    @override
    def cancel(self) -> None:
        status = Status.TIMEOUT if self._silence else Status.CANCELLED
        for exchange in list(self._under_way):
            self._give_up(exchange, status, self._silence or "cancelled by the client")

    @override
    async def close(self) -> None:
        connecting = list(self._connecting.values())
        self.cancel()
        await asyncio.gather(*connecting, return_exceptions=True)
        connections = list(self._connections)
        for connection in connections:
            connection.abort()
        await asyncio.gather(*(connection.closed for connection in connections))
        self._turns.stop()

    @override
    def backlog(self) -> int:
        """Connections that have been read and wait to be looked at."""
        return len(self._looks)

    def look_later(self, connection: Connection) -> None:
        """See `connection.Owner`."""
        self._looks.add(connection)

    def exchange_ended(self, connection: Connection, exchange: HttpExchange, end_ns: int, failure: str | None) -> None:
        """See `connection.Owner`."""
        del self._carried[exchange]
        self._patience.heard(end_ns)
        if connection.is_open:
            self._idle.append(connection)
        if failure and self._was_closing(connection, exchange):
            exchange.resent += 1
            exchange.try_again(self._new_stream(), f"{failure} as the request was sent")
            self._connect(exchange)
        else:
            self._end(exchange, end_ns, Status.ERROR if failure else Status.OK, failure)

    def _was_closing(self, connection: Connection, exchange: HttpExchange) -> bool:
        """Whether the server closed an idle connection while the request was on its way, so that it was never served.

        A POST may only be repeated where that is known (RFC 9110, section 9.2.2; RFC 9112, section 9.3.1). What is
        known is the time: a close that comes at once was decided before the request can have been read. One that
        comes later may be the end of work on it, and is an error that took as long as it took.
        """
        if exchange.idle_ns is None or exchange.answered or connection.lost_since_ns is None:
            return False
        return connection.lost_since_ns - exchange.idle_ns <= AT_ONCE_NS + self._dialer.round_trip_ns

    def _attempt(self, exchange: HttpExchange) -> None:
        connection = self._idle_connection()
        if connection is None:
            self._connect(exchange)
        else:
            exchange.idle_ns = self._clock.now_ns()
            self._send(connection, exchange)

    def _idle_connection(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                if not connection.has_hung_up():
                    return connection
                connection.abort()
        return None

    async def _dial(self) -> Connection:
        connection = await self._dialer.dial(self)
        self._connections.add(connection)
        connection.closed.add_done_callback(lambda _: self._connections.discard(connection))
        return connection

    def _connect(self, exchange: HttpExchange) -> None:
        exchange.idle_ns = None
        task = self._connecting[exchange] = self._loop.create_task(self._connect_and_send(exchange))
        task.add_done_callback(self._tell_fault)

    def _tell_fault(self, task: asyncio.Task[None]) -> None:
        """Hand over what a task raised: nobody waits for it, and its request would never end."""
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._loop.call_exception_handler({"message": "a connection could not be made", "exception": fault})

    async def _connect_and_send(self, exchange: HttpExchange) -> None:
        begin_ns = self._clock.now_ns()
        try:
            connection = await self._dial()
        except OSError as error:
            del self._connecting[exchange]
            self._end(exchange, self._clock.now_ns(), Status.REFUSED, why_not(error))
            return
        del self._connecting[exchange]
        exchange.connect_ns = self._clock.now_ns() - begin_ns
        self._send(connection, exchange)

    def _send(self, connection: Connection, exchange: HttpExchange) -> None:
        self._carried[exchange] = connection
        self.streams_open_max = max(self.streams_open_max, len(self._carried))
        connection.send(exchange)

    def _server_is_silent(self, why: str) -> None:
        self._silence = why
        self._on_silence(why)

    def _give_up(self, exchange: HttpExchange, status: Status, why: str) -> None:
        """End an exchange that the server has not ended, and the connection with it."""
        if connection := self._carried.get(exchange):
            connection.look()  # it may have ended, and only have waited to be looked at
        if exchange not in self._under_way:
            return
        if connection := self._carried.pop(exchange, None):
            connection.abort()
        if task := self._connecting.pop(exchange, None):
            task.cancel()
        self._end(exchange, self._clock.now_ns(), status, why)

    def _end(self, exchange: HttpExchange, end_ns: int, status: Status, failure: str | None) -> None:
        if exchange.attempts - exchange.resent <= self._endpoint.retries:
            came_to, why = verdict(exchange, status, failure)
            wait_s = retry_delay_s(exchange, came_to)
            if wait_s is not None:
                exchange.try_again(self._new_stream(), why)
                self._clock.call_at(self._clock.now_ns() + int(wait_s * NS_PER_S), lambda: self._again(exchange))
                return
        del self._under_way[exchange]
        exchange.done(make_record(exchange, end_ns, status, failure, self._endpoint, self._count_text))

    def _new_stream(self) -> StreamReading:
        return StreamReading(self._dialect, keep_text=self._count_text is not None)

    def _again(self, exchange: HttpExchange) -> None:
        if exchange in self._under_way:  # not cancelled or timed out while it waited
            self._attempt(exchange)
