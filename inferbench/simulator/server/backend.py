"""What stands behind the HTTP: a whole deployment, or one worker of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from typing_extensions import override

from inferbench.loadgen.port import Done, Target
from inferbench.simulator.server.metrics.histogram import Histogram
from inferbench.simulator.server.protocol.request_body import BootstrapAddress
from inferbench.simulator.server.realtime_clock import FollowingClock
from inferbench.workload.plan import PlannedRequest


class ServingBackend(Protocol):
    """Answers requests, in callbacks of the server's clock."""

    async def open(self) -> None:
        """Begin to listen for other workers, where it has any."""

    def submit(self, request: PlannedRequest, bootstrap: BootstrapAddress | None, done: Done) -> None:
        """Take a request that came now. `done` is called once with its record.

        bootstrap: where the two workers of a request meet; None only where the whole deployment is here.
        """

    def abandon(self, seq: int) -> None:
        """The client of a request is gone."""

    def close(self) -> None:
        """End every request as CANCELLED, and hang up on other workers."""

    def queues(self) -> Mapping[str, int]:
        """Requests in its own queues, under SGLang's names without the prefix."""

    def counters(self) -> Mapping[str, int]:
        """What it counts, under SGLang's names without the prefix."""

    def histograms(self) -> Mapping[str, Histogram]:
        """What it measures, under SGLang's names without the prefix."""


class WholeDeployment(ServingBackend):
    """A target alone behind one endpoint."""

    def __init__(self, target: Target, clock: FollowingClock) -> None:
        self._target, self._clock = target, clock

    @override
    async def open(self) -> None: ...

    @override
    def submit(self, request: PlannedRequest, bootstrap: BootstrapAddress | None, done: Done) -> None:
        self._target.submit(request, self._clock.now_ns(), done)

    @override
    def abandon(self, seq: int) -> None: ...

    @override
    def close(self) -> None:
        self._target.cancel()

    @override
    def queues(self) -> Mapping[str, int]:
        return {}

    @override
    def counters(self) -> Mapping[str, int]:
        return {}

    @override
    def histograms(self) -> Mapping[str, Histogram]:
        return {}
