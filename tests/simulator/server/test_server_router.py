"""The real sglang-router in prefill/decode mode before twin workers, and our own client before the router."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

import numpy as np
import pytest
import uvloop

from inferbench.loadgen.clock import LoopClock
from inferbench.loadgen.driver import drive_live
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.loadgen.http.target import HttpTarget
from inferbench.records.request_record import CountSource, RequestRecord, Status
from inferbench.scenario.scenario import Lengths
from inferbench.simulator.server.server_process import fetch_record
from inferbench.workload.plan import Plan
from inferbench.workload.planner import make_plan
from tests.simulator.server.test_server_end_to_end import Kept
from tests.support.simulator_servers import MODEL, Running, call, metrics_of, router, twin_server

STREAMS, REQUESTS, OSL = 24, 48, 12


@dataclass(frozen=True)
class Cluster:
    router: Running
    prefill: Running
    decode: tuple[Running, Running]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with ExitStack() as running:
        prefill = running.enter_context(twin_server("--role", "prefill"))
        decode = tuple(running.enter_context(twin_server("--role", "decode")) for _ in range(2))
        yield Cluster(running.enter_context(router([prefill], list(decode))), prefill, decode)


def plan(first_isl: int) -> Plan:
    """Every request has a prompt length of its own, by which the workers' records of it are found."""
    one, tokens = Lengths(nominal=1, min=1, max=1), Lengths(nominal=OSL, min=OSL, max=OSL)
    made = make_plan(REQUESTS, isl=one, osl=tokens, seed=0, salt="", max_concurrency=STREAMS)
    return replace(made, isl=np.arange(first_isl, first_isl + len(made)))


async def drive(url: str, path: str, load: Plan) -> tuple[list[RequestRecord], int]:
    loop = asyncio.get_running_loop()
    sink, clock = Kept(), LoopClock(loop)
    target = HttpTarget(Endpoint(url, path, MODEL), load, lambda r: "word " * r.isl, clock, loop)
    await target.open(STREAMS)
    try:
        await drive_live(load, target, clock, sink)
    finally:
        await target.close()
    return sink.records, clock.origin_ns


@pytest.mark.parametrize(
    ("path", "first_isl"), [("/v1/completions", 100), ("/v1/chat/completions", 200), ("/generate", 300)]
)
def test_routed_requests_are_prefilled_then_decoded(cluster: Cluster, path: str, first_isl: int):
    load = plan(first_isl)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        records, origin_ns = runner.run(drive(cluster.router.url, path, load))
    asked = {int(isl) for isl in load.isl}
    prefilled = {s.prompt_tokens: s for s in fetch_record(cluster.prefill.url) if s.prompt_tokens in asked}
    halves = [{s.prompt_tokens: s for s in fetch_record(d.url) if s.prompt_tokens in asked} for d in cluster.decode]
    assert [len(half) for half in halves] == [REQUESTS / 2, REQUESTS / 2]  # round robin
    decoded = halves[0] | halves[1]
    assert set(prefilled) == set(decoded) == {r.isl for r in records} == asked
    for record in records:
        before, after = prefilled[record.isl], decoded[record.isl]
        assert (record.status, record.osl, record.osl_source) == (Status.OK, OSL, CountSource.SERVER), record.error
        assert (before.tokens, after.tokens) == (1, OSL)
        assert record.chunks is not None
        # Its cache had to come before its first token; the client cannot have had that before it was sent.
        assert before.first_token_ns < after.first_token_ns <= record.chunks.times_ns[0] + origin_ns


def test_metrics_of_the_workers_add_up(cluster: Cluster):
    body = {"model": MODEL, "prompt": "one two three", "max_tokens": 5}
    before = [metrics_of(worker.url) for worker in (cluster.prefill, *cluster.decode)]
    status, answer = call(f"{cluster.router.url}/v1/completions", body)
    assert (status, json.loads(answer)["usage"]["completion_tokens"]) == (200, 5)
    after = [metrics_of(worker.url) for worker in (cluster.prefill, *cluster.decode)]

    def grown(name: str, first: int, last: int) -> float:
        return sum(a[name] - b[name] for a, b in zip(after[first:last], before[first:last], strict=True))

    assert (grown("prompt_tokens_total", 0, 1), grown("generation_tokens_total", 0, 1)) == (3, 1)
    assert (grown("prompt_tokens_total", 1, 3), grown("generation_tokens_total", 1, 3)) == (3, 5)
    assert (grown("kv_transfer_latency_ms_count", 0, 1), grown("time_to_first_token_seconds_count", 1, 3)) == (1, 1)


def test_workers_say_what_they_are(cluster: Cluster):
    modes = []
    for worker in (cluster.prefill, *cluster.decode):
        info = json.loads(call(f"{worker.url}/server_info")[1])
        assert info["tp_size"] == 8
        assert info["disaggregation_transfer_backend"] == "mori"
        modes.append((info["disaggregation_mode"], info["disaggregation_bootstrap_port"]))
    assert modes == [("prefill", cluster.prefill.bootstrap_port), ("decode", None), ("decode", None)]
