"""A server of known behaviour on simulated time, and a log of what the dispatcher did with it."""

from __future__ import annotations

from collections.abc import Callable

from inferbench.loadgen.clock import VirtualClock
from inferbench.loadgen.in_process_target import InProcessTarget
from inferbench.loadgen.port import Done
from inferbench.records.request_record import CountSource, RequestRecord, Status
from inferbench.scenario.scenario import Lengths
from inferbench.workload.plan import Plan, PlannedRequest
from inferbench.workload.planner import make_plan

MS = 1_000_000


class Server(InProcessTarget):
    """Serves each request for a time of its own; all at once, or `servers` at a time in order of arrival."""

    def __init__(
        self, clock: VirtualClock, serve_ns: Callable[[PlannedRequest], int], servers: int | None = None,
        status: Callable[[PlannedRequest], Status] = lambda _: Status.OK,
    ) -> None:  # fmt: skip
        self.clock, self.serve_ns, self.servers, self.status = clock, serve_ns, servers, status
        self.waiting: list[tuple[PlannedRequest, int, Done]] = []
        self.serving: dict[int, tuple[PlannedRequest, int, Done]] = {}
        self.most_at_once = 0

    def submit(self, request: PlannedRequest, slot_free_ns: int, done: Done) -> None:
        self.waiting.append((request, slot_free_ns, done))
        self.most_at_once = max(self.most_at_once, len(self.waiting) + len(self.serving))
        self._serve()

    def _serve(self) -> None:
        while self.waiting and (self.servers is None or len(self.serving) < self.servers):
            work = self.waiting.pop(0)
            self.serving[work[0].seq] = work
            seconds = self.serve_ns(work[0])
            if seconds == 0:
                self._end(work[0].seq, self.status(work[0]))
            else:
                seq = work[0].seq
                self.clock.call_at(self.clock.now_ns() + seconds, lambda seq=seq: self._end_if_served(seq))

    def _end_if_served(self, seq: int) -> None:
        if seq in self.serving:
            self._end(seq, self.status(self.serving[seq][0]))
            self._serve()

    def _end(self, seq: int, status: Status) -> None:
        request, slot_free_ns, done = self.serving.pop(seq)
        now = self.clock.now_ns()
        done(
            RequestRecord(
                seq, status, None, request.isl, CountSource.PLAN, request.osl, CountSource.PLAN, request.planned_ns,
                slot_free_ns, None, slot_free_ns, None, None, now,
            )
        )  # fmt: skip

    def cancel(self) -> None:
        cut, self.waiting = self.waiting, []
        for work in cut:
            self.serving[work[0].seq] = work
        for seq in list(self.serving):
            self._end(seq, Status.CANCELLED)


class Log:
    def __init__(self) -> None:
        self.starts: list[tuple[int, int]] = []
        self.records: list[RequestRecord] = []

    def started(self, seq: int, slot_free_ns: int) -> None:
        self.starts.append((seq, slot_free_ns))

    def ended(self, record: RequestRecord) -> None:
        self.records.append(record)


def plan(n: int, concurrency: int | None, **more: object) -> Plan:
    lengths = Lengths(nominal=10, min=5, max=10)
    return make_plan(n, isl=lengths, osl=lengths, seed=1, salt="s", max_concurrency=concurrency, **more)  # type: ignore[arg-type]
