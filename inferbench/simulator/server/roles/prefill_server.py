"""A prefill worker alone: it takes a prompt when a decode worker waits for it, and ends it when the cache is there."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from typing_extensions import override

from inferbench.loadgen.port import Done
from inferbench.simulator.engine.cluster import Cluster, prefill_worker
from inferbench.simulator.engine.sequence import SimulatedSequence
from inferbench.simulator.engine.streaming import OnChunk
from inferbench.simulator.server.backend import ServingBackend
from inferbench.simulator.server.metrics.histogram import Histogram
from inferbench.simulator.server.protocol.request_body import BootstrapAddress
from inferbench.simulator.server.realtime_clock import FollowingClock
from inferbench.simulator.server.roles.bootstrap import Lines, MeetingPlace
from inferbench.simulator.server.roles.kv_transfer_metrics import WatchedLinks
from inferbench.workload.plan import PlannedRequest

TIMEOUT_S = 300.0
"""SGLang's default of SGLANG_DISAGGREGATION_BOOTSTRAP_TIMEOUT and _WAITING_TIMEOUT."""


@dataclass(slots=True)
class _Room:
    """Where the two halves of a request meet; either may come first."""

    sequence: SimulatedSequence | None = None
    link: Lines | None = None


class PrefillBackend(ServingBackend):
    """One prefill worker of a deployment. `kv_bytes` is the cache of one token."""

    def __init__(
        self,
        cluster: Cluster,
        clock: FollowingClock,
        on_chunk: OnChunk,
        *,
        listener: socket.socket,
        kv_bytes: float,
        time_scale: float,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._clock, self._on_chunk, self._listener, self._timeout_s = clock, on_chunk, listener, timeout_s
        self._links = WatchedLinks(cluster, clock, self._arrived, kv_bytes, time_scale)
        self._worker = prefill_worker(cluster, clock, self._links)
        self._rooms: dict[int, _Room] = {}
        self._room_of: dict[int, int] = {}
        self._no_bootstrap = self._no_transfer = 0
        self._meeting = MeetingPlace(time_scale, self._wanted, self._left, self._lost)
        self._later = asyncio.get_running_loop().call_later

    @override
    async def open(self) -> None:
        await self._meeting.open(self._listener)

    @override
    def submit(self, request: PlannedRequest, bootstrap: BootstrapAddress | None, done: Done) -> None:
        assert bootstrap is not None
        now = self._clock.now_ns()
        sequence = SimulatedSequence(replace(request, osl=1), now, now, done, passes=0)
        room = self._room(bootstrap.room)
        if room.sequence is not None:
            sequence.fail(f"room {bootstrap.room} is taken", now)
            return
        room.sequence, self._room_of[request.seq] = sequence, bootstrap.room
        if room.link is not None:
            self._worker.enqueue(sequence)

    @override
    def abandon(self, seq: int) -> None:
        """One that has no decode worker yet is forgotten; another is in the worker's hands and runs its course."""
        number = self._room_of.get(seq)
        if number is not None and self._rooms[number].link is None:
            self._drop(number, None)

    @override
    def close(self) -> None:
        self._worker.reset()
        for number in list(self._rooms):
            self._drop(number, None)
        self._meeting.close()

    @override
    def queues(self) -> Mapping[str, int]:
        bootstrapping = sum(room.sequence is not None and room.link is None for room in self._rooms.values())
        return {
            "num_prefill_bootstrap_queue_reqs": bootstrapping,
            "num_prefill_inflight_queue_reqs": self._links.moving,
        }

    @override
    def counters(self) -> Mapping[str, int]:
        return {
            "num_bootstrap_failed_reqs_total": self._no_bootstrap,
            "num_transfer_failed_reqs_total": self._no_transfer,
        }

    @override
    def histograms(self) -> Mapping[str, Histogram]:
        return self._links.histograms()

    def _room(self, number: int) -> _Room:
        """Return a room, made where it is not there yet; one in which somebody waits alone for too long is closed."""
        room = self._rooms.get(number)
        if room is None:
            room = self._rooms[number] = _Room()
            self._later(self._timeout_s, partial(self._waited, number, room))
        return room

    def _waited(self, number: int, room: _Room) -> None:
        if self._rooms.get(number) is room and (room.sequence is None or room.link is None):
            self._no_bootstrap += 1
            self._drop(number, f"room {number}: nobody else came within {self._timeout_s:g} s")

    def _wanted(self, number: int, link: Lines) -> None:
        room = self._room(number)
        room.link = link
        if room.sequence is not None:
            self._clock.advance(time.monotonic_ns())
            self._worker.enqueue(room.sequence)

    def _left(self, number: int) -> None:
        """The decode worker does not want it any more."""
        if number in self._rooms:
            self._drop(number, f"room {number}: the decode worker has left it")

    def _lost(self, link: Lines) -> None:
        for number in [number for number, room in self._rooms.items() if room.link is link]:
            self._no_transfer += 1
            self._drop(number, f"room {number}: the decode worker is gone")

    def _arrived(self, sequence: SimulatedSequence) -> None:
        """The decode worker has the cache."""
        number = self._room_of.pop(sequence.request.seq)
        link = self._rooms.pop(number).link
        assert link is not None
        sequence.first_ns = self._clock.now_ns()
        self._on_chunk(sequence.request.seq, 1)
        link.say(room=number)
        sequence.finish(sequence.first_ns)

    def _drop(self, number: int, error: str | None) -> None:
        """Close a room; whoever waits in it is told. None: because it was cancelled."""
        room, now = self._rooms.pop(number), self._clock.now_ns()
        if room.link is not None:
            room.link.say(room=number, error=error or "cancelled")
        if room.sequence is not None:
            del self._room_of[room.sequence.request.seq]
            if error is None:
                room.sequence.cancel(now, ())
            else:
                room.sequence.fail(error, now)
