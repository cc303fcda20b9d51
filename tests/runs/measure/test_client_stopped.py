"""A client that stands still in mid-load says so, whichever of its processes it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from inferbench.records.reader import read_records
from inferbench.simulator.server.server_process import fetch_record, start_paced
from tests.runs.test_orphans import children_of

TTFT_MS, TPOT_MS, OSL, STREAMS, REQUESTS = 300, 10, 6, 8, 64
STOP_S = 1.2
"""Longer than a request lives, so that it covers the first token, or a token after it, of every stream."""
KEPT_NS = 100_000_000
"""A busy machine may keep the server from its turn between noting a time and writing."""

CLIENT = """
import json, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from tests.loadgen.workers.test_workers import endpoint, plan
from inferbench.runs.measure.plan_run import run_http_point
from inferbench.loadgen.event_loop import run_in_loop
from inferbench.loadgen.health.invalid_client import judge_client
from inferbench.records.reader import read_records
load, directory = plan({requests}, {streams}, osl={osl}), Path({directory!r})
out = run_in_loop(run_http_point(endpoint({url!r}), load, directory, workers={workers}))
health = judge_client(read_records(directory), load.arrival, out.client, streams_asked={streams})
print(json.dumps([out.anchor.monotonic_ns, health.valid, health.reasons, health.loop_lag_max_ms]))
"""


def stop(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    time.sleep(STOP_S)
    os.kill(pid, signal.SIGCONT)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no /proc on this system to find workers in")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_client_that_was_stopped_is_invalid_and_its_bounds_cover_the_stop(tmp_path: Path, workers: int) -> None:
    with start_paced(TTFT_MS, TPOT_MS, "paced") as server:
        code = CLIENT.format(
            tests=str(Path(__file__).parents[3]), requests=REQUESTS, streams=STREAMS, osl=OSL, url=server.url,
            directory=str(tmp_path), workers=workers,
        )  # fmt: skip
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as client:
            for _ in range(3000):
                if len(fetch_record(server.url)) >= 2 * STREAMS:
                    break
                assert client.poll() is None
                time.sleep(0.02)
            stop(client.pid if workers == 1 else worker_of(client.pid))
            said, _ = client.communicate(timeout=60)
        truth = fetch_record(server.url)
    origin_ns, valid, reasons, lag_ms = json.loads(said)
    assert not valid
    assert any(reason.startswith("stamps may be so late that p99 T") for reason in reasons), reasons
    assert lag_ms > 1000 * STOP_S - 100
    records = read_records(tmp_path)
    assert len(records) == len(truth) == REQUESTS
    late_ns = np.maximum(records.first_late_ns, records.last_late_ns)
    assert late_ns.max() > 0.5e9  # most of the stop lies after what came first in it
    # Whatever was written was still to come when the bound of its stamp says: of sorted times, pair by pair.
    for stamps, lates, sent in (
        (records.chunks.first_ns, records.first_late_ns, [one.first_token_ns for one in truth]),
        (records.chunks.last_ns, records.last_late_ns, [one.last_token_ns for one in truth]),
    ):
        early = np.sort(stamps - lates) + origin_ns
        assert (early <= np.sort(sent) + KEPT_NS).all()


def worker_of(pid: int) -> int:
    """A process of a client that sends load."""
    commands = {child: Path(f"/proc/{child}/cmdline").read_bytes() for child in children_of(pid)}
    return next(child for child, command in commands.items() if b"loadgen.workers.process" in command)
