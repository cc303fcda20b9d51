"""What a dialect is: how a request is written, and what one streamed event says."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from ..domain.redaction import excerpt
from .endpoint import Endpoint

Prompt = str | list[int]
"""A prompt as text or as token ids."""

DONE = b"[DONE]"


class Usage(NamedTuple):
    """Token counts by the server; None where it does not tell."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    """Prompt tokens out of the prefix cache."""
    accepted_tokens: int | None = None
    """Drafted tokens that were accepted."""


class Reading(NamedTuple):
    """What one event says."""

    token_bearing: bool
    text_length: int = 0
    """Characters of text that came with it."""
    usage: Usage | None = None
    error: str | None = None
    answer: bool = False
    """It holds text of the answer itself, which is neither reasoning nor a tool call."""
    reasoning: bool = False
    """It holds text of reasoning that the server tells from the answer."""
    cumulative: bool = False
    """Its text repeats that of the events before it."""


class Dialect(ABC):
    """One endpoint's language."""

    path_suffix: str

    @abstractmethod
    def body(self, endpoint: Endpoint, prompt: Prompt, osl: int, ignore_eos: bool) -> bytes:
        """Write the JSON body of a streamed request for `osl` tokens. Raises UsageError for an unusable prompt."""

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
        return self._read(event)

    @abstractmethod
    def _read(self, event: dict[str, Any]) -> Reading:
        """Say what an event without an error holds."""


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


def count(value: Any) -> int | None:
    """Return a count of tokens, None where it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _excerpt(data: bytes) -> str:
    return excerpt(data, 200)
