"""A prefill and a decode worker that meet by room, without a router between them."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import uvloop

from inferbench.errors import UsageError
from inferbench.simulator.engine.cluster import Cluster
from inferbench.simulator.server.identity import Served, ServerRole
from inferbench.simulator.server.roles.bootstrap import listen
from inferbench.simulator.server.roles.decode_server import DecodeBackend
from inferbench.simulator.server.roles.prefill_server import PrefillBackend
from inferbench.simulator.server.server import MakeBackend, SimulatorServer
from tests.support.simulator_servers import call, metrics_of
from tests.support.twin_factories import Fixed, cluster

QUICK = cluster(prefill=Fixed(0.001), transfer=Fixed(0.001))


@dataclass
class Pair:
    """A prefill and a decode worker on one loop, by their URLs."""

    prefill: str
    decode: str
    meeting: int

    def body(self, room: int, **more: Any) -> dict[str, Any]:
        bootstrap = {"bootstrap_host": "127.0.0.1", "bootstrap_port": self.meeting, "bootstrap_room": room}
        return {"model": "m", "prompt": "a b c", "max_tokens": 4} | bootstrap | more

    async def ask(self, url: str, body: dict[str, Any]) -> tuple[int, Any]:
        status, answer = await asyncio.to_thread(call, f"{url}/v1/completions", body)
        return status, json.loads(answer)

    async def until(self, url: str, **wanted: float) -> None:
        """Wait until metrics of a worker have these values."""
        async with asyncio.timeout(30):
            while {k: v for k, v in (await asyncio.to_thread(metrics_of, url)).items() if k in wanted} != wanted:
                await asyncio.sleep(0.01)

    async def record(self, url: str) -> list[dict[str, int]]:
        return json.loads((await asyncio.to_thread(call, f"{url}/record"))[1])


def with_pair(
    work: Callable[[Pair], Awaitable[None]],
    timeout_s: float = 60.0,
    decode_scale: float = 1.0,
    of: Cluster = QUICK,
) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        meeting = listen("127.0.0.1", 0)
        servers, listeners = [], []

        async def start(make: MakeBackend, role: ServerRole) -> str:
            server = SimulatorServer(make, Served("m", role))
            await server.backend.open()
            listeners.append(await loop.create_server(server.connection, "127.0.0.1", 0))
            servers.append(server)
            return f"http://127.0.0.1:{listeners[-1].sockets[0].getsockname()[1]}"

        prefill = await start(
            lambda clock, on_chunk: PrefillBackend(
                of, clock, on_chunk, listener=meeting, kv_bytes=1e6, time_scale=1.0, timeout_s=timeout_s
            ),
            ServerRole.PREFILL,
        )
        decode = await start(
            lambda clock, on_chunk: DecodeBackend(of, clock, on_chunk, time_scale=decode_scale, timeout_s=timeout_s),
            ServerRole.DECODE,
        )
        try:
            async with asyncio.timeout(60):
                await work(Pair(prefill, decode, meeting.getsockname()[1]))
        finally:
            for server, listener in zip(servers, listeners, strict=True):
                listener.close()
                server.backend.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


@pytest.mark.parametrize("decode_first", [True, False])
def test_decode_waits_for_its_prefill(decode_first: bool):
    async def work(pair: Pair) -> None:
        if decode_first:
            decoded = asyncio.create_task(pair.ask(pair.decode, pair.body(5)))
            await pair.until(pair.decode, num_decode_transfer_queue_reqs=1, num_running_reqs=0)
            prefilled = asyncio.create_task(pair.ask(pair.prefill, pair.body(5)))
        else:
            prefilled = asyncio.create_task(pair.ask(pair.prefill, pair.body(5)))
            await pair.until(pair.prefill, num_prefill_bootstrap_queue_reqs=1, num_queue_reqs=0)
            decoded = asyncio.create_task(pair.ask(pair.decode, pair.body(5)))
        (one, first), (two, second) = await prefilled, await decoded
        assert (one, two) == (200, 200), (first, second)
        assert (first["usage"]["completion_tokens"], second["usage"]["completion_tokens"]) == (1, 4)
        (before,), (after,) = await pair.record(pair.prefill), await pair.record(pair.decode)
        assert before["first_token_ns"] < after["first_token_ns"]
        await pair.until(pair.prefill, num_prefill_bootstrap_queue_reqs=0, kv_transfer_total_mb_sum=3.0)
        await pair.until(pair.decode, num_decode_transfer_queue_reqs=0, num_aborted_requests_total=0)

    with_pair(work)


def test_a_worker_must_be_told_whom_to_meet():
    async def work(pair: Pair) -> None:
        for url in (pair.prefill, pair.decode):
            status, answer = await pair.ask(url, {"model": "m", "prompt": "a"})
            assert status == 400
            assert "bootstrap_room" in answer["error"]["message"]
        for bad in ({"bootstrap_room": -1}, {"bootstrap_port": 70000}, {"bootstrap_host": 5}, {"bootstrap_room": [1]}):
            assert (await pair.ask(pair.decode, pair.body(1) | bad))[0] == 422

    with_pair(work)


def test_workers_at_different_time_scales_say_so():
    async def work(pair: Pair) -> None:
        status, answer = await pair.ask(pair.decode, pair.body(1))
        assert status == 500
        assert answer["error"]["message"] == "prefill runs at time scale 1, decode at 2"

    with_pair(work, decode_scale=2.0)


def test_a_prefill_worker_that_is_not_there_is_an_error():
    async def work(pair: Pair) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        for _ in range(2):  # the second finds the broken connection, and makes a new one
            status, answer = await pair.ask(pair.decode, pair.body(1, bootstrap_port=port))
            assert status == 500
            assert "is gone" in answer["error"]["message"]
        await pair.until(pair.decode, num_transfer_failed_reqs_total=2, num_decode_transfer_queue_reqs=0)
        assert (await asyncio.gather(*(pair.ask(url, pair.body(2)) for url in (pair.prefill, pair.decode))))[1][
            0
        ] == 200

    with_pair(work)


def test_whoever_waits_alone_for_too_long_is_told():
    async def work(pair: Pair) -> None:
        status, answer = await pair.ask(pair.prefill, pair.body(1))
        assert (status, answer["error"]["message"]) == (500, "room 1: nobody else came within 0.05 s")
        status, answer = await pair.ask(pair.decode, pair.body(2))
        assert status == 500
        assert "within 0.05 s" in answer["error"]["message"]
        await pair.until(pair.decode, num_decode_transfer_queue_reqs=0)

    with_pair(work, timeout_s=0.05)


def test_a_room_is_for_one_request():
    async def work(pair: Pair) -> None:
        first = asyncio.create_task(pair.ask(pair.prefill, pair.body(1)))
        await pair.until(pair.prefill, num_prefill_bootstrap_queue_reqs=1)
        status, answer = await pair.ask(pair.prefill, pair.body(1))
        assert (status, answer["error"]["message"]) == (500, "room 1 is taken")
        assert (await pair.ask(pair.decode, pair.body(1)))[0] == 200
        assert (await first)[0] == 200

    with_pair(work)


def test_a_request_that_no_cache_could_hold():
    async def work(pair: Pair) -> None:
        status, answer = await pair.ask(pair.decode, pair.body(1))
        assert status == 500
        assert "exceed the KV cache" in answer["error"]["message"]

    with_pair(work, of=cluster(kv_tokens=5))


NEVER = cluster(prefill=Fixed(10_000))
"""A prefill that outlasts every test."""


def test_a_client_that_leaves_decode_ends_its_prefill():
    async def work(pair: Pair) -> None:
        body = json.dumps(pair.body(1)).encode()
        _, writer = await asyncio.open_connection("127.0.0.1", int(pair.decode.rsplit(":", 1)[1]))
        writer.write(b"POST /v1/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        prefilled = asyncio.create_task(pair.ask(pair.prefill, pair.body(1)))
        await pair.until(pair.decode, num_decode_transfer_queue_reqs=1)
        await pair.until(pair.prefill, num_prefill_bootstrap_queue_reqs=0, num_queue_reqs=1)
        writer.close()
        status, answer = await prefilled
        assert (status, answer["error"]["message"]) == (500, "room 1: the decode worker has left it")
        await pair.until(pair.decode, num_decode_transfer_queue_reqs=0, num_aborted_requests_total=1)

    with_pair(work, of=NEVER)


def test_a_decode_worker_that_dies_ends_the_prefills_for_it():
    async def work(pair: Pair) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", pair.meeting)
        writer.write(b'{"time_scale":1.0}\n{"room":1}\n')
        prefilled = asyncio.create_task(pair.ask(pair.prefill, pair.body(1)))
        await pair.until(pair.prefill, num_prefill_bootstrap_queue_reqs=0, num_queue_reqs=1)
        writer.close()
        status, answer = await prefilled
        assert (status, answer["error"]["message"]) == (500, "room 1: the decode worker is gone")
        await pair.until(pair.prefill, num_transfer_failed_reqs_total=1, num_queue_reqs=0)

    with_pair(work, of=NEVER)


def test_rubbish_at_the_meeting_place_is_hung_up_on():
    async def work(pair: Pair) -> None:
        for rubbish in (b"GET / HTTP/1.1\r\n\r\n", b"[]\n", b'{"time_scale":1}\n{"room":"x"}\n', b"x" * 100_000):
            reader, writer = await asyncio.open_connection("127.0.0.1", pair.meeting)
            writer.write(rubbish)
            assert await reader.read() == b""
            writer.close()
        both = await asyncio.gather(pair.ask(pair.prefill, pair.body(1)), pair.ask(pair.decode, pair.body(1)))
        assert [status for status, _ in both] == [200, 200]

    with_pair(work)


def test_a_bootstrap_port_in_use_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UsageError, match="bootstrap"):
        listen("127.0.0.1", taken.getsockname()[1])
