"""vLLM on the CPU: counts, queueing, requests given up, a dead engine, and how the latencies agree with its own."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import pytest
from huggingface_model import write_model
from measuring import COMPLETIONS, PATHS, exact, load, measure
from real_table import RealTable, Row
from server_counters import Watched, counted_since, counters, wait_for
from started import descendant, environment, free_ports, started, version

from inferbench.loadgen.progress import Progress
from inferbench.records.request_record import CountSource, Status
from inferbench.testing.tiny_llama import TRIAL
from inferbench.workload.vocabulary import MADE_UP

pytestmark = pytest.mark.real

SLOTS, ENGINE_CORE = 4, 0
VLLM = {
    "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_HOST_IP": "127.0.0.1", "VLLM_CPU_OMP_THREADS_BIND": str(ENGINE_CORE),
}  # fmt: skip
TTFT, TPOT = "vllm:time_to_first_token_seconds", "vllm:request_time_per_output_token_seconds"
GENERATED, PROMPT = "vllm:generation_tokens_total", "vllm:prompt_tokens_total"
SERVED = "vllm:request_success_total"
RUNNING, WAITING = "vllm:num_requests_running", "vllm:num_requests_waiting"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model"), TRIAL)


@contextmanager
def serve(model: Path, folder: Path) -> Iterator[tuple[str, int]]:
    """A server's URL and process id."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    # With few words, `vllm bench serve` makes prompts that begin alike: a prefix cache would spare it prefill.
    # Its HTTP process, too, is starved where the worker computes: first tokens then come 100 ms after its own stamps.
    command = [
        *client_core(), environment("vllm") / "vllm", "serve", model, "--host", "127.0.0.1", "--port", port,
        "--served-model-name", "tiny", "--max-model-len", 4096, "--dtype", "bfloat16", "--max-num-seqs", SLOTS,
        "--no-enable-prefix-caching",
    ]  # fmt: skip
    with started(command, f"{url}/health", folder / "vllm.log", VLLM) as process:
        yield url, process.pid


@pytest.fixture(scope="module")
def vllm(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve(model, tmp_path_factory.mktemp("vllm")) as (url, _):
        yield url


@pytest.mark.parametrize("path", PATHS)
def test_every_request_and_token_is_one_that_the_server_counted(
    vllm: str, model: Path, tmp_path: Path, path: str, real_table: RealTable
) -> None:
    before = counters(vllm)
    done = measure(vllm, load(48, streams=4, prompts=exact(model)), tmp_path, path=path)
    records, counted = done.records(), counted_since(before, vllm, SERVED, 48)
    assert done.summary.counts.ok == counted[SERVED] == 48
    assert set(records.osl_source) == {CountSource.SERVER}
    assert records.osl.sum() == counted[GENERATED]
    assert records.isl.sum() == counted[PROMPT]
    tokens = f"{records.isl.sum():,} in, {records.osl.sum():,} out / the same"
    real_table.add(Row(f"vLLM on CPU, {path}", version("vllm", "vLLM"), "48 of 48", tokens, "-"))


def test_streams_beyond_its_slots_wait_and_are_all_served(
    vllm: str, model: Path, tmp_path: Path, real_table: RealTable
) -> None:
    before, streams = counters(vllm), 12
    with Watched(vllm) as seen:
        done = measure(vllm, load(36, streams=streams, osl=64, prompts=exact(model)), tmp_path)
    records, counted = done.records(), counted_since(before, vllm, SERVED, 36)
    assert done.summary.counts.ok == counted[SERVED] == 36
    assert records.osl.sum() == counted[GENERATED]
    assert done.summary.client is not None
    assert done.summary.client.streams_open_max == streams
    assert seen.most[RUNNING] == SLOTS
    assert 1 <= seen.most[WAITING] <= streams - SLOTS
    tokens = f"{records.isl.sum():,} in, {records.osl.sum():,} out / the same"
    held = f"{streams} streams on {SLOTS} slots: {seen.most[WAITING]:.0f} seen waiting"
    real_table.add(Row("vLLM on CPU, overload", version("vllm", "vLLM"), "36 of 36", tokens, held))


def test_requests_given_up_are_timeouts_here_and_end_there(vllm: str, model: Path, tmp_path: Path) -> None:
    before = counters(vllm)
    done = measure(vllm, load(4, streams=4, osl=3000, prompts=exact(model)), tmp_path, timeout_s=1.5)
    assert set(done.records().status) == {Status.TIMEOUT}
    wait_for(lambda: counters(vllm)[RUNNING] == 0)
    counted = counters(vllm) - before
    assert counted[SERVED] == 0
    assert 0 < done.records().osl.sum() <= counted[GENERATED] < 4 * 3000 * 0.7


def test_a_prompt_that_is_too_long_is_an_error_in_its_words(vllm: str, model: Path, tmp_path: Path) -> None:
    done = measure(vllm, load(3, streams=1, isl=6000, prompts=exact(model)), tmp_path)
    assert done.summary.counts.error == 3
    assert all("HTTP 400" in error and "4096" in error for error in done.records().errors)


def test_the_model_answers_with_words_alone(vllm: str) -> None:
    """A token without a text of its own would be a later first token here than it is in the engine's histograms."""
    prompts = [" ".join(random.Random(k).choices(MADE_UP, k=300)) for k in range(16)]
    body = {"model": "tiny", "prompt": prompts, "max_tokens": 64, "temperature": 0, "ignore_eos": True}
    request = urllib.request.Request(
        f"{vllm}{COMPLETIONS}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        texts = [choice["text"].split() for choice in json.load(answer)["choices"]]
    assert [len(words) for words in texts] == [64] * len(prompts)
    assert set().union(*texts) <= set(MADE_UP)


REPEATS, N, ISL, OSL = 5, 32, 512, 64
NEAR, NEAR_MS = 0.05, 2.0


def client_core() -> list[str]:
    """A command that keeps a client off the engine's core."""
    others = os.sched_getaffinity(0) - {ENGINE_CORE}
    if not others:
        pytest.skip("client and engine need a core each")
    return ["taskset", "--cpu-list", ",".join(map(str, sorted(others)))]


def ours(url: str, model: Path, store: Path, streams: int) -> tuple[float, float]:
    """Mean TTFT and TPOT by `inferbench bench`, ms."""
    done = subprocess.run(
        [
            *client_core(), sys.executable, "-m", "inferbench", "bench", "--base-url", url, "--num-prompts", str(N),
            "--max-concurrency", str(streams), "--isl", str(ISL), "--osl", str(OSL), "--tokenizer", str(model),
            "--store", str(store), "--json",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    result = json.loads(done.stdout)
    assert (result["completed"], result["total_output_tokens"]) == (N, N * OSL)
    return result["mean_ttft_ms"], result["mean_tpot_ms"]


def theirs(url: str, model: Path, folder: Path, streams: int) -> tuple[float, float]:
    """The same by `vllm bench serve`."""
    subprocess.run(
        [
            *client_core(), str(environment("vllm") / "vllm"), "bench", "serve", "--backend", "openai", "--endpoint",
            COMPLETIONS, "--base-url", url, "--model", "tiny", "--tokenizer", str(model), "--dataset-name", "random",
            "--random-input-len", str(ISL), "--random-output-len", str(OSL), "--num-prompts", str(N),
            "--max-concurrency", str(streams), "--ignore-eos", "--save-result", "--result-dir", str(folder),
            "--result-filename", "vllm.json",
        ],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    result = json.loads((folder / "vllm.json").read_bytes())
    assert (result["completed"], result["total_output_tokens"]) == (N, N * OSL)
    return result["mean_ttft_ms"], result["mean_tpot_ms"]


def engines_own(url: str, before: Counter[str]) -> tuple[float, float]:
    """The same by the engine's histograms, over the requests that it has served since `before`."""
    counted = counted_since(before, url, SERVED, N)
    ttft, tpot = (counted[f"{name}_sum"] / counted[f"{name}_count"] * 1e3 for name in (TTFT, TPOT))
    assert counted[f"{TTFT}_count"] == N
    return ttft, tpot


def near(a: float, b: float) -> bool:
    return abs(a - b) <= max(NEAR * b, NEAR_MS)


@pytest.mark.parametrize("streams", [1, 4])
def test_latencies_agree_with_the_engines_own_and_with_vllm_bench_serve(
    vllm: str, model: Path, tmp_path: Path, streams: int, real_table: RealTable
) -> None:
    by_us, by_engine, by_vllm = [], [], []
    for _ in range(REPEATS):
        wait_for(lambda: counters(vllm)[RUNNING] == 0)
        before = counters(vllm)
        by_us.append(ours(vllm, model, tmp_path, streams))
        by_engine.append(engines_own(vllm, before))
        by_vllm.append(theirs(vllm, model, tmp_path, streams))
    (ttft, tpot), engine, other = (
        [median(run[k] for run in runs) for k in (0, 1)] for runs in (by_us, by_engine, by_vllm)
    )
    held = (
        f"mean TTFT {ttft:.2f} ms (engine {engine[0]:.2f}, vllm bench serve {other[0]:.2f}), "
        f"mean TPOT {tpot:.3f} ms (engine {engine[1]:.3f}, vllm bench serve {other[1]:.3f}); "
        f"medians of {REPEATS} interleaved runs"
    )
    done, tokens = f"{REPEATS} x {N} of {N}", f"{REPEATS * N * OSL:,} out, by both clients"
    real_table.add(Row(f"vLLM on CPU, streams: {streams}", version("vllm", "vLLM"), done, tokens, held))
    assert near(ttft, engine[0]), held
    assert near(tpot, engine[1]), held
    assert near(ttft, other[0]), held
    assert near(tpot, other[1]), held


def test_an_engine_that_dies_under_load_leaves_no_request_out(
    model: Path, tmp_path: Path, real_table: RealTable
) -> None:
    with serve(model, tmp_path) as (url, pid):
        core = descendant(pid, "VLLM::EngineCor")

        def kill(progress: Progress) -> None:
            if progress.ended >= 6 and not killed:
                killed.append(core)
                os.kill(core, signal.SIGKILL)

        killed: list[int] = []
        done = measure(url, load(40, streams=4, osl=64, prompts=exact(model)), tmp_path / "s", on_progress=kill)
    counts = done.summary.counts
    assert killed
    assert 6 <= counts.ok < 40
    assert counts.error >= 1
    requests = f"{counts.ok} ok, {counts.error} error, {counts.refused} refused of 40"
    first = next(error for error in done.records().errors if error)
    real_table.add(
        Row("vLLM on CPU, engine killed", version("vllm", "vLLM"), requests, "-", f"first error: `{first[:80]}`")
    )
