"""What a request body asks for, and what is wrong with one that cannot be answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

DEFAULT_MAX_TOKENS = 16
"""What OpenAI's completions endpoint generates where a request does not say."""


class BadRequestError(Exception):
    """A request that cannot be answered, and the HTTP status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Ask:
    """A request, as far as it matters here."""

    prompt_tokens: int
    max_tokens: int
    seed: int | None
    stream: bool
    include_usage: bool


def parse_ask(body: bytes, model: str, chat: bool) -> Ask:
    """Read a completions or chat body. Raises BadRequestError.

    Prompt tokens are the token ids that were sent, or the words of the text.
    """
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequestError(400, f"the body is not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise BadRequestError(400, "the body is not a JSON object")
    if fields.get("model") != model:
        raise BadRequestError(404, f"the model {fields.get('model')!r} does not exist; this server has {model!r}")
    if fields.get("n") not in (None, 1):
        raise BadRequestError(422, "n must be 1")
    options = fields.get("stream_options")
    return Ask(
        prompt_tokens=_count_messages(fields.get("messages")) if chat else _count_prompt(fields.get("prompt")),
        max_tokens=_max_tokens(fields),
        seed=_seed(fields.get("seed")),
        stream=fields.get("stream") is True,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
    )


def _max_tokens(fields: dict[str, Any]) -> int:
    names = ("max_completion_tokens", "max_tokens")  # a chat's new name for it, and the old one
    given = next((fields[name] for name in names if fields.get(name) is not None), DEFAULT_MAX_TOKENS)
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise BadRequestError(422, f"max_tokens {given!r} must be a whole number above 0")
    return given


def _seed(seed: Any) -> int | None:
    if seed is not None and not isinstance(seed, int):
        raise BadRequestError(422, f"seed {seed!r} must be a whole number")
    return seed


def _count_prompt(prompt: Any) -> int:
    if isinstance(prompt, str) and (words := len(prompt.split())):
        return words
    if isinstance(prompt, list) and prompt and all(type(token) is int for token in prompt):
        return len(prompt)
    raise BadRequestError(422, "prompt must be a text or a list of token ids, and not empty")


def _count_messages(messages: Any) -> int:
    contents = [m.get("content") for m in messages if isinstance(m, dict)] if isinstance(messages, list) else []
    words = sum(len(content.split()) for content in contents if isinstance(content, str))
    if not words:
        raise BadRequestError(422, "messages must be a list of messages, and hold text")
    return words
