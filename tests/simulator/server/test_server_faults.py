"""What our own client records when a server goes wrong: `inferbench bench` against `inferbench twin serve --fault`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from inferbench.errors import ExitCode, UsageError
from inferbench.records.reader import read_table
from inferbench.records.request_record import Status
from inferbench.simulator.server.faults.fault_rules import Cut, Faults, Stall, parse_faults
from tests.support.simulator_servers import PATIENCE_S, Running, call, metrics_of, router, twin_server

Record = dict[str, Any]
REQUESTS, STREAMS, OSL = 12, 6, 9


@contextmanager
def paced(*faults: str, ttft_ms: float = 20, tpot_ms: float = 5) -> Iterator[Running]:
    options = [option for fault in faults for option in ("--fault", fault)]
    with twin_server("--ttft-ms", str(ttft_ms), "--tpot-ms", str(tpot_ms), *options, deployment=None) as server:
        yield server


def bench(url: str, store: Path, *more: str, requests: int = REQUESTS, osl: int = OSL) -> list[Record]:
    """The records of a run of the command line, in the order of their numbers."""
    records, done = run_bench(url, store, *more, requests=requests, osl=osl)
    found = {status(record) for record in records}
    # INVALID: a machine too busy to stamp well. ENDPOINT: no request succeeded, which some faults see to.
    expected = ExitCode.OK if found == {Status.OK} else ExitCode.ERROR_RATE
    assert done.returncode in (expected if Status.OK in found else ExitCode.ENDPOINT, ExitCode.INVALID), done.stderr
    return records


def run_bench(
    url: str, store: Path, *more: str, requests: int = REQUESTS, osl: int = OSL
) -> tuple[list[Record], subprocess.CompletedProcess[str]]:
    command = [
        sys.executable, "-m", "inferbench", "bench", "--base-url", url, "--isl", "16", "--osl", str(osl),
        "--num-prompts", str(requests), "--max-concurrency", str(STREAMS), "--store", str(store), *more,
    ]  # fmt: skip
    environment = {**os.environ, "NO_COLOR": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=PATIENCE_S, check=False)
    (file,) = store.rglob("records.parquet")
    records = sorted(read_table(file.parent).to_pylist(), key=lambda record: record["seq"])
    assert [record["seq"] for record in records] == list(range(requests))  # each request has one end, whatever happens
    return records, done


def status(record: Record) -> Status:
    return Status(record["status"])


def test_overload_is_an_error_with_its_status(tmp_path: Path):
    with paced("overload:2") as server:
        records = bench(server.url, tmp_path)
    refused = [r for r in records if status(r) is Status.ERROR]
    assert {status(r) for r in records} == {Status.OK, Status.ERROR}
    assert len(refused) >= STREAMS - 2  # those of the first wave beyond the two that there is room for
    for record in refused:
        assert record["error"].startswith("HTTP 503: ")
        assert "queue is full" in record["error"]
        assert record["osl"] == 0


def test_overload_is_got_over_with_retries(tmp_path: Path):
    with paced("overload:5") as server:
        records = bench(server.url, tmp_path, "--retries", "20")
    assert {status(r) for r in records} == {Status.OK}
    assert max(r["attempts"] for r in records) > 1


def test_a_cut_stream_is_an_error_with_the_tokens_that_came(tmp_path: Path):
    with paced("cut:4,3") as server:
        records = bench(server.url, tmp_path)
    cut = [r for r in records if status(r) is Status.ERROR]
    assert len(cut) == REQUESTS // 3
    assert {(r["osl"], r["error"]) for r in cut} == {(4, "connection closed by the server")}
    assert {(r["osl"], status(r)) for r in records if r not in cut} == {(OSL, Status.OK)}


def test_failures_are_told_by_kind_and_are_no_success_unless_they_may_be(tmp_path: Path):
    with paced("cut:4,3") as server:
        _, done = run_bench(server.url, tmp_path / "s", "--result-dir", str(tmp_path))
        _, allowed = run_bench(server.url, tmp_path / "a", "--max-error-rate", "0.4", "--json")
        _, beyond = run_bench(server.url, tmp_path / "b", "--max-error-rate", "0.3", "--json")
    told = "4 of 12 requests failed: 4 x connection closed by the server"
    printed = " ".join(done.stdout.split())
    assert f"Note: {told}. Latencies are those of the others." in printed
    assert "failed: connection closed by the server requests 4" in printed
    if ExitCode.INVALID not in (done.returncode, beyond.returncode):  # of a machine too busy to stamp well
        assert done.returncode == beyond.returncode == ExitCode.ERROR_RATE
        assert done.stderr.endswith(f"inferbench: {told}; --max-error-rate 0.334 accepts as many\n")
    assert allowed.returncode in (ExitCode.OK, ExitCode.INVALID), allowed.stderr
    closed = "connection closed by the server"
    kinds = [{"ended": "error", "kind": closed, "n": 4, "first": closed}]
    (result,) = tmp_path.glob("*.json")
    assert json.loads(allowed.stdout)["failures"] == json.loads(result.read_bytes())["failures"] == kinds


STALL_S = 0.6


def test_a_stall_shows_in_the_time_and_in_a_chunk_that_holds_what_gathered(tmp_path: Path):
    with paced(f"stall:4,{STALL_S},3") as server:
        records = bench(server.url, tmp_path)
    assert {(r["osl"], status(r)) for r in records} == {(OSL, Status.OK)}
    stalled = [r for r in records if len(r["chunk_ns"]) < OSL]
    assert len(stalled) == REQUESTS // 3
    for record in stalled:
        assert record["chunk_tokens"] == [1, 1, 1, 1, OSL - 4]
        assert record["chunk_ns"][-1] - record["sent_ns"] > STALL_S * 1e9


def test_a_stall_before_the_first_token_beyond_the_limit_is_a_timeout(tmp_path: Path):
    with paced("stall:0,1000,4") as server:
        records = bench(server.url, tmp_path, "--stall-timeout", "3")
    timed_out = [r for r in records if status(r) is Status.TIMEOUT]
    assert len(timed_out) == REQUESTS // 4
    assert {(r["osl"], r["error"]) for r in timed_out} == {(0, "no byte for 3 s")}
    assert {status(r) for r in records if r not in timed_out} == {Status.OK}


def test_slow_kv_is_a_late_first_token(tmp_path: Path):
    with (
        twin_server("--role", "prefill", "--fault", "slow-kv:60") as prefill,
        twin_server("--role", "decode") as decode,
    ):
        with router([prefill], [decode]) as before:
            records = bench(before.url, tmp_path, requests=STREAMS)
        transfer_s = metrics_of(prefill.url)["kv_transfer_latency_ms_sum"] / STREAMS / 1e3
    assert transfer_s > 0.1  # MoRI-IO needs some ms for a short prompt
    for record in records:
        assert status(record) is Status.OK
        assert record["first_byte_ns"] - record["sent_ns"] > transfer_s * 1e9 * 0.99  # as counts go, to a rounding


def test_a_dead_decode_worker_breaks_streams_off_and_refuses_the_rest(tmp_path: Path):
    with paced("dead-decode:1", tpot_ms=100) as server:
        records = bench(server.url, tmp_path, requests=2 * STREAMS, osl=1000)
        assert server.process.wait(PATIENCE_S) == ExitCode.ENDPOINT
    found = Counter(status(r) for r in records)
    assert found[Status.OK] == 0
    assert found[Status.ERROR] >= 1  # those whose stream was open
    assert found[Status.REFUSED] >= 1  # those that came later
    assert set(found) == {Status.ERROR, Status.REFUSED}


def test_behind_the_router_a_dead_decode_worker_also_keeps_prefills_waiting(tmp_path: Path):
    """Streams break off, and later requests wait for a prefill that nobody will fetch, up to a limit of the client."""
    with (
        twin_server("--role", "prefill") as prefill,
        twin_server("--role", "decode", "--fault", "dead-decode:2.5") as decode,
        router([prefill], [decode], "--disable-retries") as before,
    ):
        records = bench(before.url, tmp_path, "--request-timeout", "6", requests=2 * STREAMS, osl=20_000)
        assert decode.process.wait(PATIENCE_S) == ExitCode.ENDPOINT
        assert call(f"{prefill.url}/health")[0] == 200  # the rest of the deployment lives
    assert {status(r) for r in records if r["osl"]} == {Status.ERROR}
    assert {status(r) for r in records if not r["osl"]} >= {Status.TIMEOUT}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("overload:8", Faults(overload=8)),
        ("cut:3", Faults(cut=Cut(3, 1))),
        ("cut:3,2", Faults(cut=Cut(3, 2))),
        ("stall:0,1.5", Faults(stall=Stall(0, 1.5, 1))),
        ("stall:2,1,7", Faults(stall=Stall(2, 1.0, 7))),
        ("slow-kv:10", Faults(slow_kv=10.0)),
        ("dead-decode:0.5", Faults(dead_after_s=0.5)),
    ],
)
def test_faults_as_they_are_written(text: str, found: Faults):
    assert parse_faults([text]) == found


def test_faults_can_be_put_together():
    assert parse_faults(["overload:8", "cut:1"]) == Faults(overload=8, cut=Cut(1, 1))


@pytest.mark.parametrize(
    "text",
    [
        "", "overlaod:3", "overload", "overload:", "overload:0", "overload:1.5", "overload:1,2", "cut:0", "cut:1,0",
        "cut:1,2,3", "stall:1", "stall:1,0", "stall:1,nan", "stall:1,inf", "stall:-1,1", "slow-kv:-1", "slow-kv:x",
        "dead-decode:0",
    ],
)  # fmt: skip
def test_bad_faults_are_one_line(text: str):
    with pytest.raises(UsageError, match=r"^fault") as caught:
        parse_faults([text])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--fault", "slow-kv:2"),
        ("--role", "decode"),
        ("deepseek-r1-mi355x-vs-b200", "--deployment", "b200-trtllm", "--role", "decode", "--fault", "slow-kv:2"),
        ("deepseek-r1-mi355x-vs-b200", "--deployment", "b200-trtllm", "--role", "prefill", "--fault", "dead-decode:2"),
    ],
)
def test_faults_at_a_server_that_cannot_have_them_are_one_line(arguments: tuple[str, ...]):
    command = [sys.executable, "-m", "inferbench", "twin", "serve", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == ExitCode.USAGE
    assert done.stderr.count("\n") == 1
    assert "--" in done.stderr
