"""OpenAI's Responses API: named events, usage in the last of them, no `[DONE]`."""

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
    error_message,
    mapping,
    need_text,
    word,
)
from inferbench.loadgen.http.endpoint import Endpoint

ANSWER = frozenset({"response.output_text.delta", "response.refusal.delta"})
REASONING = frozenset({"response.reasoning_text.delta", "response.reasoning_summary_text.delta"})
CALLS = frozenset({"response.function_call_arguments.delta", "response.mcp_call_arguments.delta"})
ENDS = frozenset({"response.completed", "response.incomplete"})


class Responses(Dialect):
    """`/v1/responses`: one text in; text, reasoning and function calls out."""

    path = "/v1/responses"

    @override
    def _body(self, endpoint: Endpoint, prompt: Prompt, osl: int, ignore_eos: bool) -> dict[str, Any]:
        return {
            "model": endpoint.model,
            "input": need_text(prompt, self.path),
            "max_output_tokens": osl,
            "temperature": 0,
            **({"ignore_eos": True} if ignore_eos else {}),
            "stream": True,
        }

    @override
    def _limit(self, body: Mapping[str, Any]) -> int | None:
        return count(body.get("max_output_tokens"))

    @override
    def _read(self, event: dict[str, Any]) -> EventReading:
        kind = word(event.get("type"))
        if kind in ENDS:
            return _end(mapping(event.get("response")))
        if kind == "response.failed":
            return EventReading(False, error=f"error in the stream: {_failure(mapping(event.get('response')))}")
        text = event.get("delta")
        if kind not in ANSWER | REASONING | CALLS or not isinstance(text, str):
            return EventReading(False)
        return EventReading(
            bool(text), text, answer=kind in ANSWER, reasoning=kind in REASONING and bool(text), silent=not text
        )


def _failure(response: Mapping[str, Any]) -> str:
    return error_message(response) if response.get("error") else "response.failed, without a reason"


def _end(response: Mapping[str, Any]) -> EventReading:
    """The last event, with usage; an answer that met its limit comes as `completed` or as `incomplete`."""
    usage = mapping(response.get("usage"))
    finish = word(mapping(response.get("incomplete_details")).get("reason")) or "stop"
    told = Usage(
        count(usage.get("input_tokens")),
        count(usage.get("output_tokens")),
        count(mapping(usage.get("input_tokens_details")).get("cached_tokens")),
        None,
        count(mapping(usage.get("output_tokens_details")).get("reasoning_tokens")),
    )
    ends_itself = finish not in AT_LIMIT  # with a token that has no event of its own
    return EventReading(False, usage=told if usage else None, silent=ends_itself, finish=finish, closes=True)
