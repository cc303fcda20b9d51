"""Trace readers on files as their publishers write them, on bad lines, and the plans that come of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferbench.arrays import NEVER
from inferbench.errors import FileError, UsageError
from inferbench.workload.plan import Arrival, Plan
from inferbench.workload.prompts import WordPrompts
from inferbench.workload.traces import sharegpt
from inferbench.workload.traces.replay_plan import trace_plan
from inferbench.workload.traces.trace_reader import Trace, open_trace
from inferbench.workload.traces.trace_request import BadLines, TraceRequest

MOONCAKE = """\
{"timestamp": 0, "input_length": 1300, "output_length": 5, "hash_ids": [0, 1, 2]}
{"timestamp": 3000, "input_length": 1500, "output_length": 7, "hash_ids": [0, 1, 3]}

{"timestamp": 3000, "input_length": 900, "output_length": 9, "hash_ids": [0, 4]}
"""

AZURE = """\
TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:17:03.9799600,4808,10
2023-11-16 18:17:04.0319600,3180,8
2023-11-16 18:18:04.0319600,110,27
"""

BURSTGPT = """\
Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type
5,ChatGPT,472,18,490,Conversation log
45,ChatGPT,1087,0,1087,Conversation log
118.5,GPT-4,417,276,693,API log
"""


def conversation(*messages: tuple[str, str]) -> dict[str, object]:
    return {"id": "x", "conversations": [{"from": who, "value": text} for who, text in messages]}


SHAREGPT = [
    conversation(("human", "one two three"), ("gpt", "four five"), ("human", "six"), ("gpt", "seven eight nine ten")),
    conversation(("gpt", "no question"), ("human", "a b"), ("gpt", "c"), ("human", "without an answer")),
    conversation(("human", "nobody answers")),
]


def write(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def opened(kind: str, path: Path, **more: object) -> tuple[list[TraceRequest], Trace]:
    trace = open_trace(kind, path, **more)  # type: ignore[arg-type]
    return list(trace.requests), trace


def test_mooncake(tmp_path: Path) -> None:
    found, trace = opened("mooncake", write(tmp_path / "t.jsonl", MOONCAKE))
    assert found[0] == TraceRequest(1300, 5, 0.0, None, (0, 1, 2))
    assert [(r.isl, r.osl, r.at_s) for r in found[1:]] == [(1500, 7, 3.0), (900, 9, 3.0)]
    assert trace.bad.count == 0


def test_azure(tmp_path: Path) -> None:
    found, _ = opened("azure", write(tmp_path / "t.csv", AZURE))
    assert [(r.isl, r.osl) for r in found] == [(4808, 10), (3180, 8), (110, 27)]
    times = [r.at_s - (found[0].at_s or 0) for r in found if r.at_s is not None]
    assert times == pytest.approx([0, 0.052, 60.052], abs=1e-6)


def test_burstgpt_and_its_failed_requests(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", BURSTGPT)
    found, trace = opened("burstgpt", path)
    assert [(r.isl, r.osl, r.at_s) for r in found] == [(472, 18, 5.0), (417, 276, 118.5)]
    assert trace.bad.examples == [f"{path}:3: failed when it was recorded: Response tokens is 0"]
    with pytest.raises(FileError, match=r"t\.csv:3: failed when it was recorded"):
        opened("burstgpt", path, strict=True)


def test_sharegpt_as_sessions_and_as_single_turns(tmp_path: Path) -> None:
    path = write(tmp_path / "t.json", json.dumps(SHAREGPT, indent=1))
    found, trace = opened("sharegpt", path)
    assert found == [TraceRequest(3, 2, None, 0), TraceRequest(6, 4, None, 0), TraceRequest(2, 1, None, 1)]
    assert trace.bad.count == 1
    line = path.read_text().splitlines().index('    "value": "nobody answers"') + 1 - 5
    assert trace.bad.examples == [f"{path}:{line}: holds no question with an answer"]
    single, _ = opened("sharegpt", path, one_turn=True, count=len)
    assert single == [TraceRequest(13, 9), TraceRequest(3, 1)]


def test_texts_of_sharegpt(tmp_path: Path) -> None:
    path = write(tmp_path / "t.json", json.dumps(SHAREGPT))
    assert list(sharegpt.texts(path, BadLines(path)))[:3] == ["one two three", "four five", "six"]


TEXTS = st.text(max_size=30)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=3), max_size=6),
    st.sampled_from([None, 2]),
    st.integers(1, 40),
)
def test_sharegpt_is_read_alike_however_it_is_cut(
    tmp_path_factory: pytest.TempPathFactory,
    asked: list[list[tuple[str, str]]],
    indent: int | None,
    chunk: int,
) -> None:
    entries = [conversation(*[m for q, a in pairs for m in (("human", q), ("gpt", a))]) for pairs in asked]
    path = write(tmp_path_factory.getbasetemp() / "cut.json", json.dumps(entries, indent=indent))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sharegpt, "CHUNK", chunk)
        found = list(sharegpt.conversations(path, BadLines(path, strict=True)))
    assert [[tuple(exchange) for exchange in exchanges] for exchanges in found] == asked


@pytest.mark.parametrize(
    ("kind", "line", "why"),
    [
        ("mooncake", "{", "unexpected end of data"),
        ("mooncake", "[1]", "is no JSON object"),
        ("mooncake", '{"timestamp": "x", "input_length": 1, "output_length": 1}', "timestamp is 'x'"),
        ("mooncake", '{"timestamp": 1e300, "input_length": 1, "output_length": 1}', "not a time"),
        ("mooncake", '{"timestamp": 0, "input_length": 1.5, "output_length": 1}', "input_length is 1.5"),
        ("mooncake", '{"timestamp": 0, "input_length": 1, "output_length": 0}', "output_length is 0"),
        ("mooncake", '{"timestamp": 0, "input_length": 1}', "output_length is None"),
        ("mooncake", '{"timestamp": 0, "input_length": 1, "output_length": 1, "hash_ids": [-1]}', "hash_ids"),
        ("azure", "yesterday,1,1", "TIMESTAMP is 'yesterday'"),
        ("azure", "2023-11-16 18:17:03,1", "has 2 cells of 3"),
        ("azure", "2023-11-16 18:17:03,x,1", "ContextTokens is 'x'"),
        ("azure", f"2023-11-16 18:17:03,{'9' * 30},1", "not a whole number from 1"),
        ("burstgpt", "nan,m,1,1,2,l", "Timestamp is 'nan'"),
    ],
)
def test_bad_lines_are_counted_and_named_or_an_error(tmp_path: Path, kind: str, line: str, why: str) -> None:
    good = {"mooncake": MOONCAKE, "azure": AZURE, "burstgpt": BURSTGPT}[kind]
    path = write(tmp_path / "t", good + line + "\n")
    number = len(good.splitlines()) + 1
    found, trace = opened(kind, path)
    clean = opened(kind, write(tmp_path / "clean", good))[0]
    assert found == clean
    assert trace.bad.examples[-1].startswith(f"{path}:{number}: ")
    assert why in trace.bad.examples[-1]
    with pytest.raises(FileError):
        opened(kind, path, strict=True)


JUNK = st.text(alphabet='[]{},:"\n\r\0 \ufeff0123456789.eE-+abTCG', max_size=200)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([("mooncake", MOONCAKE), ("azure", AZURE), ("burstgpt", BURSTGPT), ("sharegpt", "[")]), JUNK)
def test_junk_is_bad_lines_or_a_file_error(
    tmp_path_factory: pytest.TempPathFactory, kind: tuple[str, str], junk: str
) -> None:
    path = write(tmp_path_factory.getbasetemp() / "junk", kind[1] + junk)
    with suppress(FileError):
        assert all(request.isl >= 1 and request.osl >= 1 for request in opened(kind[0], path)[0])


@pytest.mark.parametrize(
    ("kind", "content", "why"),
    [
        ("azure", "", "t:1: lacks column 'TIMESTAMP'"),
        ("burstgpt", "Timestamp,Model\n", "lacks column 'Request tokens'; it needs"),
        ("sharegpt", "", "t: holds nothing that could be sent"),
        ("sharegpt", "1", "t:1: is no JSON array of conversations: found '1'"),
        ("sharegpt", "{}", "t:1: has no list of conversations; it needs one of the keys conversations,"),
        ("sharegpt", '[{"a": 1}\n,\n {"b": ', "t:3: is no JSON"),
        ("sharegpt", "[1 2]", "found '2'"),
        ("sharegpt", "[" * 100_000, "nested too deeply"),
    ],
)
def test_files_of_another_kind_are_refused(tmp_path: Path, kind: str, content: str, why: str) -> None:
    path = write(tmp_path / "t", content)
    with pytest.raises(FileError) as caught:
        opened(kind, path)
    assert why in str(caught.value)


def test_a_file_that_is_not_there_and_a_kind_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be read: No such file"):
        opened("azure", tmp_path / "none")
    with pytest.raises(UsageError, match="did you mean 'mooncake'"):
        open_trace("moonckae", tmp_path)


def trace(n: int = 10) -> Iterator[TraceRequest]:
    """A request every 2 s, one of them out of order."""
    for i in range(n):
        yield TraceRequest(10 + i, 5, at_s=100.0 + 2 * (i + (i == 3) - (i == 4)))


def made(requests: Iterator[TraceRequest] | list[TraceRequest], **more: object) -> Plan:
    return trace_plan(requests, seed=0, salt="s", **more)  # type: ignore[arg-type]


def test_a_trace_keeps_its_times_faster() -> None:
    plan = made(trace(), speed_up=4)
    assert plan.planned_ns is not None
    assert plan.planned_ns.tolist() == [i * 500_000_000 for i in range(10)]
    assert plan.isl.tolist() == [10, 11, 12, 14, 13, 15, 16, 17, 18, 19]
    assert plan.arrival.is_open


def test_a_trace_is_cut_by_count_and_by_time_after_the_speed_up() -> None:
    assert len(made(trace(), max_requests=4)) == 4
    assert len(made(trace(), max_s=6)) == 3
    assert len(made(trace(), max_s=6, speed_up=2)) == 6

    def endless() -> Iterator[TraceRequest]:
        yield from trace()
        raise AssertionError("read on beyond what was asked for")

    assert len(made(endless(), max_requests=10)) == 10


def test_a_trace_can_be_a_closed_loop_or_have_other_arrivals() -> None:
    closed = made(trace(), arrival=Arrival.CLOSED, max_concurrency=4)
    assert (closed.planned_ns, closed.max_concurrency, closed.isl.tolist()[3]) == (None, 4, 13)
    constant = made(trace(), arrival=Arrival.CONSTANT, rate=2.0)
    assert constant.planned_ns is not None
    assert constant.planned_ns.tolist() == [i * 500_000_000 for i in range(10)]


def test_blocks_become_shared_text(tmp_path: Path) -> None:
    requests, _ = opened("mooncake", write(tmp_path / "t.jsonl", MOONCAKE))
    plan = made(requests)
    prompts = [WordPrompts("s").make(plan.request(row)).split() for row in range(3)]
    assert [len(prompt) for prompt in prompts] == [1300, 1500, 900]
    assert prompts[0][:1024] == prompts[1][:1024]
    assert prompts[0][:512] == prompts[2][:512]
    assert prompts[0][1024:1030] != prompts[1][1024:1030]
    assert prompts[0][512:520] != prompts[2][512:520]


def test_conversations_become_sessions() -> None:
    requests = [
        TraceRequest(3, 2, None, 0),
        TraceRequest(6, 4, None, 0),
        TraceRequest(2, 1, None, 1),
        TraceRequest(9, 1),
    ]
    plan = made(requests, arrival=Arrival.POISSON, think_s=2.0)
    assert plan.session is not None
    assert plan.turn is not None
    assert plan.think_ns is not None
    assert plan.planned_ns is not None
    assert plan.session.tolist() == [0, 0, 1, 2]
    assert plan.turn.tolist() == [0, 1, 0, 0]
    assert plan.think_ns.tolist() == [0, 2_000_000_000, 0, 0]
    assert (plan.planned_ns == NEVER).tolist() == [False, True, False, False]
    make = WordPrompts("s").make
    assert make(plan.request(1)).startswith(make(plan.request(0)) + " ")


@pytest.mark.parametrize(
    ("requests", "more", "why"),
    [
        ([], {}, "holds no request"),
        ([TraceRequest(1, 1)], {}, "tells no times"),
        ([TraceRequest(1, 1)], {"max_s": 3.0, "arrival": Arrival.POISSON}, "tells no times"),
        ([TraceRequest(1, 1, 0.0)], {"speed_up": 0.0}, "speed-up of 0"),
    ],
)
def test_a_trace_that_cannot_be_planned_is_refused(
    requests: list[TraceRequest], more: dict[str, object], why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        made(requests, **more)


def test_the_same_trace_gives_the_same_plan() -> None:
    one, two, other = made(trace()), made(trace()), made(trace(), prompts="another tokenizer")
    assert one.prompt_hash == two.prompt_hash != other.prompt_hash
