"""What llama.cpp's own server tells while it is watched, against the usage in its answers."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from urllib.request import Request, urlopen

from inferbench.telemetry.monitor import WatchedWorker, watch
from inferbench.telemetry.series import Metric, Telemetry, WorkerRole
from inferbench.telemetry.storage import read_telemetry
from inferbench.testing.llama_cpp import LlamaServer

ANSWERS, TOKENS = 3, 24


def ask(url: str, prompt: str) -> dict[str, int]:
    """The usage of one completion."""
    body = {"model": "tiny", "prompt": prompt, "max_tokens": TOKENS, "ignore_eos": True, "cache_prompt": False}
    request = Request(f"{url}/v1/completions", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=60) as answer:
        usage: dict[str, int] = json.load(answer)["usage"]
    return usage


def rise(telemetry: Telemetry, metric: Metric) -> float:
    (series,) = telemetry.of(metric)
    return series.rise()


def test_the_counters_rise_by_what_the_answers_say(llama_cpp: LlamaServer, tmp_path: Path) -> None:
    async def go() -> list[dict[str, int]]:
        worker = WatchedWorker(url=llama_cpp.url, role=WorkerRole.SERVER, engine="llama.cpp")
        async with watch([worker], tmp_path, every_s=0.1) as watching:
            prompts = [f"{number} and so on, and so forth" for number in range(ANSWERS)]
            told = [await asyncio.to_thread(ask, llama_cpp.url, prompt) for prompt in prompts]
        assert watching.problems == []
        return told

    usage = asyncio.run(go())
    telemetry = read_telemetry(tmp_path)
    assert telemetry is not None
    (source,) = telemetry.sources
    assert source.engine == "llama.cpp"
    assert telemetry.gaps == ()
    assert rise(telemetry, Metric.GENERATION_TOKENS) == sum(u["completion_tokens"] for u in usage) == ANSWERS * TOKENS
    assert rise(telemetry, Metric.PROMPT_TOKENS) == sum(u["prompt_tokens"] for u in usage)
    for metric in (Metric.RUNNING, Metric.QUEUED):
        (series,) = telemetry.of(metric)
        assert (series.values >= 0).all()
