"""Reading a stream block by block, and by template, gives what reading all of it as JSON gives."""

from __future__ import annotations

from itertools import pairwise

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inferbench.loadgen.dialects.dialect import DONE as DONE_DATA
from inferbench.loadgen.dialects.dialect import Dialect
from inferbench.loadgen.dialects.openai import Chat, Completions
from inferbench.loadgen.dialects.sglang import Generate
from inferbench.loadgen.dialects.token_counting import count_tokens
from inferbench.loadgen.http.json_template import learn
from inferbench.loadgen.http.sse import parse_events
from inferbench.loadgen.http.stream import StreamReading
from inferbench.records.request_record import ChunkTokens
from tests.support.raw_server import DONE, event, text, usage


def plainly(dialect: Dialect, pieces: list[bytes]) -> tuple:
    """The plain way: all of the body, event by event, as JSON."""
    times, lengths, last, error = [], [], None, None
    for e in parse_events(list(enumerate(pieces))):
        if (not e.data and e.name != "error") or e.data == DONE_DATA:
            continue
        reading = dialect.interpret(e.name, e.data)
        if reading.usage:
            last = reading.usage
        if reading.token_bearing:
            times.append(e.t_ns)
            lengths.append(reading.text_length)
        if reading.error:
            error = reading.error
            break
    return times, lengths, last, error


def in_blocks(dialect: Dialect, pieces: list[bytes], block: int) -> tuple:
    stream = StreamReading(dialect)
    for first in range(0, len(pieces), block):
        part = pieces[first : first + block]
        stream.take(list(range(first, first + len(part))), part)
    stream.finish()
    used = stream.usage if any(field is not None for field in stream.usage) else None
    return list(stream.times_ns), list(stream.lengths), used, stream.error


words = st.text(max_size=8) | st.sampled_from(
    ["a", " the", 'say "hi"', "back\\slash", "line\n", "é", "中文", "", "\u2028"]
)
fields = st.sampled_from(["text", "content", "reasoning_content", "reasoning"])


def a_choice(field: str, word: str, created: int) -> bytes:
    part = {"text": word} if field == "text" else {"delta": {field: word, "role": None}}
    return event(id="x", created=created, choices=[{"index": 0, **part, "finish_reason": None}], usage=None)


plain_events = st.builds(a_choice, fields, words, st.integers(0, 2))
odd_events = st.sampled_from(
    [
        DONE,
        usage(3, 4),
        b": comment\n\n",
        b"data:\n\n",
        b"\n\n",
        b"event: error\ndata: {}\n\n",
        b"data: {\n\n",
        event(error="no"),
        text("a").replace(b"a", b"\xff"),
        text("a").replace(b"a", b"\\u00e9"),
        text("a").replace(b"\n\n", b"\r\n\r\n"),
        text("a").replace(b"data: ", b"data:"),
        text("a").replace(b"data: ", b"data:  "),
        event(choices=[{"text": "a", "delta": {"content": "b"}}, {"text": "c"}]),
        event(choices=[{"text": 'a","text":"b'}]),
        event(choices=[{"delta": {"content": "a", "tool_calls": [{"function": {"name": "f"}}]}}]),
        b'data: {"choices":[{"text":"a","text":"b"}]}\n\n',
        b'data: {"choices":[{"text":"a"}],\ndata: "id":1}\n\n',
    ]
)
runs = st.tuples(fields, st.integers(0, 1), st.lists(words, min_size=1, max_size=8)).map(
    lambda run: b"".join(a_choice(run[0], word, run[1]) for word in run[2])
)
bodies = st.lists(runs | plain_events | odd_events, max_size=8).map(b"".join)


def cut(body: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(a, len(body)) for a in at), len(body)]
    return [body[a:b] for a, b in pairwise(edges)]


@given(st.sampled_from([Chat(), Completions()]), bodies, st.lists(st.integers(0, 4000), max_size=12), st.integers(1, 5))
def test_same_as_the_plain_way_however_it_comes(dialect, body, at, block):
    pieces = cut(body, at)
    assert in_blocks(dialect, pieces, block) == plainly(dialect, pieces)


@given(st.sampled_from([Chat(), Completions()]), st.lists(runs | odd_events, max_size=8), st.integers(1, 5))
def test_same_as_the_plain_way_an_event_at_a_time(dialect, pieces, block):
    assert in_blocks(dialect, pieces, block) == plainly(dialect, pieces)


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n"])
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_an_event_is_read_when_its_end_has_come_wherever_pieces_are_cut(end, size):
    whole = (text("a") + text("b")).replace(b"\n\n", end)
    body = whole + b"data: {"
    stream = StreamReading(Completions())
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    for number, piece in enumerate(pieces):
        stream.take([number], [piece])
    ends = [len(whole) // 2, len(whole)]
    assert list(stream.times_ns) == [(at - 1) // size for at in ends]


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=8), st.integers(1, 5))
@example(b"error", [], 1)
def test_any_bytes_raise_nothing(body, at, block):
    pieces = cut(body, at)
    assert in_blocks(Chat(), pieces, block) == plainly(Chat(), pieces)


def test_a_byte_order_mark_counts_only_at_the_start():
    for pieces in ([b"\xef\xbb\xbf" + text("a"), text("b")], [text("a"), b"\xef\xbb\xbf" + text("b")]):
        assert in_blocks(Completions(), pieces, 1) == plainly(Completions(), pieces)


def test_a_template_is_learnt_where_the_text_is_and_nowhere_else():
    assert learn(Completions(), text("ab")) is not None
    assert learn(Chat(), text("ab")) is None  # no token of a chat
    assert learn(Completions(), event(choices=[{"text": "a"}], usage={"completion_tokens": 1})) is None
    assert learn(Completions(), text('a"b')) is None
    template = learn(Chat(), event(choices=[{"delta": {"reasoning_content": "", "content": "x"}}]))
    assert template is not None
    assert template.reading.answer


class Counting(Completions):
    def __init__(self) -> None:
        self.parsed = 0

    def interpret(self, name, data):
        self.parsed += 1
        return super().interpret(name, data)


def test_most_events_are_never_parsed_as_json():
    dialect = Counting()
    stream = StreamReading(dialect)
    pieces = [text(f" word{i}") for i in range(1000)]
    stream.take(list(range(1000)), pieces)
    assert list(stream.times_ns) == list(range(1000))
    assert dialect.parsed < 10


def test_an_event_of_many_answers_is_not_parsed_once_for_each_of_them():
    dialect = Counting()
    stream = StreamReading(dialect)
    stream.take([0], [event(choices=[{"index": i, "text": "a"} for i in range(1000)])])
    assert list(stream.times_ns) == [0]
    assert dialect.parsed < 30


def read(dialect: Dialect, *pieces: bytes) -> StreamReading:
    stream = StreamReading(dialect)
    stream.take(list(range(len(pieces))), list(pieces))
    stream.finish()
    return stream


def counted(dialect: Dialect, *pieces: bytes) -> tuple:
    """Generated tokens, stamps of the chunks that held them, tokens in each, and how that is known."""
    found = count_tokens(read(dialect, *pieces), lambda: None)
    return found.osl, list(found.chunks.times_ns), list(found.chunks.tokens), found.known_by


def delta(**fields) -> bytes:
    return event(choices=[{"index": 0, "delta": fields}])


def test_the_answer_begins_after_the_reasoning():
    both = read(Chat(), delta(role="assistant"), delta(reasoning="a"), delta(reasoning="b"), delta(content="c"))
    assert (list(both.times_ns), both.answer_ns) == ([1, 2, 3], 3)
    assert read(Chat(), delta(content="a"), delta(content="b")).answer_ns is None
    assert read(Chat(), delta(reasoning="a")).answer_ns is None
    assert read(Chat(), delta(content="a"), delta(reasoning="b"), delta(content="c")).answer_ns is None


def test_running_usage_tells_the_tokens_of_each_chunk():
    chunks = [event(choices=[{"text": "x"}], usage={"prompt_tokens": 5, "completion_tokens": k}) for k in (1, 4, 6)]
    assert counted(Completions(), *chunks) == (6, [0, 1, 2], [1, 3, 2], ChunkTokens.USAGE)
    without = counted(Completions(), *chunks[:2], text("x"), usage(5, 6))
    assert without == (6, [0, 1, 2], [2, 2, 2], ChunkTokens.SPREAD)


def test_tokens_are_one_per_chunk_or_spread():
    pieces = text("a"), text("bbb")
    assert counted(Completions(), *pieces, usage(1, 2)) == (2, [0, 1], [1, 1], ChunkTokens.ONE)
    end = event(choices=[{"text": "", "finish_reason": "length"}])
    assert counted(Completions(), *pieces, end, usage(1, 8)) == (8, [0, 1], [2, 6], ChunkTokens.SPREAD)


def test_details_of_usage():
    details = {
        "prompt_tokens_details": {"cached_tokens": 7},
        "completion_tokens_details": {"accepted_prediction_tokens": 2},
    }
    stream = read(Chat(), event(choices=[], usage={"prompt_tokens": 9, "completion_tokens": 3, **details}))
    assert tuple(stream.usage) == (9, 3, 7, 2, None)
    assert tuple(read(Chat(), event(usage={"prompt_tokens_details": None})).usage) == (None,) * 5


def generated(words: str, tokens: int, **meta) -> bytes:
    return event(text=words, meta_info={"prompt_tokens": 4, "completion_tokens": tokens, "cached_tokens": 1, **meta})


def test_generate_repeats_the_text_and_counts_the_tokens():
    events = [generated("a", 1), generated("abc", 4), generated("abc", 4, finish_reason={"type": "length"})]
    stream = read(Generate(), *events, DONE)
    assert counted(Generate(), *events, DONE) == (4, [0, 1], [1, 3], ChunkTokens.USAGE)
    assert (stream.usage.prompt_tokens, stream.usage.cached_tokens, stream.error) == (4, 1, None)


def test_generate_without_counts_and_with_speculation():
    stream = read(Generate(), event(text="a"), event(text="a"), event(text="ab"))
    assert (list(stream.times_ns), list(stream.lengths)) == ([0, 2], [1, 1])
    assert read(Generate(), generated("abcdef", 6, spec_verify_ct=2)).usage.accepted_tokens == 4


def test_generate_says_why_it_was_aborted():
    stream = read(Generate(), generated("a", 1, finish_reason={"type": "abort", "message": "too long"}))
    assert stream.error == "aborted by the server: too long"


@pytest.mark.parametrize("prompt", ["hi", [1, 2]])
def test_generate_body(prompt):
    from inferbench.loadgen.http.endpoint import Endpoint

    body = orjson.loads(Generate().body(Endpoint("http://host", "/generate", "m"), prompt, 5, True))
    assert body == {
        "text" if prompt == "hi" else "input_ids": prompt,
        "sampling_params": {"max_new_tokens": 5, "ignore_eos": True, "temperature": 0},
        "stream": True,
    }
