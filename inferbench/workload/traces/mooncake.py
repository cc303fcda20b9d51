"""Mooncake's traces: JSON lines of timestamp (ms), input_length, output_length and hash_ids.

https://github.com/kvcache-ai/Mooncake, FAST25-release/traces. A hash id stands for a block of 512 tokens and all
that comes before it, so requests that share their first ids share that text; the last block may be partial.

Also what other tools made of it: sessions (`session_id`, `delay` in ms after the turn before, or a timestamp of each
turn), prompts word for word (`text_input`, `messages`, `payload`), and Dynamo's names of the keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from inferbench.errors import FieldName, FileError
from inferbench.workload.traces.block_hashes import block_ids, digest
from inferbench.workload.traces.trace_lines import json_lines
from inferbench.workload.traces.trace_request import BadLines, TraceRequest, seconds, shown, tokens
from inferbench.workload.traces.verbatim import literal

BLOCK = 512
"""Tokens of a block."""
MS = 0.001
ALIASES = {
    "input_tokens": "input_length",
    "output_tokens": "output_length",
    "created_time": "timestamp",
    "delay_ms": "delay",
}
CONTEXTS = {"message_array_with_responses": True, "deltas_without_responses": False}
"""Values of `context_mode`: whether a turn is the whole prompt."""


def read(path: Path, bad: BadLines, count: Callable[[str], int], unit_s: float | None = None) -> Iterator[TraceRequest]:
    """Read a trace line by line. `count` counts the tokens of a text; times are in units of `unit_s`, or whole ms.

    Raises FileError where the file cannot be read, has a fraction for a time and no unit was given, or has a bad line
    and is strict.
    """
    sessions: dict[str, int] = {}
    return json_lines(path, bad, partial(_request, bad=bad, count=count, unit_s=unit_s, sessions=sessions))


def _request(
    line: int,
    entry: dict[str, Any],
    *,
    bad: BadLines,
    count: Callable[[str], int],
    unit_s: float | None,
    sessions: dict[str, int],
) -> TraceRequest:
    if "chat_id" in entry and "session_id" not in entry:
        raise FileError(
            f"{bad.path}:{line}: is a line of a Qwen-Bailian trace: read it with ", FieldName("trace.kind"), " bailian"
        )
    entry = {ALIASES.get(key, key): value for key, value in entry.items()}
    text, most, whole_text = literal(entry, bad)
    whole: bool | None = whole_text
    session, context = entry.get("session_id"), entry.get("context_mode")
    if context not in (None, *CONTEXTS):
        raise ValueError(f"context_mode is {shown(context)}; it can be {' or '.join(CONTEXTS)}")
    if session is not None and not isinstance(session, (str, int)):
        raise ValueError(f"session_id is {shown(session)}, not the name of a session")
    blocks = block_ids(entry.get("hash_ids")) if text is None else ()
    if context is not None:
        whole = CONTEXTS[context]
    elif text is None:
        whole = None if blocks else False
    return TraceRequest(
        isl=tokens(entry.get("input_length"), "input_length") if text is None else max(1, count(text)),
        osl=tokens(entry.get("output_length", most), "output_length"),
        at_s=_time(f"{bad.path}:{line}", entry.get("timestamp"), unit_s),
        session=None if session is None else sessions.setdefault(str(session), len(sessions)),
        blocks=blocks,
        delay_s=None
        if entry.get("delay") is None
        else seconds(entry["delay"], "delay", MS if unit_s is None else unit_s),
        whole=whole if session is not None else True,
        text=None if text is None else digest(text),
        line=line,
    )


def _time(where: str, value: Any, unit_s: float | None) -> float | None:
    """A time in seconds; None where there is none. Milliseconds are whole: a fraction may as well be of a second."""
    if value is None:
        return None
    time_s = seconds(value, "timestamp", MS if unit_s is None else unit_s)
    if unit_s is None and float(value) != int(float(value)):
        raise FileError(
            f"{where}: timestamp is {shown(value)}, and the milliseconds of a Mooncake trace are whole: "
            "say which unit it is with ",
            FieldName("trace.time_unit"),
            " ms or s",
        )
    return time_s
