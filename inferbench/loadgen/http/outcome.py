"""From an exchange that has ended to its record: every way it can go, in one place."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import orjson

from inferbench.loadgen.dialects.dialect import error_message, text_of
from inferbench.loadgen.dialects.token_counting import count_tokens
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.loadgen.http.exchange import HttpExchange
from inferbench.records.request_record import CountSource, RequestRecord, Status
from inferbench.secrets.redact import LOOKED_AT, excerpt

MAX_ERROR = 300
"""Longest error text of a record, characters."""

TEMPLATE_TOKENS = 1 << 16
"""Most tokens that a server adds to a prompt by itself: a chat template, a system prompt, tools."""


def make_record(
    exchange: HttpExchange,
    end_ns: int,
    status: Status,
    failure: str | None,
    endpoint: Endpoint,
    count_text: Callable[[str], int] | None = None,
) -> RequestRecord:
    """Write the record of an exchange that has ended.

    `status` and `failure` are what the connection knows. What the server sent decides the rest: an exchange that
    is OK by its framing is still an error where it holds an error or no token.
    """
    exchange.finish()
    status, failure = verdict(exchange, status, failure)
    request, usage = exchange.request, exchange.stream.usage
    counted = count_tokens(
        exchange.stream, partial(exchange.stream.dialect.most_tokens, endpoint, request.osl), count_text
    )
    if status is Status.OK and counted.chunks is None:  # none but in a count that cannot be so
        status, failure = Status.ERROR, f"no token in the answer: {counted.remark or _excerpt(exchange)}"
    prompt, unlikely = _prompt_tokens(exchange)
    times = counted.chunks.times_ns if counted.chunks else ()
    first_late, last_late = (exchange.late_ns(times[edge]) if times else None for edge in (0, -1))
    return RequestRecord(
        seq=request.seq,
        status=status,
        error=one_line(failure) if failure else None,
        isl=prompt or request.isl,
        isl_source=CountSource.SERVER if prompt else CountSource.PLAN,
        osl=counted.osl,
        osl_source=counted.source,
        planned_ns=request.planned_ns,
        slot_free_ns=exchange.slot_free_ns,
        connect_ns=exchange.connect_ns,
        sent_ns=exchange.sent_ns,
        first_byte_ns=exchange.response.first_byte_ns,
        chunks=counted.chunks,
        end_ns=end_ns,
        chunk_tokens=counted.known_by,
        answer_ns=exchange.stream.answer_ns,
        first_late_ns=first_late,
        last_late_ns=last_late,
        cached_tokens=_part_of(usage.cached_tokens, prompt),
        accepted_tokens=_part_of(usage.accepted_tokens, counted.osl),
        attempts=exchange.attempts,
        earlier_error=one_line(exchange.earlier_error) if exchange.earlier_error else None,
        remark="; ".join(remark for remark in (counted.remark, unlikely) if remark) or None,
    )


def verdict(exchange: HttpExchange, status: Status, failure: str | None) -> tuple[Status, str | None]:
    """Return how an exchange went, and what was wrong with it."""
    if status not in (Status.OK, Status.ERROR):
        return status, failure
    faults = [_fault_of_head(exchange), failure, exchange.stream.error]
    if not any(faults):
        faults = [_fault_of_stream(exchange)]
    failure = "; ".join(fault for fault in faults if fault)
    return (Status.ERROR, failure) if failure else (Status.OK, None)


def one_line(text: str) -> str:
    """Make an error text fit for a record: without secrets, one line, printable, at most MAX_ERROR characters."""
    return excerpt(text, MAX_ERROR)


def _prompt_tokens(exchange: HttpExchange) -> tuple[int | None, str | None]:
    """The server's count of prompt tokens, and what is wrong with it where it cannot be so.

    A token stands for one byte at least of what was sent, and a chat template adds some.
    """
    told, most = exchange.stream.usage.prompt_tokens, len(exchange.wire) + TEMPLATE_TOKENS
    if told is None or told <= most:
        return told, None
    return None, f"usage says {told:,} prompt tokens, and at most {most:,} were sent"


def _part_of(told: int | None, whole: int | None) -> int | None:
    """A count of some of `whole` tokens; None where it is larger than they are."""
    return told if told is not None and whole is not None and told <= whole else None


def _fault_of_head(exchange: HttpExchange) -> str | None:
    head = exchange.response.head
    if head is None:
        return None
    if 300 <= head.status < 400 and "location" in head.headers:
        return f"HTTP {head.status}: the server sends elsewhere, to {head.headers['location']}"
    if head.status != 200:
        return f"HTTP {head.status}: {_excerpt(exchange)}"
    encoding = head.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        return f"the answer came compressed (Content-Encoding: {encoding}), though the request asks for plain text"
    return None


def _fault_of_stream(exchange: HttpExchange) -> str | None:
    """What is wrong with an answer that came whole by its framing, and holds no error."""
    stream = exchange.stream
    if not stream.bore_token:
        return f"no token in the answer: {_excerpt(exchange)}"
    if not stream.ended:
        return "the stream broke off: no [DONE], no reason to finish and no usage at its end"
    return None


def _excerpt(exchange: HttpExchange) -> str:
    """What a body that is no stream says: the message of an error object, or its beginning."""
    body = exchange.body
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body[: LOOKED_AT * MAX_ERROR].decode("utf-8", "replace") or "(empty body)"
    if isinstance(answer, dict) and answer.get("choices"):
        return "it came whole, and not as a stream"
    return error_message(answer) if isinstance(answer, dict) else text_of(answer)
