"""When connections are looked at: between the turns of the loop, and never for long."""

from __future__ import annotations

import asyncio

from inferbench.loadgen.http.connection import Connection
from inferbench.loadgen.port import Clock
from inferbench.units import NS_PER_MS

LOOK_NS = NS_PER_MS
"""Time that one turn of the loop may spend on what has come, so that what comes meanwhile is stamped in time."""


class Looks:
    """Connections that wait to be looked at, longest waiting first."""

    def __init__(self, clock: Clock, loop: asyncio.AbstractEventLoop) -> None:
        self._clock = clock
        self._loop = loop
        self._waiting: dict[Connection, None] = {}
        self._scheduled = False

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, connection: Connection) -> None:
        """Look at a connection soon."""
        self._waiting[connection] = None
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._look)

    def _look(self) -> None:
        """Look for a while. What is left is for the next turn, when the sockets have had theirs."""
        enough_ns = self._clock.now_ns() + LOOK_NS
        while self._waiting and self._clock.now_ns() < enough_ns:
            connection = next(iter(self._waiting))
            del self._waiting[connection]
            connection.look()
        self._scheduled = bool(self._waiting)
        if self._scheduled:
            self._loop.call_soon(self._look)
