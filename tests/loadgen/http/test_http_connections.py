"""Connections: kept alive, lost, refused, too slow; and what the record says of each."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time

import pytest
from pydantic import SecretStr

from inferbench.errors import EndpointError, UsageError
from inferbench.records.request_record import Status
from tests.support.raw_server import CHUNKED, GOOD, LOOPS, Client, always, ask, client, make_load, raw_server, run


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


async def open_only(url: str, **options) -> None:
    c = Client(url, make_load(), **options)
    try:
        await c.target.open(4)
    finally:
        await c.target.close()


async def never(_server, _writer):
    """Answer nothing."""


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_connections_are_reused(loop_factory):
    async def work():
        async with raw_server(always(GOOD)) as server, client(server.url, make_load(5), connections=1) as c:
            for seq in range(5):
                c.send(seq)
                await c.ended(seq + 1)
            return server.connections, [(r.status, r.connect_ns) for r in c.records]

    assert run(work(), loop_factory) == (1, [(Status.OK, None)] * 5)


def test_all_connections_are_open_before_the_load():
    async def work():
        async with raw_server(always(GOOD)) as server, client(server.url, make_load(8), connections=8) as c:
            c.send(*range(8))
            await c.ended(8)
            return server.connections, c.target.streams_open_max, {r.connect_ns for r in c.records}

    assert run(work()) == (8, 8, {None})


def test_closed_connection_is_opened_again_and_the_record_says_how_long_it_took():
    closing = GOOD.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
    first, second = run(ask(always(closing, close=True), n=2))
    assert (first.status, second.status) == (Status.OK, Status.OK)
    assert first.connect_ns is None
    assert 0 < second.connect_ns <= second.sent_ns - second.slot_free_ns


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_idle_connection_that_turns_out_dead_is_replaced_once(loop_factory):
    async def hang_up_on_second(server, writer):
        if len(server.bodies) == 2:
            writer.close()
        else:
            writer.write(GOOD)

    async def work():
        async with raw_server(hang_up_on_second) as server, client(server.url, make_load(2)) as c:
            for seq in range(2):
                c.send(seq)
                await c.ended(seq + 1)
            return len(server.bodies), server.connections, list(c.records)

    requests, connections, (first, second) = run(work(), loop_factory)
    assert (requests, connections) == (3, 2)
    assert [first.status, second.status] == [Status.OK, Status.OK]
    assert second.connect_ns > 0
    assert (first.attempts, first.earlier_error) == (1, None)
    assert (second.attempts, second.earlier_error) == (2, "connection closed by the server as the request was sent")


@pytest.mark.parametrize("loop_factory", LOOPS)
@pytest.mark.parametrize("how", [asyncio.StreamWriter.close, lambda writer: writer.transport.abort()])
def test_a_request_that_a_server_worked_on_is_not_sent_twice(loop_factory, how):
    """Every second one comes to nothing after a while, on a connection that has carried another before."""

    async def works_and_fails(server, writer):
        if len(server.bodies) % 2:
            writer.write(GOOD)
        else:
            await asyncio.sleep(0.2)
            how(writer)

    async def work():
        async with raw_server(works_and_fails) as server, client(server.url, make_load(6)) as c:
            for seq in range(6):
                c.send(seq)
                await c.ended(seq + 1)
            return len(server.bodies), list(c.records)

    requests, records = run(work(), loop_factory)
    assert requests == 6
    assert [r.status for r in records] == [Status.OK, Status.ERROR] * 3
    assert {r.attempts for r in records} == {1}
    for failed in records[1::2]:
        assert failed.error.startswith("connection ")
        assert failed.end_ns - failed.sent_ns >= 190_000_000


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_a_connection_whose_end_has_come_is_not_used_although_the_loop_has_not_looked(loop_factory):
    heads = []

    def serve(listener):
        for _ in range(2):
            taken = listener.accept()[0]
            heads.append(taken.recv(1 << 16))
            taken.sendall(GOOD)
            time.sleep(0.05)
            taken.close()

    async def work():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=serve, args=[listener])
            thread.start()
            async with client(f"http://127.0.0.1:{listener.getsockname()[1]}", make_load(2)) as c:
                c.send(0)
                await c.ended(1)
                time.sleep(0.3)  # the server closes meanwhile
                c.send(1)
                await c.ended(2)
                thread.join()
                return list(c.records)

    first, second = run(work(), loop_factory)
    assert [first.status, second.status] == [Status.OK, Status.OK]
    assert (second.attempts, len(heads)) == (1, 2)
    assert second.connect_ns > 0


def test_fresh_connection_that_is_closed_without_an_answer_is_an_error():
    async def hang_up(_server, writer):
        writer.close()

    async def work():
        async with raw_server(hang_up) as server, client(server.url, connections=1) as c:
            c.send(0)
            await c.ended(1)
            return len(server.bodies), c.records[0]

    requests, record = run(work())
    assert requests == 2  # once on the connection opened beforehand, once on a new one, and no more
    assert (record.status, record.error) == (Status.ERROR, "connection closed by the server")


def test_bytes_that_nobody_asked_for_cost_the_connection_not_the_request():
    async def talkative(_server, writer):
        writer.write(GOOD + b"and another thing")

    first, second = run(ask(talkative, n=2))
    assert [first.status, second.status] == [Status.OK, Status.OK]
    assert second.connect_ns is not None


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_refused_connection(loop_factory):
    async def work():
        async with client(f"http://127.0.0.1:{free_port()}", connections=0) as c:
            c.send(0)
            await c.ended(1)
            return c.records[0]

    record = run(work(), loop_factory)
    assert (record.status, record.error) == (Status.REFUSED, "Connection refused")
    assert (record.sent_ns, record.first_byte_ns, record.chunks) == (None, None, None)


def test_unknown_host():
    async def work():
        # The scope names no interface, so the look-up fails without asking the network.
        async with client("http://[fe80::1%nosuch]:80", connections=0) as c:
            c.send(0)
            await c.ended(1)
            return c.records[0]

    record = run(work(), asyncio.new_event_loop)
    assert record.status is Status.REFUSED
    assert record.error.startswith("host name not found")


def test_open_says_which_endpoint_is_down():
    port = free_port()
    with pytest.raises(EndpointError, match=rf"http://127\.0\.0\.1:{port} cannot be reached: Connection refused"):
        run(open_only(f"http://127.0.0.1:{port}"))


def test_chat_takes_no_token_ids():
    async def work():
        async with raw_server(always(GOOD)) as server:
            await open_only(server.url, make_prompt=lambda r: [1, 2], path="/v1/chat/completions")

    with pytest.raises(UsageError, match="token ids"):
        run(work())


@pytest.mark.parametrize("answer", [never, always(CHUNKED), always(b"HTTP/1.1 ")], ids=["mute", "stalled", "slow-head"])
def test_timeout(answer):
    async def work():
        async with raw_server(answer) as server, client(server.url, make_load(2), 2, request_timeout_s=0.05) as c:
            c.send(0, 1)
            return await c.ended(2)

    for record in run(work()):
        assert (record.status, record.error) == (Status.TIMEOUT, "no end within 0.05 s")
        assert record.end_ns - record.slot_free_ns >= 50_000_000


def test_timeout_leaves_younger_requests_alone():
    async def first_is_mute(server, writer):
        if len(server.bodies) > 1:
            writer.write(GOOD)

    async def work():
        async with raw_server(first_is_mute) as server, client(server.url, make_load(2), 2, request_timeout_s=0.1) as c:
            c.send(0)
            while not server.bodies:
                await asyncio.sleep(0.001)
            c.send(1)
            return await c.ended(2)

    assert {r.seq: r.status for r in run(work())} == {0: Status.TIMEOUT, 1: Status.OK}


def test_cancel_ends_every_request_exactly_once():
    async def work():
        async with raw_server(always(CHUNKED)) as server, client(server.url, make_load(6), 3) as c:
            c.send(*range(6))  # three on open connections, three that have to open their own
            while len(server.bodies) < 2:
                await asyncio.sleep(0.001)
            c.target.cancel()
            now = len(c.records)
            c.target.cancel()
            await asyncio.sleep(0.01)
            return now, list(c.records)

    now, records = run(work())
    assert now == 6
    assert sorted(r.seq for r in records) == list(range(6))
    assert {r.status for r in records} == {Status.CANCELLED}


def test_answer_that_was_complete_when_all_is_cancelled_counts():
    async def work():
        async with raw_server(always(GOOD)) as server, client(server.url) as c:
            c.target._looks._look = lambda: None  # the loop never gets to look at what has come
            c.send(0)
            (connection,) = c.target._carried.values()
            while not connection._reads:
                await asyncio.sleep(0.001)
            c.target.cancel()
            return c.records

    assert [r.status for r in run(work())] == [Status.OK]


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_sent_is_when_the_last_byte_went_to_the_kernel(loop_factory):
    """A request larger than all socket buffers cannot have been sent before the server began to read it."""
    began = []

    async def work():
        async def serve(reader, writer):
            await asyncio.sleep(0.1)
            began.append(time.monotonic_ns())
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.rsplit(b":", 1)[1]))
            writer.write(GOOD)
            await reader.read()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 16)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with client(url, make_prompt=lambda r: "x" * (1 << 25)) as c:
            c.send(0)
            (record,) = await c.ended(1)
        server.close()
        return record, began[0] - c.clock.origin_ns

    record, began_ns = run(work(), loop_factory)
    assert record.status is Status.OK
    assert began_ns < record.sent_ns <= record.first_byte_ns


def test_requests_are_written_ahead_of_time_and_in_plan_order():
    written = []

    def make_prompt(request):
        written.append(request.seq)
        return "word"

    async def work():
        plan = make_load(6)
        async with raw_server(always(GOOD)) as server, client(server.url, plan, 2, make_prompt=make_prompt) as c:
            at_start = list(written)
            for seq in range(6):
                c.send(seq)
                before_last = len(written)
                await c.ended(seq + 1)
            return at_start, before_last, [body.count(b"word") for body in server.bodies]

    at_start, before_last, bodies = run(work())
    assert at_start == [0, 1]
    assert before_last == 6
    assert written == list(range(6))
    assert bodies == [1] * 6


def test_the_api_key_is_sent_and_never_shown():
    key = "sk-very-secret"

    async def echo(server, writer):
        body = server.heads[0]
        writer.write(b"HTTP/1.1 401 No\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    async def work():
        async with raw_server(echo) as server, client(server.url, api_key=SecretStr(key)) as c:
            c.send(0)
            (record,) = await c.ended(1)
            return server.heads[0], record

    head, record = run(work())
    assert f"Authorization: Bearer {key}\r\n".encode() in head
    assert "Bearer ***" in record.error
    assert key not in repr(record)


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_a_server_that_dies_while_a_connection_opens_ends_the_request_at_whatever_moment(loop_factory):
    """It resets the connection so many turns of the loop after the dial began."""

    async def work(turns):
        with socket.create_server(("127.0.0.1", 0)) as server:
            async with client(f"http://127.0.0.1:{server.getsockname()[1]}", connections=0) as c:
                c.send(0)
                for _ in range(turns):
                    await asyncio.sleep(0)
                server.settimeout(0.0 if turns == 0 else 5)
                with contextlib.suppress(BlockingIOError):
                    taken = server.accept()[0]
                    taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    taken.close()
                if turns == 0:
                    server.close()
                return (await c.ended(1))[0]

    for turns in range(12):
        record = run(work(turns), loop_factory)
        assert record.status in (Status.REFUSED, Status.ERROR)
        assert "reset" in record.error or record.error == "Connection refused"
