"""`inferbench run --base-url`: a scenario's load on a real server, from the canary to the page."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import inferbench
from inferbench.cli import execute
from inferbench.errors import ExitCode
from inferbench.metrics.summary import Origin
from inferbench.runs.sweep import point_plan
from inferbench.simulator.server.server_process import PacedServer, fetch_record, start_paced
from inferbench.store.manifest import RunState
from tests.support.scenarios_for_tests import small_scenario, write_scenario

MODEL = "deepseek-ai/DeepSeek-R1-0528"
B200 = ("--deployment", "b200-trtllm", "--topology", "1p5d-tep8-b1")
MI355X = ("--deployment", "mi355x-sglang-mori", "--topology", "1p1d-tp8")
DONE = (ExitCode.OK, ExitCode.INVALID)
"""How a run may end that went well: a busy machine may make the client late, and then it says so."""


@pytest.fixture(scope="module")
def server() -> Iterator[PacedServer]:
    with start_paced(20, 4, MODEL) as running:
        yield running


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    return write_scenario(tmp_path / "small.yaml", attached_scenario())


def attached_scenario(prompts: int = 3, osl: int = 4) -> dict[str, Any]:
    spec = small_scenario()
    del spec["live"]
    lengths = {"isl": {"nominal": 16, "min": 12, "max": 16}, "osl": {"nominal": osl, "min": osl, "max": osl}}
    spec["load"] |= {"prompts_per_concurrency": prompts, "warmups_per_concurrency": 0.5, **lengths}
    return spec


def attach(scenario: Path, url: str, store: Path, *more: str) -> int:
    command = ["run", str(scenario), "--base-url", url, "--store", str(store), "--no-telemetry"]
    return execute([*command, *(more or B200)])


def only_run(store: Path) -> inferbench.Run:
    (path,) = [p for p in store.glob("*/*") if p.is_dir()]
    return inferbench.open_run(path)


def test_a_measured_run_is_a_run_like_any_other(
    server: PacedServer, scenario: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = len(fetch_record(server.url))
    assert attach(scenario, server.url, tmp_path / "s", *B200, "--concurrency", "1,4") in DONE
    shown = " ".join(capsys.readouterr().out.split())
    # A canary; then at each load half a warm-up per stream, rounded up, and three requests per stream.
    assert len(fetch_record(server.url)) - before == 1 + (1 + 3) + (2 + 12)
    run = only_run(tmp_path / "s")
    assert run.manifest.state is RunState.COMPLETE
    assert [s.point.key for s in run.summaries] == ["b200-trtllm.1p5d-tep8-b1.c1", "b200-trtllm.1p5d-tep8-b1.c4"]
    assert {(s.origin, s.counts.ok, s.point.gpus) for s in run.summaries} == {
        (Origin.MEASURED, 3, 44), (Origin.MEASURED, 12, 44)
    }  # fmt: skip
    assert inferbench.summarise(run) == run.summaries
    assert run.scenario is not None
    assert run.summaries[0].prompt_hash == point_plan(run.scenario.load, 1).prompt_hash  # the twin's own prompts
    (attachment,) = run.manifest.attachments
    (first, second) = run.manifest.points
    assert first.target.launch_fingerprint == second.target.launch_fingerprint == attachment.fingerprint
    assert (first.target.gpu, first.target.precision, first.target.engine) == ("b200", "fp4", "inferbench")
    page = (run.path / "report.html").read_text()
    told = json.loads((execute(["report", str(run.path), "--format", "json"]), capsys.readouterr().out)[1])
    for text in (attachment.fingerprint, server.url, "mi355x-sglang-mori: never attached"):
        assert text in page
        assert text in shown
        assert text in json.dumps(told)
    assert told["run"]["attachments"][0]["fingerprint"] == attachment.fingerprint
    assert run.costs
    assert len(run.conclusions) == 2


def test_deployments_are_measured_one_after_the_other_into_one_run(
    server: PacedServer, scenario: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert attach(scenario, server.url, tmp_path / "s", *B200, "--concurrency", "1") in DONE
    path = str(only_run(tmp_path / "s").path)
    execute(["runs", "list", "--store", str(tmp_path / "s")])  # the store's index now knows a complete run
    assert execute(["run", "--resume", path, "--base-url", server.url, *MI355X]) in DONE
    run = inferbench.open_run(path)
    assert [s.point.key for s in run.summaries] == [
        "mi355x-sglang-mori.1p1d-tp8.c1", "mi355x-sglang-mori.1p1d-tp8.c4", "b200-trtllm.1p5d-tep8-b1.c1"
    ]  # fmt: skip
    assert [a.deployment for a in run.manifest.attachments] == ["b200-trtllm", "mi355x-sglang-mori"]
    assert "never attached" not in (run.path / "report.html").read_text()
    assert {cost.point.deployment for cost in run.costs} == {"mi355x-sglang-mori", "b200-trtllm"}
    capsys.readouterr()
    execute(["runs", "list", "--store", str(tmp_path / "s"), "--json"])
    assert '"n_points":3' in capsys.readouterr().out.replace(" ", "")
    # What is there is not measured again, and another launch is not mixed in unasked.
    assert execute(["run", "--resume", path, "--base-url", server.url, *MI355X]) == ExitCode.USAGE
    assert "holds all that was asked for" in capsys.readouterr().err
    other = ["run", "--resume", path, "--base-url", server.url, *B200, "--launch-command", "serve --api-key sk-7"]
    assert execute(other) == ExitCode.INCOMPARABLE
    error = capsys.readouterr().err
    assert "launch command None then, serve --api-key *** now" in error
    assert error.count("\n") == 1
    assert execute([*other, "--allow-different", "launch"]) in DONE
    assert "sk-7" not in (run.path / "manifest.json").read_text()
    assert execute(["run", "--resume", path]) == ExitCode.USAGE
    assert execute(["run", "--from-manifest", path]) == ExitCode.USAGE


def test_repeats_can_be_compared(server: PacedServer, scenario: Path, tmp_path: Path) -> None:
    assert attach(scenario, server.url, tmp_path, *B200, "--concurrency", "2", "--repeat", "2") in DONE
    runs = sorted(tmp_path.glob("small/*"))
    assert [inferbench.open_run(path).manifest.seed for path in runs] in ([0, 1], [1, 0])
    allowed = ("--allow-different", "seed,prompt_hash")
    assert execute(["compare", str(runs[0]), str(runs[1]), *allowed]) == ExitCode.OK


@contextmanager
def answering(pages: dict[str, tuple[int, Any]]) -> Iterator[str]:
    """A server that answers a path with a status and JSON (or text as it is), and nothing else."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body = pages.get(self.path, (404, {}))
            content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{httpd.server_port}"
        finally:
            httpd.shutdown()
            thread.join()


MODELS = {"data": [{"id": MODEL, "owned_by": "sglang"}]}
ONE_TOKEN = 'data: {"choices":[{"text":"a"}]}\n\ndata: [DONE]\n\n'


@pytest.mark.parametrize(
    ("pages", "says"),
    [
        (
            {"/readiness": (503, {"reason": "insufficient healthy workers"})},
            "router URL has no workers that are ready: HTTP 503, insufficient healthy workers",
        ),
        ({"/v1/models": (200, MODELS), "/workers": (200, {"workers": []})}, "router URL has no workers"),
        ({"/v1/models": (200, MODELS), "/health": (503, {"message": "Busy"})}, "URL is not ready: HTTP 503, Busy"),
        ({"/v1/models": (401, {}), "/health": (401, {})}, "check the API key"),
        ({"/v1/models": (200, {"data": [{"id": "llama-3"}]})}, "serves 'llama-3', and the scenario is about"),
        ({"/v1/models": (200, MODELS)}, "URL/v1/completions did not answer a request for one token: HTTP 404"),
        (
            {"/v1/models": (200, MODELS), "/v1/completions": (200, {"error": {"message": "no memory"}})},
            "for one token: no token in the answer: no memory",
        ),
        ({"/v1/models": (200, MODELS), "/v1/completions": (200, "data: {not json}\n\n")}, "for one token: not JSON"),
    ],
)  # fmt: skip
def test_a_site_that_cannot_be_measured_is_one_clear_line(
    scenario: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], pages: dict[str, Any], says: str
) -> None:
    with answering(pages) as url:
        assert attach(scenario, url, tmp_path / "s", *MI355X) == ExitCode.ENDPOINT
        error = capsys.readouterr().err
        assert says in error.replace(url, "URL")
    assert error.count("\n") == 1
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], ExitCode.USAGE, "--deployment: say which one is running; the scenario has mi355x-sglang-mori, b200-trt"),
        (["--deployment", "b200-trt"], ExitCode.USAGE, "did you mean 'b200-trtllm'?"),
        (["--deployment", "b200-trtllm"], ExitCode.USAGE, "--topology: say which one is running"),
        ([*B200, "--concurrency", "0"], ExitCode.USAGE, "--concurrency 0 must be at least 1"),
        ([*B200, "--concurrency", "x"], ExitCode.USAGE, "--concurrency: 'x' is not a whole number"),
        ([*B200, "--model", "other"], ExitCode.ENDPOINT, "unknown model 'other'"),
        ([*B200, "--prefill-url", "http://127.0.0.1:9"], ExitCode.USAGE, "--prefill-url and --decode-url go together"),
        ([*B200, "--prefill-url", "x", "--decode-url", "y"], ExitCode.USAGE, "base URL 'x' cannot be used"),
        (
            [*B200, "--prefill-url", "http://127.0.0.1:9", "--decode-url", "http://127.0.0.1:9"],
            ExitCode.ENDPOINT,
            "prefill worker http://127.0.0.1:9 cannot be reached: Connection refused",
        ),
        ([*B200, "--interleave", "other"], ExitCode.USAGE, "do not go together"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_one_clear_line(
    server: PacedServer,
    scenario: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: ExitCode,
    says: str,
) -> None:
    url = ["run", str(scenario), "--base-url", server.url, "--store", str(tmp_path / "s")]
    assert execute([*url, *arguments]) == code
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert not (tmp_path / "s").exists()


def test_options_of_a_real_deployment_need_one(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["run", str(scenario), "--deployment", "b200-trtllm"]) == ExitCode.USAGE
    assert "--deployment goes with --base-url" in capsys.readouterr().err
    assert execute(["run", "no-such-scenario", "--base-url", "http://127.0.0.1:9"]) == ExitCode.USAGE
    assert "no-such-scenario: no such file" in capsys.readouterr().err


def test_another_name_for_the_model_is_taken_at_the_users_word(scenario: Path, tmp_path: Path) -> None:
    with start_paced(5, 1, "r1") as server:
        assert attach(scenario, server.url, tmp_path, *B200, "--concurrency", "1", "--model", "r1") in DONE
    assert only_run(tmp_path).manifest.attachments[0].model == "r1"


def test_caches_are_emptied_and_what_is_unlike_production_is_said(
    scenario: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    info = {
        "model_path": MODEL,
        "version": "0.9.1",
        "disable_radix_cache": True,
        "stream_interval": 50,
        "api_key": "sk-9",
    }
    worker = {"/health": (200, {}), "/server_info": (200, info), "/flush_cache": (200, {})}
    front = {"/v1/models": (200, MODELS), "/v1/completions": (200, ONE_TOKEN), "/readiness": (200, {})}
    dead = {"/health": (200, {}), "/server_info": (200, info | {"version": "0.9.2"}), "/flush_cache": (404, {})}
    with answering(front) as router, answering(worker) as prefill, answering(dead) as decode:
        workers = ("--prefill-url", prefill, "--decode-url", decode)
        where = (*MI355X, "--concurrency", "1", *workers)
        assert attach(scenario, router, tmp_path, *where) == ExitCode.INCOMPARABLE
        error = capsys.readouterr().err
        assert "stream_interval 1 in the scenario, 50 there; --allow-different topology" in error
        assert error.count("\n") == 1
        assert not (tmp_path / "small").exists()
        assert attach(scenario, router, tmp_path, *where, "--allow-different", "topology") in DONE
        shown = " ".join(capsys.readouterr().out.split()).replace(prefill, "P").replace(decode, "D")
    run = only_run(tmp_path)
    (attachment,) = run.manifest.attachments
    assert attachment.flushed == {prefill: "/flush_cache"}
    assert attachment.not_flushed == {decode: "it has no /flush_cache or /reset_prefix_cache"}
    assert run.manifest.points[0].cache_flushed == f"/flush_cache of {prefill}"
    assert [part.role.value for part in attachment.parts] == ["router", "prefill", "decode"]
    for text in (
        "sglang 0.9.1, sglang 0.9.2 (1 prefill + 1 decode)", "caches emptied before each point: P (/flush_cache)",
        "cache not emptied: D (it has no", "prefix cache off", "stream interval 50", "is a version never seen",
        "its workers run different versions: sglang 0.9.1, sglang 0.9.2", "it is not as the scenario has it",
    ):  # fmt: skip
        assert text in shown
    assert "sk-9" not in (run.path / "manifest.json").read_text()


def command(scenario: Path, url: str, store: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "inferbench", "run", str(scenario), "--base-url", url, "--store", str(store), *B200,
         "--concurrency", "1,2", "--no-telemetry"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip


def wait_for_requests(url: str, n: int, process: subprocess.Popen[str]) -> None:
    while len(fetch_record(url)) < n:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def test_ctrl_c_keeps_what_was_measured_and_the_rest_can_follow(tmp_path: Path) -> None:
    scenario = write_scenario(tmp_path / "small.yaml", attached_scenario(prompts=5, osl=40))
    with start_paced(20, 10, MODEL) as server:
        process = command(scenario, server.url, tmp_path / "s")
        wait_for_requests(server.url, 1 + (1 + 5) + (1 + 4), process)  # in the middle of the second load
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
        assert process.returncode == ExitCode.INTERRUPTED, error
        run = only_run(tmp_path / "s")
        assert (run.manifest.state, run.manifest.reason) == (RunState.PARTIAL, "interrupted")
        whole, cut = run.summaries
        assert (whole.partial, whole.counts.ok) == (False, 5)
        assert cut.partial
        assert cut.counts.ok + cut.counts.cancelled + cut.counts.unsent == cut.counts.planned == 10
        assert (
            execute(["run", "--resume", str(run.path), "--base-url", server.url, *B200, "--concurrency", "1,2"]) in DONE
        )
    run = inferbench.open_run(run.path)
    assert (run.manifest.state, [s.partial for s in run.summaries]) == (RunState.COMPLETE, [False, False])
    assert [entry.attempt for entry in run.manifest.points] == [1, 2]
    assert len(run.manifest.attachments) == 1  # the same launch is not told twice


def test_a_server_that_dies_in_the_middle_ends_the_run_and_leaves_no_request_out(tmp_path: Path) -> None:
    scenario = write_scenario(tmp_path / "small.yaml", attached_scenario(prompts=40, osl=20))
    with start_paced(10, 5, MODEL) as server:
        process = command(scenario, server.url, tmp_path / "s")
        wait_for_requests(server.url, 1 + 1 + 5, process)
        os.kill(server.pid, signal.SIGKILL)
        _, error = process.communicate(timeout=60)
    assert process.returncode == ExitCode.ENDPOINT, error
    assert error.count("\n") == 1
    run = only_run(tmp_path / "s")
    assert run.manifest.state is RunState.PARTIAL
    (summary,) = run.summaries
    counts = summary.counts
    assert 0 < counts.ok < 40
    assert counts.ok + counts.error + counts.refused == 40
    assert "requests failed" in run.manifest.points[0].notes[0]
