"""How punctual the twin on the wire is at 2,048 streams: `make bench`.

    python benchmarks/wire_pacing.py [--time-scales 1,4] [--isl 1024] [--closed] [--stream-interval 1] [--requests 3072]

The server's own schedule is held against what it sent, and what it sent against the virtual-clock run of the same
plan. `host` is how busy all cores of the machine were, everything on it included; `server` is the share of one core
that the server took.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import uvloop

from inferbench.catalog.bundled import gpus, models
from inferbench.loadgen.clock import LoopClock, VirtualClock
from inferbench.loadgen.driver import drive_live, drive_virtual, no_collections
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.loadgen.http.target import HttpTarget
from inferbench.loadgen.in_process_target import InProcessTarget
from inferbench.loadgen.open_files import raise_open_files
from inferbench.loadgen.port import Clock, Done, Target
from inferbench.loadgen.sinks import Kept
from inferbench.records.request_record import PassChunks, RequestRecord, Status
from inferbench.scenario.read_scenario import load_scenario
from inferbench.scenario.scenario import Scenario
from inferbench.simulator.engine.build import build_twin
from inferbench.simulator.server.server_process import fetch_record
from inferbench.workload.lengths import around
from inferbench.workload.plan import Arrival, Plan, PlannedRequest
from inferbench.workload.planner import make_plan

SCENARIO, DEPLOYMENT, TOPOLOGY = "deepseek-r1-mi355x-vs-b200", "mi355x-sglang-mori", "2p1d-dep8"
STREAMS = 2048
RATE = 82.0
"""Requests/s at which some 2,048 are in flight at most."""
OSL = 512
BUSY_LIMIT = 0.6
DELAY_NS = 20_000_000
"""Some loads hang on a hair: which prompts share a pass decides what comes later. This shows whether this one does."""


@dataclass(frozen=True)
class Timing:
    """Means over all requests in ms of the twin, throughput in tokens/s of it.

    No medians: that of TTFT falls between the first wave of a closed loop and the others, and says nothing.
    """

    ttft: float
    tpot: float
    throughput: float

    def error(self, truth: Timing) -> float:
        """The largest relative difference."""
        mine, true = (np.array([t.ttft, t.tpot, t.throughput]) for t in (self, truth))
        return float(np.max(np.abs(mine / true - 1)))


def timing(rows: list[tuple[int, int, int, int]], scale: float) -> Timing:
    """From (sent, first token, last token, tokens) of each request, ns."""
    sent, first, last, tokens = (np.array(column) for column in zip(*rows, strict=True))
    return Timing(
        float(np.mean(first - sent)) / 1e6 / scale,
        float(np.mean((last - first) / (tokens - 1))) / 1e6 / scale,
        float(tokens.sum()) / (last.max() - sent.min()) * 1e9 * scale,
    )


def plan(requests: int, isl: int, closed: bool) -> Plan:
    made = make_plan(
        requests, isl=around(isl, 0.1), osl=around(OSL, 0.1), seed=0, salt="", rate=RATE,
        max_concurrency=STREAMS if closed else None, arrival=Arrival.CLOSED if closed else Arrival.POISSON,
    )  # fmt: skip
    return replace(made, seeds=np.arange(requests))  # the server draws from the number of a request


def stretched(load: Plan, scale: float) -> Plan:
    """The plan with its arrivals as far apart as the server's time scale has them."""
    return load if load.planned_ns is None else replace(load, planned_ns=(load.planned_ns * scale).astype(np.int64))


def scenario_with(stream_interval: int) -> Scenario:
    """The scenario with one topology, which gathers so many tokens for a chunk."""
    scenario = load_scenario(SCENARIO)
    deployment = scenario.deployment(DEPLOYMENT)
    topology = deployment.topology(TOPOLOGY).model_copy(update={"stream_interval": stream_interval})
    return scenario.model_copy(update={"deployments": (deployment.model_copy(update={"topologies": (topology,)}),)})


class Delayed(InProcessTarget):
    """A target that each request reaches a little later than it was sent."""

    def __init__(self, target: Target, clock: Clock, most_ns: int) -> None:
        self._target, self._clock, self._most_ns, self._random = target, clock, most_ns, random.Random(0)

    def submit(self, request: PlannedRequest, slot_free_ns: int, done: Done) -> None:
        when_ns = self._clock.now_ns() + self._random.randint(0, self._most_ns)
        self._clock.call_at(when_ns, partial(self._target.submit, request, slot_free_ns, done))

    def cancel(self) -> None:
        self._target.cancel()


def simulated(load: Plan, scenario: Scenario, delay_ns: int = 0) -> Timing:
    clock, sink = VirtualClock(), Kept()
    (deployment,) = scenario.deployments
    twin = build_twin(
        models()[scenario.model], gpus()[deployment.gpu], deployment, deployment.topology(TOPOLOGY), clock
    )
    drive_virtual(load, Delayed(twin, clock, delay_ns), clock, sink)
    rows = []
    for record in sink.records:
        assert isinstance(record.chunks, PassChunks)
        assert record.sent_ns is not None
        rows.append((record.sent_ns, record.chunks.first_ns, record.end_ns, record.osl))
    return timing(rows, 1.0)


@contextmanager
def serving(scenario: Path, scale: float) -> Iterator[str]:
    command = [sys.executable, "-m", "inferbench", "twin", "serve", str(scenario), "--deployment", DEPLOYMENT]
    command += ["--port", "0", "--time-scale", str(scale)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"serving at (\S+);", process.stdout.readline())
        try:
            assert found is not None
            yield found[1]
        finally:
            process.terminate()


async def drive(url: str, load: Plan, model: str) -> list[RequestRecord]:
    loop, sink = asyncio.get_running_loop(), Kept()
    clock = LoopClock(loop)
    target = HttpTarget(Endpoint(url, "/v1/completions", model), load, lambda r: "word " * r.isl, clock, loop)
    await target.open(STREAMS)
    with no_collections():
        await drive_live(load, target, clock, sink)
    await target.close()
    return sink.records


def busy_jiffies() -> tuple[int, int]:
    """(busy, all) of every core since the machine started."""
    fields = [int(n) for n in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return sum(fields) - fields[3] - fields[4], sum(fields)


def page(url: str, path: str) -> Any:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(url + path, timeout=30) as answer:
        return json.load(answer)


def measure(load: Plan, scenario: Path, scale: float, model: str, truth: Timing) -> None:
    with serving(scenario, scale) as url:
        before, busy = page(url, "/pacing"), busy_jiffies()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            records = runner.run(drive(url, stretched(load, scale), model))
        after, busy_after = page(url, "/pacing"), busy_jiffies()
        sent = fetch_record(url)
    assert all(record.status is Status.OK for record in records)
    host = (busy_after[0] - busy[0]) / (busy_after[1] - busy[1])
    server = (after["cpu_s"] - before["cpu_s"]) / (after["at_s"] - before["at_s"])
    found = timing([(s.arrival_ns, s.first_token_ns, s.last_token_ns, s.tokens) for s in sent], scale)
    chunks_s = after["chunks"] / (after["at_s"] - before["at_s"])
    late = ", ".join(f"p{p} {after[f'late_p{p}_ms']:.2f}" for p in (50, 90, 99, 100))
    verdict = "" if host < BUSY_LIMIT else f"  (host above {BUSY_LIMIT:.0%}: no promise)"
    print(
        f"  x{scale:<4g} host {host:4.0%}  server {server:4.0%}  {chunks_s:8,.0f} chunks/s  late by ms: {late}\n"
        f"        TTFT {found.ttft:8,.1f} ms  TPOT {found.tpot:6.2f} ms  {found.throughput:8,.0f} tok/s"
        f"  farthest from the virtual clock {found.error(truth):.2%}{verdict}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--time-scales", default="1,4", help="real seconds for one of the twin [1,4]")
    parser.add_argument("--isl", type=int, default=1024, help="prompt tokens, plus or minus a tenth [1024]")
    parser.add_argument("--closed", action="store_true", help="closed loop; all streams begin at once")
    parser.add_argument("--stream-interval", type=int, default=1, help="tokens that a chunk gathers [1]")
    parser.add_argument("--requests", type=int, default=3072)
    options = parser.parse_args()
    raise_open_files()
    scenario = scenario_with(options.stream_interval)
    load, model = plan(options.requests, options.isl, options.closed), models()[scenario.model].hugging_face_id
    truth = simulated(load, scenario)
    arrivals = f"{STREAMS:,} streams in a closed loop" if options.closed else f"{RATE:g} requests/s"
    print(
        f"twin serve, {DEPLOYMENT} {TOPOLOGY}, stream interval {options.stream_interval}, "
        f"{arrivals}, {len(load):,} requests of {options.isl}/{OSL} tokens\n"
        f"{os.cpu_count()} cores shared with the client; load average before {os.getloadavg()[0]:.1f}\n"
        f"  virtual TTFT {truth.ttft:7,.1f} ms  TPOT {truth.tpot:6.2f} ms"
        f"  {truth.throughput:8,.0f} tok/s\n"
        f"  the same with every request up to {DELAY_NS // 1_000_000} ms later: farthest "
        f"{simulated(load, scenario, DELAY_NS).error(truth):.2%}"
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scenario.yaml"
        file.write_text(scenario.model_dump_json(), encoding="utf-8")  # JSON is YAML
        for scale in options.time_scales.split(","):
            measure(load, file, float(scale), model, truth)


if __name__ == "__main__":
    main()
