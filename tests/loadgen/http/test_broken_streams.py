"""A stream that failed is no success, however it says so; what came before is kept."""

from __future__ import annotations

import pytest

from inferbench.records.request_record import Status
from tests.support.raw_server import CHUNKED, DONE, always, ask, chunked, event, run, text, usage

CHAT, GENERATE, RESPONSES, MESSAGES = "/v1/chat/completions", "/generate", "/v1/responses", "/v1/messages"


def delta(words: str, reason: str | None = None) -> bytes:
    return event(choices=[{"index": 0, "delta": {"content": words}, "finish_reason": reason}])


def ended(reason: str | None, words: str = "") -> bytes:
    return event(choices=[{"index": 0, "text": words, "finish_reason": reason}])


def generated(words: str, count: int, reason: object = None) -> bytes:
    return event(text=words, meta_info={"prompt_tokens": 4, "completion_tokens": count, "finish_reason": reason})


def named(kind: str, **fields: object) -> bytes:
    return f"event: {kind}\n".encode() + event(type=kind, **fields)


def output(words: str) -> bytes:
    return named("response.output_text.delta", delta=words)


def block(words: str) -> bytes:
    return named("content_block_delta", index=0, delta={"type": "text_delta", "text": words})


def record(body: bytes, path: str = "/v1/completions", osl: int = 3):
    (found,) = run(ask(always(CHUNKED + chunked(body)), path=path, osl=osl))
    return found


def deep(piece: bytes) -> bytes:
    """Nest what stands as "@" deeper than JSON is written, and less than it is read."""
    return piece.replace(b'"@"', b'{"a":' * 300 + b"1" + b"}" * 300)


FAILED = {
    "abort": ("/v1/completions", text("a") + ended("abort") + usage(4, 1) + DONE, "abort"),
    "error": ("/v1/completions", text("a") + ended("error") + DONE, "error"),
    "abort-with-text": ("/v1/completions", ended("abort", "a") + DONE, "abort"),
    "chat-abort": (CHAT, delta("a") + delta("", "abort") + DONE, "abort"),
    "chat-error": (CHAT, delta("a") + delta("", "error") + DONE, "error"),
    "choice-error": (
        CHAT,
        delta("a")
        + event(choices=[{"delta": {}, "finish_reason": "error", "error": {"message": "worker died"}}])
        + DONE,
        "worker died",
    ),
    "generate-abort": (GENERATE, generated("a", 1) + generated("ab", 2, {"type": "abort", "message": "OOM"}), "OOM"),
    "generate-abort-word": (GENERATE, generated("a", 1) + generated("a", 1, "abort") + DONE, "aborted"),
    "error-field": ("/v1/completions", text("a") + b'error: {"message": "lost the worker"}\n\n', "lost the worker"),
    "error-object": (
        "/v1/completions",
        text("a") + event(object="error", message="out of KV", code=500) + DONE,
        "out of KV",
    ),
    "error-key": ("/v1/completions", text("a") + text("b") + event(error="died") + DONE, "died"),
    "detail": ("/v1/completions", text("a") + event(detail="Internal Server Error") + DONE, "Internal Server Error"),
    "error-comment": ("/v1/completions", text("a") + b"event: error\n: engine lost\n\n" + DONE, "engine lost"),
    "error-without-a-word": ("/v1/completions", text("a") + b"event: error\n\n" + DONE, "error in the stream"),
    "bare-object": ("/v1/completions", text("a") + b'{"error": {"message": "no data:"}}\n\n', "no data:"),
    "error-then-done": ("/v1/completions", text("a") + event(error={"message": "x"}) + usage(4, 1) + DONE, "x"),
    "responses-failed": (
        RESPONSES,
        output("a") + named("response.failed", response={"error": {"code": "e", "message": "engine died"}}),
        "engine died",
    ),
    "responses-error": (RESPONSES, output("a") + named("error", message="rate", code="429"), "rate"),
    "messages-error": (
        MESSAGES,
        block("a") + named("error", error={"type": "overloaded_error", "message": "Overloaded"}),
        "Overloaded",
    ),
    "truncated": ("/v1/completions", text("a") + text("b"), "broke off"),
    "truncated-after-an-early-usage": ("/v1/completions", text("a") + usage(4, 2) + text("b"), "broke off"),
    "nested-error": ("/v1/completions", text("a") + deep(event(error={"message": "@"})) + DONE, "nested too deeply"),
    "nested-reason": (
        GENERATE,
        generated("a", 1) + deep(generated("ab", 2, {"type": "abort", "message": "@"})),
        "nested too deeply",
    ),
    "reasons-of-no-kind": (MESSAGES, block("a") + named("message_delta", delta={"stop_reason": {"a": 1}}), "broke off"),
    "names-of-no-kind": (RESPONSES, output("a") + event(type={"a": 1}) + event(type=[1]), "broke off"),
    "truncated-chat": (CHAT, delta("a"), "broke off"),
    "truncated-generate": (GENERATE, generated("a", 1) + generated("ab", 2), "broke off"),
    "truncated-responses": (RESPONSES, output("a"), "broke off"),
    "truncated-messages": (MESSAGES, block("a"), "broke off"),
    "truncated-empty-reasons": (CHAT, event(choices=[{"delta": {"content": "a"}, "finish_reason": ""}]), "broke off"),
    "truncated-running-usage": (
        "/v1/completions",
        b"".join(event(choices=[{"text": "x"}], usage={"completion_tokens": k}) for k in (1, 2)),
        "broke off",
    ),
}


@pytest.mark.parametrize(("path", "body", "says"), FAILED.values(), ids=FAILED)
def test_it_is_an_error_that_keeps_what_came(path, body, says):
    found = record(body, path)
    assert found.status is Status.ERROR
    assert says in found.error
    assert found.osl >= 1
    assert found.chunks is not None


COMPLETE = {
    "empty-reasons": (
        "/v1/completions",
        event(choices=[{"text": "a", "finish_reason": ""}])
        + event(choices=[{"text": "b", "finish_reason": "null"}])
        + DONE,
        2,
    ),
    "named-usage": (
        "/v1/completions",
        text("a") + b": comment\nevent: llm_metrics\n" + usage(4, 1) + DONE,
        1,
    ),
    "done": ("/v1/completions", text("a") + text("b") + DONE, 2),
    "reason": ("/v1/completions", text("a") + ended("length", "b"), 2),
    "reason-apart": ("/v1/completions", text("a") + text("b") + ended("length"), 2),
    "usage": ("/v1/completions", text("a") + text("b") + usage(4, 2), 2),
    "usage-with-the-last-text": (
        "/v1/completions",
        text("a") + event(choices=[{"text": "b"}], usage={"completion_tokens": 2}),
        2,
    ),
    "chat-reason": (CHAT, delta("a") + delta("b", "stop"), 2),
    "generate-reason": (GENERATE, generated("a", 1) + generated("ab", 2, {"type": "length", "length": 2}), 2),
    "generate-done": (GENERATE, generated("a", 1) + generated("ab", 2) + DONE, 2),
    "content-filter": (CHAT, delta("a") + delta("", "content_filter") + DONE, 1),
    "null-error": ("/v1/completions", event(error=None, choices=[{"text": "a"}]) + DONE, 1),
    "responses-odd-reason": (
        RESPONSES,
        output("a") + named("response.incomplete", response={"incomplete_details": {"reason": ["x"]}}),
        1,
    ),
    "generate-odd-reason": (GENERATE, generated("a", 1) + generated("ab", 2, {"type": {"x": 1}}) + DONE, 2),
    "calls-of-no-kind": (
        CHAT,
        deep(event(choices=[{"delta": {"tool_calls": [{"function": {"name": "@"}}]}}])) + DONE,
        1,
    ),
    "silent": ("/v1/completions", ended(None) * 3 + ended("length") + usage(4, 3) + DONE, 3),
}


@pytest.mark.parametrize(("path", "body", "osl"), COMPLETE.values(), ids=COMPLETE)
def test_what_came_to_its_end_is_a_success(path, body, osl):
    found = record(body, path)
    assert (found.status, found.error, found.osl) == (Status.OK, None, osl)


def test_a_compressed_answer_is_named_and_plain_text_was_asked_for():
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"

    async def answer(server, writer):
        assert b"Accept-Encoding: identity\r\n" in server.heads[-1]
        writer.write(head + chunked(b"\x1f\x8b\x08\x00"))

    (found,) = run(ask(answer))
    assert found.status is Status.ERROR
    assert "Content-Encoding: gzip" in found.error


def test_a_redirect_names_where_to():
    reply = b"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:1/v1/completions\r\nContent-Length: 0\r\n\r\n"
    (found,) = run(ask(always(reply)))
    assert found.error == "HTTP 307: the server sends elsewhere, to http://127.0.0.1:1/v1/completions"


def test_a_whole_answer_instead_of_a_stream_is_called_so():
    body = b'{"choices": [{"text": "a b c"}], "usage": {"completion_tokens": 3}}'
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    (found,) = run(ask(always(reply)))
    assert found.error == "no token in the answer: it came whole, and not as a stream"


@pytest.mark.parametrize("told", [2**31, 2**63, 2**64 - 1])
def test_counts_that_cannot_be_lose_no_record(told):
    body = text("a") + text("b") + event(choices=[], usage={"prompt_tokens": told, "completion_tokens": told}) + DONE
    found = record(body)
    assert (found.status, found.osl, found.isl) == (Status.OK, 2, 4)
    assert "generated tokens" in found.remark
    assert "prompt tokens" in found.remark


def test_a_count_that_cannot_be_is_no_token_where_there_is_no_text():
    found = record(ended(None) * 3 + ended("length") + usage(4, 2**40) + DONE)
    assert found.status is Status.ERROR
    assert (
        found.error
        == "no token in the answer: usage says 1,099,511,627,776 generated tokens, and at most 3 were asked for"
    )


def test_cached_and_accepted_tokens_are_no_more_than_all():
    details = {
        "prompt_tokens": 4,
        "completion_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 2**63},
        "completion_tokens_details": {"accepted_prediction_tokens": 3},
    }
    found = record(text("a") + text("b") + event(choices=[], usage=details) + DONE)
    assert (found.osl, found.cached_tokens, found.accepted_tokens) == (2, None, None)


def test_headers_that_the_user_gives_replace_ours():
    async def answer(server, writer):
        head = server.heads[-1].lower()
        assert head.count(b"accept-encoding:") == 1
        assert b"accept-encoding: gzip" in head
        writer.write(CHUNKED + chunked(text("a") + DONE))

    (found,) = run(ask(answer, headers={"accept-encoding": "gzip"}))
    assert found.status is Status.OK
