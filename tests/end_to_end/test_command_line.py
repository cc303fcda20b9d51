"""The command line as a user has it: a process with exit codes, files, and a server at the other end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from inferbench.errors import ExitCode
from inferbench.runs.interchange.export import export
from inferbench.runs.interchange.export_format import ExportFormat
from inferbench.runs.interchange.import_inferencex import import_inferencex
from inferbench.runs.opened_run import open_run
from inferbench.simulator.server.server_process import PacedServer, fetch_record, start_paced
from inferbench.store.manifest import RunState
from inferbench.store.run_directory import RunDirectory
from tests.support.scenarios_for_tests import small_scenario, write_scenario

ENV = {**os.environ, "NO_COLOR": "1", "OPENAI_API_KEY": "sk-secret-of-the-test"}
COMMAND = [sys.executable, "-m", "inferbench"]


def inferbench(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, env=ENV, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def server() -> Iterator[PacedServer]:
    with start_paced(60, 10, "paced") as running:
        yield running


def only_run(store: Path) -> RunDirectory:
    (path,) = [p for p in store.glob("*/*") if p.is_dir()]
    return RunDirectory.open(path)


def bench(server: PacedServer, store: Path, *more: str | Path) -> subprocess.CompletedProcess[str]:
    return inferbench(
        "bench", "--base-url", server.url, "--isl", "32", "--osl", "9", "--num-prompts", "24",
        "--max-concurrency", "6", "--store", store, *more,
    )  # fmt: skip


VLLM_KEYS = {
    "date", "endpoint_type", "backend", "label", "model_id", "tokenizer_id", "num_prompts", "request_rate",
    "burstiness", "max_concurrency", "duration", "completed", "failed", "total_input_tokens", "total_output_tokens",
    "request_throughput", "request_goodput", "output_throughput", "total_token_throughput",
    "max_output_tokens_per_s", "max_concurrent_requests", "rtfx",
} | {f"{s}_{m}_ms" for m in ("ttft", "tpot", "itl") for s in ("mean", "median", "std", "p99")}  # fmt: skip


@pytest.mark.parametrize("endpoint", ["/v1/completions", "/v1/chat/completions"])
def test_bench_sends_exactly_what_was_asked_and_writes_vllms_keys(
    server: PacedServer, tmp_path: Path, endpoint: str
) -> None:
    before = len(fetch_record(server.url))
    done = bench(
        server, tmp_path / "s", "--endpoint", endpoint, "--result-dir", tmp_path / "r", "--result-filename", "x.json",
        "--metadata", "note=a b", "--save-detailed",
    )  # fmt: skip
    assert done.returncode in (ExitCode.OK, ExitCode.INVALID), done.stderr
    sent = fetch_record(server.url)[before:]
    assert len(sent) == 24
    result = json.loads((tmp_path / "r" / "x.json").read_bytes())
    assert set(result) >= VLLM_KEYS | {"benchmark_start_time_unix", "benchmark_end_time_unix", "note"}
    assert (result["completed"], result["failed"], result["total_output_tokens"]) == (24, 0, 24 * 9)
    assert (result["request_rate"], result["max_concurrency"], result["model_id"]) == ("inf", 6, "paced")
    assert result["max_concurrent_requests"] == 6
    of_the_run = {"notes", "failures", "client_invalid_reasons", "client_remedies"}
    lists = {key: len(value) for key, value in result.items() if isinstance(value, list) and key not in of_the_run}
    assert set(lists.values()) == {24}, lists
    assert (set(result["errors"]), set(result["output_lens"])) == ({""}, {9})
    # The server's own record is the truth: the client cannot have seen a token before it was sent.
    true_ttft = sorted((r.first_token_ns - r.arrival_ns) / 1e6 for r in sent)
    assert result["median_ttft_ms"] > true_ttft[0]
    answered = [(ttft + sum(itl), sum(itl) / 8) for ttft, itl in zip(result["ttfts"], result["itls"], strict=True)]
    assert median(e2el for e2el, _ in answered) > min((r.last_token_ns - r.arrival_ns) / 1e9 for r in sent)
    assert result["median_tpot_ms"] == pytest.approx(1000 * median(tpot for _, tpot in answered))
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"sk-secret" not in path.read_bytes()
    assert "sk-secret" not in done.stdout + done.stderr


def test_bench_sweeps_a_list_and_prints_json(server: PacedServer, tmp_path: Path) -> None:
    done = inferbench(
        "bench", "--base-url", server.url, "--isl", "8", "--osl", "4", "--num-prompts", "4", "--concurrency", "1,2",
        "--concurrency", "4", "--store", tmp_path, "--json", "--percentile-metrics", "ttft e2el",
        "--metric-percentiles", "50,99.9",
    )  # fmt: skip
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [r["max_concurrency"] for r in results] == [1, 2, 4]
    assert "p99.9_e2el_ms" in results[0]
    assert "mean_tpot_ms" not in results[0]
    assert len([p for p in tmp_path.glob("bench/*") if p.is_dir()]) == 3


def test_an_open_loop_run_reports_its_rate(server: PacedServer, tmp_path: Path) -> None:
    done = inferbench(
        "bench", "--base-url", server.url, "--isl", "8", "--osl", "4", "--num-prompts", "20", "--request-rate", "40",
        "--store", tmp_path, "--json",
    )  # fmt: skip
    result = json.loads(done.stdout)
    assert (result["request_rate"], result["max_concurrency"], result["completed"]) == (40, None, 20)
    assert result["duration"] > 19 / 40 * 0.8
    (exported,) = export(open_run(only_run(tmp_path).path), ExportFormat.VLLM).values()
    assert {key: json.loads(exported)[key] for key in ("request_rate", "burstiness", "max_concurrency")} == {
        key: result[key] for key in ("request_rate", "burstiness", "max_concurrency")
    }
    (tmp_path / "r.json").write_text(done.stdout)
    said = {"gpu": "h200", "gpus": "1", "framework": "vllm", "precision": "fp8"}
    point = import_inferencex(tmp_path / "r.json", store=tmp_path / "again", said=said).summaries[0]
    # Each takes at least 60 ms and three times 10 ms: at 40 requests/s 3.6 are in flight, and not all 20.
    assert point.point.concurrency == max(1, round(sum(result["latencies"]) / result["duration"])) < 20


def test_a_report_of_a_bench_run_can_be_made_again(server: PacedServer, tmp_path: Path) -> None:
    bench(server, tmp_path)
    run = only_run(tmp_path).path
    assert "TTFT" in inferbench("report", run, "--format", "text").stdout
    assert inferbench("report", run, "--format", "markdown").stdout.count("|") > 20
    assert json.loads(inferbench("report", run, "--format", "json").stdout)["summaries"]
    assert Path(inferbench("report", run).stdout.strip()).read_text().lower().startswith("<!doctype html>")


def test_a_run_limited_by_time_is_complete(server: PacedServer, tmp_path: Path) -> None:
    done = inferbench(
        "bench", "--base-url", server.url, "--isl", "8", "--osl", "20", "--max-concurrency", "4", "--duration", "1",
        "--grace-period", "5", "--store", tmp_path, "--json",
    )  # fmt: skip
    result = json.loads(done.stdout)
    assert done.returncode in (ExitCode.OK, ExitCode.INVALID), done.stderr
    # 4 streams of 60 + 19 x 10 ms for a second: about 16 requests, and those in flight at its end may end.
    assert 8 <= result["completed"] <= 24
    assert result["failed"] == 0
    assert only_run(tmp_path).manifest().state is RunState.COMPLETE


def test_repeats_have_an_interval_and_goodput_its_limits(server: PacedServer, tmp_path: Path) -> None:
    done = bench(server, tmp_path, "--num-profile-runs", "2", "--goodput", "ttft:1", "--goodput", "tpot:1000")
    assert "2 runs at 6 streams" in done.stdout
    assert "95% of the mean" in done.stdout
    for path in tmp_path.glob("bench/*"):
        summary = RunDirectory.open(path).summaries()[0]
        assert summary.whole_run is not None
        assert summary.whole_run.throughput.goodput_fraction == 0  # no first token can come within a millisecond


def test_a_search_says_what_it_found(server: PacedServer, tmp_path: Path) -> None:
    done = inferbench(
        "bench", "--base-url", server.url, "--isl", "8", "--osl", "2", "--num-prompts", "2", "--max-concurrency", "2",
        "--search", "--goodput", "ttft:1", "--store", tmp_path,
    )  # fmt: skip
    # Nothing keeps it, so there is no pair of loads to lie between. INVALID: a machine too busy to stamp well.
    assert done.returncode in (ExitCode.UNDECIDED, ExitCode.INVALID)
    assert "no load that was tried keeps the limits" in " ".join(done.stdout.split())


def test_a_load_can_be_shared_by_processes_and_go_to_several_servers(server: PacedServer, tmp_path: Path) -> None:
    with start_paced(60, 10, "paced") as second:
        before = [len(fetch_record(s.url)) for s in (server, second)]
        done = bench(server, tmp_path, "--workers", "2", "--base-url", second.url, "--json")
        after = [len(fetch_record(s.url)) for s in (server, second)]
    result = json.loads(done.stdout)
    assert (result["completed"], result["failed"]) == (24, 0)
    assert [a - b for a, b in zip(after, before, strict=True)] == [12, 12]
    assert sorted(only_run(tmp_path).summaries()[0].counts.model_dump().items())


def test_shapes_of_load_are_plans(server: PacedServer, tmp_path: Path) -> None:
    shapes = (
        ["--num-turns", "3", "--think-time", "0.05"],
        ["--random-prefix-len", "16", "--num-prefixes", "2"],
        ["--concurrency-ramp-duration", "0.3"],
        ["--request-rate", "80", "--arrival-pattern", "constant"],
        ["--ramp-up-strategy", "linear", "--ramp-up-start-rps", "20", "--ramp-up-end-rps", "80"],
    )
    for number, shape in enumerate(shapes):
        done = bench(server, tmp_path / str(number), "--json", *shape)
        assert json.loads(done.stdout)["completed"] == 24, (shape, done.stderr)


def test_a_trace_is_replayed(server: PacedServer, tmp_path: Path) -> None:
    trace = tmp_path / "azure.csv"
    rows = [f"2023-11-16 18:17:{3 + k / 20:09.6f},{20 + k},{4 + k % 3}" for k in range(20)]
    trace.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n" + "\n".join([*rows, "not a line"]) + "\n")
    done = inferbench(
        "bench", "--base-url", server.url, "--dataset-name", "azure", "--dataset-path", trace, "--store",
        tmp_path / "s", "--num-prompts", "30", "--result-dir", tmp_path, "--result-filename", "r.json",
    )  # fmt: skip
    assert done.returncode in (ExitCode.OK, ExitCode.INVALID), done.stderr
    summary = only_run(tmp_path / "s").summaries()[0]
    assert (summary.counts.ok, summary.isl_mean) == (20, 29.5)
    assert "1 lines of the trace could not be used" in done.stdout
    assert "azure.csv:22" in " ".join(done.stdout.split())
    assert "the trace holds 20 requests, which were sent, and not 30" in " ".join(done.stdout.split())
    assert json.loads((tmp_path / "r.json").read_bytes())["num_prompts"] == 20
    assert summary.point.concurrency == 20


def test_an_api_key_comes_from_a_file_and_is_shown_nowhere(server: PacedServer, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-from-a-file\n")
    done = bench(server, tmp_path / "s", "--api-key-file", tmp_path / "key", "--save-result", "--result-dir", tmp_path)
    assert done.returncode in (ExitCode.OK, ExitCode.INVALID), done.stderr
    files = [p for p in tmp_path.rglob("*") if p.is_file() and p.name != "key"]
    assert not [p for p in files if b"sk-from" in p.read_bytes()]
    assert inferbench("bench", "--api-key-file", tmp_path / "none").returncode == ExitCode.USAGE


def test_warm_ups_are_sent_and_not_counted(server: PacedServer, tmp_path: Path) -> None:
    before = len(fetch_record(server.url))
    bench(server, tmp_path, "--num-warmups", "5")
    assert len(fetch_record(server.url)) - before == 24 + 5
    assert only_run(tmp_path).summaries()[0].counts.planned == 24


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_an_endpoint_that_is_down_is_one_clear_line(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    done = inferbench("bench", "--base-url", url, "--store", tmp_path / "s")
    assert done.returncode == ExitCode.ENDPOINT
    assert done.stderr.startswith(f"inferbench: {url} cannot be reached")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "s").exists()


def test_a_model_that_is_not_served_is_one_clear_line(server: PacedServer, tmp_path: Path) -> None:
    done = bench(server, tmp_path, "--model", "pacer")
    assert done.returncode == ExitCode.ENDPOINT
    assert "unknown model 'pacer'; allowed: paced; did you mean 'paced'?" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--max-concurrency", "0"], "--max-concurrency 0 must be at least 1"),
        (["--max-concurrency", "1,x"], "--max-concurrency: 'x' is not a whole number"),
        (["--request-rate", "0"], "--request-rate 0.0 must be above 0"),
        (["--extra-body", "[1]"], "--extra-body: must be a JSON object"),
        (["--metadata", "x"], "--metadata: 'x' is not KEY=VALUE"),
        (["--percentile-metrics", "ttft,tpit"], "'tpit' is not one of ttft, tpot, itl, e2el"),
        (["--base-url", "ftp://x"], "ftp"),
        (["--isl", "0"], "--isl"),
        (["--dataset-name", "sharegpt"], "--dataset-name sharegpt needs --dataset-path"),
        (["--dataset-path", "x"], "--dataset-name random has no file"),
        (["--goodput", "ttft"], "'ttft' is not METRIC:MS"),
        (["--goodput", "tpit:1"], "did you mean 'tpot'?"),
        (["--ramp-up-start-rps", "1"], "a ramp needs --ramp-up-strategy"),
        (["--workers", "many"], "--workers: 'many' is not a whole number or auto"),
        (["--kernel-timestamps", "--base-url", "https://127.0.0.1:9"], "plain http"),
        (["--max-concurency", "1"], "--max-concurency"),
    ],
)
def test_bad_options_are_named(tmp_path: Path, arguments: list[str], expected: str) -> None:
    done = inferbench("bench", "--store", tmp_path / "s", *arguments)
    assert done.returncode == ExitCode.USAGE
    assert expected in done.stderr
    assert not (tmp_path / "s").exists()


def test_validate_names_what_is_wrong(tmp_path: Path) -> None:
    good = inferbench("validate", "scenarios/deepseek-r1-mi355x-vs-b200.yaml", cwd=Path(__file__).parents[2])
    assert (good.returncode, "3 deployments, 51 sweep points" in good.stdout) == (ExitCode.OK, True)
    scenario = small_scenario()
    scenario["lod"] = scenario.pop("load")
    done = inferbench("validate", write_scenario(tmp_path / "bad.yaml", scenario))
    assert done.returncode == ExitCode.USAGE
    assert done.stderr.count("\n") == 1


def test_run_prints_tables_and_stays_quiet_beside(tmp_path: Path) -> None:
    path = write_scenario(tmp_path / "small.yaml", small_scenario())
    done = inferbench("run", path, "--store", tmp_path / "s", "--no-live")
    assert done.returncode == ExitCode.OK
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert "UNDECIDED" in done.stdout
    assert "(simulated)" in done.stdout
    assert Path(done.stdout.split("Page: ")[1].strip()).exists()


def test_run_prints_the_same_json_again(tmp_path: Path) -> None:
    path = write_scenario(tmp_path / "small.yaml", small_scenario())
    outputs = [inferbench("run", path, "--store", tmp_path / "s", "--no-live", "--json").stdout for _ in range(2)]
    first, second = (json.loads(text) for text in outputs)
    assert first["conclusions"] == second["conclusions"]
    assert first["summaries"] == second["summaries"]


def test_ctrl_c_keeps_what_was_measured_of_a_bench(server: PacedServer, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [
            *COMMAND, "bench", "--base-url", server.url, "--isl", "8", "--osl", "50", "--num-prompts", "4000",
            "--max-concurrency", "8", "--store", str(tmp_path),
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENV,
    )  # fmt: skip
    before = len(fetch_record(server.url))
    for _ in range(200):
        if len(fetch_record(server.url)) - before > 20:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == ExitCode.INTERRUPTED
    assert "interrupted" in errors
    run = only_run(tmp_path)
    assert (run.manifest().state, run.manifest().reason) == (RunState.PARTIAL, "interrupted")
    counts = run.summaries()[0].counts
    assert counts.ok > 0
    assert counts.cancelled == 8
    assert counts.ok + counts.cancelled + counts.unsent == 4000


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.TERMINATED)]
)
def test_a_signal_keeps_what_was_measured_of_a_run_and_says_where(
    tmp_path: Path, number: signal.Signals, code: ExitCode
) -> None:
    scenario = small_scenario()
    for deployment in scenario["deployments"]:
        deployment["topologies"][0]["concurrency"] = [1, 2, 3, 4000, 4001, 4002]
    path = write_scenario(tmp_path / "x.yaml", scenario)
    process = subprocess.Popen(
        [*COMMAND, "run", str(path), "--store", str(tmp_path / "s"), "--workers", "3"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENV,
    )  # fmt: skip
    summary = None
    for _ in range(600):
        summary = next((tmp_path / "s").glob("*/*/summary.json"), None)
        if summary is not None:
            break
        time.sleep(0.05)
    assert summary is not None
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == code, errors
    run = only_run(tmp_path / "s")
    assert run.manifest().state is RunState.PARTIAL
    why = "interrupted" if number == signal.SIGINT else "interrupted by SIGTERM"
    kept = f"{len(run.summaries())} of 16 sweep points are kept in {run.path}"
    assert errors == f"inferbench: {why}; {kept}; `inferbench run --resume {run.path}` goes on with it\n"
    assert run.summaries()
    assert len(run.conclusions()) == 2


def test_help_and_version_fit_a_narrow_terminal() -> None:
    for arguments in (["--help"], ["bench", "--help"], ["run", "--help"], ["twin", "serve", "--help"]):
        shown = subprocess.run(
            [*COMMAND, *arguments], capture_output=True, text=True, env={**ENV, "COLUMNS": "80"}, check=True
        ).stdout
        assert max(map(len, shown.splitlines())) <= 80
    assert inferbench("--version").stdout.startswith("inferbench ")


def test_a_twin_on_the_wire_answers_like_an_endpoint(tmp_path: Path) -> None:
    scenario = write_scenario(tmp_path / "small.yaml", small_scenario())
    serve = [*COMMAND, "twin", "serve", str(scenario), "--deployment", "b200-trtllm", "--port", "0"]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True, env=ENV) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[2].rstrip(";")
            done = inferbench(
                "bench", "--base-url", url, "--isl", "64", "--osl", "16", "--num-prompts", "12", "--max-concurrency",
                "4", "--store", tmp_path / "s", "--json",
            )  # fmt: skip
            result = json.loads(done.stdout)
            assert (result["completed"], result["total_output_tokens"]) == (12, 12 * 16)
            assert result["model_id"] == "deepseek-ai/DeepSeek-R1-0528"
        finally:
            process.send_signal(signal.SIGINT)
    assert process.returncode == 0
