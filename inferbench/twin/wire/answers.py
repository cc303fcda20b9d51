"""The bytes of an answer, in the words of OpenAI's two endpoints."""

from __future__ import annotations

from typing import Any

import orjson

WORD = " token"
"""The text of every token."""


def framed(events: bytes) -> bytes:
    """Wrap bytes as one chunk of a chunked body (RFC 9112, section 7.1)."""
    return b"%x\r\n%b\r\n" % (len(events), events)


class Answer:
    """Writes one request's answer: server-sent events or a whole JSON body."""

    def __init__(self, model: str, seq: int, created: int, chat: bool) -> None:
        kind = "chat.completion" if chat else "text_completion"
        prefix = "chatcmpl" if chat else "cmpl"
        self._base = {"id": f"{prefix}-{seq}", "object": kind, "created": created, "model": model}
        self._chat = chat
        self._frames: dict[int, bytes] = {}

    def opening(self) -> bytes:
        """The chunk that opens a stream: a chat names the role and says nothing yet. Empty for completions."""
        return framed(self._event([self._delta({"role": "assistant", "content": ""})])) if self._chat else b""

    def tokens(self, count: int) -> bytes:
        """The chunk that holds `count` tokens; equal counts have equal bytes, so they are written once."""
        frame = self._frames.get(count)
        if frame is None:
            text = WORD * count
            choice = self._delta({"content": text}) if self._chat else _choice(text=text)
            frame = self._frames[count] = framed(self._event([choice]))
        return frame

    def closing(self, usage: dict[str, int] | None) -> bytes:
        """The chunk that ends a stream: why it ended, the usage where it was asked for, and [DONE]."""
        choice = self._delta({}, "length") if self._chat else _choice("length", text="")
        counts = self._event([], usage=usage) if usage else b""
        return framed(self._event([choice]) + counts + b"data: [DONE]\n\n")

    def failure(self, message: str) -> bytes:
        """The chunk that ends a stream that went wrong."""
        return framed(b"event: error\ndata: %b\n\n" % orjson.dumps(error_body(500, message)))

    def whole(self, tokens: int, usage: dict[str, int]) -> dict[str, Any]:
        """The answer of a request that is not streamed."""
        text = WORD * tokens
        message = {"message": {"role": "assistant", "content": text}} if self._chat else {"text": text}
        return self._base | {"choices": [_choice("length", **message)], "usage": usage}

    def _delta(self, delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
        return _choice(finish, delta=delta)

    def _event(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        base = self._base | {"object": "chat.completion.chunk"} if self._chat else self._base
        return b"data: %b\n\n" % orjson.dumps(base | {"choices": choices} | more)


def usage_of(prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
    """OpenAI's `usage` object."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


def error_body(status: int, message: str) -> dict[str, Any]:
    """OpenAI's error object."""
    return {"error": {"message": message, "type": "server_error" if status >= 500 else "invalid_request_error"}}


def _choice(finish: str | None = None, **content: Any) -> dict[str, Any]:
    return {"index": 0, **content, "logprobs": None, "finish_reason": finish}
