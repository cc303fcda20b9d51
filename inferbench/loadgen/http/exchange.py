"""One request while it is under way: what goes out, what has come back, and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import repeat

from inferbench.loadgen.http.http11 import Response, texts_of_chunks
from inferbench.loadgen.http.stream import StreamReading
from inferbench.loadgen.port import Done
from inferbench.workload.plan import PlannedRequest

BODY_KEPT = 64 * 1024
"""Bytes of a body without tokens that are kept, to say what it was instead."""

LEARNING = 3
"""Reads that are taken one by one, to learn from one of them what the others are like: head, role, first token."""


class EndlessAnswerError(ValueError):
    """An answer that is no stream is longer than anything that there is to learn from it."""

    def __init__(self) -> None:
        super().__init__(f"and more than {BODY_KEPT // 1024} KiB of it")


@dataclass(slots=True, eq=False)
class HttpExchange:
    """A request and its response so far. Times are those of the run's clock, ns."""

    request: PlannedRequest
    slot_free_ns: int
    done: Done
    wire: bytes
    """The whole request as it goes out, head and body."""
    submitted_ns: int
    stream: StreamReading
    """What the body came to, as far as it has been looked at."""
    response: Response = field(default_factory=Response)
    connect_ns: int | None = None
    sent_ns: int | None = None
    last_read_ns: int | None = None
    first_late_ns: int | None = None
    """By at most how much the stamp of the first chunk that bore a token is late."""
    last_late_ns: int | None = None
    """The same of the last one."""
    silent_lates: dict[int, int] = field(default_factory=dict)
    """The same of chunks without text, by stamp."""
    body: bytes = b""
    """The beginning of the body, as long as no token has come."""
    idle_ns: int | None = None
    """When it went out on a connection that had been idle, which the server may have closed at that moment."""
    attempts: int = 1
    resent: int = 0
    """How many of those came of connections that closed as the request was sent."""
    earlier_error: str | None = None

    @property
    def answered(self) -> bool:
        """Whether any byte has come back."""
        return self.last_read_ns is not None

    def digest(self, times: list[int], reads: list[bytes], late_by: Callable[[int], int]) -> None:
        """Take reads apart into head, body and tokens. Raises NotHttpError, EndlessEventError and EndlessAnswerError.

        `late_by` says by at most how much a stamp of theirs can be late, ns.
        """
        self.last_read_ns = times[-1]
        known, taken = len(self.stream.times_ns), 0
        try:
            for reads_at_once in (*repeat(1, LEARNING), len(reads)):
                taken += self._take_alike(times[taken:], reads[taken:])
                if taken >= len(reads):
                    break
                end = taken + reads_at_once
                self._take(times[taken:end], reads[taken:end])
                taken = end
        finally:
            stream = self.stream
            if len(stream.times_ns) > known:
                self.last_late_ns = late_by(stream.times_ns[-1])
                if not known:
                    self.first_late_ns = late_by(stream.times_ns[0])
            if stream.finish_ns is not None or stream.silent_ns:
                self._note_silent(late_by)

    def _note_silent(self, late_by: Callable[[int], int]) -> None:
        """Note how late the stamps are of chunks without text that may turn out to be the first or the last token."""
        stream = self.stream
        for stamp in (*stream.silent_ns[:1], *stream.silent_ns[-1:], stream.finish_ns):
            if stamp is not None and stamp not in self.silent_lates:
                self.silent_lates[stamp] = late_by(stamp)

    def late_ns(self, stamp: int) -> int | None:
        """By at most how much the stamp of the first or the last chunk with a token is late, ns; None: not noted."""
        times = self.stream.times_ns
        if times and stamp == times[-1]:
            return self.last_late_ns
        return self.first_late_ns if times and stamp == times[0] else self.silent_lates.get(stamp)

    def _take_alike(self, times: list[int], reads: list[bytes]) -> int:
        """Take reads that are a chunk each, and in it an event like those before; return how many are."""
        around = self.stream.expected
        if around is None or not self.response.at_chunk:
            return 0
        return self.stream.take_texts(times, texts_of_chunks(reads, *around))

    def _take(self, times: list[int], reads: list[bytes]) -> None:
        """Take reads, whatever they are."""
        response, stream = self.response, self.stream
        try:
            response.feed(times, reads)
        finally:
            if response.is_ok:
                stream.take(response.body_times, response.body)
            if stream.times_ns:
                self.body = b""
            elif len(self.body) < BODY_KEPT:
                self.body += b"".join(response.body)[:BODY_KEPT]
            response.body_times, response.body = [], []
        if not response.is_ok and len(self.body) >= BODY_KEPT:
            raise EndlessAnswerError

    def finish(self) -> None:
        """Read what the end of the body left without its own end."""
        if self.response.is_ok:
            self.stream.finish()

    def try_again(self, stream: StreamReading, error: str | None) -> None:
        """Become the next attempt, after one that failed. The slot, and what was planned, stay."""
        self.attempts += 1
        self.earlier_error = error
        self.stream, self.response, self.body = stream, Response(), b""
        self.connect_ns = self.sent_ns = self.last_read_ns = self.first_late_ns = self.last_late_ns = None
        self.silent_lates = {}
