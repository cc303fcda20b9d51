"""Kernel receive times: a connection whose stamps are those of the kernel, to show how far user-space ones are off.

The socket is read with `recvmsg` and SO_TIMESTAMPNS. The kernel gives one time for each read, that of the last
segment that the read returns: of several events in one read, only the last has a true stamp, and the others have
that one too. Plain sockets only.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import time

from typing_extensions import override

from inferbench.loadgen.clock import LoopClock
from inferbench.loadgen.health.stamp_bounds import StampBounds
from inferbench.loadgen.http.connection import Connection, Owner
from inferbench.loadgen.http.exchange import HttpExchange
from inferbench.units import NS_PER_S

SO_TIMESTAMPNS = 35
"""Of Linux on all but a few architectures (include/uapi/asm-generic/socket.h); the socket module has no name for it."""
TIMESPEC = struct.Struct("@ll")
READ_SIZE = 256 * 1024
PAIR_EVERY_NS = NS_PER_S
PAIRS_TRIED = 5


class WallClock:
    """CLOCK_REALTIME, in which the kernel stamps, mapped to CLOCK_MONOTONIC by a bracketed pair a second."""

    def __init__(self) -> None:
        self.residual_ns = 0
        """Longest bracket that a pair was taken in: by at most so much is the mapping off."""
        self._offset_ns = 0
        self._again_ns = 0

    def to_monotonic(self, real_ns: int, now_ns: int) -> int:
        """Map a time; `now_ns` is CLOCK_MONOTONIC."""
        if now_ns >= self._again_ns:
            self._again_ns = now_ns + PAIR_EVERY_NS
            width_ns, self._offset_ns = min(_pair() for _ in range(PAIRS_TRIED))
            self.residual_ns = max(self.residual_ns, width_ns)
        return real_ns - self._offset_ns


def _pair() -> tuple[int, int]:
    """Return the width of a bracket, and CLOCK_REALTIME - CLOCK_MONOTONIC in its middle."""
    before = time.monotonic_ns()
    real = time.time_ns()
    after = time.monotonic_ns()
    return after - before, real - (before + after) // 2


class KernelLag:
    """How much later user-space stamps were than the kernel's."""

    def __init__(self) -> None:
        self.reads = 0
        self.max_ns = 0
        self._by_size = [0] * 64

    def add(self, lag_ns: int) -> None:
        """Count one read."""
        self.reads += 1
        self.max_ns = max(self.max_ns, lag_ns)
        self._by_size[max(lag_ns, 0).bit_length()] += 1

    def at_most_ns(self, share: float) -> int:
        """Return a bound that at least `share` of the reads keep; it is a power of two, so up to twice too large."""
        seen = 0
        for bits, count in enumerate(self._by_size):
            seen += count
            if seen >= share * self.reads:
                return min(1 << bits, self.max_ns)
        return self.max_ns


class KernelConnection(Connection):
    """A connection that reads for itself. Its transport still writes and closes, on another descriptor."""

    def __init__(self, owner: Owner, clock: LoopClock, turns: StampBounds, wall: WallClock, lag: KernelLag) -> None:
        super().__init__(owner, clock, turns)
        self._wall = wall
        self._lag = lag
        self._loop = asyncio.get_running_loop()
        self._socket: socket.socket | None = None
        self._watching = False

    @override
    def _start(self) -> None:
        # Long before the first answer: the kernel begins to stamp some time after the first socket has asked for it.
        # The loop lets nobody else watch the transport's descriptor, so this is another one.
        self._socket = socket.socket(fileno=os.dup(self._transport.get_extra_info("socket").fileno()))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        super()._start()

    @override
    def send(self, exchange: HttpExchange) -> None:
        if self._socket is not None and not self._watching:
            # Servers say nothing before they are asked, so nothing is lost.
            self._transport.pause_reading()
            self._loop.add_reader(self._socket, self._readable, self._socket)
            self._watching = True
        super().send(exchange)

    def _readable(self, sock: socket.socket) -> None:
        try:
            data, ancillary, _, _ = sock.recvmsg(READ_SIZE, socket.CMSG_SPACE(TIMESPEC.size))
        except BlockingIOError:
            return
        except OSError:
            data, ancillary = b"", []
        now_ns = time.monotonic_ns()
        if not data:
            self._stop_watching()
            self._transport.close()
            return
        stamp_ns = now_ns
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                seconds, nanoseconds = TIMESPEC.unpack(content)
                stamp_ns = min(self._wall.to_monotonic(seconds * NS_PER_S + nanoseconds, now_ns), now_ns)
                self._lag.add(now_ns - stamp_ns)
        self._keep(stamp_ns, data)

    def _keep(self, stamp_ns: int, data: bytes) -> None:
        if self._times:
            stamp_ns = max(stamp_ns, self._times[-1])  # CLOCK_REALTIME may have been set back
        self._times.append(stamp_ns)
        self._reads.append(data)
        self._received()

    @override
    def _late_by(self, stamp_ns: int) -> int:
        return self._wall.residual_ns

    def _stop_watching(self) -> None:
        if self._socket is not None:
            if self._watching:
                self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_watching()
        super().connection_lost(exc)
