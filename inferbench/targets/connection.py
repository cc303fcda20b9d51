"""One connection: the hot path. A read is stamped and kept; what it says is looked at later, in the owner's time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

from typing_extensions import override

from .exchange import Exchange
from .framing import NotHttpError

BLANK_LINE = b"\r\n\r\n"


class Owner(Protocol):
    """Who decides when a connection is looked at, and gets to know how its exchanges end."""

    def look_later(self, connection: Connection) -> None:
        """Something has come that may end the exchange or shows its framing: call `look` soon, not now."""

    def exchange_ended(self, connection: Connection, exchange: Exchange, end_ns: int, failure: str | None) -> None:
        """The response was complete at `end_ns`, or `failure` says why it will never be."""


class Connection(asyncio.Protocol):
    """A kept-alive connection that carries one exchange at a time."""

    def __init__(self, owner: Owner, now_ns: Callable[[], int]) -> None:
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        """Done when requests can be sent; holds the exception where the connection failed before."""
        self.ready.add_done_callback(_retrieve)
        self.closed: asyncio.Future[None] = loop.create_future()
        self._owner = owner
        self._now_ns = now_ns
        self._exchange: Exchange | None = None
        self._any_read_counts = True  # how the response ends is not known yet, or any byte may end it
        self._lost: tuple[int, str] | None = None
        self._transport: asyncio.Transport

    @property
    def is_open(self) -> bool:
        """Whether the connection can carry another exchange."""
        return not self._transport.is_closing()

    def send(self, exchange: Exchange) -> None:
        """Send a request. The connection must carry no other exchange."""
        self._exchange = exchange
        self._any_read_counts = True
        if self._lost:
            self._owner.look_later(self)
            return
        self._write(exchange.wire)
        if self._transport.get_write_buffer_size() == 0:
            exchange.sent_ns = self._now_ns()

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
            exchange.digest()
        except NotHttpError as error:
            self._end(exchange, exchange.last_read_ns, f"not an HTTP response: {error}")
            return
        if self._lost:
            response.end_of_connection()
        self._any_read_counts = not (response.ends_with_blank_line or response.ends_with_connection)
        if response.complete:
            self._end(exchange, exchange.last_read_ns, None)
        elif self._lost:
            self._end(exchange, *self._lost)

    def _end(self, exchange: Exchange, end_ns: int | None, failure: str | None) -> None:
        self._exchange = None
        head = exchange.response.head
        if failure or head is None or not head.keeps_alive or exchange.response.surplus or exchange.sent_ns is None:
            self._transport.abort()
        self._owner.exchange_ended(self, exchange, self._now_ns() if end_ns is None else end_ns, failure)

    def _write(self, data: bytes) -> None:
        self._transport.write(data)

    def _start(self) -> None:
        self.ready.set_result(None)

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        # With a limit of 0 bytes, a write goes to the kernel at once, and resume_writing tells when all of it has.
        self._transport.set_write_buffer_limits(0)
        self._start()

    @override
    def resume_writing(self) -> None:
        if self._exchange is not None and self._exchange.sent_ns is None:
            self._exchange.sent_ns = self._now_ns()

    @override
    def data_received(self, data: bytes) -> None:
        exchange = self._exchange
        if exchange is None:
            self._transport.abort()  # bytes that nobody asked for
            return
        exchange.reads.append((self._now_ns(), data))
        # A chunked body cannot end but with a blank line, so other reads need no look. Where the blank line is
        # itself split, its last read is shorter than it.
        if self._any_read_counts or len(data) < len(BLANK_LINE) or data.endswith(BLANK_LINE):
            self._owner.look_later(self)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = (self._now_ns(), f"connection lost: {exc}" if exc else "connection closed by the server")
        if not self.ready.done():
            self.ready.set_exception(exc or ConnectionResetError("closed before it could be used"))
        self.closed.set_result(None)
        if self._exchange is not None:
            self._owner.look_later(self)


def _retrieve(ready: asyncio.Future[None]) -> None:
    """Look at the outcome, so that asyncio does not warn where whoever waited for it was cancelled."""
    if not ready.cancelled():
        ready.exception()
