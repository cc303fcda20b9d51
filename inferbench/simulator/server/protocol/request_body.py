"""What a request body asks for, and what is wrong with one that cannot be answered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import orjson

DEFAULT_TOKENS = 16
"""What OpenAI's completions endpoint generates where a request does not say."""
DEFAULT_NEW_TOKENS = 128
"""The same of SGLang's `/generate`."""
DEFAULT_BOOTSTRAP_PORT = 8998
"""SGLang's, where a router sends none."""


class GenerateEndpoint(Enum):
    """The endpoints that generate."""

    COMPLETIONS = "/v1/completions"
    CHAT = "/v1/chat/completions"
    GENERATE = "/generate"


class BadRequestError(Exception):
    """A request that cannot be answered, and the HTTP status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class BootstrapAddress:
    """Where prefill and decode of one request meet: the prefill worker's bootstrap address, and a room there."""

    host: str
    port: int
    room: int


@dataclass(frozen=True, slots=True)
class Ask:
    """A request, as far as it matters here."""

    kind: GenerateEndpoint
    prompt_tokens: int
    max_tokens: int
    seed: int | None
    stream: bool
    include_usage: bool
    bootstrap: BootstrapAddress | None


def parse_ask(body: bytes, model: str, kind: GenerateEndpoint) -> Ask:
    """Read a body. Raises BadRequestError.

    Prompt tokens are the token ids that were sent, or the words of the text.
    """
    fields = _object(body)
    options = fields.get("stream_options")
    own = _sampling_params(fields) if kind is GenerateEndpoint.GENERATE else fields
    if kind is not GenerateEndpoint.GENERATE and fields.get("model") != model:
        raise BadRequestError(404, f"the model {fields.get('model')!r} does not exist; this server has {model!r}")
    if own.get("n") not in (None, 1):
        raise BadRequestError(422, "n must be 1")
    return Ask(
        kind=kind,
        prompt_tokens=_prompt_tokens(fields, kind),
        max_tokens=_max_tokens(own, kind),
        seed=_seed(own.get("sampling_seed" if kind is GenerateEndpoint.GENERATE else "seed")),
        stream=fields.get("stream") is True,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        bootstrap=_bootstrap(fields),
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequestError(400, f"the body is not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise BadRequestError(400, "the body is not a JSON object")
    return fields


def _sampling_params(fields: dict[str, Any]) -> dict[str, Any]:
    params = fields.get("sampling_params") or {}
    if not isinstance(params, dict):
        raise BadRequestError(422, "sampling_params must be an object: one prompt a request")
    return params


def _max_tokens(fields: dict[str, Any], kind: GenerateEndpoint) -> int:
    # A chat's new name for it, and the old one.
    names = ("max_new_tokens",) if kind is GenerateEndpoint.GENERATE else ("max_completion_tokens", "max_tokens")
    default = DEFAULT_NEW_TOKENS if kind is GenerateEndpoint.GENERATE else DEFAULT_TOKENS
    given = next((fields[name] for name in names if fields.get(name) is not None), default)
    if not _is_count(given) or given < 1:
        raise BadRequestError(422, f"{names[-1]} {given!r} must be a whole number above 0")
    return int(given)


def _seed(seed: Any) -> int | None:
    if seed is not None and not isinstance(seed, int):
        raise BadRequestError(422, f"seed {seed!r} must be a whole number")
    return seed


def _bootstrap(fields: dict[str, Any]) -> BootstrapAddress | None:
    host, port, room = (fields.get(f"bootstrap_{name}") for name in ("host", "port", "room"))
    if room is None:
        return None
    port = DEFAULT_BOOTSTRAP_PORT if port is None else port
    if not (isinstance(host, str) and host and _is_count(port) and port < 65536 and _is_count(room)):
        raise BadRequestError(422, "bootstrap_host, bootstrap_port and bootstrap_room must be a host and two numbers")
    return BootstrapAddress(host.strip("[]"), port, room)


def _prompt_tokens(fields: dict[str, Any], kind: GenerateEndpoint) -> int:
    if kind is GenerateEndpoint.CHAT:
        return _count_messages(fields.get("messages"))
    if kind is GenerateEndpoint.COMPLETIONS:
        return _count_prompt(fields.get("prompt"), "prompt")
    name = "input_ids" if fields.get("text") is None else "text"
    return _count_prompt(fields.get(name), name)


def _count_prompt(prompt: Any, name: str) -> int:
    if isinstance(prompt, str) and (words := len(prompt.split())):
        return words
    if isinstance(prompt, list) and prompt and all(type(token) is int for token in prompt):
        return len(prompt)
    raise BadRequestError(422, f"{name} must be one text or one list of token ids, and not empty")


def _count_messages(messages: Any) -> int:
    contents = [m.get("content") for m in messages if isinstance(m, dict)] if isinstance(messages, list) else []
    words = sum(len(content.split()) for content in contents if isinstance(content, str))
    if not words:
        raise BadRequestError(422, "messages must be a list of messages, and hold text")
    return words


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
