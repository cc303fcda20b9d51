"""Requests spread over several servers, and kernel receive times."""

from __future__ import annotations

import asyncio
import sys
import time

import pytest

from inferbench.errors import EndpointError, UsageError
from inferbench.loadgen.clock import LoopClock
from inferbench.loadgen.health.kernel_stamps import KernelLag, WallClock
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.loadgen.http.round_robin import SpreadTarget
from inferbench.records.request_record import Status
from tests.support.raw_server import (
    CHUNKED,
    GOOD,
    LOOPS,
    Client,
    always,
    chunked,
    client,
    make_load,
    raw_server,
    run,
    text,
    usage,
)


def spread(urls: list[str], plan) -> Client:
    """A client whose target is spread over servers."""
    made = Client(urls[0], plan)
    loop = asyncio.get_running_loop()
    endpoints = [Endpoint(url, "/v1/completions", "m") for url in urls]
    made.target = SpreadTarget(endpoints, plan, lambda r: f"word{r.seq}", made.clock, loop)
    return made


def test_requests_go_to_the_servers_in_turn():
    async def work():
        async with raw_server(always(GOOD)) as one, raw_server(always(GOOD)) as two:
            c = spread([one.url, two.url], make_load(7))
            await c.target.open(3)
            opened = one.connections, two.connections
            c.send(*range(7))
            records = await c.ended(7)
            await c.target.close()
            bodies = [[b.split(b'"prompt":"word')[1][:1] for b in server.bodies] for server in (one, two)]
            return opened, records, [b"".join(sorted(b)) for b in bodies], c.target.streams_open_max

    opened, records, bodies, most = run(work())
    assert opened == (2, 1)
    assert bodies == [b"0246", b"135"]
    assert {r.status for r in records} == {Status.OK}
    assert 3 <= most <= 7


def test_one_server_that_is_down_is_named():
    async def work():
        async with raw_server(always(GOOD)) as up:
            c = spread([up.url, "http://127.0.0.1:1"], make_load(2))
            try:
                await c.target.open(2)
            finally:
                await c.target.close()

    with pytest.raises(EndpointError, match=r"http://127\.0\.0\.1:1 cannot be reached"):
        run(work())


def test_a_spread_target_cancels_all_and_needs_an_endpoint():
    async def never(_server, _writer):
        pass

    async def work():
        async with raw_server(never) as one, raw_server(never) as two:
            c = spread([one.url, two.url], make_load(4))
            await c.target.open(4)
            c.send(*range(4))
            c.target.cancel()
            await c.target.close()
            return c.records

    assert [r.status for r in run(work())] == [Status.CANCELLED] * 4
    with pytest.raises(UsageError, match="no endpoint"):
        run(nowhere())


async def nowhere():
    loop = asyncio.get_running_loop()
    SpreadTarget([], make_load(1), lambda r: "", LoopClock(loop), loop)


linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's receive times are asked for as on Linux")


@linux
@pytest.mark.parametrize("loop_factory", LOOPS)
def test_kernel_stamps_do_not_depend_on_when_the_client_reads(loop_factory):
    """The client sleeps while a token comes. The kernel saw it come, and says when."""
    woke = []

    async def answer(_server, writer):
        piece = text("a")
        writer.transport.set_write_buffer_limits(0)  # uvloop writes at once
        writer.write(CHUNKED + b"%x\r\n%b\r\n" % (len(piece), piece))
        time.sleep(0.1)  # neither server nor client, which share a loop here, do anything
        woke.append(time.monotonic_ns())
        await asyncio.sleep(0.02)
        writer.write(chunked(text("b"), usage(1, 2)))

    async def work(kernel: bool):
        async with raw_server(answer) as server, client(server.url, kernel_timestamps=kernel) as c:
            await asyncio.sleep(0.05)  # the kernel begins to stamp
            c.send(0)
            (record,) = await c.ended(1)
            return record, woke.pop() - c.clock.origin_ns, c.target.kernel_lag

    record, woke_ns, lag = run(work(True), loop_factory)
    assert (record.status, record.osl) == (Status.OK, 2)
    asleep_ns = woke_ns - record.chunks.times_ns[0]
    assert asleep_ns > record.first_late_ns >= 0
    assert lag.reads == 2
    assert lag.max_ns > asleep_ns - record.first_late_ns
    plain, woke_ns, lag = run(work(False), loop_factory)
    assert plain.chunks.times_ns[0] > woke_ns
    assert lag.reads == 0


@linux
@pytest.mark.parametrize("loop_factory", LOOPS)
@pytest.mark.parametrize("cut", [0, 20])
def test_kernel_stamped_connections_are_kept_alive_and_lost_like_others(loop_factory, cut):
    async def answer(_server, writer):
        writer.write(GOOD[: len(GOOD) - cut])
        if cut:
            writer.close()

    async def work():
        async with raw_server(answer) as server, client(server.url, make_load(3), kernel_timestamps=True) as c:
            for seq in range(3):
                c.send(seq)
                await c.ended(seq + 1)
            return server.connections, [r.status for r in c.records]

    connections, statuses = run(work(), loop_factory)
    assert connections == (3 if cut else 1)
    assert statuses == [Status.ERROR if cut else Status.OK] * 3


def test_kernel_stamps_need_a_plain_socket():
    with pytest.raises(UsageError, match="plain http"):
        Endpoint("https://host", "/v1/completions", kernel_timestamps=True)


def test_the_wall_clock_is_mapped_within_its_brackets():
    wall = WallClock()
    before, real, after = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
    mapped = wall.to_monotonic(real, after)
    assert before - wall.residual_ns <= mapped <= after + wall.residual_ns


def test_lag_shares():
    lag = KernelLag()
    for ns in [1000] * 99 + [5000]:
        lag.add(ns)
    assert (lag.reads, lag.max_ns, lag.at_most_ns(0.99), lag.at_most_ns(1.0)) == (100, 5000, 1024, 5000)
