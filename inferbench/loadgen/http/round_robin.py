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
from inferbench.workload.plan import Plan, PlannedRequest


class SpreadTarget(Target):
    """Sends row i of a plan to endpoint i modulo their number, each on connections of its own.

    `on_silence` as in `HttpTarget`: one silent server of several is enough.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        plan: Plan,
        make_prompt: MakePrompt,
        clock: LoopClock,
        loop: asyncio.AbstractEventLoop,
        on_silence: Callable[[str], None] | None = None,
    ) -> None:
        if not endpoints:
            raise UsageError("no endpoint is given to send requests to")
        self.streams_open_max = 0
        """Most requests that were out on a connection at once, over all endpoints."""
        self._plan = plan
        count = len(endpoints)
        self._targets = [
            HttpTarget(endpoint, plan, make_prompt, clock, loop, range(first, len(plan), count), on_silence)
            for first, endpoint in enumerate(endpoints)
        ]

    @override
    async def open(self, connections: int) -> None:
        """Open connections to all endpoints. Raises EndpointError where one of them cannot be reached."""
        count = len(self._targets)
        shares = [(connections + count - 1 - i) // count for i in range(count)]
        await asyncio.gather(*(t.open(share) for t, share in zip(self._targets, shares, strict=True) if share))

    @override
    def submit(self, request: PlannedRequest, slot_free_ns: int, done: Done) -> None:
        self._targets[self._plan.row_of(request.seq) % len(self._targets)].submit(request, slot_free_ns, done)
        self.streams_open_max = max(self.streams_open_max, sum(target.streams_open for target in self._targets))

    @override
    def cancel(self) -> None:
        for target in self._targets:
            target.cancel()

    @override
    def backlog(self) -> int:
        return sum(target.backlog() for target in self._targets)

    @override
    async def close(self) -> None:
        await asyncio.gather(*(target.close() for target in self._targets))
