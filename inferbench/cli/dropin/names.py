"""Backends and data sets by the names that other load generators gave them."""

from __future__ import annotations

from typing import NamedTuple


class ClientBackend(NamedTuple):
    """What a name of a backend stands for."""

    path: str
    port: int = 8000
    ignore_eos: bool = False
    """Its load generator ignores the end of text with every data set, and not only with made-up prompts."""


COMPLETIONS, CHAT, RESPONSES, GENERATE = "/v1/completions", "/v1/chat/completions", "/v1/responses", "/generate"
BACKENDS = {
    "vllm": ClientBackend(COMPLETIONS),
    "openai": ClientBackend(COMPLETIONS),
    "openai-chat": ClientBackend(CHAT),
    "openai-responses": ClientBackend(RESPONSES),
    "vllm-chat": ClientBackend(CHAT, ignore_eos=True),
    "sglang": ClientBackend(GENERATE, 30000, ignore_eos=True),
    "sglang-native": ClientBackend(GENERATE, 30000, ignore_eos=True),
    "sglang-oai": ClientBackend(COMPLETIONS, 30000, ignore_eos=True),
    "sglang-oai-chat": ClientBackend(CHAT, 30000, ignore_eos=True),
    "lmdeploy": ClientBackend(COMPLETIONS, 23333, ignore_eos=True),
    "lmdeploy-chat": ClientBackend(CHAT, 23333, ignore_eos=True),
}
"""vLLM's and SGLang's, each with the path that it speaks and the port that its load generator takes."""

_POOLING = "embeddings and rankings generate no tokens, and that is all that is measured here"
_PATH = f"allowed are {COMPLETIONS}, {CHAT} and {GENERATE}, given by --endpoint"
REFUSED_BACKENDS = {
    **dict.fromkeys(
        (
            "openai-embeddings", "openai-embeddings-chat", "openai-embeddings-clip", "openai-embeddings-vlm2vec",
            "infinity-embeddings", "infinity-embeddings-clip", "vllm-pooling", "vllm-rerank", "sglang-embedding",
            "vllm-embedding",
        ),
        _POOLING,
    ),
    "openai-audio": "only text is sent here",
    "trt": f"its own protocol is not spoken here; {_PATH}",
    "gserver": f"its own protocol is not spoken here; {_PATH}",
    "truss": f"its own protocol is not spoken here; {_PATH}",
}  # fmt: skip

RANDOM = ("random", "random-ids")
PREFIXES = ("prefix_repetition",)
GROUPS = ("generated-shared-prefix",)
"""SGLang's name and defaults for prompts with shared prefixes; vLLM's are those of PREFIXES."""
TIMED = ("timed_trace",)

CUSTOM = 'save its prompts as JSON lines of {"prompt": ...} and give --dataset-name custom --dataset-path FILE'
HUB = f"nothing is downloaded here; {CUSTOM}"
MEDIA = "only text is sent here"
REFUSED_DATASETS = {
    "hf": HUB,
    "spec_bench": CUSTOM,
    "speed_bench": CUSTOM,
    "speed-bench": CUSTOM,
    "longbench_v2": CUSTOM,
    "openai": CUSTOM,
    "sonnet": CUSTOM,
    "agentic-trace": "give a Mooncake trace with sessions: --dataset-name mooncake",
    "random-rerank": _POOLING,
    **dict.fromkeys(("random-mm", "custom_audio", "custom_image", "mmmu", "image"), MEDIA),
}
