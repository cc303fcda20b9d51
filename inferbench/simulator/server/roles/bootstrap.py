"""Where a prefill and a decode worker meet: lines of JSON over one connection between the two.

The decode worker connects to the prefill worker's bootstrap port, says at what time scale it runs, and then names each
room that it waits in. The prefill worker answers with the room when its KV cache has come, or with why it never will.
SGLang's own protocol has more steps (routes of every rank over HTTP, buffers over ZeroMQ) that lead to the same.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, cast

import orjson
from typing_extensions import override

from inferbench.errors import UsageError

CONNECT_TIMEOUT_S = 10.0
MAX_LINE = 64 * 1024
BACKLOG = 128
OnNews = Callable[[str | None], None]
"""Called once with None when the KV cache is there, or with why it will not come."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket on which decode workers are waited for. Raises UsageError where the address cannot be used."""
    try:
        return socket.create_server((host, port), backlog=BACKLOG)
    except OSError as error:
        raise UsageError(f"cannot listen on {host}:{port} (bootstrap): {error.strerror}") from None


class Lines(asyncio.Protocol):
    """A connection that carries JSON objects, one a line. It is closed where something else comes."""

    def __init__(self, on_message: Callable[[Lines, dict[str, Any]], None], on_lost: Callable[[Lines], None]) -> None:
        self._on_message, self._on_lost = on_message, on_lost
        self._received = bytearray()
        self._transport: asyncio.Transport

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    @override
    def data_received(self, data: bytes) -> None:
        self._received += data
        *whole, rest = bytes(self._received).split(b"\n")
        self._received[:] = rest
        try:
            for text in whole:
                message = orjson.loads(text)
                if not isinstance(message, dict):
                    raise ValueError("not an object")
                self._on_message(self, message)
        except (ValueError, KeyError, TypeError):
            self.close()
        if len(rest) > MAX_LINE:
            self.close()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._on_lost(self)

    def say(self, **fields: object) -> None:
        """Send a message. One who is gone does not hear it."""
        if not self._transport.is_closing():
            self._transport.write(orjson.dumps(fields) + b"\n")

    def close(self) -> None:
        """Hang up."""
        self._transport.close()


class MeetingPlace:
    """The prefill worker's side.

    wanted: called with a room and who waits in it. left: with a room that is no longer wanted. lost: with a decode
    worker that is gone.
    """

    def __init__(
        self,
        time_scale: float,
        wanted: Callable[[int, Lines], None],
        left: Callable[[int], None],
        lost: Callable[[Lines], None],
    ) -> None:
        self._time_scale, self._wanted, self._left, self._lost = time_scale, wanted, left, lost
        self._greeted: set[Lines] = set()
        self._server: asyncio.Server | None = None

    async def open(self, listener: socket.socket) -> None:
        """Wait for decode workers."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Lines(self._take, self._gone), sock=listener)

    def close(self) -> None:
        """Wait no longer, and hang up."""
        if self._server is not None:
            self._server.close()
        for peer in self._greeted:
            peer.close()

    def _take(self, peer: Lines, message: dict[str, Any]) -> None:
        if peer not in self._greeted:
            self._greet(peer, float(message["time_scale"]))
        elif message.get("left"):
            self._left(int(message["room"]))
        else:
            self._wanted(int(message["room"]), peer)

    def _greet(self, peer: Lines, time_scale: float) -> None:
        if time_scale != self._time_scale:
            peer.say(error=f"prefill runs at time scale {self._time_scale:g}, decode at {time_scale:g}")
            peer.close()
        self._greeted.add(peer)

    def _gone(self, peer: Lines) -> None:
        self._greeted.discard(peer)
        self._lost(peer)


class PrefillLink:
    """The decode worker's connection to one prefill worker; it is made once, and opens with the first room."""

    def __init__(self, host: str, port: int, time_scale: float) -> None:
        self.closed = False
        """It broke, and a new one is needed."""
        self._address, self._time_scale = (host, port), time_scale
        self._reason = f"the prefill worker at {host}:{port} (bootstrap) is gone"
        self._rooms: dict[int, OnNews] = {}
        self._lines: Lines | None = None
        self._opening = asyncio.get_running_loop().create_task(self._open())

    def wait_in(self, room: int, on_news: OnNews) -> None:
        """Wait for a room's KV cache."""
        self._rooms[room] = on_news
        if self._lines is not None:
            self._lines.say(room=room)

    def leave(self, room: int) -> None:
        """Wait no longer."""
        if self._rooms.pop(room, None) is not None and self._lines is not None:
            self._lines.say(room=room, left=True)

    def close(self) -> None:
        """Hang up."""
        self._opening.cancel()
        if self._lines is not None:
            self._lines.close()

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                _, lines = await loop.create_connection(lambda: Lines(self._take, self._lost), *self._address)
        except OSError:  # a timeout is one, too
            self._lost(None)
            return
        lines.say(time_scale=self._time_scale)
        for room in self._rooms:
            lines.say(room=room)
        self._lines = lines

    def _take(self, _: Lines, message: dict[str, Any]) -> None:
        error = message.get("error")
        if "room" not in message:
            self._reason = str(error)
        elif on_news := self._rooms.pop(int(message["room"]), None):
            on_news(None if error is None else str(error))

    def _lost(self, _: Lines | None) -> None:
        self.closed = True
        rooms, self._rooms = self._rooms, {}
        for on_news in rooms.values():
            on_news(self._reason)
