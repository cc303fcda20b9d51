"""The requests that are being answered: from their submission to the last byte."""

from __future__ import annotations

import time
from dataclasses import dataclass

from inferbench.records.request_record import PassChunks, RequestRecord, Status
from inferbench.simulator.server.backend import ServingBackend
from inferbench.simulator.server.http_connection import HttpRequest, ServerConnection
from inferbench.simulator.server.identity import Served, ServerRole
from inferbench.simulator.server.metrics.counters import Monitor
from inferbench.simulator.server.metrics.send_lateness import Pacing
from inferbench.simulator.server.protocol.answers import Ending, ResponseWriter, answer_of, failure
from inferbench.simulator.server.protocol.replies import error_reply, json_reply
from inferbench.simulator.server.protocol.request_body import Ask, BadRequestError
from inferbench.simulator.server.realtime_clock import FollowingClock
from inferbench.simulator.server.send_record import SendRecord
from inferbench.workload.plan import PlannedRequest


@dataclass(slots=True)
class _ServedStream:
    """One request that is being answered."""

    ask: Ask
    sends: SendRecord
    answer: ResponseWriter
    connection: ServerConnection


class Streams:
    """All requests of one server. `backend` is set before the first comes."""

    backend: ServingBackend

    def __init__(self, served: Served, clock: FollowingClock) -> None:
        self.monitor, self.pacing = Monitor(), Pacing()
        self.record: list[SendRecord] = []
        self._served, self._clock = served, clock
        self._open: dict[int, _ServedStream] = {}

    def submit(self, connection: ServerConnection, request: HttpRequest, ask: Ask) -> None:
        """Take a request. Raises BadRequestError where a worker of a deployment is not told whom to meet."""
        if self._served.role is not ServerRole.BOTH and ask.bootstrap is None:
            raise BadRequestError(400, f"a {self._served.role} worker needs bootstrap_host and bootstrap_room")
        seq = len(self.record)
        sends = SendRecord(seq, ask.prompt_tokens, request.arrival_ns)
        self.record.append(sends)
        answer = answer_of(ask, self._served.model, seq, int(time.time()))
        self._open[seq] = _ServedStream(ask, sends, answer, connection)
        self.monitor.started()
        planned = PlannedRequest(seq, ask.prompt_tokens, ask.max_tokens, seq if ask.seed is None else ask.seed, None)
        self._clock.advance(request.arrival_ns)
        sends.taken_ns = self._clock.monotonic_now()
        connection.on_lost = lambda: self.backend.abandon(seq)
        self.backend.submit(planned, ask.bootstrap, self._on_end)

    def on_chunk(self, seq: int, tokens: int) -> None:
        """Tokens of a request are due now."""
        stream = self._open[seq]
        sends = stream.sends
        now_ns = time.monotonic_ns()
        self.monitor.sent(sends, now_ns, tokens)
        due_ns = self._clock.monotonic_now()
        self.pacing.sent(now_ns - due_ns)
        first = not sends.tokens
        if first:
            sends.first_token_ns, sends.first_due_ns = now_ns, due_ns
        sends.last_token_ns, sends.last_due_ns = now_ns, due_ns
        sends.tokens += tokens
        if stream.ask.stream:
            if first:
                stream.connection.start_stream(stream.answer.opening() + stream.answer.tokens(tokens))
            else:
                stream.connection.write(stream.answer.tokens(tokens))

    def cut(self, seq: int) -> None:
        """Hang up on the client of a request once it has what was sent."""
        self._open[seq].connection.hang_up()

    def abort(self) -> None:
        """Break off every stream, whatever is still to be sent."""
        for stream in self._open.values():
            stream.connection.abort()

    def _on_end(self, record: RequestRecord) -> None:
        stream = self._open.pop(record.seq)
        ask, answer, connection = stream.ask, stream.answer, stream.connection
        error = None if record.status is Status.OK else record.error or record.status.name.lower()
        passes = _passes(record) if self._served.drafts else None
        self.monitor.ended(stream.sends, error is None, passes)
        ending = Ending(record.osl, passes)
        if ask.stream and stream.sends.tokens:
            connection.end_stream(failure(error) if error else answer.closing(ending))
        elif error:
            connection.respond(error_reply(500, error))
        else:
            connection.respond(json_reply(answer.whole(ending)))


def _passes(record: RequestRecord) -> int | None:
    chunks = record.chunks
    return chunks.last_pass - chunks.first_pass + 1 if isinstance(chunks, PassChunks) else None
