"""The two OpenAI dialects: how a request is written, and what one streamed event says."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from typing_extensions import override

from ..domain.errors import UsageError
from .endpoint import Endpoint

Prompt = str | list[int]
"""A prompt as text or as token ids."""

DONE = b"[DONE]"


class Usage(NamedTuple):
    """Token counts by the server; None where it does not tell."""

    prompt_tokens: int | None
    completion_tokens: int | None


class Reading(NamedTuple):
    """What one event says."""

    token_bearing: bool
    text_length: int = 0
    """Characters of text that came with it."""
    usage: Usage | None = None
    error: str | None = None


class Dialect(ABC):
    """One endpoint's language. `parts` are the fields of a choice that may hold generated tokens."""

    path_suffix: str

    def body(self, endpoint: Endpoint, prompt: Prompt, osl: int, ignore_eos: bool) -> bytes:
        """Write the JSON body of a streamed request for `osl` tokens. Raises UsageError for an unusable prompt."""
        return orjson.dumps(
            {
                "model": endpoint.model,
                **self._prompt(prompt),
                "max_tokens": osl,
                "temperature": 0,
                "ignore_eos": ignore_eos,
                "stream": True,
                "stream_options": {"include_usage": True},
                **endpoint.extra_body,
            }
        )

    def interpret(self, name: str, data: bytes) -> Reading:
        """Say what an event holds. An event that is no JSON object is an error; nothing is raised."""
        try:
            event = _parse(data)
        except orjson.JSONDecodeError:
            return Reading(False, error=f"not JSON in the stream: {_excerpt(data)}")
        if not isinstance(event, dict):
            return Reading(False, error=f"no JSON object in the stream: {_excerpt(data)}")
        if name == "error" or event.get("error"):
            return Reading(False, error=f"error in the stream: {error_message(event)}")
        bearing, length = False, 0
        choices = event.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            for part in self._parts(choice) if isinstance(choice, dict) else ():
                if part:
                    bearing = True
                    length += len(part) if isinstance(part, str) else len(_arguments(part))
        usage = event.get("usage")
        return Reading(bearing, length, _usage(usage) if usage else None)

    @abstractmethod
    def _prompt(self, prompt: Prompt) -> dict[str, Any]:
        """The part of the body that holds the prompt."""

    @abstractmethod
    def _parts(self, choice: dict[str, Any]) -> Sequence[Any]:
        """Those fields of a choice that hold generated tokens where they are not empty."""


class Completions(Dialect):
    """`/v1/completions`: text or token ids in, text out."""

    path_suffix = "/completions"

    @override
    def _prompt(self, prompt: Prompt) -> dict[str, Any]:
        return {"prompt": prompt}

    @override
    def _parts(self, choice: dict[str, Any]) -> Sequence[Any]:
        return (choice.get("text"),)


class Chat(Dialect):
    """`/v1/chat/completions`: one user message in; content, reasoning and tool calls out."""

    path_suffix = "/chat/completions"

    @override
    def _prompt(self, prompt: Prompt) -> dict[str, Any]:
        if not isinstance(prompt, str):
            raise UsageError("a chat endpoint takes text, not token ids; send token ids to /v1/completions")
        return {"messages": [{"role": "user", "content": prompt}]}

    @override
    def _parts(self, choice: dict[str, Any]) -> Sequence[Any]:
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            return ()
        get = delta.get
        # DeepSeek's and SGLang's name for reasoning, then the one that vLLM moved to. A server that sends both
        # repeats the same text, and text counts once.
        return (get("content"), get("reasoning_content") or get("reasoning"), get("tool_calls"))


def dialect_for(path: str) -> Dialect:
    """Return the dialect that an endpoint path speaks. Raises UsageError for an unknown path."""
    known: tuple[Dialect, ...] = (Chat(), Completions())
    for dialect in known:
        if path.rstrip("/").endswith(dialect.path_suffix):
            return dialect
    raise UsageError(f"endpoint path {path!r} is not supported; allowed: /v1/completions, /v1/chat/completions")


def error_message(event: Mapping[str, Any]) -> str:
    """Find the message in an error object: OpenAI's `{"error": {"message": ...}}` or one of its relatives."""
    error = event.get("error") or event
    if isinstance(error, dict):
        error = error.get("message") or error
    return error if isinstance(error, str) else _excerpt(orjson.dumps(error))


def _parse(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        # A server-sent event stream is decoded as UTF-8 with replacement (WHATWG HTML, section 9.2.6), which
        # orjson is too strict for.
        return orjson.loads(data.decode("utf-8", "replace"))


def _arguments(tool_calls: Any) -> str:
    """The text of tool calls, which comes piece by piece as a function's name and arguments."""
    functions = [c.get("function") for c in tool_calls if isinstance(c, dict)] if isinstance(tool_calls, list) else []
    return "".join(str(f.get(k) or "") for f in functions if isinstance(f, dict) for k in ("name", "arguments"))


def _usage(usage: Any) -> Usage | None:
    if not isinstance(usage, dict):
        return None
    return Usage(_count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")))


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _excerpt(data: bytes) -> str:
    return data[:200].decode("utf-8", "replace")
