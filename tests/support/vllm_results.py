"""Results as `vllm bench serve` 0.33.0 writes them, small and worked by hand."""

from __future__ import annotations

from typing import Any

SAID = {"gpu": "h200", "gpus": "1", "framework": "vllm", "precision": "fp8"}


def plain(**changes: Any) -> dict[str, Any]:
    """100 requests of 256 and 50 tokens in 10 s, four at a time, without details."""
    result: dict[str, Any] = {
        "date": "20261201-001306", "endpoint_type": "openai-chat", "backend": "openai-chat", "label": None,
        "model_id": "m", "tokenizer_id": "m", "num_prompts": 100, "request_rate": "inf", "burstiness": 1.0,
        "max_concurrency": 4, "duration": 10.0, "completed": 100, "failed": 0, "total_input_tokens": 25_600,
        "total_output_tokens": 5_000, "request_throughput": 10.0, "request_goodput": None, "output_throughput": 500.0,
        "total_token_throughput": 3060.0, "latencies": [0.492] * 100, "queue_times": [0.0] * 100,
        "max_output_tokens_per_s": 510.0, "max_concurrent_requests": 8, "rtfx": 0.0,
        "mean_ttft_ms": 100.0, "median_ttft_ms": 100.0, "std_ttft_ms": 0.0, "p99_ttft_ms": 101.0,
        "mean_tpot_ms": 8.0, "median_tpot_ms": 8.0, "std_tpot_ms": 0.0, "p99_tpot_ms": 8.1,
        "mean_itl_ms": 8.0, "median_itl_ms": 8.0, "std_itl_ms": 0.1, "p99_itl_ms": 9.0,
    }  # fmt: skip
    return result | changes


def detailed() -> dict[str, Any]:
    """20 requests of which 6 failed: three at once, three in mid-stream, whose first token and gaps are kept."""
    failed = (0, 1, 5, 8, 10, 16)
    cut = (0, 8, 16)
    each = range(20)
    return plain(
        num_prompts=20,
        completed=14,
        failed=6,
        total_input_tokens=14 * 256,
        total_output_tokens=14 * 50,
        input_lens=[256] * 20,
        output_lens=[0 if i in failed else 50 for i in each],
        ttfts=[0.0 if i in failed and i not in cut else 0.2 + i / 1000 for i in each],
        itls=[[0.02] * (10 if i in cut else 0 if i in failed else 49) for i in each],
        latencies=[0.0 if i in failed else 1.18 + i / 1000 for i in each],
        start_times=[2670.0 + i for i in each],
        queue_times=[0.0] * 20,
        generated_texts=[""] * 20,
        errors=["Traceback" if i in failed else "" for i in each],
    )
