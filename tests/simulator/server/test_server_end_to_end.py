"""The client against the paced server: both keep a record of the same events on the same clock, and they agree."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest
import uvloop

from inferbench.endpoint.readiness import probe
from inferbench.loadgen.clock import LoopClock
from inferbench.loadgen.driver import drive_live
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.loadgen.http.target import HttpTarget
from inferbench.loadgen.sinks import Kept
from inferbench.records.request_record import CountSource, Status
from inferbench.scenario.scenario import Lengths
from inferbench.simulator.server.server_process import fetch_record, start_paced
from inferbench.workload.plan import Plan
from inferbench.workload.planner import make_plan

STREAMS, WAVES, OSL = 32, 2, 10
TTFT_MS, TPOT_MS = 60, 10


def plan() -> Plan:
    """Every request has a prompt length of its own, by which the server's record of it is found."""
    one, tokens = Lengths(nominal=1, min=1, max=1), Lengths(nominal=OSL, min=OSL, max=OSL)
    made = make_plan(STREAMS * WAVES, isl=one, osl=tokens, seed=0, salt="", max_concurrency=STREAMS)
    return replace(made, isl=np.arange(1, len(made) + 1))


async def drive(url: str, path: str):
    loop = asyncio.get_running_loop()
    load, sink, clock = plan(), Kept(), LoopClock(loop)
    identity = await probe(Endpoint(url, path), 5)
    target = HttpTarget(Endpoint(url, path, identity.model), load, lambda r: "word " * r.isl, clock, loop)
    await target.open(STREAMS)
    try:
        await drive_live(load, target, clock, sink)
    finally:
        await target.close()
    return sink.records, clock.origin_ns, target.streams_open_max, identity


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/chat/completions"])
def test_records_of_client_and_server_agree(path):
    with start_paced(TTFT_MS, TPOT_MS, "paced") as server:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            records, origin_ns, streams_open_max, identity = runner.run(drive(server.url, path))
        truth = {sent.prompt_tokens: sent for sent in fetch_record(server.url)}
    assert (identity.model, identity.engine) == ("paced", "inferbench")
    assert len(records) == len(truth) == STREAMS * WAVES
    assert streams_open_max == STREAMS
    for record in records:
        sent, times = truth[record.isl], [t + origin_ns for t in record.chunks.times_ns]
        assert (record.status, record.isl_source, record.osl_source) == (
            Status.OK,
            CountSource.SERVER,
            CountSource.SERVER,
        )
        assert record.osl == sent.tokens == len(times) == sum(record.chunks.tokens) == OSL
        assert record.connect_ns is None
        assert record.slot_free_ns <= record.sent_ns <= record.first_byte_ns
        assert record.slot_free_ns + origin_ns <= sent.arrival_ns
        assert times[0] >= sent.first_token_ns
        assert times[-1] >= sent.last_token_ns
