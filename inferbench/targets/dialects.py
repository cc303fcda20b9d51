"""The dialects that are spoken, by the path of the endpoint: OpenAI's two, and SGLang's own."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import orjson
from typing_extensions import override

from ..domain.errors import UsageError
from .dialect import Dialect, Prompt, Reading, Usage, count
from .endpoint import Endpoint
from .generate import Generate


class _OpenAI(Dialect):
    """What the two have in common."""

    @override
    def body(self, endpoint: Endpoint, prompt: Prompt, osl: int, ignore_eos: bool) -> bytes:
        running = {"continuous_usage_stats": True} if endpoint.continuous_usage else {}
        return orjson.dumps(
            {
                "model": endpoint.model,
                **self._prompt(prompt),
                "max_tokens": osl,
                "temperature": 0,
                # No field of OpenAI's own, and some servers refuse what they do not know.
                **({"ignore_eos": True} if ignore_eos else {}),
                "stream": True,
                "stream_options": {"include_usage": True, **running},
                **endpoint.extra_body,
            }
        )

    @override
    def _read(self, event: dict[str, Any]) -> Reading:
        bearing, length, answer, reasoning = False, 0, False, False
        choices = event.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            text, thought, calls = self._parts(choice) if isinstance(choice, dict) else (None, None, None)
            if text or thought or calls:
                bearing = True
                answer, reasoning = answer or bool(text), reasoning or bool(thought)
                length += _length(text) + _length(thought) + _length(calls)
        usage = event.get("usage")
        return Reading(bearing, length, _usage(usage) if usage else None, None, answer, reasoning)

    @abstractmethod
    def _prompt(self, prompt: Prompt) -> dict[str, Any]:
        """The part of the body that holds the prompt."""

    @abstractmethod
    def _parts(self, choice: dict[str, Any]) -> tuple[Any, Any, Any]:
        """Those fields of a choice that hold generated tokens where they are not empty: text, reasoning, tool calls."""


class Completions(_OpenAI):
    """`/v1/completions`: text or token ids in, text out."""

    path_suffix = "/completions"

    @override
    def _prompt(self, prompt: Prompt) -> dict[str, Any]:
        return {"prompt": prompt}

    @override
    def _parts(self, choice: dict[str, Any]) -> tuple[Any, Any, Any]:
        return choice.get("text"), None, None


class Chat(_OpenAI):
    """`/v1/chat/completions`: one user message in; content, reasoning and tool calls out."""

    path_suffix = "/chat/completions"

    @override
    def _prompt(self, prompt: Prompt) -> dict[str, Any]:
        if not isinstance(prompt, str):
            raise UsageError("a chat endpoint takes text, not token ids; send token ids to /v1/completions")
        return {"messages": [{"role": "user", "content": prompt}]}

    @override
    def _parts(self, choice: dict[str, Any]) -> tuple[Any, Any, Any]:
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            return None, None, None
        get = delta.get
        # DeepSeek's and SGLang's name for reasoning, then the one that vLLM moved to. A server that sends both
        # repeats the same text, and text counts once.
        return get("content"), get("reasoning_content") or get("reasoning"), get("tool_calls")


def dialect_for(path: str) -> Dialect:
    """Return the dialect that an endpoint path speaks. Raises UsageError for an unknown path."""
    known: tuple[Dialect, ...] = (Chat(), Completions(), Generate())
    for dialect in known:
        if path.rstrip("/").endswith(dialect.path_suffix):
            return dialect
    raise UsageError(
        f"endpoint path {path!r} is not supported; allowed: /v1/completions, /v1/chat/completions, /generate"
    )


def _length(part: Any) -> int:
    if not part:
        return 0
    return len(part) if isinstance(part, str) else len(_arguments(part))


def _arguments(tool_calls: Any) -> str:
    """The text of tool calls, which comes piece by piece as a function's name and arguments."""
    functions = [c.get("function") for c in tool_calls if isinstance(c, dict)] if isinstance(tool_calls, list) else []
    return "".join(str(f.get(k) or "") for f in functions if isinstance(f, dict) for k in ("name", "arguments"))


def _usage(usage: Any) -> Usage | None:
    if not isinstance(usage, dict):
        return None
    return Usage(
        count(usage.get("prompt_tokens")),
        count(usage.get("completion_tokens")),
        count(_mapping(usage.get("prompt_tokens_details")).get("cached_tokens")),
        count(_mapping(usage.get("completion_tokens_details")).get("accepted_prediction_tokens")),
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
