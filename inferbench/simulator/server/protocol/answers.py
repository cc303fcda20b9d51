"""The bytes of an answer, in the words of OpenAI's two endpoints and of SGLang's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import orjson
from typing_extensions import override

from inferbench.simulator.server.protocol.replies import error_body
from inferbench.simulator.server.protocol.request_body import Ask, GenerateEndpoint

WORD = " token"
"""The text of every token."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How an answer ended."""

    tokens: int
    passes: int | None
    """Decode passes that it took where tokens are drafted; None where they are not."""


class ResponseWriter(Protocol):
    """Writes one request's answer: server-sent events or a whole JSON body."""

    def opening(self) -> bytes:
        """The chunk that opens a stream; empty where there is none."""

    def tokens(self, count: int) -> bytes:
        """The chunk that holds `count` tokens more."""

    def closing(self, ending: Ending) -> bytes:
        """The chunk that ends a stream: why it ended, its counts, and [DONE]."""

    def whole(self, ending: Ending) -> dict[str, Any]:
        """The answer of a request that is not streamed."""


def answer_of(ask: Ask, model: str, seq: int, created: int) -> ResponseWriter:
    """Return the writer of a request's answer."""
    return Generated(ask, seq) if ask.kind is GenerateEndpoint.GENERATE else OpenAI(ask, model, seq, created)


def failure(message: str) -> bytes:
    """The chunk that ends a stream that went wrong."""
    return framed(b"event: error\ndata: %b\n\n" % orjson.dumps(error_body(500, message)))


def framed(events: bytes) -> bytes:
    """Wrap bytes as one chunk of a chunked body (RFC 9112, section 7.1)."""
    return b"%x\r\n%b\r\n" % (len(events), events)


class OpenAI(ResponseWriter):
    """`/v1/completions` and `/v1/chat/completions`: each event holds what is new."""

    def __init__(self, ask: Ask, model: str, seq: int, created: int) -> None:
        self._ask, self._chat = ask, ask.kind is GenerateEndpoint.CHAT
        kind = "chat.completion" if self._chat else "text_completion"
        prefix = "chatcmpl" if self._chat else "cmpl"
        self._base = {"id": f"{prefix}-{seq}", "object": kind, "created": created, "model": model}
        self._frames: dict[int, bytes] = {}

    @override
    def opening(self) -> bytes:
        """A chat names the role, and says nothing yet."""
        return framed(self._event([self._delta({"role": "assistant", "content": ""})])) if self._chat else b""

    @override
    def tokens(self, count: int) -> bytes:
        """Equal counts have equal bytes, so they are written once."""
        frame = self._frames.get(count)
        if frame is None:
            text = WORD * count
            choice = self._delta({"content": text}) if self._chat else _choice(text=text)
            frame = self._frames[count] = framed(self._event([choice]))
        return frame

    @override
    def closing(self, ending: Ending) -> bytes:
        """The usage is told where it was asked for."""
        choice = self._delta({}, "length") if self._chat else _choice("length", text="")
        counts = self._event([], usage=self._usage(ending)) if self._ask.include_usage else b""
        return framed(self._event([choice]) + counts + b"data: [DONE]\n\n")

    @override
    def whole(self, ending: Ending) -> dict[str, Any]:
        text = WORD * ending.tokens
        message = {"message": {"role": "assistant", "content": text}} if self._chat else {"text": text}
        return self._base | {"choices": [_choice("length", **message)], "usage": self._usage(ending)}

    def _usage(self, ending: Ending) -> dict[str, int]:
        prompt = self._ask.prompt_tokens
        return {
            "prompt_tokens": prompt,
            "completion_tokens": ending.tokens,
            "total_tokens": prompt + ending.tokens,
        }

    def _delta(self, delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
        return _choice(finish, delta=delta)

    def _event(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        base = self._base | {"object": "chat.completion.chunk"} if self._chat else self._base
        return b"data: %b\n\n" % orjson.dumps(base | {"choices": choices} | more)


class Generated(ResponseWriter):
    """`/generate`: each event repeats the text so far and counts its tokens."""

    def __init__(self, ask: Ask, seq: int) -> None:
        self._meta: dict[str, Any] = {
            "id": f"{seq:032x}",
            "finish_reason": None,
            "prompt_tokens": ask.prompt_tokens,
            "cached_tokens": 0,
        }
        self._sent = 0

    @override
    def opening(self) -> bytes:
        return b""

    @override
    def tokens(self, count: int) -> bytes:
        self._sent += count
        return framed(b"data: %b\n\n" % orjson.dumps(self._so_far(self._sent)))

    @override
    def closing(self, ending: Ending) -> bytes:
        return framed(b"data: %b\n\ndata: [DONE]\n\n" % orjson.dumps(self.whole(ending)))

    @override
    def whole(self, ending: Ending) -> dict[str, Any]:
        verified = {} if ending.passes is None else {"spec_verify_ct": ending.passes}
        return self._so_far(ending.tokens, finish_reason={"type": "length", "length": ending.tokens}, **verified)

    def _so_far(self, tokens: int, **more: Any) -> dict[str, Any]:
        return {"text": WORD * tokens, "meta_info": self._meta | {"completion_tokens": tokens} | more}


def _choice(finish: str | None = None, **content: Any) -> dict[str, Any]:
    return {"index": 0, **content, "logprobs": None, "finish_reason": finish}
