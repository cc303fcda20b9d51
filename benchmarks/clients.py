"""The clients that are measured: how each is called, and where it leaves the figures that it reports."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from truth import Shape

Figures = dict[str, float]
"""ttft_p50, ttft_p99, tpot_p50, tpot_p99 in ms, as the client reports them."""


@dataclass(frozen=True)
class Client:
    """One way to put a load on a server."""

    name: str
    title: str
    command: Callable[[str, Shape, Path], list[str]]
    """From the server's URL, the shape and a folder for results."""
    figures: Callable[[Path], Figures]
    """From that folder; the client's own output is its file `log`."""
    peer: bool = False


def peers_folder() -> Path:
    """Where peers.sh puts the other load generators."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "inferbench-peers"


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def floor(program: Path) -> Client:
    def command(url: str, shape: Shape, _folder: Path) -> list[str]:
        port = url.rpartition(":")[2]
        load = ("--streams", str(shape.streams), "--requests", str(shape.requests), "--osl", str(shape.osl))
        return [str(program), "--port", port, *load]

    def figures(folder: Path) -> Figures:
        found = read_json(folder / "log")
        return {f"{m}_p{p}": found[f"{m}_p{p}_ms"] for m in ("ttft", "tpot") for p in (50, 99)}

    return Client("floor", "C, epoll: the floor", command, figures)


def vllm_arguments(url: str, shape: Shape, folder: Path) -> list[str]:
    """The flags that `vllm bench serve` and ours have in common."""
    return [
        *("--base-url", url, "--endpoint", "/v1/chat/completions"),
        *("--num-prompts", str(shape.requests), "--max-concurrency", str(shape.streams)),
        *("--result-dir", str(folder), "--result-filename", "result.json"),
        *("--percentile-metrics", "ttft,tpot", "--metric-percentiles", "50,99"),
    ]


def vllm_figures(folder: Path) -> Figures:
    found = read_json(folder / "result.json")
    return {f"{m}_p{p}": found[f"p{p}_{m}_ms"] for m in ("ttft", "tpot") for p in (50, 99)}


def ours() -> Client:
    def command(url: str, shape: Shape, folder: Path) -> list[str]:
        lengths = ("--isl", str(shape.isl), "--osl", str(shape.osl), "--store", str(folder / "store"))
        return [
            str(Path(sys.executable).with_name("inferbench")),
            "bench",
            *vllm_arguments(url, shape, folder),
            *lengths,
        ]

    return Client("inferbench", "inferbench bench", command, vllm_figures)


def vllm_bench(peers: Path) -> Client:
    def command(url: str, shape: Shape, folder: Path) -> list[str]:
        return [
            *(str(peers / "vllm/bin/vllm"), "bench", "serve", "--backend", "openai-chat", "--model", "truth"),
            *("--tokenizer", str(peers / "tokenizer"), "--dataset-name", "random", "--ignore-eos"),
            *("--random-input-len", str(shape.isl), "--random-output-len", str(shape.osl)),
            *("--save-result", "--disable-tqdm", *vllm_arguments(url, shape, folder)),
        ]

    return Client("vllm", "vllm bench serve", command, vllm_figures, peer=True)


def aiperf(peers: Path) -> Client:
    def command(url: str, shape: Shape, folder: Path) -> list[str]:
        return [
            *(str(peers / "aiperf/bin/aiperf"), "profile", "--model", "truth", "--url", url),
            *("--endpoint-type", "chat", "--streaming", "--tokenizer", str(peers / "tokenizer")),
            *("--concurrency", str(shape.streams), "--request-count", str(shape.requests)),
            *("--isl", str(shape.isl), "--osl", str(shape.osl), "--extra-inputs", "ignore_eos:true"),
            *("--use-server-token-count", "--no-gpu-telemetry", "--no-server-metrics", "--export-level", "summary"),
            *("--ui", "none", "--artifact-dir", str(folder)),
        ]

    def figures(folder: Path) -> Figures:
        found = read_json(next(folder.rglob("profile_export_aiperf.json")))
        # What aiperf calls inter-token latency is (latency - ttft) / (osl - 1) per request: TPOT elsewhere.
        names = {"ttft": "time_to_first_token", "tpot": "inter_token_latency"}
        return {f"{m}_p{p}": found[key][f"p{p}"] for m, key in names.items() for p in (50, 99)}

    return Client("aiperf", "aiperf", command, figures, peer=True)


def guidellm(peers: Path) -> Client:
    def command(url: str, shape: Shape, folder: Path) -> list[str]:
        return [
            *(str(peers / "guidellm/bin/guidellm"), "run", "--disable-console"),
            *("--backend", f"kind=openai_http,target={url},model=truth,request_format=/v1/chat/completions"),
            *("--profile", f"kind=concurrent,streams={shape.streams}"),
            *("--constraint", f"kind=max_requests,count={shape.requests}"),
            *("--tokenizer", f"kind=hf_auto,model={peers / 'tokenizer'}"),
            *("--data", f"kind=synthetic_text,prompt_tokens={shape.isl},output_tokens={shape.osl}"),
            *("--output", f"kind=json,path={folder / 'result.json'}"),
        ]

    def figures(folder: Path) -> Figures:
        metrics = read_json(folder / "result.json")["benchmarks"][0]["metrics"]
        # Its "time per output token" counts the first token too; its inter-token latency is TPOT elsewhere.
        names = {"ttft": "time_to_first_token_ms", "tpot": "inter_token_latency_ms"}
        found = {m: metrics[key]["successful"]["percentiles"] for m, key in names.items()}
        return {f"{m}_p{p}": found[m][f"p{p}"] for m in names for p in (50, 99)}

    return Client("guidellm", "guidellm", command, figures, peer=True)


def installed_peers() -> list[Client]:
    """Those that peers.sh has set up, and vLLM where it is there."""
    peers = peers_folder()
    programs = {"aiperf/bin/aiperf": aiperf, "guidellm/bin/guidellm": guidellm, "vllm/bin/vllm": vllm_bench}
    return [make(peers) for program, make in programs.items() if (peers / program).exists()]
