"""What goes into a request body, and what an event means."""

from __future__ import annotations

import orjson
import pytest

from inferbench.errors import UsageError
from inferbench.loadgen.dialects.dialect import Usage
from inferbench.loadgen.dialects.openai import Chat, Completions, dialect_for
from inferbench.loadgen.dialects.sglang import Generate
from inferbench.loadgen.http.endpoint import Endpoint

COMMON = {
    "model": "m",
    "max_tokens": 5,
    "temperature": 0,
    "ignore_eos": True,
    "stream": True,
    "stream_options": {"include_usage": True},
}


def endpoint(**options):
    return Endpoint("http://host", "/v1/completions", "m", **options)


@pytest.mark.parametrize(
    ("dialect", "prompt", "own"),
    [
        (Completions(), "hi", {"prompt": "hi"}),
        (Completions(), [1, 2], {"prompt": [1, 2]}),
        (Chat(), "hi", {"messages": [{"role": "user", "content": "hi"}]}),
    ],
)
def test_body(dialect, prompt, own):
    assert orjson.loads(dialect.body(endpoint(), prompt, 5, True)) == COMMON | own


def test_extra_body_wins():
    body = Completions().body(endpoint(extra_body={"temperature": 0.6, "top_k": 1}), "hi", 5, False)
    meant = {key: value for key, value in COMMON.items() if key != "ignore_eos"}  # servers refuse unknown fields
    assert orjson.loads(body) == meant | {"prompt": "hi", "temperature": 0.6, "top_k": 1}


def test_paths():
    assert isinstance(dialect_for("/v1/completions"), Completions)
    assert isinstance(dialect_for("/openai/v1/chat/completions"), Chat)
    with pytest.raises(UsageError, match="allowed: /v1/completions"):
        dialect_for("/v1/embeddings")


def choice(**fields):
    return orjson.dumps({"choices": [{"index": 0, **fields}]})


@pytest.mark.parametrize(
    ("dialect", "data", "bearing", "length"),
    [
        (Completions(), choice(text="abc"), True, 3),
        (Completions(), choice(text="", finish_reason="stop"), False, 0),
        (Completions(), choice(text="é€"), True, 2),
        (Chat(), choice(delta={"role": "assistant", "content": ""}), False, 0),
        (Chat(), choice(delta={"role": "assistant", "content": None}), False, 0),
        (Chat(), choice(delta={"content": "ab"}), True, 2),
        (Chat(), choice(delta={"reasoning_content": "abc"}), True, 3),
        (Chat(), choice(delta={"reasoning": "abcd"}), True, 4),
        (Chat(), choice(delta={"reasoning": "ab", "reasoning_content": "ab"}), True, 2),
        (Chat(), choice(delta={"tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}), True, 3),
        (Chat(), choice(delta={"tool_calls": [{"function": None}, 3]}), True, 0),
        (Chat(), choice(delta={"tool_calls": []}), False, 0),
        (Chat(), choice(delta=None), False, 0),
        (Chat(), b'{"choices": null}', False, 0),
        (Chat(), b'{"choices": [3]}', False, 0),
        (Chat(), b"{}", False, 0),
    ],
)
def test_tokens(dialect, data, bearing, length):
    reading = dialect.interpret("", data)
    assert (reading.token_bearing, reading.text_length, reading.error) == (bearing, length, None)


@pytest.mark.parametrize(
    ("usage", "read"),
    [
        ({"prompt_tokens": 7, "completion_tokens": 3}, Usage(7, 3)),
        ({"prompt_tokens": 7}, Usage(7, None)),
        ({"prompt_tokens": -1, "completion_tokens": True}, Usage(None, None)),
        ({"prompt_tokens": "7", "completion_tokens": 3.5}, Usage(None, None)),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 6,
                "total_tokens": 205,
                "completion_tokens_details": {"reasoning_tokens": 190},
            },
            Usage(9, 196, None, None, 190),
        ),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 196,
                "total_tokens": 205,
                "completion_tokens_details": {"reasoning_tokens": 190},
            },
            Usage(9, 196, None, None, 190),
        ),
        (None, None),
        ([1], None),
    ],
)
def test_usage(usage, read):
    assert Completions().interpret("", orjson.dumps({"choices": [], "usage": usage})).usage == read


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("", b'{"error": {"message": "m1", "code": 5}}', "m1"),
        ("", b'{"error": {"code": 5}}', '{"code":5}'),
        ("", b'{"error": "m2"}', "m2"),
        ("error", b'{"message": "m3"}', "m3"),
        ("error", b"plain words", "plain words"),
        ("", b"{", "not JSON"),
        ("", b"", "not JSON"),
        ("", b"null", "no JSON object"),
    ],
)
def test_errors(name, data, says):
    reading = Completions().interpret(name, data)
    assert says in reading.error
    assert not reading.token_bearing


def test_null_in_the_extra_body_takes_a_key_out():
    extra = {"ignore_eos": None, "stream_options": {"include_usage": None, "x": 1}, "top_k": None, "metadata": {"a": 1}}
    body = orjson.loads(Completions().body(endpoint(extra_body=extra), "hi", 5, True))
    meant = {key: value for key, value in COMMON.items() if key != "ignore_eos"}
    assert body == meant | {"prompt": "hi", "stream_options": {"x": 1}, "metadata": {"a": 1}}


def test_the_extra_body_is_merged_into_what_it_holds():
    extra = {"sampling_params": {"temperature": 0.6, "ignore_eos": None}}
    body = orjson.loads(Generate().body(endpoint(extra_body=extra), "hi", 5, True))
    assert body["sampling_params"] == {"max_new_tokens": 5, "temperature": 0.6}


@pytest.mark.parametrize(
    ("dialect", "extra", "most"),
    [
        (Completions(), {}, 5),
        (Completions(), {"max_tokens": 7}, 7),
        (Chat(), {"max_completion_tokens": 9}, 9),
        (Chat(), {"max_tokens": None}, None),
        (Completions(), {"n": 4}, 20),
        (Completions(), {"best_of": 3, "n": 2}, 15),
        (Generate(), {"sampling_params": {"n": 2}}, 10),
        (Generate(), {"sampling_params": None}, None),
    ],
)
def test_most_tokens_of_an_answer(dialect, extra, most):
    assert dialect.most_tokens(endpoint(extra_body=extra), 5) == most


def test_what_the_endpoint_asks_for_by_header_goes_out_once():
    from inferbench.loadgen.dialects.anthropic import Messages
    from inferbench.loadgen.dialects.request_bodies import _head

    head = _head(endpoint(headers={"Anthropic-Version": "x"}), Messages())
    assert head.count(b"nthropic-") == 1
    assert b"anthropic-version: 2023-06-01\r\n" in _head(endpoint(), Messages())
