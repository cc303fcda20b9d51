"""Mooncake's traces: JSON lines of timestamp (ms), input_length, output_length and hash_ids.

https://github.com/kvcache-ai/Mooncake, FAST25-release/traces. A hash id stands for a block of 512 tokens and all
that comes before it, so requests that share their first ids share that text; the last block may be partial.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from .request import BadLines, TraceRequest, opened, seconds, tokens

BLOCK = 512
"""Tokens of a block."""


def read(path: Path, bad: BadLines) -> Iterator[TraceRequest]:
    """Read a trace line by line. Raises FileError where the file cannot be read, or has a bad line and is strict."""
    with opened(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                request = _request(orjson.loads(line))
            except ValueError as error:  # orjson's is one
                bad.add(number, error)
            else:
                yield request


def _request(entry: Any) -> TraceRequest:
    if not isinstance(entry, dict):
        raise ValueError("is no JSON object")
    blocks = entry.get("hash_ids", [])
    if not isinstance(blocks, list) or not all(isinstance(block, int) and 0 <= block < 2**60 for block in blocks):
        raise ValueError("hash_ids is no list of whole numbers")
    return TraceRequest(
        isl=tokens(entry.get("input_length"), "input_length"),
        osl=tokens(entry.get("output_length"), "output_length"),
        at_s=seconds(entry.get("timestamp"), "timestamp", unit_s=0.001),
        blocks=tuple(blocks),
    )
