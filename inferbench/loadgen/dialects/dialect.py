"""What a dialect is: how a request is written, and what one streamed event says."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from inferbench.errors import UsageError
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.secrets.redact import excerpt

Prompt = str | list[int]
"""A prompt as text or as token ids."""

DONE = b"[DONE]"

FAILED = frozenset({"abort", "aborted", "error", "cancelled", "canceled", "timeout"})
"""Reasons to finish by which a server says that it gave the answer up."""
NOT_FINISHED = frozenset({"", "null", "none", "not_finished"})
"""Words that some servers write where there is no reason to finish."""
AT_LIMIT = frozenset({"length", "max_tokens", "max_output_tokens"})
"""Reasons to finish that are no token of the model's own: it was made to stop."""


class Usage(NamedTuple):
    """Token counts by the server; None where it does not tell."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    """Prompt tokens out of the prefix cache."""
    accepted_tokens: int | None = None
    """Drafted tokens that were accepted."""
    reasoning_tokens: int | None = None
    """Generated tokens that were reasoning, whether it was streamed or not."""

    def updated(self, later: Usage) -> Usage:
        """What is known after a later event, which may leave out what was told before."""
        return Usage(*(old if new is None else new for old, new in zip(self, later, strict=True)))


class EventReading(NamedTuple):
    """What one event says."""

    token_bearing: bool
    text: str = ""
    """What came with it: reasoning, answer, and the names and arguments of tool calls."""
    usage: Usage | None = None
    error: str | None = None
    answer: bool = False
    """It holds text of the answer itself, which is neither reasoning nor a tool call."""
    reasoning: bool = False
    """It holds text of reasoning that the server tells from the answer."""
    cumulative: bool = False
    """Its text repeats that of the events before it."""
    silent: bool = False
    """It holds no text, but belongs to the answer: it may be a token without one."""
    finish: str | None = None
    """Why the answer ended with it: the server's word."""
    opening: bool = False
    """It names the role that speaks, as the first of a chat does before any token."""
    closes: bool = False
    """Nothing of the answer comes after it."""

    @property
    def text_length(self) -> int:
        """Characters of its text."""
        return len(self.text)


class Dialect(ABC):
    """One endpoint's language."""

    path: str
    """The path as servers have it; one that ends like it is spoken to in this language."""
    headers: Mapping[str, str] = {}
    """What the language asks for beside the endpoint's own headers."""

    def body(self, endpoint: Endpoint, prompt: Prompt, osl: int, ignore_eos: bool) -> bytes:
        """Write the JSON body of a streamed request for `osl` tokens. Raises UsageError for an unusable prompt.

        The endpoint's extra keys are merged into it as a JSON merge patch (RFC 7396): null takes a key out.
        """
        return orjson.dumps(merge_patch(self._body(endpoint, prompt, osl, ignore_eos), endpoint.extra_body))

    def most_tokens(self, endpoint: Endpoint, osl: int) -> int | None:
        """Most tokens that an answer to a request for `osl` can have; None where its body sets no limit."""
        if not endpoint.extra_body:
            return osl
        body = self._body(endpoint, "", osl, ignore_eos=False)
        return self._limit(merge_patch(body, endpoint.extra_body))

    @abstractmethod
    def _body(self, endpoint: Endpoint, prompt: Prompt, osl: int, ignore_eos: bool) -> dict[str, Any]:
        """The body, the endpoint's extra keys left out."""

    @abstractmethod
    def _limit(self, body: Mapping[str, Any]) -> int | None:
        """The limit that a whole body sets."""

    def interpret(self, name: str, data: bytes) -> EventReading:
        """Say what an event holds. An event that is no JSON object is an error; nothing is raised."""
        try:
            event, is_json = _parse(data), True
        except orjson.JSONDecodeError:
            event, is_json = None, False
        if not isinstance(event, dict):
            what = "error" if name == "error" else "no JSON object" if is_json else "not JSON"
            return EventReading(False, error=f"{what} in the stream: {_excerpt(data) or 'without a word'}")
        if name == "error" or is_error(event):
            return EventReading(False, error=f"error in the stream: {error_message(event)}")
        reading = self._read(event)
        if reading.finish in FAILED and not reading.error:
            return reading._replace(error=f"the server ended the answer: {reading.finish}{_reason_in(event)}")
        return reading

    @abstractmethod
    def _read(self, event: dict[str, Any]) -> EventReading:
        """Say what an event without an error holds."""


def is_error(event: Mapping[str, Any]) -> bool:
    """Whether an object is an error.

    OpenAI's is `{"error": ...}`, that of vLLM and SGLang `{"object": "error", ...}`, that of the Responses and Messages
    APIs `{"type": "error", ...}`, FastAPI's `{"detail": ...}`.
    """
    if event.get("error") or "error" in (event.get("object"), event.get("type")):
        return True
    return bool(event.get("detail")) and "choices" not in event


def error_message(event: Mapping[str, Any]) -> str:
    """Find the message in an error object: OpenAI's `{"error": {"message": ...}}` or one of its relatives."""
    error = event.get("error") or event
    if isinstance(error, dict):
        error = error.get("message") or error.get("detail") or error
    return error if isinstance(error, str) else _excerpt(text_of(error))


def text_of(value: Any) -> str:
    """A text as it is, nothing of nothing, and anything else as JSON."""
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value).decode() if value else ""
    except orjson.JSONEncodeError:  # it reads what it does not write: deeper nesting
        return "(nested too deeply to be shown)"


def merge_patch(target: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Apply a JSON merge patch (RFC 7396) to an object."""
    merged = dict(target)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            before = merged.get(key)
            merged[key] = merge_patch(before if isinstance(before, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged


def _reason_in(event: Mapping[str, Any]) -> str:
    """The message beside a reason to finish, which stands in the choice or in the event itself."""
    choices = event.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    for holder in (first, event):
        message = holder.get("message") if isinstance(holder, dict) else None
        if isinstance(holder, dict) and holder.get("error"):
            message = error_message(holder)
        if isinstance(message, str) and message:
            return f": {message}"
    return ""


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


def need_text(prompt: Prompt, path: str) -> str:
    """Return a prompt that is text. Raises UsageError for token ids."""
    if not isinstance(prompt, str):
        raise UsageError(f"{path} takes text, not token ids; send token ids to /v1/completions")
    return prompt


def word(value: Any) -> str:
    """Return a word, and an empty one for anything else."""
    return value if isinstance(value, str) else ""


def finish_of(reason: Any) -> str | None:
    """Return the reason to finish, None where it is none."""
    return reason if isinstance(reason, str) and reason.lower() not in NOT_FINISHED else None


def mapping(value: Any) -> Mapping[str, Any]:
    """Return an object, and an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def _excerpt(data: str | bytes) -> str:
    return excerpt(data, 200)
