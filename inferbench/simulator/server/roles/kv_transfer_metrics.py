"""KV transfers as SGLang's metrics have them: how long, how fast, how much."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from typing_extensions import override

from inferbench.simulator.engine.cluster import Cluster
from inferbench.simulator.engine.prefill_worker import KvLinks
from inferbench.simulator.engine.sequence import SimulatedSequence
from inferbench.simulator.parameters.numbers import one
from inferbench.simulator.server.metrics.histogram import Histogram
from inferbench.simulator.server.realtime_clock import FollowingClock
from inferbench.units import MS_PER_S

# SGLang's buckets.
LATENCY_MS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000)
SPEED_GB_S = (0.1, 0.5, 1, 5, 10, 25, 50, 100, 200, 400)
TOTAL_MB = (1, 5, 10, 50, 100, 500, 1000, 5000, 10000)


class WatchedLinks(KvLinks):
    """Links that count what they carry, in real time."""

    def __init__(
        self,
        cluster: Cluster,
        clock: FollowingClock,
        arrived: Callable[[SimulatedSequence], None],
        kv_bytes: float,
        time_scale: float,
    ) -> None:
        super().__init__(clock, cluster.links_per_worker, cluster.transfer, arrived)
        self._seconds, self._kv_bytes, self._time_scale = cluster.transfer.seconds, kv_bytes, time_scale
        self._moving: set[SimulatedSequence] = set()
        self._latency, self._speed, self._total = Histogram(LATENCY_MS), Histogram(SPEED_GB_S), Histogram(TOTAL_MB)

    @property
    def moving(self) -> int:
        """Transfers under way, those included that wait for a link."""
        self._moving = {sequence for sequence in self._moving if sequence.open}
        return len(self._moving)

    @override
    def send(self, sequence: SimulatedSequence) -> None:
        seconds = one(self._seconds(sequence.request.isl)) * self._time_scale
        size = sequence.request.isl * self._kv_bytes
        self._latency.observe(seconds * MS_PER_S)
        self._total.observe(size / 1e6)
        if seconds:
            self._speed.observe(size / 1e9 / seconds)
        self._moving.add(sequence)
        super().send(sequence)

    def histograms(self) -> Mapping[str, Histogram]:
        """By SGLang's names without the prefix."""
        return {
            "kv_transfer_latency_ms": self._latency,
            "kv_transfer_speed_gb_s": self._speed,
            "kv_transfer_total_mb": self._total,
        }
