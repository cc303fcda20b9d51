"""The Responses and the Messages API: what goes out, and what their named events say."""

from __future__ import annotations

import orjson
import pytest

from inferbench.errors import UsageError
from inferbench.loadgen.dialects.anthropic import Messages
from inferbench.loadgen.dialects.dialect import Dialect
from inferbench.loadgen.dialects.openai import dialect_for
from inferbench.loadgen.dialects.openai_responses import Responses
from inferbench.loadgen.dialects.token_counting import count_tokens
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.loadgen.http.stream import StreamReading
from tests.support.measured_data import measured
from tests.support.raw_server import DONE, event


def named(kind: str, **fields: object) -> bytes:
    return f"event: {kind}\n".encode() + event(type=kind, **fields)


def read(dialect: Dialect, *pieces: bytes) -> StreamReading:
    stream = StreamReading(dialect)
    stream.take(list(range(len(pieces))), list(pieces))
    stream.finish()
    return stream


def counted(stream: StreamReading) -> tuple[int, list[int], list[int]]:
    found = count_tokens(stream, lambda: None)
    assert found.chunks is not None
    return found.osl, list(found.chunks.times_ns), list(found.chunks.tokens)


def completed(generated: int, reason: str | None = None, **usage: object) -> bytes:
    details = {"reason": reason} if reason else None
    told = {"input_tokens": 9, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": generated, **usage}
    return named("response.completed", response={"incomplete_details": details, "usage": told})


def output(words: str, kind: str = "output_text") -> bytes:
    return named(f"response.{kind}.delta", delta=words)


def test_responses_count_what_is_generated_and_end_without_done():
    opening = [named("response.created", response={"usage": None}), named("response.in_progress", response={})]
    texts = [output("a"), output("bb"), output("a")]
    closing = [named("response.output_text.done", text="abba"), completed(4, "max_output_tokens")]
    stream = read(Responses(), *opening, *texts, *closing)
    assert (stream.error, stream.ended, stream.finish_reason) == (None, True, "max_output_tokens")
    assert counted(stream) == (4, [2, 3, 4], [1, 1, 2])
    assert stream.usage[:3] == (9, 4, 4)


def test_responses_tell_reasoning_and_calls_from_the_answer():
    stream = read(
        Responses(), output("hm", "reasoning_text"), output("{}", "function_call_arguments"), output("a"), completed(3)
    )
    assert (stream.answer_ns, counted(stream)) == (2, (3, [0, 1, 2], [1, 1, 1]))


def test_responses_that_end_by_themselves_end_with_their_last_token():
    stream = read(Responses(), output("a"), output("b"), completed(3))
    assert counted(stream) == (3, [0, 1, 2], [1, 1, 1])


def test_reasoning_that_responses_do_not_show_is_hidden():
    hidden = completed(22, output_tokens_details={"reasoning_tokens": 20})
    assert counted(read(Responses(), output("a"), output("b"), hidden)) == (22, [0, 1], [1, 1])


def block(words: str, kind: str = "text_delta", key: str = "text") -> bytes:
    return named("content_block_delta", index=0, delta={"type": kind, key: words})


def test_messages_put_two_usages_together():
    start = named(
        "message_start", message={"usage": {"input_tokens": 5, "cache_read_input_tokens": 4, "output_tokens": 1}}
    )
    opening = [start, named("content_block_start", content_block={"type": "text", "text": ""}), named("ping")]
    closing = [
        named("content_block_stop"),
        named("message_delta", delta={"stop_reason": "max_tokens"}, usage={"output_tokens": 2}),
        named("message_stop"),
    ]
    stream = read(Messages(), *opening, block("a"), block("b"), *closing)
    assert (stream.error, stream.ended, stream.usage[:3]) == (None, True, (9, 2, 4))
    assert counted(stream) == (2, [3, 4], [1, 1])


def test_messages_tell_thinking_and_tool_input_from_the_answer():
    stream = read(
        Messages(),
        block("hm", "thinking_delta", "thinking"),
        block("sig", "signature_delta", "signature"),
        block("{}", "input_json_delta", "partial_json"),
        block("a"),
        named("message_stop"),
    )
    assert (stream.answer_ns, list(stream.times_ns)) == (3, [0, 2, 3])


@pytest.mark.parametrize(
    ("path", "own"),
    [
        ("/v1/responses", {"input": "hi", "max_output_tokens": 5}),
        ("/v1/messages", {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 5}),
    ],
)
def test_bodies(path, own):
    endpoint, dialect = Endpoint("http://host", path, "m"), dialect_for(path)
    common = {"model": "m", "temperature": 0, "ignore_eos": True, "stream": True}
    assert orjson.loads(dialect.body(endpoint, "hi", 5, True)) == common | own
    assert dialect.most_tokens(endpoint, 5) == 5
    with pytest.raises(UsageError, match=f"{path} takes text"):
        dialect.body(endpoint, [1], 5, True)


def real(name: str) -> list[bytes]:
    """The streams of a file, as a real server sent them."""
    body = measured(f"peer-outputs/streams/{name}").read_bytes().partition(b"\n\n0|")[0]
    return [part.lstrip(b"\n") for part in body.split(b"----\n")]


@pytest.mark.parametrize(
    ("name", "paths", "tokens"),
    [
        ("vllm-0.32.0-cpu-responses.sse", ["/v1/responses"], [4]),
        ("vllm-0.32.0-cpu-messages.sse", ["/v1/messages"], [4]),
        ("vllm-0.32.0-cpu-chat-continuous.sse", ["/v1/chat/completions"], [4]),
        ("llama-server-b11434-chat.sse", ["/v1/chat/completions"], [6]),
    ],
)
def test_real_streams(name, paths, tokens):
    for body, path, expected in zip(real(name), paths, tokens, strict=True):
        stream = read(dialect_for(path), *(part + b"\n\n" for part in body.split(b"\n\n") if part.strip()))
        assert (stream.error, stream.ended) == (None, True)
        osl, _, held = counted(stream)
        assert (osl, sum(held)) == (expected, expected)


def test_a_real_answer_that_ended_by_itself():
    """vLLM counts the token that ended it, and says so in the chunk that holds the reason."""
    first, second = real("vllm-0.32.0-cpu-natural-stop.sse")[:2]
    stream = read(dialect_for("/v1/completions"), *(part + b"\n\n" for part in first.split(b"\n\n") if part.strip()))
    assert counted(stream)[2][-1] == 1
    stream = read(dialect_for("/v1/chat/completions"), *(p + b"\n\n" for p in second.split(b"\n\n") if p.strip()))
    assert stream.finish_reason == "stop"
    assert DONE.strip() in second
