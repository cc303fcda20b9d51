"""From an exchange that has ended to its record: every way it can go, in one place."""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson

from ..domain.record import CountSource, RequestRecord, StampedChunks, Status
from .dialects import DONE, Dialect, Usage, error_message
from .endpoint import Endpoint
from .exchange import Exchange
from .sse import parse_events
from .tokens import spread_tokens

MAX_ERROR = 300
"""Longest error text of a record, characters."""

NO_USAGE = Usage(None, None)


@dataclass
class _Stream:
    """What the events of a body came to, up to the first error."""

    times_ns: list[int] = field(default_factory=list)
    """Stamps of the token-bearing chunks."""
    lengths: list[int] = field(default_factory=list)
    """Characters of text in each."""
    usage: Usage = NO_USAGE
    error: str | None = None


def make_record(
    exchange: Exchange, end_ns: int, status: Status, failure: str | None, endpoint: Endpoint, dialect: Dialect
) -> RequestRecord:
    """Write the record of an exchange that has ended.

    `status` and `failure` are what the connection knows. What the server sent decides the rest: an exchange that
    is OK by its framing is still an error where it holds an error or no token.
    """
    stream = _read_stream(exchange, dialect)
    if status in (Status.OK, Status.ERROR):
        faults = [_fault_of_head(exchange), failure, stream.error]
        if not any(faults) and not stream.times_ns:
            faults = [f"no token in the answer: {_excerpt(exchange)}"]
        failure = "; ".join(fault for fault in faults if fault)
        status = Status.ERROR if failure else Status.OK
    request = exchange.request
    generated, prompt = stream.usage.completion_tokens, stream.usage.prompt_tokens
    osl = generated or len(stream.times_ns)
    return RequestRecord(
        seq=request.seq,
        status=status,
        error=one_line(endpoint.redact(failure)) if failure else None,
        isl=prompt or request.isl,
        isl_source=CountSource.SERVER if prompt else CountSource.PLAN,
        osl=osl,
        osl_source=CountSource.SERVER if generated else CountSource.CHUNKS,
        planned_ns=request.planned_ns,
        slot_free_ns=exchange.slot_free_ns,
        connect_ns=exchange.connect_ns,
        sent_ns=exchange.sent_ns,
        first_byte_ns=exchange.response.first_byte_ns,
        chunks=StampedChunks(stream.times_ns, spread_tokens(osl, stream.lengths)) if stream.times_ns else None,
        end_ns=end_ns,
    )


def one_line(text: str) -> str:
    """Make an error text fit for a record: one line, printable, at most MAX_ERROR characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= MAX_ERROR else line[: MAX_ERROR - 3] + "..."


def _read_stream(exchange: Exchange, dialect: Dialect) -> _Stream:
    stream, head = _Stream(), exchange.response.head
    if head is None or head.status != 200:
        return stream
    for event in parse_events(exchange.response.body):
        if event.data == DONE or not event.data:
            continue
        reading = dialect.interpret(event.name, event.data)
        if reading.error:
            stream.error = reading.error
            break
        if reading.token_bearing:
            stream.times_ns.append(event.t_ns)
            stream.lengths.append(reading.text_length)
        if reading.usage:
            stream.usage = reading.usage
    return stream


def _fault_of_head(exchange: Exchange) -> str | None:
    head = exchange.response.head
    return None if head is None or head.status == 200 else f"HTTP {head.status}: {_excerpt(exchange)}"


def _excerpt(exchange: Exchange) -> str:
    """What a body that is no stream says: the message of an error object, or its beginning."""
    body = b"".join(data for _, data in exchange.response.body)
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body[:MAX_ERROR].decode("utf-8", "replace") or "(empty body)"
    return error_message(answer) if isinstance(answer, dict) else str(answer)
