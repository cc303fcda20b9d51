"""Streams that stall or break off, between whatever makes the tokens and the server that sends them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from typing_extensions import override

from inferbench.loadgen.port import Done
from inferbench.records.request_record import RequestRecord, Status
from inferbench.simulator.engine.streaming import OnChunk
from inferbench.simulator.server.backend import ServingBackend
from inferbench.simulator.server.faults.fault_rules import Cut, Faults, Stall
from inferbench.simulator.server.metrics.histogram import Histogram
from inferbench.simulator.server.protocol.request_body import BootstrapAddress
from inferbench.simulator.server.realtime_clock import FollowingClock
from inferbench.units import NS_PER_S
from inferbench.workload.plan import PlannedRequest


@dataclass(slots=True)
class _Faulty:
    """One request with a fault to come."""

    done: Done
    cut: Cut | None
    stall: Stall | None
    sent: int = 0
    held: int | None = None
    """Tokens that wait for a stall to end; None where none is under way."""
    record: RequestRecord | None = None
    """How it ended meanwhile."""
    broken: bool = False


class FaultyBackend(ServingBackend):
    """A backend whose streams go wrong as `faults` says. `cut` hangs up on the client of a request."""

    def __init__(
        self,
        make_backend: Callable[[FollowingClock, OnChunk], ServingBackend],
        faults: Faults,
        clock: FollowingClock,
        on_chunk: OnChunk,
        cut: Callable[[int], None],
    ) -> None:
        self._faults, self._clock, self._send, self._cut = faults, clock, on_chunk, cut
        self._faulty: dict[int, _Faulty] = {}
        self._inner = make_backend(clock, self._on_chunk)

    @override
    async def open(self) -> None:
        await self._inner.open()

    @override
    def submit(self, request: PlannedRequest, bootstrap: BootstrapAddress | None, done: Done) -> None:
        cut, stall, number = self._faults.cut, self._faults.stall, request.seq + 1
        cut = cut if cut is not None and number % cut.every == 0 else None
        stall = stall if stall is not None and number % stall.every == 0 else None
        if cut or stall:
            self._faulty[request.seq] = _Faulty(done, cut, stall)
            done = self._on_end
        self._inner.submit(request, bootstrap, done)

    @override
    def abandon(self, seq: int) -> None:
        self._inner.abandon(seq)

    @override
    def close(self) -> None:
        """What is held back goes out first, so that every request has its end."""
        for seq in list(self._faulty):
            self._release(seq)
        self._inner.close()

    @override
    def queues(self) -> Mapping[str, int]:
        return self._inner.queues()

    @override
    def counters(self) -> Mapping[str, int]:
        return self._inner.counters()

    @override
    def histograms(self) -> Mapping[str, Histogram]:
        return self._inner.histograms()

    def _on_chunk(self, seq: int, tokens: int) -> None:
        faulty = self._faulty.get(seq)
        if faulty is None:
            self._send(seq, tokens)
        elif faulty.held is not None:
            faulty.held += tokens
        elif faulty.stall is not None and faulty.sent >= faulty.stall.tokens:
            faulty.held = tokens
            end_ns = self._clock.now_ns() + round(faulty.stall.seconds * NS_PER_S)
            faulty.stall = None
            self._clock.call_at(end_ns, partial(self._release, seq))
        else:
            self._pass_on(seq, faulty, tokens)

    def _pass_on(self, seq: int, faulty: _Faulty, tokens: int) -> None:
        if faulty.broken:
            return
        self._send(seq, tokens)
        faulty.sent += tokens
        if faulty.cut is not None and faulty.sent >= faulty.cut.tokens:
            faulty.broken = True
            self._cut(seq)

    def _release(self, seq: int) -> None:
        """A stall is over: what has gathered goes out at once, and the end, if it has come."""
        faulty = self._faulty.get(seq)
        if faulty is None or faulty.held is None:
            return
        tokens, faulty.held = faulty.held, None
        self._pass_on(seq, faulty, tokens)
        if faulty.record is not None:
            self._end(faulty, faulty.record)

    def _on_end(self, record: RequestRecord) -> None:
        faulty = self._faulty[record.seq]
        if faulty.held is None:
            self._end(faulty, record)
        else:
            faulty.record = record

    def _end(self, faulty: _Faulty, record: RequestRecord) -> None:
        del self._faulty[record.seq]
        faulty.done(replace(record, status=Status.CANCELLED) if faulty.broken else record)
