"""Files of traces as they lie about: packed, with a mark at their beginning, cut, of another kind, or of no kind."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import random
import re
from pathlib import Path
from typing import Any

import pytest

from inferbench.errors import FileError, InferbenchError
from inferbench.workload import prompt_source
from inferbench.workload.plan import Arrival
from inferbench.workload.prompt_source import PromptSource
from inferbench.workload.traces import trace_lines
from inferbench.workload.traces.replay_plan import take, trace_plan
from inferbench.workload.traces.trace_reader import open_trace
from inferbench.workload.traces.trace_request import TraceRequest
from tests.support.trace_lines import AZURE, BAILIAN, BURSTGPT, MOONCAKE, SESSIONS, as_lines, settled, write

ASKED = [{"role": "user", "content": [{"type": "text", "text": "one two"}]}, {"role": "assistant", "content": "three"}]
SHAPES: dict[str, list[Any]] = {
    "conversations": [{"from": "human", "value": "one two"}, {"from": "gpt", "value": "three"}],
    "conversation": [{"human": "one two", "assistant": "three"}],
    "messages": [{"role": "system", "content": None}, *ASKED],
    "items": [{"from": "system", "value": "be brief"}, {"from": "user", "value": "one two"},
              {"from": "chatgpt", "value": "three"}],
}  # fmt: skip
SOUND = {
    "mooncake": as_lines([*MOONCAKE, *SESSIONS]),
    "bailian": as_lines(BAILIAN),
    "azure": AZURE,
    "burstgpt": BURSTGPT,
    "sharegpt": json.dumps([{key: said} for key, said in SHAPES.items()], indent=1),
}


@pytest.mark.parametrize("kind", SOUND)
@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, bz2.compress])
def test_packed_files_are_read_whatever_they_are_called(tmp_path: Path, kind: str, pack: Any) -> None:
    plain, _ = settled(kind, write(tmp_path / "plain", SOUND[kind]))
    packed, trace = settled(kind, write(tmp_path / "packed", pack(SOUND[kind].encode())))
    assert packed == plain
    assert trace.bad.count == (kind == "burstgpt")


@pytest.mark.parametrize("kind", SOUND)
def test_a_byte_order_mark_blank_lines_and_windows_line_ends_change_nothing(tmp_path: Path, kind: str) -> None:
    plain, _ = settled(kind, write(tmp_path / "plain", SOUND[kind]))
    other = "\ufeff" + SOUND[kind].replace("\n", "\r\n\r\n")
    assert settled(kind, write(tmp_path / "other", other))[0] == plain


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (gzip.compress(as_lines(MOONCAKE * 99).encode())[:60], "f: cannot be unpacked: Compressed file ended before"),
        (lzma.compress(b"x" * 99)[:-9], "f: cannot be unpacked: "),
        (b"\x1f\x8b\x00\x00", "f: cannot be unpacked: "),
        (b"PAR1\x15\x04", "f: is a Parquet file; write it as JSON lines or CSV"),
        (b"PK\x03\x04", "f: is a zip archive; unpack it"),
        (b"\x28\xb5\x2f\xfd\x04", "f: is compressed with zstd"),
        ("\ufeff{}".encode("utf-16"), "f: is UTF-16; write it as UTF-8"),
        (b"", "f: holds nothing that could be sent"),
        (b"\n\n", "f: holds nothing that could be sent"),
        (b"\x00\x01\x02", "f:1: is no JSON: "),
    ],
)
def test_what_is_no_text_is_one_clear_line(tmp_path: Path, content: bytes, why: str) -> None:
    with pytest.raises(FileError) as caught:
        settled("mooncake", write(tmp_path / "f", content))
    assert str(caught.value).startswith(f"{tmp_path}/{why}")
    with pytest.raises(FileError, match="cannot be read: Is a directory"):
        settled("mooncake", tmp_path)


@pytest.mark.parametrize("kind", SOUND)
def test_a_line_without_end_is_refused_before_it_is_in_memory(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace_lines, "MOST", 1000)
    monkeypatch.setattr("inferbench.workload.traces.sharegpt.MOST", 1000)
    monkeypatch.setattr("inferbench.workload.traces.sharegpt.CHUNK", 100)
    begins = '[{"conversations": "' if kind == "sharegpt" else SOUND[kind]
    with pytest.raises(FileError, match=r"f:\d+: is (a line of more than 1,000 characters|no JSON: Unterminated)"):
        settled(kind, write(tmp_path / "f", begins + "x" * 10_000))


@pytest.mark.parametrize(
    ("kind", "line", "why"),
    [
        ("azure", '"2023-11-16 18:17:03,1,1', "is no CSV: unexpected end of data"),
        ("azure", "2023-11-16 18:17:03,-1,1", "ContextTokens is '-1', not a whole number from 1"),
        ("azure", "2023-11-16 18:17:03,inf,1", "ContextTokens is 'inf', not a whole number"),
        ("burstgpt", "5,,,m,2e7,1,2,l", "Request tokens is '2e7', not a whole number from 1 to 10000000"),
        ("burstgpt", "-5,,,m,1,1,2,l", "Timestamp is '-5', not a time of at least 0"),
        ("bailian", '{"chat_id": true}', "chat_id is True, not the number of a chat"),
        ("bailian", '{"chat_id": 4, "input_length": NaN}', "is no JSON: "),
        ("mooncake", '{"input_length": true}', "input_length is True, not a whole number"),
        ("mooncake", '{"input_length": 1e7, "output_length": 10000001}', "output_length is 10000001, not a whole"),
        ("mooncake", '{"input_length": ' + "9" * 3000 + "}", "is no JSON: number is infinity"),
        ("mooncake", '{"input_length": ' + "[" * 900 + "]" * 900 + "}", "input_length is a list, not a whole number"),
        ("mooncake", '{"input_length": "' + "x" * 9000 + '"}', "input_length is 'xxxxx"),
    ],
)
def test_a_bad_line_is_named_in_few_words_and_the_others_are_used(
    tmp_path: Path, kind: str, line: str, why: str
) -> None:
    clean, before = settled(kind, write(tmp_path / "f", SOUND[kind]))
    found, trace = settled(kind, write(tmp_path / "f", SOUND[kind] + line + "\n"))
    assert found.requests == clean.requests
    assert trace.bad.count == before.bad.count + 1
    assert trace.bad.examples[-1].startswith(f"{tmp_path}/f:{len(SOUND[kind].splitlines()) + 1}: {why}")
    assert len(trace.bad.examples[-1]) < len(str(tmp_path)) + 200


@pytest.mark.parametrize(
    ("kind", "content", "why"),
    [
        ("azure", AZURE.split("\n", 1)[1], "f:1: lacks column 'TIMESTAMP'; it needs TIMESTAMP, ContextTokens, "
         "GeneratedTokens, and has '2023-11-16 18:17:03.9799600,4808,10'"),
        ("azure", AZURE.replace(",", ";"), "f:1: lacks column 'TIMESTAMP'"),
        ("azure", AZURE.splitlines()[0], "f: holds nothing that could be sent"),
        ("burstgpt", AZURE, "f:1: lacks column 'Timestamp'"),
        ("mooncake", AZURE, "f:1: is no JSON: unexpected character, expected a JSON value at column 1; no line of the "
         "file can be used, of 4"),
        ("sharegpt", as_lines(MOONCAKE), "f:1: has no list of conversations; it needs one of the keys conversations, "
         "conversation, messages, items; no line of the file can be used, of 3"),
        ("sharegpt", '[{"messages": [{"who": "me", "content": "x"}]}]', "f:1: has a message that names nobody in "
         "`from` or `role`, but None"),
        ("sharegpt", '[{"messages": [{"role": "user", "content": 3}]}]', "f:1: has a message without text"),
        ("sharegpt", '[{"a": ' + "9" * 5000 + "}]", "f:1: is no JSON: a number of too many digits"),
    ],
)  # fmt: skip
def test_a_file_of_which_no_line_can_be_used_says_which_and_why(
    tmp_path: Path, kind: str, content: str, why: str
) -> None:
    path = write(tmp_path / "f", content)
    with pytest.raises(FileError) as caught:
        settled(kind, path)
    assert str(caught.value).startswith(f"{tmp_path}/{why}")
    assert "\n" not in str(caught.value)
    if kind == "sharegpt":
        prompt_source.read_text.cache_clear()
        with pytest.raises(FileError, match=re.escape(why)):
            PromptSource(sharegpt=path).maker("s")


@pytest.mark.parametrize("key", SHAPES)
@pytest.mark.parametrize("as_array", [True, False])
def test_conversations_are_read_in_every_shape(tmp_path: Path, key: str, as_array: bool) -> None:
    entry = {"id": "x", key: SHAPES[key]}
    content = json.dumps([entry, entry]) if as_array else as_lines([entry, entry])
    found, trace = settled("sharegpt", write(tmp_path / "f", content))
    assert found.requests == [TraceRequest(2, 1, None, 0), TraceRequest(2, 1, None, 1)]
    assert trace.bad.count == 0


def test_half_of_a_character_is_no_text_that_could_be_sent(tmp_path: Path) -> None:
    said = [{"from": "human", "value": "a \ud800 b"}, {"from": "gpt", "value": "c"}]
    path = write(tmp_path / "f", json.dumps([{"conversations": said}]))
    prompt_source.read_text.cache_clear()
    maker = PromptSource(sharegpt=path).maker("s")
    plan = trace_plan(
        settled("sharegpt", path)[0].requests, seed=0, salt="s", arrival=Arrival.CLOSED, max_concurrency=1
    )
    assert str(maker.make(plan.request(0))).encode()


STRANGE = (
    "-1", "NaN", "Infinity", "1e308", "9" * 400, "null", "true", '""', "[]", "{}", "0.5", '"', "[", "}", ",", "\\",
    "\r", "\x00", "\ufeff", "\u2028", "[" * 2000, '"\\ud800"', "18446744073709551616", "1e12",
)  # fmt: skip


def damaged(content: str, rng: random.Random) -> bytes:
    """A sound file with some damage: parts cut out, doubled, or replaced by strange ones; sometimes packed and cut."""
    for _ in range(rng.randint(1, 4)):
        numbers = list(re.finditer(r"-?\d+(\.\d+)?|\"[^\"]*\"", content))
        begin = rng.randrange(len(content) + 1)
        end = begin + rng.randint(0, 20)
        if numbers and rng.random() < 0.4:
            begin, end = rng.choice(numbers).span()
        part = rng.choice([rng.choice(STRANGE), content[begin:end] * 2, ""])
        content = content[:begin] + part + content[end:]
    raw = content.encode("utf-8", "surrogatepass")
    return gzip.compress(raw)[: rng.randint(1, len(raw))] if rng.random() < 0.1 else raw


def refusal(kind: str, path: Path, arrival: Arrival) -> str:
    """Why a file cannot be sent as a load; empty where it can, with all its prompts."""
    prompt_source.read_literal.cache_clear()
    try:
        trace = open_trace(kind, path)
        found = trace.settled(take(trace.requests))
        plan = trace_plan(found.requests, seed=0, salt="s", arrival=arrival, block=found.block)
        make = PromptSource(trace=path if kind == "mooncake" else None).maker("s").make
        assert all(str(make(plan.request(row))).encode() for row in range(len(plan)) if plan.isl[row] < 9999)
    except InferbenchError as error:
        return str(error)
    return ""


def test_damaged_files_are_plans_or_one_clear_line(tmp_path: Path) -> None:
    rng = random.Random(13)
    refused = []
    for _ in range(300):
        kind = rng.choice(list(SOUND))
        path = write(tmp_path / "f", damaged(SOUND[rng.choice([kind, *SOUND])], rng))
        refused.append(refusal(kind, path, rng.choice([Arrival.TRACE, Arrival.GAMMA])))
    assert 50 < sum(bool(why) for why in refused) < 250
    assert not [why for why in refused if "\n" in why or len(why) > len(str(tmp_path)) + 400]
