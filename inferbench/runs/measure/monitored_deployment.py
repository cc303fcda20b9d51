"""Which sources of a running deployment are watched while it is measured, and what is made of what they told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inferbench.endpoint.discovery import Sight
from inferbench.endpoint.fingerprint import ProcessRole
from inferbench.loadgen.workers.clock_sync import ClockAnchor
from inferbench.metrics.summary import PointSummary
from inferbench.telemetry.monitor import WatchedGpus, WatchedWorker
from inferbench.telemetry.series import WorkerRole
from inferbench.telemetry.timeline import WatchedPoint

ROLES = {
    ProcessRole.ENGINE: WorkerRole.SERVER,
    ProcessRole.PREFILL: WorkerRole.PREFILL,
    ProcessRole.DECODE: WorkerRole.DECODE,
}


@dataclass(frozen=True)
class WhatToWatch:
    """What is read while a load runs."""

    engines: bool = True
    """The metrics page of every engine that is known."""
    router_urls: tuple[str, ...] = ()
    """Metrics pages of routers, which mostly have them on a port of their own."""
    gpu_urls: tuple[str, ...] = ()
    """Metrics pages of GPU exporters."""
    gpus: tuple[WatchedGpus, ...] = ()
    """Hosts whose GPUs are read with the vendor's tool."""
    every_s: float = 1.0

    def workers(self, seen: Sight) -> list[WatchedWorker]:
        """Every page to be read. Credentials go to those alone whom the user named."""
        known = {endpoint.base_url: endpoint for endpoint in seen.caches}
        engines = [
            WatchedWorker(
                url=part.url,
                role=ROLES[part.role],
                headers=dict(known[part.url].header_lines()) if part.url in known else {},
                verify_tls=known[part.url].verify_tls if part.url in known else True,
            )
            for part in seen.parts
            if self.engines and part.role in ROLES
        ]
        routers = [WatchedWorker(url=url, role=WorkerRole.ROUTER) for url in self.router_urls]
        exporters = [WatchedWorker(url=url, role=WorkerRole.GPUS) for url in self.gpu_urls]
        return [*engines, *routers, *exporters]


def with_energy(summary: PointSummary, directory: Path, anchor: ClockAnchor) -> PointSummary:
    """A summary with the energy that its GPUs told, where any were watched."""
    from inferbench.telemetry.energy import measured_energy
    from inferbench.telemetry.storage import read_telemetry  # pyarrow, after the load has ended

    telemetry = read_telemetry(directory, anchor.monotonic_ns)
    energy = measured_energy(telemetry, summary) if telemetry is not None else None
    return summary if energy is None else summary.model_copy(update={"energy": energy})


def watched(summary: PointSummary, directory: Path, anchor: ClockAnchor) -> WatchedPoint | None:
    """The timeline and the bottleneck of a point; None where nobody watched it."""
    from inferbench.records.reader import read_records
    from inferbench.telemetry.storage import read_telemetry
    from inferbench.telemetry.timeline import watched_point

    telemetry = read_telemetry(directory, anchor.monotonic_ns)
    return None if telemetry is None else watched_point(summary, read_records(directory), telemetry)
