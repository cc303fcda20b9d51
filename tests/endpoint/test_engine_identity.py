"""What engines tell of themselves, read from pages as they give them, and what goes into a launch's fingerprint."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inferbench.endpoint.control_requests import ControlReply
from inferbench.endpoint.engine_identity import plain_flags, read_pages, version_note
from inferbench.endpoint.fingerprint import DeployedProcess, ProcessRole, fingerprint


def pages(**by_name: Any) -> dict[str, ControlReply]:
    """Pages by path, `v1_models` for /v1/models; bytes are taken as they are."""
    return {
        f"/{name}".replace("v1_", "v1/"): ControlReply(
            200, body if isinstance(body, bytes) else json.dumps(body).encode()
        )
        for name, body in by_name.items()
    }


def listing(owner: str | None, model: str = "m", **more: Any) -> dict[str, Any]:
    return {"object": "list", "data": [{"id": model, "object": "model", "owned_by": owner, **more}]}


SGLANG = pages(
    v1_models=listing("sglang", "deepseek-r1"),
    server_info={
        "model_path": "/models/DeepSeek-R1-0528-MXFP4", "tp_size": 8, "disable_radix_cache": True,
        "stream_interval": 100, "ep_dispatch_algorithm": "fake", "cuda_graph_bs": [1, 2, 4], "api_key": "sk-1",
        "admin_api_key": "sk-2", "port": 8000, "random_seed": 17, "max_total_num_tokens": 1234,
        "internal_states": [{"last_gen_throughput": 3.1}], "quantization": None, "version": "0.5.12",
        "ssl_keyfile": "/k",
    },
    health={},
)  # fmt: skip
VLLM = pages(
    v1_models=listing("vllm", "tiny", root="/models/tiny", max_model_len=4096),
    version={"version": "0.32.0+cpu"},
    metrics=b"# TYPE vllm:cache_config_info gauge\n"
    b'vllm:cache_config_info{block_size="16",'
    b'cache_dtype="auto",enable_prefix_caching="False",engine="0",num_gpu_blocks="77",sliding_window="None"} 1.0\n',
)


def test_sglang_tells_its_whole_launch() -> None:
    told = read_pages(SGLANG)
    assert (told.engine, told.version, told.model) == ("sglang", "0.5.12", "/models/DeepSeek-R1-0528-MXFP4")
    assert told.flags == {
        "cuda_graph_bs": "[1,2,4]", "disable_radix_cache": "true", "ep_dispatch_algorithm": "fake",
        "model_path": "/models/DeepSeek-R1-0528-MXFP4", "stream_interval": "100", "tp_size": "8",
    }  # fmt: skip
    assert version_note(told) is None


def test_vllm_tells_its_version_and_how_its_cache_is_set_up() -> None:
    told = read_pages(VLLM)
    assert (told.engine, told.version, told.model) == ("vllm", "0.32.0+cpu", "/models/tiny")
    assert told.flags["enable_prefix_caching"] == "False"
    assert told.flags["max_model_len"] == "4096"
    assert "num_gpu_blocks" not in told.flags


@pytest.mark.parametrize(
    ("given", "engine", "version", "model"),
    [
        (pages(v1_models=listing("tensorrt_llm"), version={"version": "1.1.0"}), "tensorrt_llm", "1.1.0", "m"),
        (
            pages(
                v1_models=listing("llamacpp", "tiny.gguf"),
                health={"status": "ok"},
                props={"build_info": "b11434-abc", "model_path": "/x/tiny.gguf", "total_slots": 8,
                       "default_generation_settings": {"n_ctx": 1024}},
            ),
            "llama.cpp", "b11434-abc", "tiny.gguf",
        ),
        (
            pages(v1_models=listing("nvidia"), health={"status": "healthy", "instances": [{"component": "prefill"}]}),
            "dynamo", None, "m",
        ),
        (pages(v1_models=listing("somebody")), "somebody", None, "m"),
        ({}, None, None, None),
        (pages(v1_models=b"no json", version=b"[1]", props=b"", server_info=b"x", workers=b"{}"), None, None, None),
        (pages(v1_models={"data": 3}, server_info={"model_path": 4}, version={"version": 5}), None, None, None),
    ],
)  # fmt: skip
def test_each_engine_is_known_by_its_pages(given: Any, engine: Any, version: Any, model: Any) -> None:
    told = read_pages(given)
    assert (told.engine, told.version, told.model) == (engine, version, model)
    assert not told.router


def test_a_router_names_its_workers() -> None:
    workers = [
        {"url": "http://a:1/", "worker_type": "prefill"}, {"url": "http://b:2", "worker_type": "decode"},
        {"url": "http://c:3", "worker_type": "regular"}, {"worker_type": "decode"}, 4,
    ]  # fmt: skip
    told = read_pages(pages(v1_models=listing("sglang"), workers={"workers": workers}))
    assert told.router
    assert told.workers == (
        (ProcessRole.PREFILL, "http://a:1"),
        (ProcessRole.DECODE, "http://b:2"),
        (ProcessRole.ENGINE, "http://c:3"),
    )
    assert version_note(told) is None


@pytest.mark.parametrize(
    ("engine", "version", "says"),
    [
        ("sglang", "0.9.1", "sglang 0.9.1 is a version never seen"),
        ("vllm", "0.33.0", "never seen"),
        ("vllm", "dev", "never seen"),
        ("mystery", "1", "mystery 1 is a version never seen"),
        ("sglang", None, "does not say its version"),
    ],
)
def test_a_version_never_seen_is_one_line(engine: str, version: str | None, says: str) -> None:
    told = read_pages(pages(v1_models=listing(engine), **({"version": {"version": version}} if version else {})))
    assert says in (version_note(told) or "")


def part(role: ProcessRole = ProcessRole.DECODE, url: str = "http://a:1", **changed: Any) -> DeployedProcess:
    flags = plain_flags({"tp_size": 8})
    return DeployedProcess(role=role, url=url, engine="sglang", version="0.5.12", model="m", flags=flags).model_copy(
        update=changed
    )


def test_a_fingerprint_is_of_the_launch_and_not_of_where_it_runs() -> None:
    prefill, decode = part(ProcessRole.PREFILL), part(url="http://b:2")
    whole = fingerprint([prefill, decode], "m", None)
    assert len(whole) == 16
    assert whole == fingerprint([part(url="http://z:9"), part(ProcessRole.PREFILL, "http://y:8")], "m", None)
    assert whole == fingerprint([part(ProcessRole.ROUTER), prefill, decode], "m", None)
    others = [
        fingerprint([prefill, decode, decode], "m", None),
        fingerprint([prefill, part(version="0.5.13")], "m", None),
        fingerprint([prefill, part(flags={"tp_size": "4"})], "m", None),
        fingerprint([prefill, part(engine="vllm")], "m", None),
        fingerprint([prefill, decode], "other", None),
        fingerprint([prefill, decode], "m", "python -m sglang.launch_server"),
    ]
    assert len({whole, *others}) == 7
