"""The dialects that are spoken, by the path of the endpoint; here those of OpenAI's completions and chat."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from inferbench.errors import UsageError
from inferbench.loadgen.dialects.anthropic import Messages
from inferbench.loadgen.dialects.dialect import (
    Dialect,
    EventReading,
    Prompt,
    Usage,
    count,
    finish_of,
    mapping,
    need_text,
    text_of,
)
from inferbench.loadgen.dialects.openai_responses import Responses
from inferbench.loadgen.dialects.sglang import Generate
from inferbench.loadgen.http.endpoint import Endpoint


class _OpenAI(Dialect):
    """What the two have in common."""

    @override
    def _body(self, endpoint: Endpoint, prompt: Prompt, osl: int, ignore_eos: bool) -> dict[str, Any]:
        running = {"continuous_usage_stats": True} if endpoint.continuous_usage else {}
        return {
            "model": endpoint.model,
            **self._prompt(prompt),
            "max_tokens": osl,
            "temperature": 0,
            # No field of OpenAI's own, and some servers refuse what they do not know.
            **({"ignore_eos": True} if ignore_eos else {}),
            "stream": True,
            "stream_options": {"include_usage": True, **running},
        }

    @override
    def _limit(self, body: Mapping[str, Any]) -> int | None:
        limits = [n for n in map(count, (body.get("max_tokens"), body.get("max_completion_tokens"))) if n is not None]
        answers = max(1, count(body.get("n")) or 1, count(body.get("best_of")) or 1)
        return max(limits) * answers if limits else None

    @override
    def _read(self, event: dict[str, Any]) -> EventReading:
        bearing, said, answer, reasoning, opening = False, "", False, False, False
        choices, finish = event.get("choices"), None
        held = [c for c in choices if isinstance(c, dict)] if isinstance(choices, list) else []
        for choice in held:
            text, thought, calls = self._parts(choice)
            finish = finish or finish_of(choice.get("finish_reason"))
            opening = opening or bool(mapping(choice.get("delta")).get("role"))
            if text or thought or calls:
                bearing = True
                answer, reasoning = answer or bool(text), reasoning or bool(thought)
                said += _text(text) + _text(thought) + _text(calls)
        usage = event.get("usage")
        return EventReading(
            bearing,
            said,
            _usage(usage) if usage else None,
            None,
            answer,
            reasoning,
            silent=bool(held) and not bearing,
            finish=finish,
            opening=opening,
        )

    @abstractmethod
    def _prompt(self, prompt: Prompt) -> dict[str, Any]:
        """The part of the body that holds the prompt."""

    @abstractmethod
    def _parts(self, choice: dict[str, Any]) -> tuple[Any, Any, Any]:
        """Those fields of a choice that hold generated tokens where they are not empty: text, reasoning, tool calls."""


class Completions(_OpenAI):
    """`/v1/completions`: text or token ids in, text out."""

    path = "/v1/completions"

    @override
    def _prompt(self, prompt: Prompt) -> dict[str, Any]:
        return {"prompt": prompt}

    @override
    def _parts(self, choice: dict[str, Any]) -> tuple[Any, Any, Any]:
        return choice.get("text"), None, None


class Chat(_OpenAI):
    """`/v1/chat/completions`: one user message in; content, reasoning and tool calls out."""

    path = "/v1/chat/completions"

    @override
    def _prompt(self, prompt: Prompt) -> dict[str, Any]:
        return {"messages": [{"role": "user", "content": need_text(prompt, self.path)}]}

    @override
    def _parts(self, choice: dict[str, Any]) -> tuple[Any, Any, Any]:
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            return None, None, None
        get = delta.get
        # DeepSeek's and SGLang's name for reasoning, then the one that vLLM moved to. A server that sends both
        # repeats the same text, and text counts once.
        return get("content") or get("refusal"), get("reasoning_content") or get("reasoning"), get("tool_calls")


DIALECTS: tuple[Dialect, ...] = (Completions(), Chat(), Generate(), Responses(), Messages())


def dialect_for(path: str) -> Dialect:
    """Return the dialect that an endpoint path speaks. Raises UsageError for an unknown path."""
    ending = [d for d in DIALECTS if path.rstrip("/").endswith(d.path.removeprefix("/v1"))]
    if not ending:
        allowed = ", ".join(dialect.path for dialect in DIALECTS)
        raise UsageError(f"endpoint path {path!r} is not supported; allowed: {allowed}")
    return max(ending, key=lambda dialect: len(dialect.path))


def _text(part: Any) -> str:
    if not part:
        return ""
    return part if isinstance(part, str) else _arguments(part)


def _arguments(tool_calls: Any) -> str:
    """The text of tool calls, which comes piece by piece as a function's name and arguments."""
    functions = [c.get("function") for c in tool_calls if isinstance(c, dict)] if isinstance(tool_calls, list) else []
    return "".join(text_of(f.get(k)) for f in functions if isinstance(f, dict) for k in ("name", "arguments"))


def _usage(usage: Any) -> Usage | None:
    if not isinstance(usage, dict):
        return None
    details = mapping(usage.get("completion_tokens_details"))
    prompt, generated = count(usage.get("prompt_tokens")), count(usage.get("completion_tokens"))
    reasoning = count(details.get("reasoning_tokens"))
    # Some servers leave reasoning out of the generated tokens; then it is the sum of all three that tells.
    if prompt is not None and generated is not None and reasoning:
        generated += reasoning if usage.get("total_tokens") == prompt + generated + reasoning else 0
    return Usage(
        prompt,
        generated,
        count(mapping(usage.get("prompt_tokens_details")).get("cached_tokens")),
        count(details.get("accepted_prediction_tokens")),
        reasoning,
    )
