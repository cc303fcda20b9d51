"""Whole pages of real servers: all that a user of a load test needs of them, in the vocabulary's units, and no more.

The transcripts have the shape of pages that were served; the pages themselves are measured data.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from inferbench.telemetry.exporters.vocabulary import read_metrics
from inferbench.telemetry.series import Metric
from tests.support.measured_data import measured

TRANSCRIPTS = Path(__file__).parents[1] / "transcripts"
URL = "http://127.0.0.1:8000/metrics"
M = Metric


def told(text: str) -> tuple[str, dict[M | tuple[M, str], float]]:
    found = read_metrics(text, URL)
    return found.engine, {r.metric if r.device is None else (r.metric, r.device): r.value for r in found.readings}


PAGES: dict[str, tuple[str, dict[M | tuple[M, str], float]]] = {
    "vllm.txt": ("vllm", {
        M.RUNNING: 7, M.QUEUED: 5, M.KV_USAGE: 0.5, M.CACHE_QUERIES: 800, M.CACHE_HITS: 160, M.CACHED_TOKENS: 200,
        M.PREEMPTIONS: 2, M.PROMPT_TOKENS: 900, M.GENERATION_TOKENS: 50, M.DRAFTS: 20, M.DRAFT_TOKENS: 60,
        M.ACCEPTED_TOKENS: 30, M.REQUESTS: 10, M.FAILED_REQUESTS: 3, M.REJECTED_REQUESTS: 7, M.TTFT_SUM: 1.5,
        M.TTFT_COUNT: 4, M.STEP_GAP_SUM: 0.25, M.STEP_GAP_COUNT: 11, M.TPOT_SUM: 0.125, M.TPOT_COUNT: 4,
        M.KV_TRANSFER_TIME_SUM: 0.5, M.KV_TRANSFER_TIME_COUNT: 2, M.KV_TRANSFER_BYTES_SUM: 4e6,
        M.KV_TRANSFER_BYTES_COUNT: 2, M.KV_TRANSFER_FAILED: 3, M.KV_STORE_TIME_SUM: 0.75, M.KV_STORE_TIME_COUNT: 3,
        M.KV_STORE_BYTES: 5e6, M.KV_STORE_FAILED: 4, M.CPU_TIME: 21.5,
    }),
    "sglang.txt": ("sglang", {
        M.RUNNING: 7, M.QUEUED: 2, M.KV_RECEIVING: 1, M.KV_USAGE: 0.4, M.ACCEPTED_LENGTH: 2.5, M.PROMPT_TOKENS: 120,
        M.CACHE_HITS: 36, M.CACHED_TOKENS: 36, M.DRAFTS: 40, M.PREEMPTIONS: 3, M.KV_TRANSFER_FAILED: 3,
        M.ITL_SUM: 0.5, M.ITL_COUNT: 50, M.TPOT_SUM: 0.02, M.TPOT_COUNT: 2,
    }),
    "sglang-loads.txt": ("sglang", {
        M.RUNNING: 7, M.QUEUED: 2, M.KV_USAGE: 0.5, M.CACHE_HIT_RATE: 0.5, M.KV_WAITING: 5, M.KV_RECEIVING: 2,
    }),
    "dynamo-frontend.txt": ("dynamo", {
        M.RUNNING: 5, M.QUEUED: 3, M.CACHE_HITS: 64, M.CACHED_TOKENS: 64, M.PROMPT_TOKENS: 169,
        M.GENERATION_TOKENS: 399, M.REQUESTS: 6, M.FAILED_REQUESTS: 2, M.ITL_SUM: 2.5, M.ITL_COUNT: 352,
    }),
    "dynamo-worker.txt": ("dynamo", {
        M.RUNNING: 3, M.QUEUED: 2, M.KV_USAGE: 0.5, M.CACHE_HIT_RATE: 0.5, M.REQUESTS: 6, M.REJECTED_REQUESTS: 1,
        M.E2EL_SUM: 1.5, M.E2EL_COUNT: 5,
    }),
    "llama-server.txt": ("llama.cpp", {
        M.RUNNING: 4, M.QUEUED: 2, M.PROMPT_TOKENS: 45, M.CACHE_HITS: 12, M.CACHED_TOKENS: 12,
        M.GENERATION_TOKENS: 206, M.PREFILL_TIME_SUM: 0.5, M.DECODE_TIME_SUM: 3.25, M.DRAFTS: 20, M.DRAFT_TOKENS: 60,
        M.ACCEPTED_TOKENS: 30,
    }),
    "lmdeploy.txt": ("lmdeploy", {
        M.RUNNING: 3, M.QUEUED: 3, M.KV_USAGE: 0.5, M.CACHE_HIT_RATE: 0.25, M.CACHE_HITS: 64, M.CACHED_TOKENS: 64,
        M.DRAFT_TOKENS: 8, M.REQUESTS: 5, M.FAILED_REQUESTS: 2, M.STEP_GAP_SUM: 0.25, M.STEP_GAP_COUNT: 11,
    }),
    "ray-vllm.txt": ("vllm", {M.RUNNING: 7, M.KV_USAGE: 0.5, M.GENERATION_TOKENS: 10}),
    "amd-exporter-1.4.txt": ("amd-device-metrics-exporter", {
        (M.POWER, "0"): 750, (M.POWER, "1"): 748, (M.ENERGY, "0"): 2.5e6, (M.GPU_CLOCK, "0"): 2100,
        (M.MEMORY_CLOCK, "0"): 900, (M.MEMORY_BUSY, "0"): 0.4, (M.THROTTLED, "0"): 0.5,
    }),
}  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_read_fully_and_rightly(name: str) -> None:
    engine, readings = told((TRANSCRIPTS / name).read_text(encoding="utf-8"))
    assert (engine, readings) == (PAGES[name][0], pytest.approx(PAGES[name][1]))


MEASURED: dict[str, tuple[str, dict[M | tuple[M, str], float], set[M]]] = {
    "vllm-0.32.0-cpu.txt": ("vllm", {
        M.PROMPT_TOKENS: 81, M.CACHE_QUERIES: 81, M.CACHED_TOKENS: 0, M.GENERATION_TOKENS: 15, M.REQUESTS: 4,
        M.FAILED_REQUESTS: 0, M.TTFT_SUM: 0.5310101509094238, M.TTFT_COUNT: 4, M.TPOT_COUNT: 4, M.STEP_GAP_COUNT: 11,
        M.E2EL_SUM: 0.7108755111694336, M.QUEUE_TIME_COUNT: 4, M.PREFILL_TIME_COUNT: 4,
        M.DECODE_TIME_SUM: 0.1999914479997642, M.PREEMPTIONS: 0, M.CPU_TIME: 21.48,
    }, {M.ITL_SUM}),
    "dynamo-frontend-1.6.1.txt": ("dynamo", {
        M.RUNNING: 1, M.QUEUED: 0, M.PROMPT_TOKENS: 169, M.GENERATION_TOKENS: 399, M.REQUESTS: 5, M.CACHED_TOKENS: 0,
        M.TTFT_COUNT: 6, M.ITL_SUM: 2.162701686, M.ITL_COUNT: 352, M.E2EL_COUNT: 5,
    }, {M.KV_TRANSFER_TIME_SUM}),
    "dynamo-worker-decode-1.6.1.txt": ("vllm", {
        M.RUNNING: 1, M.QUEUED: 0, M.KV_USAGE: 0.0010986328125, M.REQUESTS: 6, M.TTFT_COUNT: 6, M.STEP_GAP_COUNT: 409,
    }, {M.ITL_SUM}),
    "dynamo-worker-prefill-1.6.1.txt": ("dynamo", {
        M.RUNNING: 0, M.QUEUED: 0, M.REQUESTS: 6, M.E2EL_SUM: 0.384158103,
    }, set()),
    "dynamo-1.6.1-worker-gauges.txt": ("dynamo", {M.KV_USAGE: 0.42, M.CACHE_HIT_RATE: 0.5}, set()),
    "llama-server-b11434.txt": ("llama.cpp", {
        M.PROMPT_TOKENS: 33, M.CACHED_TOKENS: 0, M.GENERATION_TOKENS: 206, M.DECODE_TIME_SUM: 3.12707, M.DRAFTS: 0,
        M.DRAFT_TOKENS: 0, M.ACCEPTED_TOKENS: 0, M.RUNNING: 0, M.QUEUED: 0,
    }, {M.KV_USAGE}),
    "lmdeploy-0.18.0-fresh-logger.txt": ("lmdeploy", {
        M.RUNNING: 0, M.QUEUED: 0, M.KV_USAGE: 0, M.CACHE_HIT_RATE: 0, M.CACHED_TOKENS: 0, M.DRAFTS: 0,
        M.PROMPT_TOKENS: 0, M.GENERATION_TOKENS: 0, M.REQUESTS: 0, M.FAILED_REQUESTS: 0, M.TTFT_COUNT: 0,
        M.STEP_GAP_COUNT: 0, M.E2EL_COUNT: 0, M.QUEUE_TIME_COUNT: 0, M.PREFILL_TIME_COUNT: 0, M.DECODE_TIME_COUNT: 0,
        M.CPU_TIME: 5.39,
    }, {M.TPOT_SUM, M.ITL_SUM}),
    "sglang-router-0.3.2-pd.txt": ("sglang-router", {
        M.RUNNING: 0, M.REQUESTS: 11, M.ROUTER_TIME_SUM: 3.921587163, M.ROUTER_TIME_COUNT: 11,
    }, set()),
    "amd-exporter-1.4.2-style.txt": ("amd-device-metrics-exporter", {
        (M.POWER, "0"): 750, (M.GPU_CLOCK, "0"): 2100, (M.MEMORY_CLOCK, "0"): 900,
    }, set()),
}  # fmt: skip


@pytest.mark.parametrize("name", MEASURED)
def test_a_page_as_it_was_served(name: str) -> None:
    text = measured(f"peer-outputs/metrics-pages/{name}").read_text(encoding="utf-8")
    engine, readings = told(text)
    expected_engine, expected, absent = MEASURED[name]
    assert engine == expected_engine
    assert {key: readings.get(key) for key in expected} == pytest.approx(expected)
    assert not absent & set(readings)
    assert read_metrics(text, URL).remarks == ()


def test_gaps_between_steps_and_between_tokens_are_two_quantities() -> None:
    """Of a request with steps of 30 ms that give 3 tokens each, vLLM tells 30 ms and SGLang 10 ms."""
    _, vllm = told("vllm:inter_token_latency_seconds_sum 0.3\nvllm:inter_token_latency_seconds_count 10\n")
    _, sglang = told("sglang:inter_token_latency_seconds_sum 0.3\nsglang:inter_token_latency_seconds_count 30\n")
    assert vllm == {M.STEP_GAP_SUM: 0.3, M.STEP_GAP_COUNT: 10}
    assert sglang == {M.ITL_SUM: 0.3, M.ITL_COUNT: 30}


def test_rays_histograms_are_left_out_and_that_is_said() -> None:
    found = read_metrics((TRANSCRIPTS / "ray-vllm.txt").read_text(encoding="utf-8"), URL)
    assert found.remarks == (f"{URL} is Ray's, whose histograms add up the middles of buckets: left out",)
