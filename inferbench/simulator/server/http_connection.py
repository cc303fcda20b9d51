"""HTTP/1.1 as far as the simulator server needs it: whole requests in, JSON or a chunked stream out (RFC 9112).

aiohttp would do this too, at some 65 us of CPU for each request: at 2,048 streams that begin together it sees the
last of them 130 ms after it came, and the server's record, which is to be the truth, is late by as much. Here a
request is stamped when its last byte is read, and answered later.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast

from typing_extensions import override

from inferbench.simulator.server.protocol.replies import Reply, error_reply

HEAD_END = b"\r\n\r\n"
MAX_HEAD = 64 * 1024
MAX_BODY = 64 * 1024 * 1024
LAST_CHUNK = b"0\r\n\r\n"
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request."""

    method: str
    path: str
    body: bytes
    arrival_ns: int
    """When its last byte was read, CLOCK_MONOTONIC."""
    query: str = ""


class ServerConnection(asyncio.Protocol):
    """A client's connection. Requests are answered one at a time, in order; each must be answered before the next."""

    def __init__(self, on_request: Callable[[ServerConnection, HttpRequest], None]) -> None:
        self._on_request = on_request
        self._received = bytearray()
        self._read_ns = 0
        self._busy = False
        self._transport: asyncio.Transport
        self.on_lost: Callable[[], None] | None = None
        """Called where the client goes before its request is answered."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        # uvloop would otherwise hold a token back to the end of the loop's turn, after it had been recorded as sent.
        self._transport.set_write_buffer_limits(0)

    @override
    def data_received(self, data: bytes) -> None:
        self._read_ns = time.monotonic_ns()
        self._received += data
        if not self._busy:
            self._take_request()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._busy and self.on_lost is not None:
            self.on_lost()

    def start_stream(self, opening: bytes) -> None:
        """Send the head of a stream, and its first bytes if there are any yet."""
        self.write(STREAM_HEAD + opening)

    def write(self, data: bytes) -> None:
        """Send bytes of a stream. A client that has gone is no error."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def end_stream(self, closing: bytes) -> None:
        """Send the last bytes of a stream; the connection takes its next request."""
        self.write(closing + LAST_CHUNK)
        self._answered()

    def respond(self, reply: Reply) -> None:
        """Answer in one piece."""
        head = f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}\r\nContent-Type: {reply.content_type}\r\n"
        self.write(f"{head}Content-Length: {len(reply.body)}\r\n\r\n".encode("ascii") + reply.body)
        self._answered()

    def hang_up(self) -> None:
        """Close the connection once what was written has been sent."""
        self._transport.close()

    def abort(self) -> None:
        """Close the connection now, with a reset."""
        self._transport.abort()

    def _answered(self) -> None:
        self._busy, self.on_lost = False, None
        if self._received:
            self._take_request()

    def _take_request(self) -> None:
        """Hand over the next request, if all of it is there."""
        end = self._received.find(HEAD_END)
        if end < 0:
            if len(self._received) > MAX_HEAD:
                self._refuse(431, "the request head is too long")
            return
        first, *lines = self._received[:end].decode("latin-1").split("\r\n")
        method, _, rest = first.partition(" ")
        path, _, version = rest.partition(" ")
        fields = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in fields}
        length = headers.get("content-length", "0")
        if version != "HTTP/1.1":
            self._refuse(505, "only HTTP/1.1 is spoken here")
        elif "transfer-encoding" in headers:
            self._refuse(411, "the request needs a Content-Length")
        elif not (length.isascii() and length.isdigit()):
            self._refuse(400, "the Content-Length is not a number")
        elif int(length) > MAX_BODY:
            self._refuse(413, f"the body is longer than {MAX_BODY} bytes")
        elif len(self._received) >= (after := end + len(HEAD_END) + int(length)):
            body = bytes(self._received[end + len(HEAD_END) : after])
            del self._received[:after]
            self._busy = True
            path, _, query = path.partition("?")
            self._on_request(self, HttpRequest(method, path, body, self._read_ns, query))

    def _refuse(self, status: int, message: str) -> None:
        """Answer what cannot be understood, and hang up: where the next request begins is not known."""
        self._received.clear()
        self.respond(error_reply(status, message))
        self._transport.close()
