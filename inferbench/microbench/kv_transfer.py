"""The near end of a KV probe: it asks for transfers, times them, and checks that the right bytes arrived."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import numpy as np

from inferbench.errors import UsageError
from inferbench.microbench.backends import KvBackend, Message, ProbeError, backend
from inferbench.microbench.far_end import MAX_BYTES, digest, hear, pattern, say, split
from inferbench.microbench.kv_result import Direction, KvBackendName, KvPoint, KvProbe

if TYPE_CHECKING:
    from inferbench.microbench.far_end import Stream

ANSWER_TIMEOUT_S = 120
"""Longest that the far end may take to open its buffer, or to say what is in it."""
LEAST, MOST = 3, 20_000
"""Transfers of one point in one thread."""
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)


class TransferShape(NamedTuple):
    """What is moved at a point: messages of one size, so many to a transfer, so many transfers at once."""

    size: int
    batch: int
    concurrency: int

    @property
    def total(self) -> int:
        """Bytes of all transfers that are under way at once; each has a region of its own."""
        return self.size * self.batch * self.concurrency


def probe_kv(
    name: KvBackendName,
    far: str,
    *,
    sizes: Sequence[int],
    batches: Sequence[int],
    concurrencies: Sequence[int],
    seconds: float,
    transport: str | None = None,
) -> KvProbe:
    """Measure a backend against the far end at HOST:PORT, for about `seconds` at each point and in each direction.

    Raises UsageError where the backend is not installed on either end or the buffers would be too large, ProbeError
    where the far end cannot be reached, a transfer fails, or other bytes arrive than were sent.
    """
    shapes = [TransferShape(*three) for three in product(sizes, batches, concurrencies)]
    half = max(shape.total for shape in shapes)
    if 2 * half > MAX_BYTES:
        raise UsageError(f"the largest point needs a buffer of {2 * half:,} bytes; the most are {MAX_BYTES:,}")
    with _called(far) as connection, connection.makefile("rwb") as stream:
        near = backend(name, connection.getsockname()[0], np.zeros(2 * half, dtype=np.uint8), transport)
        say(stream, backend=name, bytes=2 * half, transport=transport)
        there = _answer(stream)
        near.connect(bytes.fromhex(there["address"]))
        link = _Link(near, stream, half)
        first_ms = link.first_transfer_ms()
        points = [link.measure(direction, shape, seconds) for shape in shapes for direction in DIRECTIONS]
        link.close()
        return KvProbe(
            backend=name,
            version=near.version,
            transport=near.transport,
            host=socket.gethostname(),
            peer=there["host"],
            loopback=connection.getsockname()[0] == connection.getpeername()[0],
            measured_unix=time.time(),
            first_transfer_ms=first_ms,
            checked_bytes=link.checked,
            points=tuple(points),
        )


def _called(far: str) -> socket.socket:
    try:
        return socket.create_connection(split(far), timeout=ANSWER_TIMEOUT_S)
    except OSError as error:
        raise ProbeError(f"no far end of a probe at {far}: {error.strerror or error}") from None


def _answer(stream: Stream) -> dict[str, Any]:
    try:
        answer = hear(stream)
    except (OSError, ValueError) as error:
        raise ProbeError(f"the far end does not answer as one: {error}") from None
    if not answer:
        raise ProbeError("the far end has gone")
    if "error" in answer:
        raise UsageError(f"the far end: {answer['error']}")
    return answer


class _Link:
    """Both ends, ready. The first half of each buffer is for reads, the second for writes."""

    def __init__(self, near: KvBackend, stream: Stream, half: int) -> None:
        self.checked = 0
        self._near, self._stream, self._half = near, stream, half
        self._buffer = near.buffer
        self._pattern = pattern(half)
        self._buffer[half:] = self._pattern

    def first_transfer_ms(self) -> float:
        """Move one byte: what that takes is the opening of the connection."""
        began = time.perf_counter()
        self._near.transfer("read", [Message(0, 0, 1)])
        return (time.perf_counter() - began) * 1e3

    def measure(self, direction: Direction, shape: TransferShape, seconds: float) -> KvPoint:
        """Check, then measure one point in one direction."""
        transfers = [self._messages(direction, shape, number) for number in range(shape.concurrency)]
        self._check(direction, shape, transfers)
        with ThreadPoolExecutor(shape.concurrency) as pool:
            began = time.perf_counter_ns()
            ends = began + int(seconds * 1e9)
            threads = [pool.submit(self._repeat, direction, messages, ends) for messages in transfers]
            took_ns = np.concatenate([thread.result() for thread in threads])
            wall_ns = time.perf_counter_ns() - began
        return KvPoint(
            direction=direction,
            message_bytes=shape.size,
            batch=shape.batch,
            concurrency=shape.concurrency,
            transfers=len(took_ns),
            latency_p50_us=float(np.quantile(took_ns, 0.5)) / 1e3,
            latency_p99_us=float(np.quantile(took_ns, 0.99)) / 1e3,
            gb_per_s=len(took_ns) * shape.size * shape.batch / wall_ns,
        )

    def close(self) -> None:
        """Let go of the near buffer; the far end lets go of its own when the near one has gone."""
        self._near.close()

    def _messages(self, direction: Direction, shape: TransferShape, number: int) -> list[Message]:
        start = (self._half if direction == "write" else 0) + number * shape.size * shape.batch
        places = range(start, start + shape.size * shape.batch, shape.size)
        return [Message(place, place, shape.size) for place in places]

    def _repeat(self, direction: Direction, messages: Sequence[Message], ends_ns: int) -> list[int]:
        took: list[int] = []
        now = time.perf_counter_ns()
        while len(took) < LEAST or (now < ends_ns and len(took) < MOST):
            began = now
            self._near.transfer(direction, messages)
            now = time.perf_counter_ns()
            took.append(now - began)
        return took

    def _check(self, direction: Direction, shape: TransferShape, transfers: Sequence[Sequence[Message]]) -> None:
        """Clear the destination, move everything once, and compare all of it with what was to arrive."""
        start, total = (self._half if direction == "write" else 0), shape.total
        here = self._buffer[start : start + total]
        if direction == "read":
            here[:] = 0
        else:
            self._far("clear", start, total)
        for messages in transfers:
            self._near.transfer(direction, messages)
        arrived = digest(here) if direction == "read" else self._far("look", start, total)
        if arrived != digest(self._pattern[:total]):
            raise ProbeError(
                f"other bytes arrived than were sent: a {direction} of {shape.batch} x {shape.size:,} bytes"
            )
        self.checked += total

    def _far(self, do: str, start: int, total: int) -> str:
        say(self._stream, **{"do": do, "from": start, "to": start + total})
        return str(_answer(self._stream)["digest"])
