"""Dynamo's frontend before its mocker, prefill and decode apart: counts, too many sessions, a dead decode worker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from huggingface_model import write_model, write_wide_tokenizer
from measuring import CHAT, PATHS, exact, load, measure
from real_table import RealTable, Row
from server_counters import counted_since, counters, fetch, wait_for
from started import Server, environment, free_ports, launched, started, version

from inferbench.loadgen.progress import Progress
from inferbench.testing.tiny_llama import SMALL

pytestmark = pytest.mark.real

MODEL = "tiny"
REQUESTS = "dynamo_frontend_requests_total"
LOOPBACK = {
    "DYN_DISCOVERY_BACKEND": "file", "DYN_REQUEST_PLANE": "tcp", "DYN_EVENT_PLANE": "zmq",
    **dict.fromkeys(
        ("DYN_TCP_RPC_HOST", "DYN_TCP_RESPONSE_STREAM_HOST", "DYN_EVENT_PLANE_HOST", "DYN_SYSTEM_HOST"), "127.0.0.1"
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_model(tmp_path_factory.mktemp("model"), SMALL)
    write_wide_tokenizer(folder)
    return folder


@contextmanager
def serve(model: Path, folder: Path) -> Iterator[tuple[str, Server]]:
    """The frontend's URL, and the decode worker."""
    python = environment("dynamo") / "python"
    (folder / "kv").mkdir()
    port, bootstrap = free_ports(2)
    shared = LOOPBACK | {"DYN_FILE_KV": str(folder / "kv")}
    url = f"http://127.0.0.1:{port}"

    def mocker(role: str, *more: object) -> list[object]:
        return [
            python, "-m", "dynamo.mocker", "--model-path", model, "--model-name", MODEL, "--block-size", 16,
            "--disaggregation-mode", role, *more,
        ]  # fmt: skip

    frontend = [
        python, "-m", "dynamo.frontend", "--http-host", "127.0.0.1", "--http-port", port, "--router-mode",
        "round-robin",
    ]  # fmt: skip
    with (
        launched(mocker("prefill", "--bootstrap-ports", bootstrap), folder / "prefill.log", shared) as prefill,
        launched(mocker("decode"), folder / "decode.log", shared) as decode,
        started(frontend, f"{url}/v1/models", folder / "frontend.log", shared),
    ):
        for worker in (prefill, decode):
            worker.wait(lambda: MODEL in fetch(f"{url}/v1/models"))
        yield url, decode


@pytest.fixture
def dynamo(model: Path, tmp_path: Path) -> Iterator[tuple[str, Server]]:
    with serve(model, tmp_path) as serving:
        yield serving


def by_status(url: str) -> tuple[float, float]:
    return counters(url, status="success")[REQUESTS], counters(url, status="error")[REQUESTS]


def test_every_request_and_token_is_one_that_the_frontend_counted(
    dynamo: tuple[str, Server], model: Path, tmp_path: Path, real_table: RealTable
) -> None:
    url, _ = dynamo
    for path in PATHS:
        before = counters(url)
        done = measure(url, load(96, streams=16, prompts=exact(model)), tmp_path / "s", path=path)
        records, counted = done.records(), counted_since(before, url, REQUESTS, 96)
        assert done.summary.counts.ok == counted[REQUESTS] == 96
        assert records.osl.sum() == counted["dynamo_frontend_output_sequence_tokens_sum"]
        assert records.isl.sum() == counted["dynamo_frontend_input_sequence_tokens_sum"]
        tokens = f"{records.isl.sum():,} in, {records.osl.sum():,} out / the same"
        real_table.add(
            Row(f"Dynamo frontend + mocker, P/D, {path}", version("dynamo", "Dynamo"), "96 of 96", tokens, "-")
        )


def test_more_sessions_than_the_mocker_takes_fail_here_as_they_do_there(
    dynamo: tuple[str, Server], model: Path, tmp_path: Path, real_table: RealTable
) -> None:
    url, _ = dynamo
    done = measure(url, load(900, streams=450, osl=50, prompts=exact(model)), tmp_path / "s")
    counts = done.summary.counts
    wait_for(lambda: sum(by_status(url)) == 900)
    assert (counts.ok, counts.error) == by_status(url)
    assert counts.error >= 1
    assert all(error.startswith("HTTP 5") or "error" in error for error in done.records().errors if error)
    requests = f"{counts.ok} ok, {counts.error} error of 900 / the same"
    first = next(error for error in done.records().errors if error)
    real_table.add(
        Row(
            "Dynamo, 450 streams on 256 sessions",
            version("dynamo", "Dynamo"),
            requests,
            "-",
            f"first error: `{first[:90]}`",
        )
    )


def test_a_decode_worker_killed_under_load_leaves_no_request_out(
    dynamo: tuple[str, Server], model: Path, tmp_path: Path, real_table: RealTable
) -> None:
    url, worker = dynamo

    def kill(progress: Progress) -> None:
        if progress.ended >= 30:
            worker.kill()

    asked = load(300, streams=16, osl=64, prompts=exact(model))
    done = measure(url, asked, tmp_path / "s", path=CHAT, on_progress=kill, timeout_s=60)
    counts, errors = done.summary.counts, [error for error in done.records().errors if error]
    assert counts.ok >= 30
    assert counts.error >= 1
    requests = f"{counts.ok} ok, {counts.error} error, {counts.timeout} timeout of 300"
    real_table.add(
        Row(
            "Dynamo, decode worker killed",
            version("dynamo", "Dynamo"),
            requests,
            "-",
            f"first error: `{errors[0][:90]}`",
        )
    )
