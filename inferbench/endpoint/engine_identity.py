"""What a serving process tells of itself: which engine, which version, which model, launched how.

Every engine tells it elsewhere. A few paths are asked once, and each known engine reads what came of it; the first that
knows the pages as its own has the word.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from inferbench.endpoint.control_requests import FAILURES, Asker, ControlReply
from inferbench.endpoint.fingerprint import ProcessRole
from inferbench.endpoint.readiness import served_models
from inferbench.loadgen.http.outcome import one_line
from inferbench.secrets.names import is_secret_name
from inferbench.secrets.redact import redact

Pages = Mapping[str, ControlReply]
"""What a process answered, by path; nothing for a path that it does not have."""

PATHS = ("/v1/models", "/server_info", "/get_server_info", "/version", "/props", "/health", "/workers", "/metrics")


TWIN = "inferbench"
"""What our own server calls itself."""


@dataclass(frozen=True)
class ProcessFacts:
    """What a process told."""

    engine: str | None = None
    version: str | None = None
    model: str | None = None
    flags: Mapping[str, str] = field(default_factory=dict)
    workers: tuple[tuple[ProcessRole, str], ...] | None = None
    """Roles and URLs of the workers that it sends requests to, where it is a router; None where it serves itself."""

    @property
    def router(self) -> bool:
        """Whether it serves nothing itself."""
        return self.workers is not None


async def ask_all(asker: Asker) -> Pages:
    """Ask for all paths that an engine may tell something at; what does not answer is left out."""
    answers = await asyncio.gather(*(asker.get(path) for path in PATHS), return_exceptions=True)
    pages = {}
    for path, answer in zip(PATHS, answers, strict=True):
        if isinstance(answer, ControlReply):
            if answer.ok:
                pages[path] = answer
        elif not isinstance(answer, FAILURES):
            raise answer
    return pages


def read_pages(pages: Pages) -> ProcessFacts:
    """Say what a process is from what it answered; a Told of nothing where no engine is recognised."""
    for read in (_llama_cpp, _router, _sglang, _dynamo, _versioned):
        told = read(pages)
        if told is not None:
            return told
    owner, model = _listed(pages)
    return ProcessFacts(engine=owner, model=model)


def _listed(pages: Pages) -> tuple[str | None, str | None]:
    """Who owns the first model of the list, and its name."""
    served = served_models(pages["/v1/models"].json) if "/v1/models" in pages else {}
    model = next(iter(served), None)
    return (served[model] if model is not None else None), model


def _sglang(pages: Pages) -> ProcessFacts | None:
    """SGLang's launch arguments, all of them, beside what its scheduler found out."""
    page = pages.get("/server_info") or pages.get("/get_server_info")
    info = page.json if page is not None else {}
    if not isinstance(info.get("model_path"), str):
        return None
    owner, _ = _listed(pages)
    return ProcessFacts(owner or "sglang", _text(info.get("version")), info["model_path"], plain_flags(info))


def _versioned(pages: Pages) -> ProcessFacts | None:
    """What vLLM and TensorRT-LLM tell: their version alone, and vLLM some of its settings as labels of a metric."""
    version = pages["/version"].json.get("version") if "/version" in pages else None
    if not isinstance(version, str):
        return None
    owner, model = _listed(pages)
    listing = pages["/v1/models"].json.get("data") if "/v1/models" in pages else None
    first = listing[0] if isinstance(listing, list) and listing and isinstance(listing[0], dict) else {}
    flags = {key: first[key] for key in ("root", "max_model_len") if first.get(key) is not None}
    told = plain_flags(flags | _cache_config(pages) | _vllm_config(pages))
    return ProcessFacts(owner, one_line(version), _text(first.get("root")) or model, told)


def _llama_cpp(pages: Pages) -> ProcessFacts | None:
    props = pages["/props"].json if "/props" in pages else {}
    if "build_info" not in props:
        return None
    defaults = props.get("default_generation_settings")
    context = defaults.get("n_ctx") if isinstance(defaults, dict) else None
    flags = plain_flags({"total_slots": props.get("total_slots"), "n_ctx": context})
    model = _text(props.get("model_path"))
    # The folder is where it lies on that machine; the file is what was loaded.
    return ProcessFacts("llama.cpp", _text(props["build_info"]), model.rsplit("/", 1)[-1] if model else None, flags)


def _dynamo(pages: Pages) -> ProcessFacts | None:
    """Dynamo's frontend lists the instances behind it, and no version."""
    health = pages["/health"].json if "/health" in pages else {}
    if not isinstance(health.get("instances"), list):
        return None
    _, model = _listed(pages)
    components = sorted({str(i.get("component")) for i in health["instances"] if isinstance(i, dict)})
    return ProcessFacts("dynamo", None, model, {"components": ", ".join(components)} if components else {})


def _router(pages: Pages) -> ProcessFacts | None:
    """The Rust routers of SGLang and vLLM list the workers behind them."""
    listing = pages["/workers"].json.get("workers") if "/workers" in pages else None
    if not isinstance(listing, list):
        return None
    entries = [entry for entry in listing if isinstance(entry, dict) and isinstance(entry.get("url"), str)]
    workers = tuple(
        (_ROLES.get(str(e.get("worker_type")).lower(), ProcessRole.ENGINE), e["url"].rstrip("/")) for e in entries
    )
    _, model = _listed(pages)
    return ProcessFacts(engine="router", model=model, workers=workers)


_ROLES = {"prefill": ProcessRole.PREFILL, "decode": ProcessRole.DECODE}
"""What the routers call the roles."""

_CACHE_CONFIG = b"vllm:cache_config_info{"


def _cache_config(pages: Pages) -> dict[str, str]:
    """The labels of vLLM's `cache_config_info`: how its KV cache was set up."""
    lines = pages["/metrics"].body.splitlines() if "/metrics" in pages else []
    line = next((line for line in lines if line.startswith(_CACHE_CONFIG)), b"")
    labels = line[len(_CACHE_CONFIG) : line.rfind(b"}")].decode("utf-8", "replace")
    pairs = (pair.partition("=") for pair in labels.split('",'))
    return {name.strip(): value.strip().strip('"') for name, _, value in pairs if name}


_CONFIG = re.compile(r"\b((?:tensor|pipeline|data)_parallel_size|quantization|kv_cache_dtype)=([\w.-]+)")


def _vllm_config(pages: Pages) -> dict[str, str]:
    """How a vLLM in development mode says that it was launched: as the text of its configuration."""
    config = pages["/server_info"].json.get("vllm_config") if "/server_info" in pages else None
    found = dict(_CONFIG.findall(config)) if isinstance(config, str) else {}
    return {name: value for name, value in found.items() if value != "None"}


VOLATILE = frozenset(
    {
        "status", "uptime", "uptime_s", "random_seed", "host", "port", "nccl_port", "dist_init_addr", "url",
        "node_rank",
        "base_gpu_id", "max_total_num_tokens", "max_req_input_len", "num_gpu_blocks", "num_cpu_blocks", "engine",
        "log_level", "log_level_http", "log_requests", "crash_dump_folder", "version", "served_model_name",
        "disaggregation_bootstrap_port", "disaggregation_ib_device", "weight_version", "available_gpu_memory",
    }
)  # fmt: skip
"""Keys that say where a process runs, what it found there or how it logs: no part of how it was launched."""

_KEY_FILES = ("keyfile", "certfile")
"""Where a process's own keys lie is no part of how it was launched either."""


def plain_flags(told: Mapping[str, Any]) -> dict[str, str]:
    """The scalar settings in what an engine told, as text, by name: without secrets and what is VOLATILE."""
    kept = {}
    for name, value in sorted(told.items()):
        plain = isinstance(value, (str, int, float, bool)) or (isinstance(value, list) and not _nested(value))
        if plain and name not in VOLATILE and not (is_secret_name(name) or name.lower().endswith(_KEY_FILES)):
            kept[name] = redact(value if isinstance(value, str) else orjson.dumps(value).decode())
    return kept


def _nested(values: list[Any]) -> bool:
    return any(isinstance(value, (dict, list)) for value in values)


def _text(value: Any) -> str | None:
    return one_line(value) if isinstance(value, str) and value else None


SEEN: Mapping[str, Callable[[str], bool]] = {
    "sglang": lambda version: version.startswith(("0.4.", "0.5.")),
    "vllm": lambda version: version.startswith("0.") and _minor(version) <= 32,
    "tensorrt_llm": lambda version: version.startswith(("0.", "1.")),
    "llama.cpp": lambda version: version.startswith("b"),
    TWIN: lambda _: True,
}
"""Versions whose pages are known, by engine."""


def version_note(told: ProcessFacts) -> str | None:
    """What must be said of an engine's version; None where it is one whose pages are known, or a router."""
    if told.router:
        return None
    if told.engine is None:
        return "it does not say which engine it is"
    if told.version is None:
        return f"{told.engine} does not say its version"
    seen = SEEN.get(told.engine)
    if seen is not None and seen(told.version):
        return None
    return f"{told.engine} {told.version} is a version never seen: what it tells of its launch may be read wrongly"


def _minor(version: str) -> int:
    digits = version.split(".")[1] if version.count(".") else ""
    return int(digits) if digits.isdecimal() else 0
