"""The scripts around a deployment, run for real: waiting until it answers, and the Slurm job over stand-ins of srun."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from inferbench.deploy.write_plan import write_plan
from tests.support.deploy_plans import CASES, plan

REFUSALS = 2
NODES = ("n0", "n1", "n2", "n3", "n4")
SRUN = f"""#!{sys.executable}
import json, os, sys, time
def over(file):
    try:
        os.kill(int(open(file).read()), 0)
    except (FileNotFoundError, ValueError):
        return False
    except ProcessLookupError:
        return True
args = sys.argv[1:]
command = [a for a in args if not a.startswith("--")]
with open("calls.jsonl", "a") as calls:
    calls.write(json.dumps(dict(options=[a for a in args if a.startswith("--")], command=command)) + "\\n")
dies, at = os.environ.get("DIES") == command[-1], os.environ.get("DIES_AT")
while not os.path.exists("stop"):
    if dies and (at is None or over(at)):
        sys.exit(7)
    time.sleep(0.05)
"""
"""Stands in for srun: writes down how it was called and lives until told to stop; the script named in DIES fails,
at once or when the process whose number is in the file DIES_AT has been waited for."""
UNTIL_CALLED = "while [ ! -s calls.jsonl ]; do sleep 0.05; done"


class Deployment(BaseHTTPRequestHandler):
    """Refuses its first requests, as an engine that still loads; keeps what it was asked."""

    asked: list[dict[str, Any]]
    refused: int

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        type(self).refused += 1
        self.send_response(200 if type(self).refused > REFUSALS else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).asked.append({"path": self.path, **body})
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    Deployment.asked, Deployment.refused = [], 0
    running = ThreadingHTTPServer(("127.0.0.1", 0), Deployment)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("slurm")
    write_plan(plan(*CASES[0]), "slurm", path)
    return path


def wait_ready(folder: Path, url: str, seconds: int) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "READY_SECONDS": str(seconds), "READY_PAUSE": "0.05"}
    return subprocess.run([folder / "wait-ready.sh", url], env=env, capture_output=True, text=True, check=False)


def test_waiting_ends_when_the_deployment_has_answered_with_one_token(
    folder: Path, server: ThreadingHTTPServer
) -> None:
    done = wait_ready(folder, f"http://127.0.0.1:{server.server_port}", 60)
    assert done.returncode == 0, done.stderr
    assert Deployment.refused == REFUSALS + 1
    (asked,) = Deployment.asked
    assert (asked["path"], asked["model"], asked["max_tokens"]) == (
        "/v1/completions", "deepseek-ai/DeepSeek-R1-0528", 1,
    )  # fmt: skip


def test_waiting_ends_with_a_line_where_nothing_answers(folder: Path) -> None:
    done = wait_ready(folder, "http://127.0.0.1:1", 0)
    assert done.returncode == 1
    assert done.stderr == "http://127.0.0.1:1 did not answer in time\n"


class Ended(NamedTuple):
    """How a job ended."""

    code: int
    log: str
    calls: list[dict[str, Any]]


def job(folder: Path, tmp_path: Path, wait: str, **env: str) -> Ended:
    """Submit: the job's own script with srun, scontrol and the wait for readiness replaced."""
    stubs = {
        "bin/srun": SRUN,
        "bin/scontrol": f"#!/bin/sh\nprintf '%s\\n' {' '.join(NODES)}\n",
        "wait-ready.sh": f"#!/bin/sh\n{wait}\n",
    }
    (tmp_path / "bin").mkdir()
    for name, text in stubs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    full = {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "SLURM_SUBMIT_DIR": str(tmp_path),
        "SLURM_JOB_NODELIST": "n[0-4]",
        **env,
    }
    # To a file: what the job has started holds its output until it is told to stop.
    with (tmp_path / "log").open("w") as log:
        run = subprocess.run(["bash", folder / "job.sbatch"], env=full, stdout=log, stderr=log, check=False, timeout=60)
    (tmp_path / "stop").write_text("")
    calls = [json.loads(line) for line in (tmp_path / "calls.jsonl").read_text().splitlines()]
    return Ended(run.returncode, (tmp_path / "log").read_text(), calls)


def test_the_job_starts_each_process_on_its_node_and_measures_when_it_is_ready(folder: Path, tmp_path: Path) -> None:
    made = plan(*CASES[0])
    until_all_run = (
        f'while [ "$(cat calls.jsonl 2> /dev/null | wc -l)" -lt {len(made.processes)} ]; do sleep 0.05; done'
    )
    done = job(folder, tmp_path, until_all_run, BENCH='echo "$URL" > measured')
    assert done.code == 0, done.log
    assert (tmp_path / "measured").read_text() == "http://n0:30000\n"
    ran = {call["command"][-1]: call for call in done.calls}
    assert set(ran) == {f"{p.name}.sh" for p in made.processes}
    for process in made.processes:
        call = ran[f"{process.name}.sh"]
        assert f"--nodelist={NODES[process.node]}" in call["options"]
        assert call["command"][0] == "./container.sh"


def test_the_job_ends_when_a_process_ends_before_the_deployment_is_ready(folder: Path, tmp_path: Path) -> None:
    wait = "while [ ! -e stop ]; do sleep 0.05; done"
    done = job(folder, tmp_path, wait, DIES="decode-0.sh", BENCH="touch measured")
    assert done.code == 1
    assert "a process ended before the deployment was ready; see its log" in done.log
    assert not (tmp_path / "measured").exists()


def test_the_job_ends_when_the_deployment_is_not_ready_in_time(folder: Path, tmp_path: Path) -> None:
    done = job(folder, tmp_path, f"{UNTIL_CALLED}; exit 5", BENCH="touch measured")
    assert done.code == 5
    assert not (tmp_path / "measured").exists()


def test_without_a_benchmark_the_job_lasts_as_long_as_its_processes(folder: Path, tmp_path: Path) -> None:
    """One that dies once the wait is over, by the number of whose process it knows that, ends the job."""
    done = job(folder, tmp_path, "echo $$ > waiting", DIES="router.sh", DIES_AT="waiting")
    assert done.code == 1
    assert "a process ended; see its log" in done.log
