"""A decode worker alone: a request joins its batch once the prefill worker says that its KV cache is there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from functools import partial

from typing_extensions import override

from inferbench.loadgen.port import Done
from inferbench.simulator.engine.cluster import Cluster, decode_worker, passes_of
from inferbench.simulator.engine.decode_worker import Admission
from inferbench.simulator.engine.sequence import SimulatedSequence
from inferbench.simulator.engine.streaming import OnChunk
from inferbench.simulator.server.backend import ServingBackend
from inferbench.simulator.server.metrics.histogram import Histogram
from inferbench.simulator.server.protocol.request_body import BootstrapAddress
from inferbench.simulator.server.realtime_clock import FollowingClock
from inferbench.simulator.server.roles.bootstrap import PrefillLink
from inferbench.simulator.server.roles.prefill_server import TIMEOUT_S
from inferbench.workload.plan import PlannedRequest


class DecodeBackend(ServingBackend):
    """One decode worker of a deployment."""

    def __init__(
        self,
        cluster: Cluster,
        clock: FollowingClock,
        on_chunk: OnChunk,
        *,
        time_scale: float,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._cluster, self._clock, self._time_scale, self._timeout_s = cluster, clock, time_scale, timeout_s
        self._worker = decode_worker(cluster, 0, clock, self._ended, on_chunk)
        self._admission = Admission([self._worker])
        self._links: dict[tuple[str, int], PrefillLink] = {}
        self._sequences: dict[int, SimulatedSequence] = {}
        self._waiting: dict[int, BootstrapAddress] = {}
        """Where those are waited for whose KV cache has not come."""
        self._failed = 0
        self._later = asyncio.get_running_loop().call_later

    @override
    async def open(self) -> None: ...

    @override
    def submit(self, request: PlannedRequest, bootstrap: BootstrapAddress | None, done: Done) -> None:
        assert bootstrap is not None
        now = self._clock.now_ns()
        sequence = SimulatedSequence(request, now, now, done, passes_of(self._cluster, request))
        if not self._worker.could_ever_hold(sequence):
            sequence.fail(f"{sequence.kv_tokens} tokens exceed the KV cache of a decode worker", now)
            return
        self._sequences[request.seq], self._waiting[request.seq] = sequence, bootstrap
        self._link(bootstrap).wait_in(bootstrap.room, partial(self._news, request.seq))
        self._later(self._timeout_s, partial(self._waited, request.seq))

    @override
    def abandon(self, seq: int) -> None:
        """One whose KV cache has not come is forgotten; another runs its course."""
        if seq in self._waiting:
            self._leave(seq)
            self._sequences.pop(seq).cancel(self._clock.now_ns(), ())

    @override
    def close(self) -> None:
        now = self._clock.now_ns()
        sequences, self._sequences = self._sequences, {}
        self._waiting.clear()
        self._admission.reset()
        self._worker.reset()
        for sequence in sequences.values():
            sequence.cancel(now, self._worker.pass_times_ns)
        for link in self._links.values():
            link.close()

    @override
    def queues(self) -> Mapping[str, int]:
        """Room for a cache is found when it has come, so that nothing waits before its transfer."""
        return {"num_decode_prealloc_queue_reqs": 0, "num_decode_transfer_queue_reqs": len(self._waiting)}

    @override
    def counters(self) -> Mapping[str, int]:
        return {"num_transfer_failed_reqs_total": self._failed}

    @override
    def histograms(self) -> Mapping[str, Histogram]:
        return {}

    def _link(self, bootstrap: BootstrapAddress) -> PrefillLink:
        address = bootstrap.host, bootstrap.port
        link = self._links.get(address)
        if link is None or link.closed:
            link = self._links[address] = PrefillLink(*address, self._time_scale)
        return link

    def _leave(self, seq: int) -> None:
        bootstrap = self._waiting.pop(seq)
        self._link(bootstrap).leave(bootstrap.room)

    def _waited(self, seq: int) -> None:
        if seq in self._waiting:
            self._leave(seq)
            self._fail(seq, f"no KV cache came within {self._timeout_s:g} s")

    def _news(self, seq: int, error: str | None) -> None:
        if self._waiting.pop(seq, None) is None:
            return
        self._clock.advance(time.monotonic_ns())
        if error is None:
            self._admission.arrived(self._sequences[seq])
        else:
            self._fail(seq, error)

    def _fail(self, seq: int, error: str) -> None:
        self._failed += 1
        self._sequences.pop(seq).fail(error, self._clock.now_ns())

    def _ended(self, sequence: SimulatedSequence, end_ns: int) -> None:
        del self._sequences[sequence.request.seq]
        sequence.finish(end_ns)
