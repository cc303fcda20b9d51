"""Answers that are good, in every framing, and answers that are not: each is one record with the right status."""

from __future__ import annotations

import asyncio

import pytest

from inferbench.records.request_record import CountSource, RequestRecord, StampedChunks, Status
from tests.support.raw_server import (
    CHUNKED,
    DONE,
    GOOD,
    LOOPS,
    THREE,
    always,
    ask,
    chunked,
    event,
    ok_head,
    run,
    text,
    usage,
)

SIZED = ok_head(f"Content-Length: {len(THREE)}") + THREE
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"


def one(data: bytes, *, close: bool = False, **options: object) -> RequestRecord:
    (record,) = run(ask(always(data, close=close), **options))
    return record


def tokens(record: RequestRecord) -> list[int]:
    assert isinstance(record.chunks, StampedChunks)
    return list(record.chunks.tokens)


@pytest.mark.parametrize("loop_factory", LOOPS)
@pytest.mark.parametrize(
    ("data", "close"),
    [
        (GOOD, False),
        (CHUNKED + chunked(*(THREE[i : i + 5] for i in range(0, len(THREE), 5))), False),
        (CHUNKED + chunked(THREE)[:-2] + b"X-Trailer: 1\r\n\r\n", False),
        (SIZED, False),
        (ok_head() + THREE, True),
        (ok_head("Connection: close") + THREE, True),
        (INTERIM + GOOD, False),
        (CHUNKED + chunked(THREE.replace(b"\n", b"\r\n")), False),
        (CHUNKED + chunked(THREE.replace(DONE, b"")), False),
        (CHUNKED + chunked(b": keep-alive\n\ndata:\n\n", THREE), False),
    ],
    ids=["chunked", "small-chunks", "trailer", "sized", "to-eof", "close", "interim", "crlf", "no-done", "heartbeat"],
)
def test_good_answer_in_every_framing(data, close, loop_factory):
    (record,) = run(ask(always(data, close=close)), loop_factory)
    assert (record.status, record.error) == (Status.OK, None)
    assert (record.osl, record.osl_source, record.isl, record.isl_source) == (
        3,
        CountSource.SERVER,
        7,
        CountSource.SERVER,
    )
    assert tokens(record) == [1, 1, 1]
    stamps = [record.slot_free_ns, record.sent_ns, record.first_byte_ns, *record.chunks.times_ns, record.end_ns]
    assert stamps == sorted(stamps)


def test_answer_that_comes_byte_by_byte_is_the_same():
    async def answer(_, writer):
        for i in range(len(GOOD)):
            writer.write(GOOD[i : i + 1])
            await writer.drain()
            await asyncio.sleep(0)

    records = run(ask(answer, n=2))
    assert [(r.status, r.osl, r.connect_ns) for r in records] == [(Status.OK, 3, None)] * 2


def test_without_usage_chunks_are_counted():
    record = one(CHUNKED + chunked(text("a") + text("b") + DONE))
    assert (record.osl, record.osl_source, record.isl, record.isl_source) == (
        2,
        CountSource.CHUNKS,
        4,
        CountSource.PLAN,
    )


def test_usage_is_spread_over_chunks_by_text_length():
    record = one(CHUNKED + chunked(text("x" * 10) + text("y" * 30) + usage(7, 8) + DONE), osl=8)
    assert (record.osl, tokens(record)) == (8, [2, 6])


def test_chat_counts_content_reasoning_and_tool_calls_but_not_the_role():
    deltas = [
        {"role": "assistant", "content": ""},
        {"reasoning_content": "hm"},
        {"reasoning": "so"},
        {"content": "yes"},
        {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": "{}"}}]},
        {},
    ]
    stream = b"".join(event(choices=[{"index": 0, "delta": delta}]) for delta in deltas)
    record = one(CHUNKED + chunked(stream + DONE), path="/v1/chat/completions")
    assert (record.status, record.osl, tokens(record)) == (Status.OK, 4, [1, 1, 1, 1])


def test_invalid_utf8_split_over_chunks_is_replaced():
    broken = text("a?b").replace(b"?", b"\xe2\x82")
    record = one(CHUNKED + chunked(broken[:-8], broken[-8:], DONE))
    assert (record.status, record.osl) == (Status.OK, 1)


PARTIAL = b"%x\r\n%b\r\n" % (len(text("one")), text("one"))
LONG = "x" * 1000


def reply(status: str, body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


ERRORS = {
    "500": (reply("500 Oops", b'{"error": {"message": "broken"}}'), "HTTP 500: broken"),
    "404-text": (reply("404 Not Found", b"no such"), "HTTP 404: no such"),
    "429-json": (reply("429 Slow", b'{"message": "too many"}'), "HTTP 429: too many"),
    "empty-503": (reply("503 Busy"), "HTTP 503: (empty body)"),
    "redirect": (b"HTTP/1.1 301 Moved\r\nContent-Length: 0\r\nLocation: /x\r\n\r\n", "HTTP 301"),
    "error-event": (CHUNKED + chunked(text("one"), b'event: error\ndata: {"message": "lost it"}\n\n'), "lost it"),
    "error-object": (CHUNKED + chunked(text("one"), event(error={"message": "out of memory"})), "out of memory"),
    "error-string": (CHUNKED + chunked(event(error="no luck")), "no luck"),
    "error-instead-of-stream": (reply("200 OK", b'{"error": "nothing"}'), "no token in the answer: nothing"),
    "garbage-json": (CHUNKED + chunked(text("one"), b'data: {"choices": [\n\n', DONE), "not JSON in the stream"),
    "json-array": (CHUNKED + chunked(b"data: [1]\n\n"), "no JSON object"),
    "no-token": (CHUNKED + chunked(usage(7, 3), DONE), "no token in the answer"),
    "empty-body": (CHUNKED + chunked(), "no token in the answer: (empty body)"),
    "long-error": (CHUNKED + chunked(event(error=f"{LONG}\n{LONG}")), "xxx..."),
    "not-http": (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "not an HTTP response"),
    "bad-chunk-size": (CHUNKED + b"0x5\r\nhello\r\n\r\n", "not an HTTP response"),
    "bad-length": (ok_head("Content-Length: -5"), "not an HTTP response"),
}
CUT = {
    "cut-chunked": (CHUNKED + PARTIAL, "closed by the server"),
    "cut-in-event": (CHUNKED + PARTIAL[:-20], "closed by the server"),
    "cut-sized": (SIZED[:-30], "closed by the server"),
    "cut-in-head": (CHUNKED[:-9], "closed by the server"),
    "cut-500": (b"HTTP/1.1 500 Oops\r\nContent-Length: 99\r\n\r\nhalf", "HTTP 500: half; connection closed"),
}


@pytest.mark.parametrize(("data", "says"), ERRORS.values(), ids=ERRORS)
def test_bad_answer_is_an_error_that_says_why(data, says):
    record = one(data)
    assert record.status is Status.ERROR
    assert says in record.error
    assert len(record.error) <= 300
    assert record.error.isprintable()


@pytest.mark.parametrize("loop_factory", LOOPS)
@pytest.mark.parametrize(("data", "says"), CUT.values(), ids=CUT)
def test_broken_off_answer_is_an_error(data, says, loop_factory):
    (record,) = run(ask(always(data, close=True)), loop_factory)
    assert record.status is Status.ERROR
    assert says in record.error


def test_what_arrived_before_the_break_is_kept():
    record = one(CHUNKED + PARTIAL, close=True)
    assert (record.osl, record.osl_source, tokens(record)) == (1, CountSource.CHUNKS, [1])
    assert record.sent_ns <= record.first_byte_ns <= record.chunks.times_ns[0] <= record.end_ns


def test_a_bad_answer_does_not_spoil_the_next():
    served = 0

    async def answer(server, writer):
        nonlocal served
        served += 1
        writer.write(reply("500 Oops") if served % 2 else GOOD)

    records = run(ask(answer, n=4))
    assert [r.status for r in records] == [Status.ERROR, Status.OK] * 2
