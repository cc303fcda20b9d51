"""How long a target waits: for the end of a request, for its next byte, and for a server that says nothing at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from inferbench.loadgen.http.connection import Connection
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.loadgen.http.exchange import HttpExchange
from inferbench.loadgen.port import Clock
from inferbench.records.request_record import Status
from inferbench.units import NS_PER_S

SWEEPS_PER_TIMEOUT = 50
"""Timeouts are looked for this often within a timeout, so they are at most 2 % late."""

SILENCE_S = 30 * 60
"""Without a byte on any stream for so long, a server is taken for dead, s.

A single request may honestly wait for longer: where all are sent at once, the last first token comes when the run is
nearly over. But while one waits others are served, so the silence of all is judged, and no queue is taken for a stall.
What is left are first requests that load weights or compile kernels, and prompts that a machine reads for minutes.
"""

LATE_NS = NS_PER_S // 10
"""A sweep that comes so late finds a client that stood still: what came meanwhile is read before the next one."""


class Patience:
    """Looks at all that is under way, oldest first, as long as there is anything."""

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Clock,
        under_way: Mapping[HttpExchange, object],
        carried: Mapping[HttpExchange, Connection],
        give_up: Callable[[HttpExchange, Status, str], None],
        on_silence: Callable[[str], None],
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._under_way, self._carried = under_way, carried
        self._give_up, self._on_silence = give_up, on_silence
        stall_s = endpoint.stall_timeout_s
        self._timeout_ns = int(endpoint.request_timeout_s * NS_PER_S)
        self._stall_ns = int(stall_s * NS_PER_S) if stall_s else None
        self._silence_ns = int(SILENCE_S * NS_PER_S)
        self._heard_ns = 0
        self._due_ns = 0
        self._garbage_item = self._stood_still = False

    def watch(self) -> None:
        """Something is under way: sweep, and come back as long as anything is."""
        if not self._garbage_item:
            self._garbage_item = True
            self._heard_ns = self._clock.now_ns()
            self._come_back(self._heard_ns)

    def heard(self, now_ns: int) -> None:
        """The server has answered something."""
        self._heard_ns = now_ns

    def _come_back(self, now_ns: int) -> None:
        shortest_ns = min(self._timeout_ns, self._stall_ns or self._timeout_ns)
        self._due_ns = now_ns + min(shortest_ns // SWEEPS_PER_TIMEOUT, NS_PER_S)
        self._clock.call_at(self._due_ns, self._sweep)

    def _sweep(self) -> None:
        if not self._under_way:
            self._garbage_item = False
            return
        now_ns = self._clock.now_ns()
        self._stood_still = not self._stood_still and now_ns - self._due_ns > LATE_NS
        if not self._stood_still:
            self._end_late(now_ns)
            self._end_stalled(now_ns)
            self._end_all_in_silence(now_ns)
        self._come_back(now_ns)

    def _end_late(self, now_ns: int) -> None:
        for exchange in list(self._under_way):
            if now_ns - exchange.submitted_ns < self._timeout_ns:
                return  # those behind it are younger
            self._give_up(exchange, Status.TIMEOUT, f"no end within {self._endpoint.request_timeout_s:g} s")

    def _end_stalled(self, now_ns: int) -> None:
        """Time out what has been sent and has been without a byte for too long."""
        if self._stall_ns is None:
            return
        for exchange, connection in list(self._carried.items()):
            since_ns = connection.last_read_ns or exchange.sent_ns or exchange.submitted_ns
            if now_ns - since_ns >= self._stall_ns:
                self._give_up(exchange, Status.TIMEOUT, f"no byte for {self._endpoint.stall_timeout_s:g} s")

    def _end_all_in_silence(self, now_ns: int) -> None:
        """Take the server for dead where none of the streams has had a byte for too long."""
        since_ns = now_ns - self._silence_ns
        if self._stall_ns is not None or self._heard_ns > since_ns or not self._carried:
            return
        oldest = next(iter(self._carried))
        for at_ns in (oldest.sent_ns or oldest.submitted_ns, *(c.last_read_ns for c in self._carried.values())):
            if at_ns is not None and at_ns > since_ns:
                self._heard_ns = at_ns
                return
        for_s = self._silence_ns / NS_PER_S
        self._on_silence(
            f"{self._endpoint.base_url} sent no byte on any of {len(self._carried)} streams for {for_s:g} s"
        )
