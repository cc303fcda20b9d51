"""Requests as bytes, written ahead of time so that none is written while the load waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from inferbench.loadgen.dialects.dialect import Dialect, Prompt
from inferbench.loadgen.dialects.openai import dialect_for
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.workload.plan import Plan, PlannedRequest

MakePrompt = Callable[[PlannedRequest], Prompt]


class Bodies:
    """The requests of a plan as they go over the wire, head and body, the next `ahead` of them ready.

    `seqs` are those that will be taken, in their order.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        plan: Plan,
        make_prompt: MakePrompt,
        loop: asyncio.AbstractEventLoop,
        seqs: range | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._dialect = dialect_for(endpoint.path)
        self._plan = plan
        self._make_prompt = make_prompt
        self._loop = loop
        self._head = _head(endpoint, self._dialect)
        self._ready: dict[int, bytes] = {}
        self._seqs = range(len(plan)) if seqs is None else seqs
        # A part of a load keeps the numbers that requests have in the whole.
        self._row_of = None if plan.seqs is None else {seq: row for row, seq in enumerate(plan.seqs.tolist())}
        self._next = 0  # index into seqs
        self._ahead = 0
        self._scheduled = False

    async def prepare(self, ahead: int) -> None:
        """Write the next `ahead` requests, and from now on keep as many ready."""
        self._ahead = ahead
        while self._wanted():
            self._write_next()
            await asyncio.sleep(0)

    def take(self, request: PlannedRequest) -> bytes:
        """Return a request's bytes. Plans go out in order; one that is not ready yet is written now."""
        wire = self._ready.pop(request.seq, None)
        row = request.seq if self._row_of is None else self._row_of[request.seq]
        self._next = max(self._next, self._seqs.index(row) + 1)
        self._schedule()
        return wire if wire is not None else self._write(request)

    def _schedule(self) -> None:
        if not self._scheduled and self._wanted():
            self._scheduled = True
            self._loop.call_soon(self._on_turn)

    def _wanted(self) -> bool:
        return self._next < len(self._seqs) and len(self._ready) < self._ahead

    def _on_turn(self) -> None:
        """Write one request only, so that the sockets are looked at between any two."""
        self._scheduled = False
        if self._wanted():
            self._write_next()
        self._schedule()

    def _write_next(self) -> None:
        request = self._plan.request(self._seqs[self._next])
        self._ready[request.seq] = self._write(request)
        self._next += 1

    def _write(self, request: PlannedRequest) -> bytes:
        prompt = self._make_prompt(request)
        body = self._dialect.body(self._endpoint, prompt, request.osl, self._plan.ignore_eos)
        prefix = self._endpoint.request_id_prefix
        name = "" if prefix is None else f"x-request-id: {prefix}{request.seq}\r\n"
        return self._head + b"%d\r\n%b\r\n" % (len(body), name.encode("ascii")) + body


def _head(endpoint: Endpoint, dialect: Dialect) -> bytes:
    """The request's head up to the value of Content-Length, which comes last. The endpoint's own headers win."""
    ours = {
        "User-Agent": "inferbench",
        "Accept": "text/event-stream",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
        **dialect.headers,
    }
    given = endpoint.header_lines()
    names = {name.lower() for name, _ in given}
    lines = [
        f"POST {endpoint.target_path()} HTTP/1.1",
        f"Host: {endpoint.authority}",
        *(f"{name}: {value}" for name, value in ours.items() if name.lower() not in names),
        *(f"{name}: {value}" for name, value in given),
        "Content-Length: ",
    ]
    return "\r\n".join(lines).encode("ascii")
