"""Prompts that a trace holds word for word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from inferbench.workload.traces.block_hashes import digest
from inferbench.workload.traces.trace_lines import lines
from inferbench.workload.traces.trace_request import BadLines, shown

KEYS = ("text_input", "messages", "payload")
CAPS = ("max_completion_tokens", "max_tokens")
FLATTENED = (
    "the trace holds messages or payloads: their text was sent as one prompt, without roles, tools and other keys"
)


class Literal(NamedTuple):
    """The text of a line."""

    text: str | None
    """None where the line tells lengths alone."""
    osl: int | None
    """Tokens to generate, where the payload says so."""
    whole: bool
    """Whether it holds all that was said before in its session."""


def literal(entry: dict[str, Any], bad: BadLines) -> Literal:
    """Return the text of a Mooncake line. Raises ValueError where it holds several prompts, or one without text."""
    given = [key for key in ("input_length", *KEYS) if entry.get(key) is not None]
    if len(given) > 1:
        raise ValueError(f"has {' and '.join(given)}; a prompt is one of them")
    if not given or given[0] == "input_length":
        return Literal(None, None, False)
    key = given[0]
    if key == "text_input":
        return Literal(_checked(entry[key], key), None, False)
    bad.remarks[FLATTENED] = None
    if key == "messages":
        return Literal(_messages(entry[key]), None, entry.get("message_mode", "history") != "delta")
    payload = entry[key] if isinstance(entry[key], dict) else {}
    text = _checked(payload["prompt"], "prompt") if "prompt" in payload else _messages(payload.get("messages"))
    return Literal(text, next((payload[cap] for cap in CAPS if payload.get(cap) is not None), None), True)


def texts(path: Path) -> dict[int, str]:
    """Return the texts of a trace by their digests. Raises FileError where it cannot be read."""
    return {digest(text): text for text in _texts(path)}


def _texts(path: Path) -> Iterator[str]:
    bad = BadLines(path)
    for _, line in lines(path):
        if any(f'"{key}"' in line for key in KEYS):
            try:
                entry = orjson.loads(line)
                found = literal(entry, bad).text if isinstance(entry, dict) else None
            except ValueError:
                continue  # the reader of the trace says so
            if found is not None:
                yield found


def content(value: Any) -> str | None:
    """The text of a message's content, which may come in parts; None where there is none."""
    if isinstance(value, list):
        parts = [part.get("text") for part in value if isinstance(part, dict)]
        return "\n".join(part for part in parts if isinstance(part, str)) or None
    return value if isinstance(value, str) else None


def _messages(value: Any) -> str:
    if not isinstance(value, list) or not all(isinstance(message, dict) for message in value):
        raise ValueError(f"messages is {shown(value)}, not a list of messages")
    said = [content(message.get("content")) for message in value]
    return _checked("\n".join(text for text in said if text), "messages")


def _checked(value: Any, key: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{key} holds no text")
    return value
