"""Servers as processes, the real router before them, and a client that is not ours."""

from __future__ import annotations

import json
import os
import re
import select
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

PATIENCE_S = 60
"""Longest that anything is waited for."""
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
SCENARIO, DEPLOYMENT = "deepseek-r1-mi355x-vs-b200", "mi355x-sglang-mori"
MODEL = "deepseek-ai/DeepSeek-R1-0528"


@dataclass(frozen=True)
class Running:
    """A server that runs."""

    url: str
    process: subprocess.Popen[str]
    bootstrap_port: int | None = None


def call(url: str, body: object = None, raw: bytes | None = None) -> tuple[int, bytes]:
    data = raw if raw is not None else None if body is None else json.dumps(body).encode()
    try:
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        with DIRECT.open(request, timeout=PATIENCE_S) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def metrics_of(url: str) -> dict[str, float]:
    """The samples of `/metrics` but for buckets, by name without the prefix, read by Prometheus' own reader."""
    status, text = call(f"{url}/metrics")
    assert status == 200
    samples = (sample for family in text_string_to_metric_families(text.decode()) for sample in family.samples)
    return {s.name.removeprefix("sglang:"): s.value for s in samples if not s.name.endswith("_bucket")}


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        try:
            process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


@contextmanager
def twin_server(*options: str, deployment: str | None = DEPLOYMENT) -> Iterator[Running]:
    """`inferbench twin serve` with a free port; of a fixed pace where no deployment is named."""
    what = [] if deployment is None else [SCENARIO, "--deployment", deployment]
    command = [sys.executable, "-m", "inferbench", "twin", "serve", *what, "--port", "0", "--bootstrap-port", "0"]
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    with ended(process):
        assert select.select([process.stdout], [], [], PATIENCE_S)[0], "the server did not start"
        line = process.stdout.readline()
        found = re.search(r"serving at (\S+?)(?:, bootstrap port (\d+))?;", line)
        assert found, line
        yield Running(found[1], process, None if found[2] is None else int(found[2]))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as s:
        return int(s.getsockname()[1])


@contextmanager
def router(prefill: list[Running], decode: list[Running], *options: str) -> Iterator[Running]:
    """The real sglang-router before twin workers, ready."""
    port = free_port()
    command = [
        sys.executable, "-m", "sglang_router.launch_router", "--pd-disaggregation", "--policy", "round_robin",
        "--host", "127.0.0.1", "--port", str(port), "--prometheus-host", "127.0.0.1",
        "--prometheus-port", str(free_port()), "--worker-startup-check-interval", "1", "--log-level", "error", *options,
    ]  # fmt: skip
    for worker in prefill:
        command += ["--prefill", worker.url, str(worker.bootstrap_port)]
    for worker in decode:
        command += ["--decode", worker.url]
    environment = {**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, text=True, env=environment, start_new_session=True)
    with ended(process):
        url = f"http://127.0.0.1:{port}"
        _wait_for_workers(url, len(prefill) + len(decode), process)
        yield Running(url, process)


def _wait_for_workers(url: str, workers: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "the router ended"
        try:
            status, body = call(f"{url}/readiness")
            if status == 200 and json.loads(body)["healthy_workers"] == workers:
                return
        except (OSError, ValueError):
            pass  # it does not listen yet
        time.sleep(0.1)
    raise AssertionError("the router did not become ready")
