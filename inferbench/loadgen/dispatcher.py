"""The dispatcher: decides when each planned request leaves. There is one, for every target and both clocks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

from inferbench.arrays import Ints
from inferbench.errors import UsageError
from inferbench.loadgen.port import Clock, Sink, Target
from inferbench.loadgen.progress import Progress, RunLimits, StopKind
from inferbench.records.request_record import RequestRecord, Status
from inferbench.units import NS_PER_S
from inferbench.workload.plan import Plan

__all__ = ["Dispatcher", "Progress", "RunLimits", "StopKind"]


class Dispatcher:
    """Sends a plan to a target: a request leaves when it is due and a slot is free, in plan order.

    In a closed loop every request is due at once and the slots alone decide; in an open loop each is due at its
    planned time, and waits for a slot only where the plan sets a limit. Due times are absolute, so that lateness
    never adds up.

    A session takes a slot with its first turn and keeps it, thinking included, until its last turn has ended: with
    sessions, a concurrency of C means C conversations under way, of which those that think are not in flight.
    """

    def __init__(
        self,
        plan: Plan,
        target: Target,
        clock: Clock,
        sink: Sink,
        *,
        limits: RunLimits | None = None,
        on_finished: Callable[[], None] | None = None,
    ) -> None:
        if plan.max_concurrency is None and plan.planned_ns is None:
            raise UsageError("a closed loop needs a concurrency limit")
        self._plan, self._target, self._clock, self._sink = plan, target, clock, sink
        self._limits = limits or RunLimits()
        self._on_finished = on_finished
        self._first_turns = plan.first_turns.tolist()
        self._next_turn = None if plan.session is None else plan.next_turn.tolist()
        due_ns = None if plan.planned_ns is None else plan.planned_ns[plan.first_turns]
        self._due = _Passed(due_ns, len(self._first_turns), clock, self._pump)
        self._slots = _Passed(plan.slot_open_ns, plan.max_concurrency or sys.maxsize, clock, self._pump)
        self._begun = 0
        """First turns sent. A request that stands alone counts as a session of one turn."""
        self._held = 0
        """Slots that sessions hold."""
        self._row_of: dict[int, int] = {}
        """Rows in flight, by request number."""
        self._pumping = False
        self.stop_reason: str | None = None
        self.stop_kind: StopKind | None = None
        self.progress = Progress(planned=len(plan))

    @property
    def finished(self) -> bool:
        """Whether nothing is in flight and nothing more will be sent."""
        progress = self.progress
        return progress.in_flight == 0 and (self.stop_reason is not None or progress.sent == progress.planned)

    def start(self) -> None:
        """Begin to send."""
        if self._limits.duration_s is not None:
            self._clock.call_at(int(self._limits.duration_s * NS_PER_S), self._time_is_up)
        self._slots.watch()
        self._due.watch()
        self._report_if_finished()

    def stop(self, reason: str, kind: StopKind = StopKind.ASKED) -> None:
        """Send nothing more and cancel what is in flight; `reason` says why in one line."""
        if not self.finished and self.stop_kind in (None, StopKind.DURATION):
            self.stop_reason, self.stop_kind = reason, kind
            self._target.cancel()
            self._report_if_finished()

    def _time_is_up(self) -> None:
        """Send nothing more, and give what is in flight its time of grace."""
        limits = self._limits
        if self.finished or self.stop_reason is not None or limits.duration_s is None:
            return
        self.stop_reason, self.stop_kind = f"{limits.duration_s:g} s were over", StopKind.DURATION
        if self.finished:
            self._report_if_finished()
        else:
            self._clock.call_at(int((limits.duration_s + limits.grace_s) * NS_PER_S), self._grace_is_over)

    def _grace_is_over(self) -> None:
        if not self.finished:
            self._target.cancel()

    def _pump(self) -> None:
        """Send every first turn that is due, as far as slots are free."""
        if self._pumping:  # a target that ends a request inside submit() would otherwise recurse
            return
        self._pumping = True
        due, slots = self._due, self._slots
        while self._begun < due.count and self._held < slots.count and self.stop_reason is None:
            row = self._first_turns[self._begun]
            self._begun += 1
            self._held += 1
            self._send(row, None)
        self._pumping = False

    def _send(self, row: int, due_ns: int | None) -> None:
        """Send a first turn, or a later one that was due at `due_ns`."""
        progress, is_open = self.progress, self._plan.planned_ns is not None
        request = self._plan.request(row, due_ns if is_open else None)
        progress.sent += 1
        progress.in_flight += 1
        self._row_of[request.seq] = row
        free_ns = self._clock.now_ns() if due_ns is None else due_ns
        self._sink.started(request.seq, free_ns)
        self._target.submit(request, free_ns, self._ended)

    def _ended(self, record: RequestRecord) -> None:
        progress = self.progress
        row = self._row_of.pop(record.seq, None)
        if row is None:
            progress.strays += 1
            return
        progress.in_flight -= 1
        progress.ended += 1
        progress.by_status[record.status] += 1
        if record.status is Status.OK:
            progress.tokens += record.osl
        self._sink.ended(record)
        if record.status is not Status.OK:
            self._check_error_rate()
        self._go_on(row, record.end_ns)
        self._report_if_finished()

    def _go_on(self, row: int, end_ns: int) -> None:
        """Plan the next turn of the session, or pass its slot on after the last."""
        following = -1 if self._next_turn is None else self._next_turn[row]
        if following < 0:
            self._held -= 1
            self._pump()
        else:
            think_ns = 0 if self._plan.think_ns is None else int(self._plan.think_ns[following])
            due_ns = end_ns + think_ns
            if self._plan.planned_ns is not None:
                due_ns = max(due_ns, int(self._plan.planned_ns[following]))
            self._clock.call_at(due_ns, partial(self._send_later_turn, following, due_ns))

    def _send_later_turn(self, row: int, due_ns: int) -> None:
        if self.stop_reason is None:
            self._send(row, due_ns)

    def _check_error_rate(self) -> None:
        progress, limits = self.progress, self._limits
        if self.stop_reason is None and progress.ended >= limits.min_ended:
            rate = progress.failed / progress.ended
            if rate > limits.max_error_rate:
                limit = f"{limits.max_error_rate:.0%}"
                why = f"{progress.failed} of {progress.ended} requests failed, over the limit of {limit}"
                self.stop(why, StopKind.ERRORS)

    def _report_if_finished(self) -> None:
        if self.finished and self._on_finished is not None:
            report, self._on_finished = self._on_finished, None
            report()


class _Passed:
    """Counts how many of some rising times have passed, and calls `then` as more do.

    Without times `count` stays what it is.
    """

    def __init__(self, times_ns: Ints | None, count: int, clock: Clock, then: Callable[[], None]) -> None:
        self.count = count if times_ns is None else 0
        self._times_ns: list[int] = [] if times_ns is None else times_ns.tolist()
        self._clock, self._then = clock, then

    def watch(self) -> None:
        """Count those that have passed by now, and come back for the next."""
        times, now = self._times_ns, self._clock.now_ns()
        while self.count < len(times) and times[self.count] <= now:
            self.count += 1
        if self.count < len(times):
            self._clock.call_at(times[self.count], self.watch)
        self._then()
