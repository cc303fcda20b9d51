"""What is answered in one piece: a status, and JSON or text."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    status: int
    body: bytes
    content_type: str


def json_reply(value: object, status: int = 200) -> Reply:
    """Answer with JSON."""
    return Reply(status, orjson.dumps(value), JSON)


def text_reply(text: str, status: int = 200) -> Reply:
    """Answer with text."""
    return Reply(status, text.encode(), TEXT)


def error_body(status: int, message: str) -> dict[str, dict[str, str]]:
    """OpenAI's error object."""
    return {"error": {"message": message, "type": "server_error" if status >= 500 else "invalid_request_error"}}


def error_reply(status: int, message: str) -> Reply:
    """Answer with OpenAI's error object."""
    return json_reply(error_body(status, message), status)
