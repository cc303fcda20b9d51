"""Prompts in JSON lines: `{"prompt": text, "output_tokens": N}`, of which the second is optional.

`vllm bench serve --dataset-name custom` reads the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from inferbench.workload.traces.trace_lines import json_lines
from inferbench.workload.traces.trace_request import BadLines, tokens


class Prompt(NamedTuple):
    """A prompt, and the length of its answer where the file tells one."""

    line: int
    text: str
    output_tokens: int | None


def read(path: Path, bad: BadLines) -> Iterator[Prompt]:
    """Read prompts line by line. Raises FileError where the file cannot be read, or has a bad line and is strict."""
    return json_lines(path, bad, _prompt)


def _prompt(line: int, entry: dict[str, Any]) -> Prompt:
    text, length = entry.get("prompt"), entry.get("output_tokens")
    if not isinstance(text, str) or not text.strip():
        raise ValueError('has no text under "prompt"')
    return Prompt(line, text, None if length is None else tokens(length, "output_tokens"))
