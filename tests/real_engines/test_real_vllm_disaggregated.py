"""Two vLLMs on the CPU, one for prefill and one for decode, KV moved by NIXL, behind vllm-router."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from huggingface_model import write_model
from measuring import PATHS, exact, load, measure
from real_table import RealTable, Row
from server_counters import counted_since, counters, is_up
from started import Server, environment, free_ports, launched, started, version

from inferbench.loadgen.health.cpu_placement import look
from inferbench.loadgen.progress import Progress
from inferbench.records.request_record import CountSource
from inferbench.testing.tiny_llama import SMALL

pytestmark = pytest.mark.real

GENERATED, PROMPT = "vllm:generation_tokens_total", "vllm:prompt_tokens_total"
SERVED = "vllm:request_success_total"
BY_SOURCE, BYTES = "vllm:prompt_tokens_by_source_total", "vllm:nixl_bytes_transferred_sum"
NIXL = '{"kv_connector":"NixlConnector","kv_role":"kv_both","kv_buffer_device":"cpu"}'


@dataclass
class Pair:
    url: str
    prefill: str
    decode: str
    decoder: Server


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model"), SMALL)


@pytest.fixture(scope="module")
def pair(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("two engines need a core each")
    folder, programs = tmp_path_factory.mktemp("pair"), (environment("vllm"), environment("vllm-router"))
    ports = free_ports(6)
    with ExitStack() as running:

        def engine(role: str, port: int, side_channel: int, core: int) -> tuple[str, Server]:
            extra = {
                "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_HOST_IP": "127.0.0.1", "VLLM_CPU_OMP_THREADS_BIND": str(core),
                "UCX_TLS": "tcp,self,sm", "UCX_NET_DEVICES": "lo", "VLLM_NIXL_SIDE_CHANNEL_HOST": "127.0.0.1",
                "VLLM_NIXL_SIDE_CHANNEL_PORT": str(side_channel),
            }  # fmt: skip
            command = [
                programs[0] / "vllm", "serve", model, "--host", "127.0.0.1", "--port", port, "--served-model-name",
                "tiny", "--max-model-len", 4096, "--dtype", "bfloat16", "--kv-transfer-config", NIXL,
            ]  # fmt: skip
            server = running.enter_context(launched(command, folder / f"{role}.log", extra))
            return f"http://127.0.0.1:{port}", server

        # Not on one core: transfers then take 7 to 10 s each.
        cores = sorted(os.sched_getaffinity(0))
        prefill, prefiller = engine("prefill", ports[0], ports[1], cores[0])
        decode, decoder = engine("decode", ports[2], ports[3], cores[1])
        for url, server in ((prefill, prefiller), (decode, decoder)):
            server.wait(lambda url=url: is_up(f"{url}/health"))
        router = [
            programs[1] / "python", "-m", "vllm_router.launch_router", "--host", "127.0.0.1", "--port", ports[4],
            "--prometheus-host", "127.0.0.1", "--prometheus-port", ports[5], "--vllm-pd-disaggregation", "--prefill",
            prefill, "--decode", decode, "--kv-connector", "nixl", "--policy", "round_robin",
            "--worker-startup-check-interval", 1,
        ]  # fmt: skip
        url = f"http://127.0.0.1:{ports[4]}"
        running.enter_context(started(router, f"{url}/v1/models", folder / "router.log"))
        yield Pair(url, prefill, decode, decoder)


def versions() -> str:
    return f"{version('vllm', 'vLLM')}, vllm-router {version('vllm-router', 'vllm-router')}"


@pytest.mark.parametrize("path", PATHS)
def test_every_request_and_token_is_one_that_the_pair_counted(
    pair: Pair, model: Path, tmp_path: Path, path: str, real_table: RealTable
) -> None:
    n = 24

    def moved() -> float:
        return counters(pair.decode, source="external_kv_transfer")[BY_SOURCE]

    prefill, decode, moved_before = counters(pair.prefill), counters(pair.decode), moved()
    done = measure(pair.url, load(n, streams=4, prompts=exact(model)), tmp_path, path=path, model="tiny")
    records = done.records()
    prefilled = counted_since(prefill, pair.prefill, SERVED, n)
    decoded = counted_since(decode, pair.decode, SERVED, n)
    assert done.summary.counts.ok == decoded[SERVED] == prefilled[SERVED] == n
    assert set(records.osl_source) == {CountSource.SERVER}
    assert records.osl.sum() == decoded[GENERATED]
    assert records.isl.sum() == decoded[PROMPT] == prefilled[PROMPT]
    assert prefilled[GENERATED] == n  # the prefill engine makes one token, which is thrown away
    assert moved() > moved_before
    assert decoded[BYTES] > 0
    tokens = f"{records.isl.sum():,} in, {records.osl.sum():,} out / the same"
    held = f"KV of {moved() - moved_before:,.0f} prompt tokens moved, {decoded[BYTES] / 1e6:.1f} MB"
    real_table.add(Row(f"vLLM P + vLLM D over NIXL, {path}", versions(), f"{n} of {n}", tokens, held))


def test_a_client_that_has_no_core_left_is_told_so(pair: Pair) -> None:
    cores = set(sorted(os.sched_getaffinity(0))[:2])
    (reason,) = look([pair.prefill, pair.decode], cores).reasons
    assert reason.startswith("the client may run only where the server is pinned: ")
    assert reason.count("(server at port ") == 2


def test_a_decode_worker_killed_under_load_leaves_no_request_out(
    pair: Pair, model: Path, tmp_path: Path, real_table: RealTable
) -> None:
    """The last of this file: the pair is of no use afterwards."""
    n = 60

    def kill(progress: Progress) -> None:
        if progress.ended >= 6:
            pair.decoder.kill()

    asked = load(n, streams=4, osl=200, prompts=exact(model))
    done = measure(pair.url, asked, tmp_path, model="tiny", on_progress=kill, timeout_s=60)
    counts, errors = done.summary.counts, [error for error in done.records().errors if error]
    assert counts.ok >= 6
    assert counts.error >= 1
    requests = f"{counts.ok} ok, {counts.error} error, {counts.timeout} timeout of {n}"
    real_table.add(Row("vLLM P + vLLM D, decode killed", versions(), requests, "-", f"first error: `{errors[0][:90]}`"))
