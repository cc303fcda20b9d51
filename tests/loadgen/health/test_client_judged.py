"""The client judges itself over real sockets: a starved one is INVALID, one with time is valid."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import numpy as np

from inferbench.comparison.usable_points import why_unusable
from inferbench.loadgen.event_loop import run_in_loop
from inferbench.loadgen.health.invalid_client import judge_client
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.metrics.summarise import summarise
from inferbench.metrics.summary import Basis, Origin, PointSummary, SweepPoint
from inferbench.records.reader import read_records
from inferbench.runs.measure.plan_run import HttpOutcome, run_http_point
from inferbench.scenario.scenario import Lengths
from inferbench.simulator.server.server_process import fetch_record, start_paced
from inferbench.units import NS_PER_MS
from inferbench.workload.plan import Plan
from inferbench.workload.planner import make_plan

TTFT_MS, TPOT_MS, OSL, STREAMS = 1500, 100, 16, 4
"""2 % are 30 ms of TTFT and of the 1,500 ms that an answer streams: far more than a busy machine keeps a process from
its turn."""
BLOCK_S, EVERY_S = 0.15, 0.16


def plan() -> Plan:
    isl, osl = Lengths(nominal=4, min=4, max=4), Lengths(nominal=OSL, min=OSL, max=OSL)
    return make_plan(STREAMS, isl=isl, osl=osl, seed=0, salt="", max_concurrency=STREAMS)


async def starved(endpoint: Endpoint, directory: Path) -> HttpOutcome:
    """Run with something on the client's own event loop that takes nearly all of its time."""
    loop = asyncio.get_running_loop()

    def hog() -> None:
        time.sleep(BLOCK_S)
        loop.call_later(EVERY_S - BLOCK_S, hog)

    loop.call_soon(hog)
    return await run_http_point(endpoint, plan(), directory)


def measure(directory: Path, *, starve: bool) -> tuple[PointSummary, float]:
    """Return the summary, and by how many ms the client's median TTFT is above the server's own."""
    with start_paced(TTFT_MS, TPOT_MS, "paced") as server:
        endpoint = Endpoint(server.url, "/v1/completions", "paced")
        run = starved if starve else lambda e, d: run_http_point(e, plan(), d)
        outcome = run_in_loop(run(endpoint, directory))
        truth = fetch_record(server.url)
    records, load = read_records(directory), plan()
    point = SweepPoint(deployment="d", topology="t", concurrency=STREAMS, prefill_gpus=0, decode_gpus=1)
    client = judge_client(records, load.arrival, outcome.client, streams_asked=STREAMS)
    summary = summarise(records, load, point, Origin.MEASURED, client=client)
    assert summary.whole_run is not None
    assert summary.whole_run.ttft_ms is not None
    came_ns = np.sort(records.chunks.first_ns) + outcome.anchor.monotonic_ns
    assert (came_ns >= np.sort([sent.first_token_ns for sent in truth])).all(), "late a stamp can be, early never"
    true_ttft = float(np.median([sent.first_token_ns - sent.arrival_ns for sent in truth])) / 1e6
    return summary, summary.whole_run.ttft_ms.p50 - true_ttft


def test_a_starved_client_is_invalid_and_draws_no_verdict(tmp_path: Path) -> None:
    summary, off_ms = measure(tmp_path, starve=True)
    assert summary.client is not None
    assert not summary.client.valid
    # First and last chunks come at different times within the hog's turns: one of them may meet the short pause.
    assert any(reason.startswith("stamps may be so late that ") for reason in summary.client.reasons)
    assert (summary.client.stamp_late_p99_ms or 0) > 30
    assert off_ms < (summary.client.stamp_late_p99_ms or 0) + 20, "the bounds hold against the truth"
    assert (why_unusable(summary, Basis.WHOLE_RUN) or "").startswith("client INVALID: ")


def test_a_client_with_time_is_valid(tmp_path: Path) -> None:
    """And one that a busy machine kept from its turn for longer than that is not: its own stamps say which it was."""
    summary, _ = measure(tmp_path, starve=False)
    records = read_records(tmp_path)
    assert summary.client is not None
    assert summary.client.stamp_late_p99_ms is not None
    assert summary.client.streams_open_max == STREAMS
    assert summary.client.send_lag_p99_ms is not None
    late_ms = max(records.first_late_ns.max(), records.last_late_ns.max()) / NS_PER_MS
    in_time = max(late_ms, summary.client.send_lag_p99_ms) < 0.02 * TTFT_MS
    assert summary.client.valid or not in_time, summary.client.reasons
    assert (why_unusable(summary, Basis.WHOLE_RUN) is None) is summary.client.valid
