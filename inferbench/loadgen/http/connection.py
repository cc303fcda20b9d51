"""One connection: the hot path. A read is stamped and kept; what it says is looked at later, in the owner's time."""

from __future__ import annotations

import asyncio
import select
import time
from collections.abc import Callable, Generator
from typing import Protocol, cast

from inferbench.loadgen.clock import LoopClock
from inferbench.loadgen.health.stamp_bounds import StampBounds
from inferbench.loadgen.http.exchange import EndlessAnswerError, HttpExchange
from inferbench.loadgen.http.http11 import NotHttpError
from inferbench.loadgen.http.sse import EndlessEventError

CR = 13

HANG_UP = getattr(select, "POLLRDHUP", 0)
"""Linux tells of a server that has closed its end though there is something to read; a reset is told everywhere."""

READS_KEPT = 64
"""After so many reads the connection asks to be looked at, so that memory grows with streams, not with their length."""


class Owner(Protocol):
    """Who decides when a connection is looked at, and gets to know how its exchanges end."""

    def look_later(self, connection: Connection) -> None:
        """Something has come that may end the exchange, shows its framing, or is a lot: call `look` soon, not now."""

    def exchange_ended(self, connection: Connection, exchange: HttpExchange, end_ns: int, failure: str | None) -> None:
        """The response was complete at `end_ns`, or `failure` says why it will never be."""


class Connection(asyncio.BaseProtocol):
    """A kept-alive connection that carries one exchange at a time.

    `data_received` is the `send` of a generator: what it needs are locals of a frame that stays, and resuming it
    costs about half of calling a method.
    """

    def __init__(self, owner: Owner, clock: LoopClock, turns: StampBounds) -> None:
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        """Done when requests can be sent; holds the exception where the connection failed before."""
        self.ready.add_done_callback(_retrieve)
        self.closed: asyncio.Future[None] = loop.create_future()
        self._owner = owner
        self._clock = clock
        self._exchange: HttpExchange | None = None
        # How the response ends is not known yet, any byte may end it, or no token has come.
        self._any_read_counts = True
        self._lost: tuple[int, str] | None = None
        self.lost_since_ns: int | None = None
        """From when on it may have been lost, run's clock; None while it is not. It was noticed later."""
        self._hang_ups: select.poll | None = None
        self._transport: asyncio.Transport
        self._times: list[int] = []  # of reads, CLOCK_MONOTONIC
        self._reads: list[bytes] = []
        self._turns = turns
        self._receiver = self._receive(turns)
        next(self._receiver)
        self._take: Callable[[bytes], None] = self._receiver.send
        self.data_received = self._take

    @property
    def is_open(self) -> bool:
        """Whether the connection can carry another exchange."""
        return not self._transport.is_closing()

    def has_hung_up(self) -> bool:
        """Whether the server has closed its end, as the kernel knows it: the loop may not have looked yet."""
        if self._hang_ups is None:
            self._hang_ups = select.poll()
            self._hang_ups.register(self._transport.get_extra_info("socket").fileno(), HANG_UP)
        return bool(self._hang_ups.poll(0))

    @property
    def last_read_ns(self) -> int | None:
        """When the last byte of the exchange came, None where none has."""
        if self._times:
            return self._times[-1] - self._clock.origin_ns
        return self._exchange.last_read_ns if self._exchange else None

    def send(self, exchange: HttpExchange) -> None:
        """Send a request. The connection must carry no other exchange."""
        self._exchange = exchange
        self._any_read_counts = True
        if self._lost:
            self._owner.look_later(self)
            return
        self._write(exchange.wire)
        if self._transport.get_write_buffer_size() == 0:
            exchange.sent_ns = self._clock.now_ns()

    def abort(self) -> None:
        """Close at once. The exchange that it carried is dropped without a word to the owner."""
        self._exchange = None
        self._transport.abort()

    def look(self) -> None:
        """Take apart what has come so far, and tell the owner where that ends the exchange."""
        exchange = self._exchange
        if exchange is None:
            return
        response = exchange.response
        try:
            self._hand_over(exchange)
        except NotHttpError as error:
            self._end(exchange, exchange.last_read_ns, f"not an HTTP response: {error}")
            return
        except (EndlessEventError, EndlessAnswerError) as error:
            self._end(exchange, exchange.last_read_ns, str(error))
            return
        if self._lost:
            response.end_of_connection()
        ends_apart = response.ends_with_blank_line or response.ends_with_connection
        self._any_read_counts = not (ends_apart and exchange.stream.times_ns)
        if response.complete:
            self._end(exchange, exchange.last_read_ns, None)
        elif self._lost:
            self._end(exchange, *self._lost)

    def _hand_over(self, exchange: HttpExchange) -> None:
        if self._reads:
            origin_ns = self._clock.origin_ns
            times, reads = [t - origin_ns for t in self._times], self._reads[:]
            self._drop_reads()
            exchange.digest(times, reads, self._late_by)

    def _late_by(self, stamp_ns: int) -> int:
        """By at most how much a stamp of a read can be late, ns; the stamp is on the run's clock."""
        return self._turns.late_by(stamp_ns)

    def _drop_reads(self) -> None:
        """Empty the lists, and keep them: the receiver holds on to their `append`."""
        self._times.clear()
        self._reads.clear()

    def _end(self, exchange: HttpExchange, end_ns: int | None, failure: str | None) -> None:
        self._exchange = None
        head = exchange.response.head
        if failure or head is None or not head.keeps_alive or exchange.response.surplus or exchange.sent_ns is None:
            self._transport.abort()
        self._owner.exchange_ended(self, exchange, self._clock.now_ns() if end_ns is None else end_ns, failure)

    def _write(self, data: bytes) -> None:
        self._transport.write(data)

    def _start(self) -> None:
        self.ready.set_result(None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast(asyncio.Transport, transport)
        # With a limit of 0 bytes, a write goes to the kernel at once, and resume_writing tells when all of it has.
        self._transport.set_write_buffer_limits(0)
        self._start()

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        if self._exchange is not None and self._exchange.sent_ns is None:
            self._exchange.sent_ns = self._clock.now_ns()

    def _receive(self, turns: StampBounds) -> Generator[None, bytes, None]:
        """Stamp and keep every read. A chunked body cannot end but with a blank line, so other reads need no look.

        Where that blank line is itself split, its last read is shorter than it.
        """
        now_ns, turn, begin = time.monotonic_ns, turns.now, turns.begin
        add_time, add_read = self._times.append, self._reads.append
        while True:
            for _ in range(READS_KEPT):
                data = yield
                stamp = now_ns()
                if stamp > turn[0]:
                    begin(stamp)
                add_time(stamp)
                add_read(data)
                if self._any_read_counts or len(data) < 4 or data[-4] == CR:
                    break
            self._received()

    def _received(self) -> None:
        if self._exchange is None:
            self._drop_reads()
            self._transport.abort()  # bytes that nobody asked for
        else:
            self._owner.look_later(self)

    def eof_received(self) -> None:
        """See asyncio.Protocol: the server sends no more, so the connection closes."""

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        now_ns, late_ns = self._turns.stamp()
        self._lost = (now_ns, f"connection lost: {exc}" if exc else "connection closed by the server")
        self.lost_since_ns = now_ns - late_ns
        if not self.ready.done():
            self.ready.set_exception(exc or ConnectionResetError("closed before it could be used"))
        # The receiver and the connection hold each other, and the collector is off under load.
        self._receiver.close()
        self.closed.set_result(None)
        if self._exchange is not None:
            self._owner.look_later(self)


def _retrieve(ready: asyncio.Future[None]) -> None:
    """Look at the outcome, so that asyncio does not warn where whoever waited for it was cancelled."""
    if not ready.cancelled():
        ready.exception()
