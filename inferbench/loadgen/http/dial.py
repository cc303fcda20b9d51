"""Opening connections: the name is looked up once, and every way it can fail becomes one sentence."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
import time
from typing import cast

from inferbench.loadgen.clock import LoopClock
from inferbench.loadgen.health.kernel_stamps import KernelConnection, KernelLag, WallClock
from inferbench.loadgen.health.stamp_bounds import StampBounds
from inferbench.loadgen.http.connection import Connection, Owner
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.loadgen.http.tls import TlsConnection
from inferbench.units import NS_PER_S

CONNECT_TIMEOUT_S = 30
"""Longest that one connection may take to open, TLS handshake included, s."""

LONGEST_ROUND_TRIP_NS = NS_PER_S // 2
"""What takes longer to open has waited for a name or a queue."""


class Dialer:
    """Opens connections to one endpoint."""

    def __init__(
        self, endpoint: Endpoint, clock: LoopClock, turns: StampBounds, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._turns = turns
        self._loop = loop
        self._tls = endpoint.tls_context()
        self._wall = WallClock()
        self.kernel_lag = KernelLag()
        """By how much user-space stamps were late, where the kernel's are asked for."""
        self.round_trip_ns = LONGEST_ROUND_TRIP_NS
        """Shortest time that a connection took to open; the way there and back is no longer."""
        self._peer: tuple[str, int] | None = None  # the address that last took a connection

    async def dial(self, owner: Owner) -> Connection:
        """Open one connection, TLS included. Raises OSError; of its kind are also a timeout, DNS and TLS errors."""
        host, port = self._peer or (self._endpoint.host, self._endpoint.port)
        began_ns = time.monotonic_ns()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                transport, connection = await self._loop.create_connection(lambda: self._new(owner), host, port)
                self.round_trip_ns = min(self.round_trip_ns, time.monotonic_ns() - began_ns)
                await _usable(transport, connection)
            self._peer = _peer(transport)
        except OSError:
            self._peer = None
            raise
        return connection

    def _new(self, owner: Owner) -> Connection:
        if self._endpoint.kernel_timestamps:
            return KernelConnection(owner, self._clock, self._turns, self._wall, self.kernel_lag)
        if self._tls is None:
            return Connection(owner, self._clock, self._turns)
        return TlsConnection(owner, self._clock, self._turns, self._tls, self._endpoint.host)


async def _usable(transport: asyncio.BaseTransport, connection: Connection) -> None:
    """Wait for the connection to be ready, and leave no socket behind where it never is."""
    try:
        await connection.ready
    except BaseException:
        cast(asyncio.Transport, transport).abort()
        raise


def _peer(transport: asyncio.BaseTransport) -> tuple[str, int]:
    """The address at the other end. Raises ConnectionResetError where that is gone before the loop has looked at it."""
    name = transport.get_extra_info("peername")
    if name is None:
        cast(asyncio.Transport, transport).abort()
        raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
    host, port = name[:2]
    return host, port


def why_not(error: OSError) -> str:
    """Say why a connection could not be had."""
    if isinstance(error, socket.gaierror):
        return f"host name not found: {error.strerror}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {error.verify_message}"
    if isinstance(error, TimeoutError) and not error.errno:
        return f"no connection within {CONNECT_TIMEOUT_S} s"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or error}"
    return os.strerror(error.errno) if error.errno else str(error)
