"""Sessions of Mooncake and Qwen-Bailian traces: what their prompts hold, and when their turns are due."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inferbench.arrays import NEVER
from inferbench.errors import FileError, UsageError
from inferbench.workload.plan import Arrival, Plan
from inferbench.workload.prompt_source import PromptSource
from inferbench.workload.traces.replay_plan import trace_plan
from inferbench.workload.traces.trace_reader import open_trace
from tests.support.trace_lines import BAILIAN, MOONCAKE, SESSIONS, as_lines, settled, write

MS = 1_000_000


def planned(kind: str, path: Path, **more: Any) -> Plan:
    found, _ = settled(kind, path)
    return trace_plan(found.requests, seed=0, salt="s", block=found.block, **more)


def prompts(plan: Plan, path: Path | None = None) -> list[str]:
    make = PromptSource(trace=path).maker("s").make
    return [str(make(plan.request(row))) for row in range(len(plan))]


def test_turns_wait_for_their_delay_or_for_their_time(tmp_path: Path) -> None:
    plan = planned("mooncake", write(tmp_path / "t", as_lines(SESSIONS)), think_s=9.0)
    assert plan.session is not None
    assert plan.turn is not None
    assert plan.think_ns is not None
    assert plan.planned_ns is not None
    assert plan.session.tolist() == [0, 0, 1, 1]
    assert plan.turn.tolist() == [0, 1, 0, 1]
    assert plan.planned_ns.tolist() == [0, NEVER, 40 * MS, 90 * MS]
    assert plan.think_ns.tolist() == [0, 250 * MS, 0, 0]
    fast = planned("mooncake", tmp_path / "t", speed_up=2)
    assert fast.planned_ns is not None
    assert fast.think_ns is not None
    assert (fast.planned_ns.tolist()[3], fast.think_ns.tolist()[1]) == (45 * MS, 125 * MS)


def test_without_the_times_of_the_trace_turns_think(tmp_path: Path) -> None:
    path = write(tmp_path / "t", as_lines(SESSIONS))
    plan = planned("mooncake", path, arrival=Arrival.CLOSED, max_concurrency=2, think_s=9.0)
    assert plan.planned_ns is None
    assert plan.think_ns is not None
    assert plan.think_ns.tolist() == [0, 250 * MS, 0, 9_000 * MS]


def test_lengths_and_texts_are_what_a_turn_adds(tmp_path: Path) -> None:
    path = write(tmp_path / "t", as_lines(SESSIONS))
    found, _ = settled("mooncake", path)
    assert found.remarks == ("turns of the trace's sessions were read as what each adds to what was said before",)
    plan = planned("mooncake", path)
    assert plan.isl.tolist() == [100, 100 + 5 + 30, 3, 3 + 4 + 1]
    made = prompts(plan, path)
    assert made[1].startswith(made[0] + " ")
    assert made[2] == "one two three"
    assert made[3].startswith("one two three ")
    assert made[3].endswith(" four")
    assert [len(prompt.split()) for prompt in made] == plan.isl.tolist()


def test_turns_that_repeat_the_blocks_before_them_are_whole_prompts(tmp_path: Path) -> None:
    turns: list[dict[str, Any]] = [
        {"session_id": "a", "timestamp": 0, "input_length": 600, "output_length": 5, "hash_ids": [1, 2]},
        {"session_id": "a", "delay_ms": 10, "input_length": 1100, "output_length": 5, "hash_ids": [1, 3, 4]},
    ]
    path = write(tmp_path / "t", as_lines(turns))
    found, _ = settled("mooncake", path)
    assert found.remarks == (
        "turns of the trace's sessions begin with the blocks of the turn before, and were read as whole prompts",
    )
    plan = planned("mooncake", path)
    assert plan.isl.tolist() == [600, 1100]
    one, two = prompts(plan)
    assert one.split()[:512] == two.split()[:512]
    turns[1]["hash_ids"] = [5, 6, 7]
    added = planned("mooncake", write(path, as_lines(turns)))
    assert added.isl.tolist() == [600, 600 + 5 + 1100]
    for context, length in {"message_array_with_responses": 1100, "deltas_without_responses": 1705}.items():
        told = [{**turn, "context_mode": context} for turn in turns]
        assert planned("mooncake", write(path, as_lines(told))).isl.tolist() == [600, length]


def test_messages_and_payloads_are_sent_as_their_text_and_it_is_said(tmp_path: Path) -> None:
    history = [{"role": "system", "content": "be brief"}, {"role": "user", "content": [{"type": "text", "text": "hi"}]}]
    entries = [
        {"timestamp": 0, "messages": history, "output_length": 9},
        {"timestamp": 10, "payload": {"prompt": "a b c", "max_tokens": 4, "top_p": 0.5}},
        {"timestamp": 20, "payload": {"messages": history, "max_completion_tokens": 6, "max_tokens": 2}},
        {"created_time": 30, "input_tokens": 7, "output_tokens": 8},
    ]
    path = write(tmp_path / "t", as_lines(entries))
    found, trace = settled("mooncake", path)
    assert trace.bad.count == 0
    assert [(r.isl, r.osl) for r in found.requests] == [(3, 9), (3, 4), (3, 6), (7, 8)]
    assert found.remarks[-1].startswith("the trace holds messages or payloads: their text was sent as one prompt")
    made = prompts(planned("mooncake", path), path)
    assert made[:3] == ["be brief\nhi", "a b c", "be brief\nhi"]


def test_the_prompt_hash_covers_the_words_of_a_trace(tmp_path: Path) -> None:
    entry = {"timestamp": 0, "text_input": "one two", "output_length": 1}
    one = planned("mooncake", write(tmp_path / "one", as_lines([entry])))
    other = planned("mooncake", write(tmp_path / "two", as_lines([{**entry, "text_input": "one three"}])))
    assert one.prompt_hash != other.prompt_hash


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"input_length": 4, "text_input": "x"}, "has input_length and text_input; a prompt is one of them"),
        ({"text_input": " "}, "text_input holds no text"),
        ({"messages": [1]}, "messages is a list, not a list of messages"),
        ({"payload": 3}, "messages is None, not a list of messages"),
        ({"input_length": 4, "context_mode": "other"}, "context_mode is 'other'; it can be"),
        ({"input_length": 4, "session_id": [1]}, "session_id is a list, not the name"),
        ({"input_length": 4, "session_id": "s", "delay": -1}, "delay is -1, not a time of at least 0"),
        ({"input_length": 4, "timestamp": -5}, "timestamp is -5, not a time of at least 0"),
    ],
)
def test_lines_that_contradict_themselves_are_bad_lines(tmp_path: Path, entry: dict[str, Any], why: str) -> None:
    path = write(tmp_path / "t", as_lines([{"output_length": 1, **entry}, MOONCAKE[0]]))
    _, trace = settled("mooncake", path)
    assert trace.bad.count == 1
    assert trace.bad.examples[0].startswith(f"{path}:1: {why}")


def test_a_session_that_grows_beyond_any_prompt_is_refused(tmp_path: Path) -> None:
    turn = {"session_id": "a", "timestamp": 0, "input_length": 9_000_000, "output_length": 1}
    with pytest.raises(UsageError, match="grows to 18,000,001 tokens, above 10,000,000"):
        planned("mooncake", write(tmp_path / "t", as_lines([turn, turn])))


def test_bailian_chats_are_sessions_of_whole_prompts_at_their_times(tmp_path: Path) -> None:
    path = write(tmp_path / "t", as_lines(BAILIAN))
    found, trace = settled("bailian", path)
    assert (found.block, found.remarks, trace.bad.count) == (16, (), 0)
    plan = planned("bailian", path)
    assert plan.isl.tolist() == [40, 16, 50, 33]
    assert plan.session is not None
    assert plan.turn is not None
    assert plan.planned_ns is not None
    assert plan.session.tolist() == [0, 1, 0, 2]  # the second child of chat 1 stands alone, as does a lost parent's
    assert plan.turn.tolist() == [0, 0, 1, 0]
    assert plan.planned_ns.tolist() == pytest.approx([0, 86 * MS, 1_500 * MS, 2_000 * MS])
    first, _, second, third = (prompt.split() for prompt in prompts(plan))
    assert first[:32] == second[:32] == third[:32]
    assert first[32:40] != second[32:40]


def test_a_bailian_trace_is_not_taken_for_mooncakes(tmp_path: Path) -> None:
    path = write(tmp_path / "t", as_lines(BAILIAN))
    with pytest.raises(FileError, match=r"t:1: is a line of a Qwen-Bailian trace: read it with trace\.kind bailian"):
        settled("mooncake", path)
    with pytest.raises(FileError, match=r"t:1: chat_id is None, not the number of a chat; no line .* of 3"):
        settled("bailian", write(path, as_lines(MOONCAKE)))


def test_sessions_without_any_time_need_a_rate(tmp_path: Path) -> None:
    path = write(tmp_path / "t", as_lines([{"session_id": 1, "input_length": 4, "output_length": 1}]))
    with pytest.raises(UsageError, match="tells no times; give a request rate or a concurrency"):
        planned("mooncake", path)
    assert len(planned("mooncake", path, arrival=Arrival.GAMMA)) == 1
    assert len(list(open_trace("mooncake", path).requests)) == 1
