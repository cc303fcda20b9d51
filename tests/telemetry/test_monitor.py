"""Servers that are watched while a load runs: real pages over loopback, by the process that does it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from inferbench.errors import ExitCode, StoreError
from inferbench.records.layout import TELEMETRY_FILE, TELEMETRY_STREAM
from inferbench.telemetry.monitor import WatchedGpus, WatchedWorker, Watching, watch
from inferbench.telemetry.series import Metric, MetricReading, TelemetrySource, WorkerRole
from inferbench.telemetry.storage import TelemetrySink, read_telemetry

NOWHERE = "http://127.0.0.1:1"
GRACE_S = 60
"""A test that waits longer than this hangs."""
LOOKS = 4
"""Looks that a test waits for."""


class Page:
    """A metrics page that rises by one token a look, and counts the looks."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        Gauge("sglang:num_running_reqs", ".", registry=registry).set(7)
        self._tokens = Counter("sglang:generation_tokens", ".", registry=registry)
        self._registry = registry
        self.looks = 0
        self.seen: list[dict[str, str]] = []

    def text(self) -> bytes:
        self.looks += 1
        self._tokens.inc()
        return generate_latest(self._registry)


@pytest.fixture
def served() -> Iterator[tuple[str, Page]]:
    page = Page()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page.seen.append(dict(self.headers))
            body = {"/metrics": page.text, "/json/metrics": lambda: b"[]"}.get(self.path, lambda: b"<html>")()
            if self.path == "/secret" and self.headers["Authorization"] != "Bearer k":
                self.send_error(401)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

        def handle(self) -> None:
            with contextlib.suppress(ConnectionError):  # who watched has gone
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", page
    server.shutdown()
    thread.join()
    server.server_close()


def server(url: str, **more: object) -> WatchedWorker:
    return WatchedWorker.model_validate({"url": url, "role": WorkerRole.SERVER, **more})


async def _looks(page: Page, more: int = LOOKS) -> None:
    wanted = page.looks + more
    async with asyncio.timeout(GRACE_S):
        while page.looks < wanted:
            await asyncio.sleep(0.01)


def test_what_a_server_tells_lies_beside_the_records_in_order(served: tuple[str, Page], tmp_path: Path) -> None:
    url, page = served

    async def go() -> Watching:
        async with watch([server(url)], tmp_path, every_s=0.02) as watching:
            assert page.looks >= 1, "one look lies before the load"
            await _looks(page)
        return watching

    assert asyncio.run(go()).problems == []
    assert [path.name for path in tmp_path.iterdir()] == [TELEMETRY_FILE]
    telemetry = read_telemetry(tmp_path)
    assert telemetry is not None
    assert [(s.name, s.role, s.engine) for s in telemetry.sources] == [(url, WorkerRole.SERVER, "sglang")]
    assert telemetry.gaps == ()
    (tokens,) = telemetry.of(Metric.GENERATION_TOKENS)
    assert len(tokens.values) >= LOOKS
    assert list(tokens.values) == sorted(set(tokens.values)), "each look adds a token, in order"
    assert (tokens.at_ns[1:] > tokens.at_ns[:-1]).all()
    assert tokens.rise() == tokens.values[-1] - tokens.values[0]
    shifted = read_telemetry(tmp_path, int(tokens.at_ns[0]))
    assert shifted is not None
    assert next(iter(shifted.of(Metric.GENERATION_TOKENS))).at_ns[0] == 0


def test_what_cannot_be_read_is_said_once_and_kept_as_a_gap(served: tuple[str, Page], tmp_path: Path) -> None:
    url, page = served
    workers = [
        server(url),
        WatchedWorker(url=NOWHERE, role=WorkerRole.ROUTER),
        server(f"{url}/json/metrics"),
        server(f"{url}/page"),
        server(f"{url}/metrics", engine="vllm"),
        server(f"{url}/secret"),
    ]
    said: list[str] = []

    async def go() -> Watching:
        async with watch(workers, tmp_path, every_s=0.02, on_problem=said.append) as watching:
            await _looks(page, 3 * LOOKS)
        return watching

    assert sorted(asyncio.run(go()).problems) == sorted(said)
    assert sorted(said) == sorted(
        [
            f"{NOWHERE}/metrics cannot be reached: Connection refused",
            f"{url}/json/metrics is no Prometheus metrics page: it holds JSON",
            f"{url}/page is no Prometheus metrics page: it holds HTML or XML",
            f"{url}/metrics tells the metrics of sglang, and not of vllm",
            f"{url}/secret answers HTTP 401",
        ]
    )
    telemetry = read_telemetry(tmp_path)
    assert telemetry is not None
    assert {gap.reason for gap in telemetry.gaps} == set(said)
    assert all(gap.begin_ns < gap.end_ns for gap in telemetry.gaps)
    assert {s.source.name for s in telemetry.series} == {url}


def test_credentials_are_sent_and_shown_nowhere(served: tuple[str, Page], tmp_path: Path) -> None:
    url, page = served
    worker = server(url, headers={"Authorization": "Bearer k"})

    async def go() -> None:
        async with watch([worker], tmp_path, every_s=0.02):
            pass

    asyncio.run(go())
    assert {headers["Authorization"] for headers in page.seen} == {"Bearer k"}
    assert "Bearer" not in repr(worker)
    assert b"Bearer" not in (tmp_path / TELEMETRY_FILE).read_bytes()


def test_a_gpu_tool_is_run_and_only_the_deployments_gpus_count(
    served: tuple[str, Page], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, page = served
    tools = tmp_path / "bin"
    tools.mkdir()
    script = (
        "#!/bin/sh\nprintf '0, 300, 310, 1500, 2619, 40, 50, 100, 97\\n1, 400, 410, 1600, 2619, 41, 51, 200, 98\\n'\n"
    )
    (tools / "nvidia-smi").write_text(script)
    (tools / "amd-smi").write_text("#!/bin/sh\necho 'no permission' >&2\nexit 3\n")
    for tool in tools.iterdir():
        tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")

    async def go() -> Watching:
        gpus = [WatchedGpus(tool="nvidia-smi", devices=("1",)), WatchedGpus(tool="amd-smi", prefix=("env",))]
        async with watch([server(url)], tmp_path / "point", every_s=0.02, gpus=gpus) as watching:
            await _looks(page)
        return watching

    watching = asyncio.run(go())
    assert (watching.problems, watching.remarks) == (["env amd-smi ended with exit code 3: no permission"], [])
    telemetry = read_telemetry(tmp_path / "point")
    assert telemetry is not None
    (power,) = telemetry.of(Metric.POWER, WorkerRole.GPUS)
    assert power.device == "1"
    assert set(power.values) == {400}


def _tool(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(stat.S_IRWXU)


def test_what_a_tool_prints_counts_whatever_its_exit_code_and_each_oddity_is_said_once(
    served: tuple[str, Page], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """nvidia-smi ends with 14 where an infoROM is corrupted; the data are good."""
    url, page = served
    good, lost = "0, 300, 310, 1500, 2619, 40, 50, 100, 97", f"1{', [GPU is lost]' * 8}"
    warning = "WARNING: infoROM is corrupted at gpu 0000:5D:00.0"
    _tool(tmp_path / "bin", "nvidia-smi", f"printf '{good}\\n{lost}\\n{warning}\\n'\nexit 14")
    _tool(tmp_path / "bin", "amd-smi", "yes")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")

    async def go() -> Watching:
        gpus = [WatchedGpus(tool="nvidia-smi"), WatchedGpus(tool="amd-smi")]
        async with watch([server(url)], tmp_path / "point", every_s=0.02, gpus=gpus) as watching:
            await _looks(page)
        return watching

    watching = asyncio.run(go())
    assert watching.problems == ["amd-smi printed more than 16 MiB"]
    assert sorted(watching.remarks) == [
        f"nvidia-smi also printed {warning!r}",
        f"nvidia-smi ended with exit code 14: {warning}: what it printed counts",
        "nvidia-smi tells no power of GPU 1: [GPU is lost]",
    ]
    telemetry = read_telemetry(tmp_path / "point")
    assert telemetry is not None
    (power,) = telemetry.of(Metric.POWER)
    assert (power.device, set(power.values)) == ("0", {300})
    assert len(power.values) > 1
    assert {gap.source for gap in telemetry.gaps} == {"amd-smi"}


def test_a_killed_watcher_leaves_what_it_had_and_the_load_goes_on(served: tuple[str, Page], tmp_path: Path) -> None:
    url, page = served

    async def go() -> Watching:
        async with watch([server(url)], tmp_path, every_s=0.02) as watching:
            await _looks(page)
            _kill_child("inferbench.telemetry.monitor_process")
        return watching

    problems = asyncio.run(go()).problems
    assert problems == ["telemetry is cut short: the process that watches was killed"]
    assert [path.name for path in tmp_path.iterdir()] == [TELEMETRY_STREAM]
    telemetry = read_telemetry(tmp_path)
    assert telemetry is not None
    assert next(iter(telemetry.of(Metric.RUNNING))).values[0] == 7


def _kill_child(module: str) -> None:
    """Kill the child of this process that runs a module."""
    me = os.getpid()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rsplit(")", 1)[1].split()[1])
            if parent == me and module.encode() in (status.parent / "cmdline").read_bytes():
                os.kill(int(status.parent.name), signal.SIGKILL)
        except OSError:
            continue


def test_without_sources_nothing_is_started(tmp_path: Path) -> None:
    async def go() -> Watching:
        async with watch([], tmp_path / "point") as watching:
            return watching

    assert asyncio.run(go()).problems == []
    assert not (tmp_path / "point").exists()
    assert read_telemetry(tmp_path) is None


def test_blanks_that_earlier_versions_kept_are_no_readings(tmp_path: Path) -> None:
    host = TelemetrySource(name="x", role=WorkerRole.GPUS, engine="amd-smi")
    engine = TelemetrySource(name="y", role=WorkerRole.SERVER, engine="vllm")
    sink = TelemetrySink(tmp_path)
    for at, (good, bad) in enumerate([(700.0, -1.0), (-1.0, 65535.0), (710.0, 2147483632.0)]):
        sink.told(host, at, [MetricReading(Metric.POWER, good, "0"), MetricReading(Metric.POWER, bad, "1")])
    sink.told(engine, 4, [MetricReading(Metric.ITL_SUM, 0.25), MetricReading(Metric.ITL_COUNT, 5)])
    sink.close()
    telemetry = read_telemetry(tmp_path)
    assert telemetry is not None
    (power,) = telemetry.of(Metric.POWER)
    assert (power.device, list(power.at_ns), list(power.values)) == ("0", [0, 2], [700, 710])
    # What vLLM calls latency between tokens is between steps.
    assert {s.metric for s in telemetry.series} == {Metric.POWER, Metric.STEP_GAP_SUM, Metric.STEP_GAP_COUNT}


def test_a_damaged_or_newer_file_gives_one_line(served: tuple[str, Page], tmp_path: Path) -> None:
    url, _ = served

    async def go() -> None:
        async with watch([server(url)], tmp_path, every_s=0.02):
            pass

    asyncio.run(go())
    file = tmp_path / TELEMETRY_FILE
    good = file.read_bytes()
    file.write_bytes(good[: len(good) // 2])
    with pytest.raises(StoreError, match="the telemetry cannot be read") as raised:
        read_telemetry(tmp_path)
    assert raised.value.exit_code is ExitCode.USAGE
    import pyarrow.parquet as pq  # only here: the tests of a room that may use it

    file.write_bytes(good)
    table = pq.ParquetFile(file).read()
    pq.write_table(table.replace_schema_metadata({"inferbench.telemetry": "99"}), file)
    with pytest.raises(StoreError, match="telemetry of version 99; this inferbench reads version 1"):
        read_telemetry(tmp_path)
    pq.write_table(table.replace_schema_metadata({"inferbench.telemetry": "1"}).drop_columns(["role"]), file)
    with pytest.raises(StoreError, match="cannot be read"):
        read_telemetry(tmp_path)
