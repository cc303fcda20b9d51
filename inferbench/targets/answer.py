"""From an exchange that has ended to its record: every way it can go, in one place."""

from __future__ import annotations

import orjson

from ..domain.record import CountSource, RequestRecord, StampedChunks, Status
from ..domain.redaction import LOOKED_AT, excerpt
from .dialect import error_message
from .endpoint import Endpoint
from .exchange import Exchange

MAX_ERROR = 300
"""Longest error text of a record, characters."""


def make_record(
    exchange: Exchange, end_ns: int, status: Status, failure: str | None, endpoint: Endpoint
) -> RequestRecord:
    """Write the record of an exchange that has ended.

    `status` and `failure` are what the connection knows. What the server sent decides the rest: an exchange that
    is OK by its framing is still an error where it holds an error or no token.
    """
    exchange.finish()
    status, failure = verdict(exchange, status, failure)
    request, stream = exchange.request, exchange.stream
    generated, prompt = stream.usage.completion_tokens, stream.usage.prompt_tokens
    osl = generated or len(stream.times_ns)
    tokens, known_by = stream.tokens(osl)
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
        chunks=StampedChunks(stream.times_ns, tokens) if stream.times_ns else None,
        end_ns=end_ns,
        chunk_tokens=known_by,
        answer_ns=stream.answer_ns,
        first_late_ns=exchange.first_late_ns,
        last_late_ns=exchange.last_late_ns,
        cached_tokens=stream.usage.cached_tokens,
        accepted_tokens=stream.usage.accepted_tokens,
        attempts=exchange.attempts,
        earlier_error=one_line(endpoint.redact(exchange.earlier_error)) if exchange.earlier_error else None,
    )


def verdict(exchange: Exchange, status: Status, failure: str | None) -> tuple[Status, str | None]:
    """Return how an exchange went, and what was wrong with it."""
    if status not in (Status.OK, Status.ERROR):
        return status, failure
    faults = [_fault_of_head(exchange), failure, exchange.stream.error]
    if not any(faults) and not exchange.stream.times_ns:
        faults = [f"no token in the answer: {_excerpt(exchange)}"]
    failure = "; ".join(fault for fault in faults if fault)
    return (Status.ERROR, failure) if failure else (Status.OK, None)


def one_line(text: str) -> str:
    """Make an error text fit for a record: without secrets, one line, printable, at most MAX_ERROR characters."""
    return excerpt(text, MAX_ERROR)


def _fault_of_head(exchange: Exchange) -> str | None:
    head = exchange.response.head
    return None if head is None or head.status == 200 else f"HTTP {head.status}: {_excerpt(exchange)}"


def _excerpt(exchange: Exchange) -> str:
    """What a body that is no stream says: the message of an error object, or its beginning."""
    body = exchange.body
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body[: LOOKED_AT * MAX_ERROR].decode("utf-8", "replace") or "(empty body)"
    return error_message(answer) if isinstance(answer, dict) else str(answer)
