"""The dispatcher: decides when each planned request leaves. There is one, for every target and both clocks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from ..domain.errors import UsageError
from ..domain.plan import Plan
from ..domain.record import RequestRecord, Status
from .port import Clock, Sink, Target


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop early."""

    max_error_rate: float = 1.0
    """Stop when more than this share of the requests that ended did not end OK; 1: never."""
    min_ended: int = 50
    """Requests that must have ended before the error rate counts."""


@dataclass(slots=True)
class Progress:
    """How far a run is. Changed in place while it goes on."""

    planned: int
    sent: int = 0
    ended: int = 0
    in_flight: int = 0
    tokens: int = 0
    """Generated tokens of requests that ended OK."""
    by_status: dict[Status, int] = field(default_factory=lambda: dict.fromkeys(Status, 0))

    @property
    def failed(self) -> int:
        """Requests that ended in any way but OK."""
        return self.ended - self.by_status[Status.OK]


class Dispatcher:
    """Sends a plan to a target: a request leaves when it is due and a slot is free, in plan order.

    In a closed loop every request is due at once and the slots alone decide; in an open loop each is due at its
    planned time, and waits for a slot only where the plan sets a limit. Due times are absolute, so that lateness
    never adds up.
    """

    def __init__(
        self,
        plan: Plan,
        target: Target,
        clock: Clock,
        sink: Sink,
        *,
        limits: Limits | None = None,
        on_finished: Callable[[], None] | None = None,
    ) -> None:
        if plan.max_concurrency is None and plan.planned_ns is None:
            raise UsageError("a closed loop needs a concurrency limit")
        self._plan, self._target, self._clock, self._sink = plan, target, clock, sink
        self._limits = limits or Limits()
        self._slots = plan.max_concurrency or math.inf
        self._on_finished = on_finished
        self._due = 0
        self._pumping = False
        self.stop_reason: str | None = None
        self.progress = Progress(planned=len(plan))

    @property
    def finished(self) -> bool:
        """Whether nothing is in flight and nothing more will be sent."""
        progress = self.progress
        return progress.in_flight == 0 and (self.stop_reason is not None or progress.sent == progress.planned)

    def start(self) -> None:
        """Begin to send."""
        if self._plan.planned_ns is None:
            self._due = len(self._plan)
            self._pump()
        else:
            self._wait_for_due()
        self._report_if_finished()

    def stop(self, reason: str) -> None:
        """Send nothing more and cancel what is in flight; `reason` says why in one line."""
        if self.stop_reason is None:
            self.stop_reason = reason
            self._target.cancel_all()
            self._report_if_finished()

    def _wait_for_due(self) -> None:
        """Count the requests that are due by now, then sleep until the next one."""
        planned = self._plan.planned_ns
        assert planned is not None
        now = self._clock.now_ns()
        while self._due < len(planned) and planned[self._due] <= now:
            self._due += 1
        if self._due < len(planned) and self.stop_reason is None:
            self._clock.call_at(int(planned[self._due]), self._wait_for_due)
        self._pump()

    def _pump(self) -> None:
        """Send every request that is due, as far as slots are free."""
        if self._pumping:  # a target that ends a request inside submit() would otherwise recurse
            return
        self._pumping = True
        progress, plan = self.progress, self._plan
        while progress.sent < self._due and progress.in_flight < self._slots and self.stop_reason is None:
            request = plan.request(progress.sent)
            progress.sent += 1
            progress.in_flight += 1
            now = self._clock.now_ns()
            self._sink.started(request.seq, now)
            self._target.submit(request, now, self._ended)
        self._pumping = False

    def _ended(self, record: RequestRecord) -> None:
        progress = self.progress
        progress.in_flight -= 1
        progress.ended += 1
        progress.by_status[record.status] += 1
        if record.status is Status.OK:
            progress.tokens += record.osl
        self._sink.ended(record)
        if record.status is not Status.OK:
            self._check_error_rate()
        self._pump()
        self._report_if_finished()

    def _check_error_rate(self) -> None:
        progress, limits = self.progress, self._limits
        if self.stop_reason is None and progress.ended >= limits.min_ended:
            rate = progress.failed / progress.ended
            if rate > limits.max_error_rate:
                limit = f"{limits.max_error_rate:.0%}"
                self.stop(f"{progress.failed} of {progress.ended} requests failed, over the limit of {limit}")

    def _report_if_finished(self) -> None:
        if self.finished and self._on_finished is not None:
            report, self._on_finished = self._on_finished, None
            report()
