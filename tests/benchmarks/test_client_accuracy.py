"""The truth server's record adds up, and the benchmark holds a client's figures against it as they are."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import accounting
import clients
import numpy as np
import pytest
from accuracy_table import MARKS, as_markdown, as_text, bars, error, into_page
from client_accuracy import Measured, measure_round
from truth import Server, Shape, Truth, build, read_truth, serving

TINY = Shape("main", streams=16, requests=40, osl=5, ttft_ms=20, tpot_ms=4, isl=20)

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler (cc) on this machine")


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("built")
    return {name: build(name, folder) for name in ("truth_server", "floor_client")}


@pytest.fixture
def server(programs: dict[str, Path]) -> Iterator[Server]:
    with serving(programs["truth_server"], TINY) as running:
        yield running


def request_bytes(body: dict[str, object]) -> bytes:
    text = json.dumps({"model": "truth", "stream": True, "messages": []} | body).encode()
    return b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)


def events(server: Server, body: dict[str, object]) -> list[str]:
    """The data lines of one stream, read by a client that has nothing to do with ours."""
    request = urllib.request.Request(
        server.url + "/v1/chat/completions", json.dumps({"stream": True, "messages": []} | body).encode()
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return [line[6:].decode().strip() for line in answer if line.startswith(b"data: ")]


def record(server: Server) -> list[dict[str, int]]:
    return [{name: int(n) for name, n in row.items()} for row in csv.DictReader(io.StringIO(server.get("/record")))]


def test_a_stream_is_what_an_openai_server_sends(server: Server) -> None:
    *chunks, done = events(server, {"max_tokens": 3})
    assert done == "[DONE]"
    parsed = [json.loads(chunk) for chunk in chunks]
    assert len({chunk["id"] for chunk in parsed}) == 1
    deltas = [chunk["choices"][0]["delta"] for chunk in parsed[:-1]]
    assert deltas == [{"role": "assistant"}, *[{"content": " token"}] * 3, {}]
    assert [chunk["choices"][0]["finish_reason"] for chunk in parsed[:-1]] == [None] * 4 + ["length"]
    assert parsed[-1]["choices"] == []
    assert parsed[-1]["usage"]["completion_tokens"] == 3
    assert 250 <= len(f"data: {chunks[1]}\n\n") <= 300  # as large as a real server's


def test_the_schedule_is_kept_and_recorded(server: Server) -> None:
    events(server, {"max_completion_tokens": 4, "max_tokens": 9})
    (row,) = record(server)
    assert (row["asked"], row["tokens"], row["cut"]) == (4, 4, 0)
    assert row["first_byte_ns"] <= row["last_byte_ns"] <= row["read_ns"]
    assert row["first_token_ns"] - row["last_byte_ns"] >= TINY.ttft_ms * 1e6
    # Deadlines are absolute, so that the last token is late by its own lateness only.
    assert row["last_token_ns"] - row["last_byte_ns"] >= (TINY.ttft_ms + 3 * TINY.tpot_ms) * 1e6


def test_a_request_in_two_parts_begins_with_the_last(server: Server) -> None:
    whole = request_bytes({"max_tokens": 1})
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(whole[:-7])
        time.sleep(0.03)
        connection.sendall(whole[-7:])
        assert b"[DONE]" in connection.recv(65536)
    (row,) = record(server)
    assert row["last_byte_ns"] - row["first_byte_ns"] >= 25e6
    assert row["first_token_ns"] - row["last_byte_ns"] >= TINY.ttft_ms * 1e6


def test_a_client_that_hangs_up_leaves_a_cut_stream(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(request_bytes({"max_tokens": 100_000}))
        assert connection.recv(100)
    for _ in range(200):
        if json.loads(server.get("/summary"))["open"] == 0:
            break
        time.sleep(0.01)
    (row,) = record(server)
    assert row["cut"] == 1
    assert 0 < row["tokens"] < 100_000


def test_other_paths(server: Server) -> None:
    assert json.loads(server.get("/v1/models"))["data"][0]["id"] == "truth"
    assert server.get("/health") == "{}"
    with pytest.raises(OSError, match="404"):
        server.get("/metrics")


def test_bad_options_are_refused(programs: dict[str, Path]) -> None:
    for command in (["truth_server", "--prot", "1"], ["truth_server", "--port", "x"], ["floor_client", "--port", "0"]):
        code = subprocess.run([programs[command[0]], *command[1:]], capture_output=True).returncode
        assert code == 2, command


@pytest.fixture(scope="module")
def rounds(programs: dict[str, Path]) -> list[Measured]:
    """The floor and ours, each at the tiny shape."""
    return measure_round(
        [clients.floor(programs["floor_client"]), clients.ours()], TINY, programs["truth_server"], limit_s=60
    )


def test_every_request_and_token_is_in_the_record(rounds: list[Measured]) -> None:
    for run in rounds:
        assert run.problem is None
        truth = run.truth
        assert (truth.requests, truth.complete, truth.cut) == (40, 40, 0), run.client
        assert truth.tokens == 40 * TINY.osl
        assert truth.most_open == TINY.streams
        assert 0 < truth.mean_open <= TINY.streams
        assert truth.ttft[50] >= TINY.ttft_ms
        assert run.cpu_s > 0


def test_the_floor_is_what_others_are_held_against(rounds: list[Measured]) -> None:
    floor, ours = rounds
    # It stamps before it sends and after it reads, so that no figure of its can be below the server's.
    assert all(floor.reported[f"ttft_p{p}"] >= floor.truth.ttft[p] for p in (50, 99))
    assert floor.floor_ratio is None
    assert ours.floor_ratio == ours.events_per_cpu_s / floor.events_per_cpu_s


def test_the_table_holds_what_was_measured(rounds: list[Measured], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{MARKS[0]}\nold\n{MARKS[1]}\nafter\n")
    into_page(page, as_markdown(rounds, [TINY], "somewhere"))
    text = page.read_text()
    assert text.startswith(f"before\n{MARKS[0]}\nsomewhere")
    assert text.endswith(f"{MARKS[1]}\nafter\n")
    assert "old" not in text
    for run in rounds:
        row = next(line for line in text.splitlines() if line.startswith(f"| {run.title} "))
        assert f"{run.reported['ttft_p50']:.1f} / " in row
        assert f"{error(run, 'tpot_p50'):+.3%}" in row
    assert "inferbench bench" in as_text(rounds)
    page.write_text("nothing here")
    with pytest.raises(SystemExit, match="no block between"):
        into_page(page, "x")


GOOD = Measured(
    client="inferbench", title="inferbench bench", shape="main", streams=2, requests=4,
    reported={"ttft_p50": 504.0, "ttft_p99": 510.0, "tpot_p50": 50.05, "tpot_p99": 50.2},
    truth=Truth(4, 4, 400, 0, 2, 1.9, {50: 500.0, 99: 500.0}, {50: 50.0, 99: 50.0}, 1.0, 2.0, 1.0),
    code=0, wall_s=1.0, cpu_s=2.0, peak_mb=399.0, peak_main_mb=300.0, problem=None, floor_ratio=0.5,
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "missed"),
    [
        (lambda run: run, set()),
        (lambda run: replace(run, reported=run.reported | {"ttft_p50": 494.9}), {"error of TTFT p50"}),
        (lambda run: replace(run, reported=run.reported | {"ttft_p99": 516.0}), {"error of TTFT p99"}),
        (lambda run: replace(run, reported=run.reported | {"tpot_p50": 50.11}), {"error of TPOT p50"}),
        (lambda run: replace(run, reported=run.reported | {"tpot_p99": 50.3}), {"error of TPOT p99"}),
        (lambda run: replace(run, floor_ratio=0.49), {"events per CPU-s, of the floor's"}),
        (lambda run: replace(run, peak_mb=400.0), {"peak memory"}),
        (lambda run: replace(run, code=4), {"exit code (4: it calls its run invalid)"}),
        (lambda run: replace(run, streams=3), {"streams open at once"}),
        (lambda run: replace(run, requests=5), {"requests not served in full"}),
    ],
)
def test_each_bar_can_be_missed(change: Callable[[Measured], Measured], missed: set[str]) -> None:
    assert {bar.name for bar in bars([change(GOOD)]) if not bar.passed} == missed


def test_the_account_covers_children_and_ends_what_runs_too_long(tmp_path: Path) -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass\nx = bytearray(60 << 20)\ntime.sleep(0.6)"
    parent = f"import subprocess, sys; print('began', flush=True); subprocess.run([sys.executable, '-c', {burn!r}])"
    account = accounting.run([sys.executable, "-c", parent], tmp_path / "log", limit_s=30)
    assert account.code == 0
    assert account.output == "began\n"
    assert account.cpu_s >= 0.3
    assert account.peak_mb > 60 > account.peak_main_mb
    assert accounting.run(["sleep", "60"], tmp_path / "log", limit_s=0.3).code == 124


def test_peers_are_found_where_the_script_puts_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert clients.installed_peers() == []
    for name in ("aiperf", "guidellm", "vllm"):
        program = tmp_path / "inferbench-peers" / name / "bin" / name
        program.parent.mkdir(parents=True)
        program.touch()
    peers = clients.installed_peers()
    assert [peer.name for peer in peers] == ["aiperf", "guidellm", "vllm"]
    for peer in peers:
        command = peer.command("http://127.0.0.1:1", TINY, tmp_path)
        assert Path(command[0]).exists()
        assert re.search(r"\b16\b", " ".join(command))  # streams
        assert re.search(r"\b40\b", " ".join(command))  # requests


def test_percentiles_are_those_of_the_record(tmp_path: Path) -> None:
    rows = ["first_byte_ns,last_byte_ns,read_ns,first_token_ns,last_token_ns,asked,tokens,cut"]
    rows += [f"0,{i}000000,0,{i * 2}000000,{i * 2 + 8}000000,5,5,0" for i in range(1, 101)]
    rows += ["0,0,0,900000000,990000000,5,3,1", "0,0,0,1,2,1,1,0"]  # one cut, one probe
    (tmp_path / "record.csv").write_text("\n".join(rows))
    summary = {"most_open": 7, "late_p99_ms": 1.0, "late_max_ms": 2.0, "cpu_s": 0.5}
    truth = read_truth(tmp_path / "record.csv", summary, osl=5)
    assert (truth.requests, truth.complete, truth.cut, truth.tokens) == (101, 100, 1, 503)
    assert truth.ttft == {50: float(np.percentile(range(1, 101), 50)), 99: float(np.percentile(range(1, 101), 99))}
    assert truth.tpot == {50: 2.0, 99: 2.0}
