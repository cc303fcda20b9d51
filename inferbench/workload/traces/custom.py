"""Prompts in JSON lines: `{"prompt": text, "output_tokens": N}`, of which the second is optional.

`vllm bench serve --dataset-name custom` reads the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from ...domain.errors import FileError
from .request import BadLines, tokens


class Line(NamedTuple):
    """A prompt, and the length of its answer where the file tells one."""

    prompt: str
    output_tokens: int | None


def read(path: Path, bad: BadLines) -> Iterator[Line]:
    """Read prompts line by line. Raises FileError where the file cannot be read, or has a bad line and is strict."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from None
    for number, text in enumerate(content.split(b"\n"), 1):
        if not text.strip():
            continue
        try:
            line = _line(orjson.loads(text))
        except ValueError as error:  # orjson's is one
            bad.add(number, error)
        else:
            yield line


def _line(entry: Any) -> Line:
    if not isinstance(entry, dict) or not isinstance(entry.get("prompt"), str) or not entry["prompt"]:
        raise ValueError('has no text under "prompt"')
    length = entry.get("output_tokens")
    return Line(entry["prompt"], None if length is None else tokens(length, "output_tokens"))
