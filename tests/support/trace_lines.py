"""Small traces as their publishers and other tools write them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from inferbench.workload.traces.trace_reader import Settled, Trace, open_trace

MOONCAKE = [
    {"timestamp": 0, "input_length": 1300, "output_length": 5, "hash_ids": [0, 1, 2]},
    {"timestamp": 3000, "input_length": 1500, "output_length": 7, "hash_ids": [0, 1, 3]},
    {"timestamp": 3000, "input_length": 900, "output_length": 9, "hash_ids": [0, 4]},
]
SESSIONS = [
    {"session_id": "a", "timestamp": 0, "input_length": 100, "output_length": 5},
    {"session_id": "a", "delay": 250, "input_length": 30, "output_length": 7},
    {"session_id": "b", "timestamp": 40, "text_input": "one two three", "output_length": 4},
    {"session_id": "b", "timestamp": 90, "text_input": "four", "output_length": 3},
]
BAILIAN = [
    {"chat_id": 1, "parent_chat_id": -1, "timestamp": 61.114, "input_length": 40, "output_length": 3, "type": "text",
     "turn": 1, "hash_ids": [1, 2, 3]},
    {"chat_id": 9, "parent_chat_id": 55, "timestamp": 61.2, "input_length": 16, "output_length": 8, "type": "file",
     "turn": 4, "hash_ids": [7]},
    {"chat_id": 2, "parent_chat_id": 1, "timestamp": 62.614, "input_length": 50, "output_length": 6, "type": "text",
     "turn": 2, "hash_ids": [1, 2, 4, 5]},
    {"chat_id": 3, "parent_chat_id": 1, "timestamp": 63.114, "input_length": 33, "output_length": 2, "type": "search",
     "turn": 2, "hash_ids": [1, 2, 6]},
]  # fmt: skip
AZURE = """\
TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:17:03.9799600,4808,10
2024-05-10 00:00:00.009930+00:00,3180,8
2024-05-10 00:00:01+00:00,110,27
"""
BURSTGPT = """\
Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type
5,a,1.5,ChatGPT,472,18,490,Conversation log
45,,2,ChatGPT,1087,0,1087,API log
118.5,a,3.25,GPT-4,417,276,693,Conversation log
"""


def as_lines(entries: Iterable[object]) -> str:
    return "".join(json.dumps(entry) + "\n" for entry in entries)


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def settled(kind: str, path: Path, **more: object) -> tuple[Settled, Trace]:
    trace = open_trace(kind, path, **more)  # type: ignore[arg-type]
    return trace.settled(list(trace.requests)), trace
