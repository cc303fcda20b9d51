"""Anthropic's Messages API, which vLLM, SGLang and llama.cpp serve too: named events, usage in two of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from inferbench.loadgen.dialects.dialect import (
    AT_LIMIT,
    Dialect,
    EventReading,
    Prompt,
    Usage,
    count,
    mapping,
    need_text,
    word,
)
from inferbench.loadgen.http.endpoint import Endpoint

TEXTS = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
"""Where each kind of delta has what was generated."""


class Messages(Dialect):
    """`/v1/messages`: one user message in; text, thinking and tool input out."""

    path = "/v1/messages"
    headers = {"anthropic-version": "2023-06-01"}  # noqa: RUF012

    @override
    def _body(self, endpoint: Endpoint, prompt: Prompt, osl: int, ignore_eos: bool) -> dict[str, Any]:
        return {
            "model": endpoint.model,
            "messages": [{"role": "user", "content": need_text(prompt, self.path)}],
            "max_tokens": osl,
            "temperature": 0,
            **({"ignore_eos": True} if ignore_eos else {}),
            "stream": True,
        }

    @override
    def _limit(self, body: Mapping[str, Any]) -> int | None:
        return count(body.get("max_tokens"))

    @override
    def _read(self, event: dict[str, Any]) -> EventReading:
        match event.get("type"):
            case "content_block_delta":
                return _delta(mapping(event.get("delta")))
            case "message_start":
                return EventReading(
                    False, usage=_usage(mapping(mapping(event.get("message")).get("usage")), at_start=True)
                )
            case "message_delta":
                reason = word(mapping(event.get("delta")).get("stop_reason"))
                usage = _usage(mapping(event.get("usage")))
                ends_itself = reason not in AT_LIMIT  # with a token that has no event of its own
                return EventReading(False, usage=usage, silent=ends_itself, finish=reason or None)
            case kind:
                return EventReading(False, closes=kind == "message_stop")


def _delta(delta: Mapping[str, Any]) -> EventReading:
    kind = str(delta.get("type"))
    text = delta.get(TEXTS.get(kind, ""))
    if not isinstance(text, str):
        return EventReading(False)  # a signature or a citation, which are no tokens
    thinking = kind == "thinking_delta"
    return EventReading(bool(text), text, answer=kind == "text_delta", reasoning=thinking, silent=not text)


def _usage(usage: Mapping[str, Any], at_start: bool = False) -> Usage | None:
    """Read a usage object.

    `input_tokens` leaves out what was read from or written to the cache; output tokens at the start are none yet.
    """
    if not usage:
        return None
    fresh, read, written = (
        count(usage.get(key)) for key in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    )
    prompt = None if fresh is None else fresh + (read or 0) + (written or 0)
    return Usage(prompt, None if at_start else count(usage.get("output_tokens")), read)
