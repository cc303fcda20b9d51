"""What goes wrong between a request and its answer: each ends as exactly one record that says what happened."""

from __future__ import annotations

import asyncio
import email.utils
import socket
import subprocess
import sys
import time

import pytest

from inferbench.errors import UsageError
from inferbench.loadgen.http import timeouts
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.loadgen.http.retry import LONGEST_WAIT_S, parse_retry_after
from inferbench.loadgen.http.sse import MAX_EVENT
from inferbench.records.request_record import Status
from tests.support.raw_server import (
    CHUNKED,
    DONE,
    GOOD,
    LOOPS,
    always,
    ask,
    chunked,
    client,
    event,
    make_load,
    ok_head,
    raw_server,
    run,
    text,
    usage,
)

MS = 1_000_000
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\nRetry-After: 0\r\n\r\nbusy"
SLOW_DOWN = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 4\r\nRetry-After: 0.05\r\n\r\nslow"


def first(count: int, bad: bytes, good: bytes = GOOD, *, close: bool = False):
    """Answer so many requests badly, and the others well."""

    async def answer(server, writer):
        is_bad = len(server.bodies) <= count
        writer.write(bad if is_bad else good)
        if close and is_bad:
            writer.close()

    return answer


@pytest.mark.parametrize("loop_factory", LOOPS)
@pytest.mark.parametrize(
    ("sent", "first_byte"),
    [(b"", False), (b"HTTP/1.1 200", True), (CHUNKED, True), (CHUNKED + chunked(text("a"))[:-5], True)],
    ids=["mute", "slow-head", "no-body", "after-a-token"],
)
def test_a_stall_is_a_timeout_of_its_own(sent, first_byte, loop_factory):
    (record,) = run(ask(always(sent), stall_timeout_s=0.08), loop_factory)
    assert (record.status, record.error) == (Status.TIMEOUT, "no byte for 0.08 s")
    assert (record.first_byte_ns is not None) is first_byte
    assert record.end_ns - (record.first_byte_ns or record.sent_ns) >= 80 * MS
    assert (record.chunks is not None) is (b"data" in sent)


@pytest.fixture
def short_silence(monkeypatch):
    monkeypatch.setattr(timeouts, "SILENCE_S", 0.3)


def test_a_server_that_says_nothing_any_more_ends_what_is_under_way_at_once(short_silence):
    async def one_token(_server, writer):
        writer.write(CHUNKED + chunked(text("a"))[:-5])

    async def work():
        said = []

        def silent(why: str) -> None:
            said.append(why)
            c.target.cancel()

        async with raw_server(one_token) as server, client(server.url, make_load(3), 3, on_silence=silent) as c:
            c.send(0, 1)
            await c.ended(2)
            c.send(2)  # and one that comes later gets a silence of its own
            return server.url, said, await c.ended(3)

    url, said, records = run(work())
    assert said[0] == f"{url} sent no byte on any of 2 streams for 0.3 s"
    assert len(said) == 2
    assert [(r.status, r.error) for r in records[:2]] == [(Status.TIMEOUT, said[0])] * 2
    assert all(r.end_ns - r.chunks.times_ns[0] >= 300 * MS for r in records)


def test_a_request_that_waits_while_others_are_served_is_not_stalled(short_silence):
    async def first_waits(server, writer):
        if len(server.bodies) == 1:
            await asyncio.sleep(0.9)
        else:
            await asyncio.sleep(0.1)
        writer.write(GOOD)

    async def work():
        async with raw_server(first_waits) as server, client(server.url, make_load(12), 2) as c:
            c.send(0)
            for seq in range(1, 8):
                c.send(seq)
                await c.ended(seq)
            return await c.ended(8)

    records = run(work())
    assert {r.status for r in records} == {Status.OK}
    assert max(r.first_byte_ns - r.sent_ns for r in records) > 2 * 300 * MS


def test_a_client_that_stood_still_reads_before_it_calls_anything_stalled():
    async def soon(_server, writer):
        writer.write(CHUNKED)
        await asyncio.sleep(0.02)
        writer.write(GOOD[len(CHUNKED) :])

    async def work():
        async with raw_server(soon) as server, client(server.url, stall_timeout_s=0.2) as c:
            loop = asyncio.get_running_loop()
            c.send(0)
            while c.target._carried and next(iter(c.target._carried.values())).last_read_ns is None:
                await asyncio.sleep(0.001)
            loop.call_soon(time.sleep, 0.4)
            return (await c.ended(1))[0]

    for loop_factory in LOOPS:
        assert run(work(), loop_factory).status is Status.OK


def test_a_slow_answer_is_no_stall():
    async def slowly(_server, writer):
        for i in range(0, len(GOOD), 40):
            await asyncio.sleep(0.03)
            writer.write(GOOD[i : i + 40])

    (record,) = run(ask(slowly, stall_timeout_s=0.25))
    assert record.status is Status.OK
    assert record.end_ns - record.sent_ns > 250 * MS


def test_a_server_that_dies_leaves_one_record_each():
    """It is killed with streams open, and with requests still to come."""
    script = (
        "import socket\n"
        "s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True)\n"
        "held = []\n"
        "while True:\n"
        "    c = s.accept()[0]; held.append(c); c.recv(65536)\n"
        f"    c.sendall({(CHUNKED + chunked(text('a'))[:-5])!r})\n"
    )

    async def work():
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as server:
            url = f"http://127.0.0.1:{int(server.stdout.readline())}"
            async with client(url, make_load(6), connections=0) as c:
                c.send(0, 1, 2)
                while not all(k.last_read_ns for k in c.target._carried.values()) or c.target.streams_open < 3:
                    await asyncio.sleep(0.005)
                server.kill()
                server.wait()  # until then its socket may still take connections, only to drop them
                await c.ended(3)
                c.send(3, 4, 5)
                return await c.ended(6)

    records = run(work())
    assert sorted(r.seq for r in records) == list(range(6))
    assert [r.status for r in records[:3]] == [Status.ERROR] * 3
    assert all(r.error.startswith("connection") and len(r.chunks.times_ns) == 1 for r in records[:3])
    assert [(r.status, r.error) for r in records[3:]] == [(Status.REFUSED, "Connection refused")] * 3


def test_without_retries_the_first_answer_counts():
    (record,) = run(ask(first(1, SLOW_DOWN)))
    assert (record.status, record.error, record.attempts, record.earlier_error) == (
        Status.ERROR,
        "HTTP 429: slow",
        1,
        None,
    )


@pytest.mark.parametrize("bad", [SLOW_DOWN, BUSY], ids=["429", "503"])
def test_a_request_that_was_turned_away_is_sent_again(bad):
    (record,) = run(ask(first(2, bad), retries=3))
    assert (record.status, record.attempts, record.osl) == (Status.OK, 3, 3)
    assert record.earlier_error.startswith("HTTP ")
    if bad is SLOW_DOWN:  # the wait that the server asked for, twice, lies before the last attempt
        assert record.sent_ns - record.slot_free_ns >= 2 * 50 * MS


def test_retries_end():
    (record,) = run(ask(always(BUSY), retries=2))
    assert (record.status, record.error) == (Status.ERROR, "HTTP 503: busy")
    assert (record.attempts, record.earlier_error) == (3, "HTTP 503: busy")


@pytest.mark.parametrize(
    ("bad", "close"),
    [
        (CHUNKED + chunked(text("a"))[:-5], True),
        (CHUNKED + chunked(b'data: {"error": "no"}\n\n'), False),
        (b"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n", False),
        (b"nonsense", False),
    ],
    ids=["cut", "error-event", "400", "no-http"],
)
def test_what_may_have_been_served_or_is_wrong_is_not_sent_again(bad, close):
    (record,) = run(ask(first(1, bad, close=close), retries=3))
    assert (record.status, record.attempts) == (Status.ERROR, 1)


def test_a_refused_connection_is_tried_again():
    async def work():
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))  # and refuses, as long as it does not listen
        port = listener.getsockname()[1]

        async def serve(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(GOOD)
            await reader.read()
            writer.close()

        async with client(f"http://127.0.0.1:{port}", connections=0, retries=5) as c:
            c.send(0)
            await asyncio.sleep(0.05)
            server = await asyncio.start_server(serve, sock=listener)
            (record,) = await c.ended(1)
            server.close()
            return record

    record = run(work())
    assert (record.status, record.earlier_error) == (Status.OK, "Connection refused")
    assert record.attempts >= 2
    assert record.connect_ns > 0


def test_a_request_that_waits_to_be_sent_again_can_be_cancelled_and_times_out():
    waits = BUSY.replace(b"Retry-After: 0", b"Retry-After: 30")

    async def work():
        async with raw_server(always(waits)) as server, client(server.url, make_load(2), 2, retries=1) as c:
            c.send(0, 1)
            while any(e.attempts == 1 for e in c.target._under_way):
                await asyncio.sleep(0.001)
            c.target.cancel()
            return list(c.records)

    records = run(work())
    assert [(r.status, r.attempts) for r in records] == [(Status.CANCELLED, 2)] * 2
    (record,) = run(ask(always(waits), retries=1, request_timeout_s=0.1))
    assert (record.status, record.earlier_error) == (Status.TIMEOUT, "HTTP 503: busy")


def test_retry_after():
    now = 1_800_000_000.0
    assert parse_retry_after("120", now) == 120
    assert parse_retry_after(email.utils.formatdate(now + 7, usegmt=True), now) == 7
    assert [parse_retry_after(text, now) for text in ("", "soon", "inf", "nan")] == [None] * 4
    assert LONGEST_WAIT_S < 1000 < time.time()  # so that a server cannot put a run off for long


def test_usage_in_every_chunk_is_asked_for_only_where_wanted():
    async def work(**options):
        async with raw_server(always(GOOD)) as server, client(server.url, **options) as c:
            c.send(0)
            await c.ended(1)
            return server.bodies[0]

    assert b'"continuous_usage_stats":true' in run(work(continuous_usage=True))
    assert b"continuous_usage_stats" not in run(work())


@pytest.mark.parametrize("options", [{"stall_timeout_s": 0}, {"retries": -1}])
def test_useless_options(options):
    with pytest.raises(UsageError):
        Endpoint("http://host", "/v1/completions", **options)


def test_records_bound_the_lateness_of_their_stamps():
    async def slowly(_server, writer):
        writer.write(ok_head("Transfer-Encoding: chunked"))
        for piece in (text("a"), text("b") + DONE):
            await asyncio.sleep(0.02)
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        await asyncio.sleep(0.02)
        writer.write(b"0\r\n\r\n")

    (record,) = run(ask(slowly))
    assert record.status is Status.OK
    assert record.first_late_ns >= 0
    assert record.last_late_ns >= 0


async def without_end(writer, piece):
    """Send a piece again and again, until the client has had enough, or far more than it should take."""
    sent = 0
    while sent < 8 * MAX_EVENT:
        writer.write(piece)
        sent += len(piece)
        await writer.drain()


BIG = 64 * 1024


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (CHUNKED, b"%x\r\n%b\r\n" % (BIG, b"x" * BIG)),
        (CHUNKED, b"1\r\nx\r\n" * 8192),
        (ok_head(), b"data: " + b"x" * BIG),
        (ok_head(f"Content-Length: {1 << 40}"), b"x" * BIG),
    ],
    ids=["chunks", "tiny-chunks", "to-the-end", "sized"],
)
def test_an_event_without_end_is_an_error_and_costs_the_connection(begin, piece):
    async def endless(_server, writer):
        writer.write(begin)
        await without_end(writer, piece)

    (record,) = run(ask(endless))
    assert (record.status, record.error) == (Status.ERROR, "an event of more than 16 MiB without an end")
    assert record.chunks is None


def test_what_came_before_an_event_without_end_is_kept():
    async def endless(_server, writer):
        writer.write(ok_head() + text("a") + text("b"))
        await without_end(writer, b"x" * BIG)

    (record,) = run(ask(endless))
    assert (record.status, len(record.chunks.times_ns)) == (Status.ERROR, 2)
    assert record.error == "an event of more than 16 MiB without an end"


def test_an_error_answer_without_end_is_cut_short_and_says_what_it_began_with():
    async def endless(_server, writer):
        writer.write(b"HTTP/1.1 500 Oops\r\n\r\nit broke ")
        await without_end(writer, b"x" * BIG)

    (record,) = run(ask(endless))
    assert record.status is Status.ERROR
    assert record.error.startswith("HTTP 500: it broke xxx")


def test_a_large_event_is_read():
    large = event(choices=[{"index": 0, "text": "a" * (MAX_EVENT // 2), "finish_reason": None}])
    (record,) = run(ask(always(CHUNKED + chunked(text("a"), large, usage(7, 2), DONE))))
    assert (record.status, record.osl) == (Status.OK, 2)
