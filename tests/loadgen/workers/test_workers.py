"""A load shared out over processes: every request once, one clock, and what becomes of it when one is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inferbench.errors import EndpointError, UsageError
from inferbench.loadgen.driver import INTERRUPTED
from inferbench.loadgen.event_loop import run_in_loop
from inferbench.loadgen.health.invalid_client import judge_client, most_at_once
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.loadgen.progress import Progress, RunLimits, StopKind
from inferbench.loadgen.workers import process as worker_process
from inferbench.records.columns import Records
from inferbench.records.reader import LOST, read_records
from inferbench.records.request_record import Status
from inferbench.runs.frames import records_frame
from inferbench.runs.measure import plan_run
from inferbench.runs.measure.plan_run import HttpOutcome, run_http_point
from inferbench.scenario.scenario import Lengths
from inferbench.simulator.server.server_process import fetch_record, start_paced
from inferbench.workload.plan import Plan
from inferbench.workload.planner import make_plan

TTFT_MS, TPOT_MS = 60, 10


def plan(n: int, concurrency: int, osl: int = 6, salt: str = "") -> Plan:
    isl, tokens = Lengths(nominal=4, min=4, max=4), Lengths(nominal=osl, min=osl, max=osl)
    return make_plan(n, isl=isl, osl=tokens, seed=0, salt=salt, max_concurrency=concurrency)


def endpoint(url: str) -> Endpoint:
    return Endpoint(url, "/v1/completions", "paced")


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_parts_add_up_to_the_plan(tmp_path: Path, workers: int) -> None:
    seen: list[Progress] = []
    load = plan(37, 7)
    with start_paced(TTFT_MS, TPOT_MS, "paced") as server:
        before = time.monotonic_ns()
        outcome = run_in_loop(
            run_http_point(
                endpoint(server.url), load, tmp_path, workers=workers, warmup=plan(2, 2, salt="warm"),
                watch=lambda progress, _: seen.append(progress),
            )
        )  # fmt: skip
        after = time.monotonic_ns()
        truth = fetch_record(server.url)
    records = read_records(tmp_path)
    assert sorted(records.seq.tolist()) == list(range(37))
    assert set(records.status.tolist()) == {Status.OK}
    assert len(truth) == 37 + 2
    assert most_at_once(records) == 7
    assert set(records.client_worker.tolist()) == set(range(workers))
    assert records.end_ns.tolist() == sorted(records.end_ns)
    assert (outcome.workers, len(outcome.client.cpu_shares), outcome.client.clock_residual_ms) == (workers, workers, 0)
    assert (outcome.driven.progress.planned, outcome.driven.progress.ended) == (37, 37)
    assert (seen[-1].planned, seen[-1].ended) == (37, 37)
    assert outcome.driven.stop_reason is None
    # One clock: what the server saw lies between the stamps, set against the anchor of the run.
    first_free = outcome.anchor.monotonic_ns + records.slot_free_ns.min()
    last_token = outcome.anchor.monotonic_ns + records.chunks.last_ns.max()
    assert before < first_free < min(sent.arrival_ns for sent in truth[2:])
    assert max(sent.last_token_ns for sent in truth) <= last_token < after
    assert records.slot_free_ns.min() >= 0
    frame = records_frame(tmp_path)
    assert frame["seq"].tolist() == records.seq.tolist()


def test_reading_several_workers_gives_the_same_again(tmp_path: Path) -> None:
    with start_paced(TTFT_MS, TPOT_MS, "paced") as server:
        run_in_loop(run_http_point(endpoint(server.url), plan(12, 4), tmp_path, workers=2))
    first, second = read_records(tmp_path), read_records(tmp_path)
    assert first.seq.tolist() == second.seq.tolist()
    assert [first.chunks.expand(row)[0].tolist() for row in range(12)] == [
        second.chunks.expand(row)[0].tolist() for row in range(12)
    ]


def counts(records: Records) -> dict[Status, int]:
    return {status: int((records.status == status).sum()) for status in Status}


async def kill_one(server_url: str, load: Plan, directory: Path, monkeypatch: pytest.MonkeyPatch) -> HttpOutcome:
    """Run with two workers, and kill the second when some requests have ended."""
    started: list[worker_process.ProcessWorker] = []
    start = worker_process.ProcessWorker.start

    async def start_and_keep(job: worker_process.WorkerJob) -> worker_process.ProcessWorker:
        started.append(await start(job))
        return started[-1]

    monkeypatch.setattr(worker_process.ProcessWorker, "start", start_and_keep)

    def watch(progress: Progress, _: int) -> None:
        if progress.ended >= 8 and len(started) == 2:
            os.kill(started.pop().pid, signal.SIGKILL)

    return await run_http_point(endpoint(server_url), load, directory, workers=2, watch=watch)


def test_a_killed_worker_leaves_the_others_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = plan(120, 8)
    with start_paced(200, TPOT_MS, "paced") as server:
        outcome = run_in_loop(kill_one(server.url, load, tmp_path, monkeypatch))
    assert outcome.driven.stop_reason == "worker 1 was killed by SIGKILL"
    assert outcome.driven.stop_kind is StopKind.LOST
    records = read_records(tmp_path)
    by_worker = {w: records.status[records.client_worker == w].tolist() for w in (0, 1)}
    assert by_worker[0] == [Status.OK] * 60
    lost = by_worker[1]
    assert lost.count(Status.CANCELLED) == 4, "one for each of its slots"
    assert lost.count(Status.OK) + lost.count(Status.CANCELLED) == len(lost) < 60
    assert len(set(records.seq.tolist())) == len(records)
    assert sum(error == LOST for error in records.errors) == 4
    health = judge_client(records, load.arrival, outcome.client, streams_asked=0)
    assert not health.valid
    assert health.reasons[0] == "worker 1 was killed by SIGKILL"


_BENCH = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from tests.loadgen.workers.test_workers import endpoint, plan
from inferbench.runs.measure.plan_run import run_http_point
from inferbench.loadgen.event_loop import run_in_loop
out = run_in_loop(run_http_point(endpoint({url!r}), plan(4000, 8, osl=40), Path({directory!r}), workers=2))
print(out.driven.stop_reason, out.driven.stop_kind, out.driven.progress.ended, out.driven.progress.in_flight)
"""


def start_bench(url: str, directory: Path) -> subprocess.Popen[str]:
    code = _BENCH.format(tests=str(Path(__file__).parents[3]), url=url, directory=str(directory))
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def wait_until_served(url: str, requests: int) -> None:
    for _ in range(400):
        if len(fetch_record(url)) >= requests:
            return
        time.sleep(0.05)
    raise AssertionError(f"the server never saw {requests} requests")


def test_ctrl_c_stops_all_workers_and_keeps_all_records(tmp_path: Path) -> None:
    with start_paced(TTFT_MS, TPOT_MS, "paced") as server, start_bench(server.url, tmp_path) as process:
        wait_until_served(server.url, 20)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
        served = len(fetch_record(server.url))
    assert process.returncode == 0
    assert said.split()[:2] == [INTERRUPTED, "asked"]
    records = read_records(tmp_path)
    found = counts(records)
    assert found[Status.CANCELLED] == 8
    assert found[Status.OK] + 8 == len(records) == served
    assert said.split()[2:] == [str(served), "0"]


def test_workers_end_when_whoever_started_them_is_killed(tmp_path: Path) -> None:
    with start_paced(TTFT_MS, TPOT_MS, "paced") as server, start_bench(server.url, tmp_path) as process:
        wait_until_served(server.url, 20)
        process.kill()
        process.wait()
        files = [tmp_path / f"worker-{number}" / "records.parquet" for number in (0, 1)]
        for _ in range(400):
            if all(file.exists() for file in files):
                break
            time.sleep(0.05)
        served = len(fetch_record(server.url))
    found = counts(read_records(tmp_path))
    assert found[Status.CANCELLED] == 8
    assert found[Status.OK] + 8 == served


def test_what_one_worker_cannot_have_is_one_clear_error(tmp_path: Path) -> None:
    nowhere = endpoint("http://127.0.0.1:9")
    for workers in (1, 2):
        with pytest.raises(EndpointError, match="cannot be reached"):
            run_in_loop(run_http_point(nowhere, plan(8, 4), tmp_path / str(workers), workers=workers))
    with pytest.raises(UsageError, match="5 workers are more than the concurrency of 4"):
        run_in_loop(run_http_point(nowhere, plan(8, 4), tmp_path, workers=5))


def test_an_error_rate_over_the_limit_in_one_worker_stops_all(tmp_path: Path) -> None:
    with start_paced(TTFT_MS, TPOT_MS, "paced") as server:
        unknown = Endpoint(server.url, "/v1/completions", "another model")
        outcome = run_in_loop(
            run_http_point(unknown, plan(4000, 4), tmp_path, workers=2, limits=RunLimits(max_error_rate=0.5))
        )
    assert outcome.driven.stop_kind is StopKind.ERRORS
    assert "over the limit of 50%" in (outcome.driven.stop_reason or "")
    assert outcome.driven.progress.ended < 4000
    assert len(read_records(tmp_path)) == outcome.driven.progress.ended


def test_auto_takes_one_worker_where_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_run, "ceiling", lambda: None)
    with start_paced(TTFT_MS, TPOT_MS, "paced") as server:
        outcome = run_in_loop(run_http_point(endpoint(server.url), plan(4, 4), tmp_path, workers="auto"))
    assert outcome.workers == 1
    assert not list(tmp_path.glob("worker-*"))


def test_a_pipe_that_breaks_off_is_the_end(tmp_path: Path) -> None:
    async def read(data: bytes) -> object:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        return await worker_process._read(reader)

    whole = worker_process._framed({"a": 1})
    assert asyncio.run(read(whole)) == {"a": 1}
    for size in range(len(whole)):
        with pytest.raises(EOFError):
            asyncio.run(read(whole[:size]))
