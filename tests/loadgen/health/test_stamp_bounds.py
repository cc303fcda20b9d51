"""The bound of a stamp, against another process that notes when it sent what is stamped."""

from __future__ import annotations

import asyncio
import struct
import subprocess
import sys
import time

import pytest
import uvloop

from inferbench.loadgen.clock import LoopClock
from inferbench.loadgen.health import stamp_bounds as turns_module
from inferbench.loadgen.health.stamp_bounds import StampBounds

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]
MESSAGES = 80
SENDER = f"""
import socket, struct, sys, time
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
after = 0
for _ in range({MESSAGES} + 1):
    before = time.monotonic_ns()
    s.sendall(struct.pack("qq", before, after))  # when this was sent, at the earliest; and the last one, at the latest
    after = time.monotonic_ns()
    time.sleep(0.004)
"""


class Receiver(asyncio.Protocol):
    def __init__(self, turns: StampBounds, done: asyncio.Future[None]) -> None:
        self.turns, self.done = turns, done
        self.stamps: list[tuple[int, int]] = []
        self.data = b""

    def data_received(self, data: bytes) -> None:
        stamp = self.turns.stamp()
        self.data += data
        self.stamps += [stamp] * (len(self.data) // 16 - len(self.stamps))

    def connection_lost(self, exc: Exception | None) -> None:
        self.done.set_result(None)


def receive(loop_factory, block) -> tuple[list[int], list[tuple[int, int]], list[int]]:
    """When messages were sent at the earliest, their stamps and bounds, and when they were sent at the latest."""

    async def work():
        loop = asyncio.get_running_loop()
        clock = LoopClock(loop)
        turns = StampBounds(clock, loop)
        turns.start()
        receiver = Receiver(turns, loop.create_future())
        server = await loop.create_server(lambda: receiver, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with subprocess.Popen([sys.executable, "-c", SENDER, str(port)]) as sender:
            while not receiver.stamps:
                await asyncio.sleep(0.001)
            for _ in range(3):
                if block is not None:
                    loop.call_later(0.01, block)
                await asyncio.sleep(0.06)
            await asyncio.wait_for(receiver.done, 20)
            assert sender.wait(20) == 0
        server.close()
        turns.stop()
        words = struct.unpack(f"{len(receiver.data) // 8}q", receiver.data)
        times = [t - clock.origin_ns for t in words]
        assert [turns.late_by(stamp) for stamp, _ in receiver.stamps] == [late for _, late in receiver.stamps]
        return times[:-2:2], receiver.stamps[:MESSAGES], times[3::2]

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(work())


def busy() -> None:
    until = time.thread_time_ns() + 30_000_000
    while time.thread_time_ns() < until:
        pass


def asleep() -> None:
    time.sleep(0.03)


@pytest.mark.parametrize("loop_factory", LOOPS)
@pytest.mark.parametrize("block", [None, busy, asleep])
def test_no_arrival_is_older_than_the_bound_says(loop_factory, block):
    before, stamps, after = receive(loop_factory, block)
    assert len(before) == len(stamps) == len(after) == MESSAGES
    for (stamp, late), sent_by in zip(stamps, after, strict=True):
        assert stamp - late <= sent_by
    if block is not None:  # or nothing was put to the test
        assert max(stamp - sent for (stamp, _), sent in zip(stamps, before, strict=True)) > 15_000_000


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_an_idle_loop_has_a_tight_bound(loop_factory):
    _, stamps, _ = receive(loop_factory, None)
    bounds = sorted(late for _, late in stamps)
    assert bounds[0] >= 0
    assert bounds[MESSAGES // 2] < 4_000_000  # the time between two messages


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_a_callback_never_comes_early(loop_factory):
    """One that does asks to be called again, and again, until it is time: the loop would spin."""

    async def work():
        loop = asyncio.get_running_loop()
        clock = LoopClock(loop)
        early = []
        for i in range(40):
            done = loop.create_future()
            due = clock.now_ns() + 1_000_000 + i * 37_003
            clock.call_at(due, lambda done=done: done.set_result(clock.now_ns()))
            early.append(due - await done)
        return max(early)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        assert runner.run(work()) <= 0


def test_a_stamp_of_a_quantum_that_is_forgotten_may_be_as_late_as_anything(monkeypatch):
    monkeypatch.setattr(turns_module, "QUANTA_KEPT", 8)

    async def work():
        turns = StampBounds(LoopClock(asyncio.get_running_loop()), asyncio.get_running_loop())
        return turns, [turns.stamp() for _ in range(40) if not time.sleep(0.001)]

    turns, stamps = asyncio.run(work())
    lates = [turns.late_by(stamp) for stamp, _ in stamps]
    assert lates[-8:] == [late for _, late in stamps[-8:]]
    assert lates[0] == stamps[0][0]
