"""Qwen-Bailian's traces: JSON lines of chat_id, parent_chat_id, timestamp (s), lengths and hash_ids of 16 tokens.

https://github.com/alibaba-edu/qwen-bailian-usagetraces-anon. Each line is a whole prompt, what was said before
included. A line whose parent is in the trace is the next turn of its chat: it keeps its time, and waits for its
parent's answer where that is later. Where a parent has several children, the first continues its chat and each other
one stands alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inferbench.workload.traces.block_hashes import block_ids
from inferbench.workload.traces.trace_lines import json_lines
from inferbench.workload.traces.trace_request import BadLines, TraceRequest, seconds, shown, tokens

BLOCK = 16
"""Tokens of a block."""
ROOT = -1
"""Parent of a chat's first turn."""


def read(path: Path, bad: BadLines, unit_s: float = 1.0) -> Iterator[TraceRequest]:
    """Read a trace line by line, times in units of `unit_s`.

    Raises FileError where the file cannot be read, or has a bad line and is strict.
    """
    session_of: dict[int | str, int] = {}
    begun = 0

    def request(line: int, entry: dict[str, Any]) -> TraceRequest:
        nonlocal begun
        chat, parent = _id(entry, "chat_id"), _id(entry, "parent_chat_id", ROOT)
        made = TraceRequest(
            isl=tokens(entry.get("input_length"), "input_length"),
            osl=tokens(entry.get("output_length"), "output_length"),
            at_s=seconds(entry.get("timestamp"), "timestamp", unit_s),
            session=begun if parent == ROOT else session_of.pop(parent, begun),
            blocks=block_ids(entry.get("hash_ids")),
            line=line,
        )
        begun += made.session == begun
        session_of[chat] = made.session or 0
        return made

    return json_lines(path, bad, request)


def _id(entry: dict[str, Any], key: str, missing: int | None = None) -> int | str:
    value = entry.get(key, missing)
    if not isinstance(value, (int, str)) or isinstance(value, bool):
        raise ValueError(f"{key} is {shown(value)}, not the number of a chat")
    return value
