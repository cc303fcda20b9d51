"""Several servers behind one target: requests go to them in turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from typing_extensions import override

from inferbench.errors import UsageError
from inferbench.loadgen.clock import LoopClock
from inferbench.loadgen.dialects.request_bodies import MakePrompt
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.loadgen.http.target import HttpTarget
from inferbench.loadgen.port import Done, Target
from inferbench.records.columns import Ints
from inferbench.workload.plan import Plan, PlannedRequest


class SpreadTarget(Target):
    """Sends row i of a plan to endpoint i modulo their number, each on connections of its own."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        plan: Plan,
        make_prompt: MakePrompt,
        clock: LoopClock,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        if not endpoints:
            raise UsageError("no endpoint is given to send requests to")
        self.streams_open_max = 0
        """Most requests that were out on a connection at once, over all endpoints."""
        self._plan = plan
        count = len(endpoints)
        self._targets = [
            HttpTarget(endpoint, plan, make_prompt, clock, loop, range(first, len(plan), count))
            for first, endpoint in enumerate(endpoints)
        ]

    async def open(self, connections: int) -> None:
        """Open connections to all endpoints before the load starts. Raises EndpointError where one cannot be had."""
        count = len(self._targets)
        shares = [(connections + count - 1 - i) // count for i in range(count)]
        await asyncio.gather(*(t.open(share) for t, share in zip(self._targets, shares, strict=True) if share))

    def when_silent(self, action: Callable[[str], None]) -> None:
        """See `HttpTarget.when_silent`: one silent server of several is enough."""
        for target in self._targets:
            target.when_silent(action)

    @override
    def submit(self, request: PlannedRequest, slot_free_ns: int, done: Done) -> None:
        self._targets[self._plan.row_of(request.seq) % len(self._targets)].submit(request, slot_free_ns, done)
        self.streams_open_max = max(self.streams_open_max, sum(target.streams_open for target in self._targets))

    @override
    def cancel_all(self) -> None:
        for target in self._targets:
            target.cancel_all()

    @override
    def pass_times_ns(self) -> Sequence[Ints]:
        return ()

    def backlog(self) -> int:
        """Connections that have been read and wait to be looked at."""
        return sum(target.backlog() for target in self._targets)

    async def close(self) -> None:
        """Cancel what is in flight and close all connections."""
        await asyncio.gather(*(target.close() for target in self._targets))
