"""The server's timing is that of the virtual clock."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest
import uvloop

from inferbench.loadgen.clock import VirtualClock
from inferbench.loadgen.dispatcher import Dispatcher
from inferbench.records.request_record import PassChunks
from inferbench.scenario.scenario import Lengths
from inferbench.simulator.engine.build import build_twin
from inferbench.simulator.server.send_record import SendRecord
from inferbench.simulator.server.server_process import fetch_record
from inferbench.workload.plan import Plan
from inferbench.workload.planner import make_plan
from tests.simulator.server.test_server_router import drive
from tests.support.simulator_servers import twin_server
from tests.support.twin_factories import GPUS, MODEL, Records, deployment, topology

STREAMS = 8


def plan(requests: int, osl: int) -> Plan:
    """Every request has a prompt length of its own; the server draws from a request's number, so the plan does too."""
    one, tokens = Lengths(nominal=1, min=1, max=1), Lengths(nominal=osl, min=osl, max=osl)
    made = make_plan(requests, isl=one, osl=tokens, seed=0, salt="", max_concurrency=STREAMS)
    return replace(made, isl=np.arange(300, 300 + requests), seeds=np.arange(requests))


def simulate(load: Plan) -> dict[int, tuple[int, int, int]]:
    """(sent, first token, last token) of each request on the virtual clock, by its prompt length."""
    clock, sink = VirtualClock(), Records()
    twin = build_twin(MODEL, GPUS["mi355x"], deployment(), topology("1p2d-tp8"), clock)
    dispatcher = Dispatcher(load, twin, clock, sink)
    dispatcher.start()
    clock.run(lambda: dispatcher.finished)
    found = {}
    for record in sink.ended_records:
        assert isinstance(record.chunks, PassChunks)
        assert record.sent_ns is not None
        found[record.isl] = record.sent_ns, record.chunks.first_ns, record.end_ns
    return found


def served(load: Plan, scale: float) -> dict[int, SendRecord]:
    with twin_server("--topology", "1p2d-tp8", "--time-scale", str(scale)) as server:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(drive(server.url, "/v1/completions", load))
        return {sent.prompt_tokens: sent for sent in fetch_record(server.url)}


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_the_schedule_is_that_of_the_virtual_clock_to_the_microsecond(scale: float):
    """However late the machine is: the virtual clock gets the arrivals as the server saw them."""
    load = plan(STREAMS, osl=20)
    found = served(load, scale)
    order = sorted(found.values(), key=lambda sent: sent.seq)
    began = order[0].taken_ns
    arrivals = [round((sent.taken_ns - began) / scale) for sent in order]
    same = replace(load, isl=np.array([sent.prompt_tokens for sent in order]), planned_ns=np.array(arrivals))
    truth = simulate(replace(same, max_concurrency=None))
    for sent in order:
        _, first, last = truth[sent.prompt_tokens]
        assert (sent.first_due_ns - began) / scale == pytest.approx(first, abs=1000)
        assert (sent.last_due_ns - began) / scale == pytest.approx(last, abs=1000)
        assert sent.first_token_ns >= sent.first_due_ns  # late it can be, early never
        assert sent.last_token_ns >= sent.last_due_ns
