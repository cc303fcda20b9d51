"""A small completions and chat server on loopback that keeps what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from typing_extensions import override


@dataclass(frozen=True)
class Asked:
    """One request."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str]


@dataclass
class RecordingServer:
    """A running server. Every answer has as many tokens as were asked for, all at once."""

    port: int
    model: str
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def recording_server(model: str) -> Iterator[RecordingServer]:
    """Serve on a free port."""
    state = RecordingServer(0, model)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        @override
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            self._send(json.dumps({"data": [{"id": state.model}]}).encode() if self.path == "/v1/models" else b"{}")

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length) or b"{}")
            answer = _answer(self.path, body)
            if answer is None:
                self.send_error(404)
                return
            state.asked.append(Asked(self.path, body, {k.lower(): v for k, v in self.headers.items()}))
            self._send(answer, "text/event-stream")

        def _send(self, content: bytes, kind: str = "application/json") -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()


def _answer(path: str, body: dict[str, Any]) -> bytes | None:
    if path == "/generate":
        n = body["sampling_params"]["max_new_tokens"]
        events = [
            {"text": "w " * k, "meta_info": {"prompt_tokens": 3, "completion_tokens": k, "finish_reason": None}}
            for k in range(1, n + 1)
        ]
        events[-1]["meta_info"]["finish_reason"] = {"type": "length"}  # type: ignore[index]
    elif path.endswith("/completions"):
        chat = path.endswith("/chat/completions")
        n = body["max_tokens"]
        said: dict[str, Any] = {"delta": {"content": "w "}} if chat else {"text": "w "}
        events = [{"choices": [{"index": 0, **said, "finish_reason": None}]} for _ in range(n)]
        events[-1]["choices"][0]["finish_reason"] = "length"  # type: ignore[index]
        events.append({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": n}})
    else:
        return None
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n"
