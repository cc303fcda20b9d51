"""The null server: streams at a given pace that cost next to nothing to send, so that the client is what is measured.

`python -m inferbench.loadgen.null_server FD PACE_NS` serves on a listening socket that it inherits, until its
standard input ends. It answers completions only, reads no more of a request than how many tokens it wants, and keeps
no record: who wants to know what was sent asks the paced server of the twin.
"""

from __future__ import annotations

import re
import selectors
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from inferbench.loadgen.open_files import raise_open_files
from inferbench.units import NS_PER_MS, NS_PER_S

BACKLOG = 4096
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

_EVENT = b'data: {"id":"cmpl-0","object":"text_completion","created":0,"model":"null","choices":[%b]}\n\n'
_TOKEN = _EVENT % b'{"index":0,"text":" token","logprobs":null,"finish_reason":null}'
_END = _EVENT % b'{"index":0,"text":"","logprobs":null,"finish_reason":"length"}' + b"data: [DONE]\n\n"
_ASKED = re.compile(rb'"max_tokens":\s*(\d+)')
_TURN_NS = NS_PER_MS
"""Time that one turn may spend on tokens before it looks for requests again."""


def _chunk(events: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(events), events)


TOKEN, END = _chunk(_TOKEN), _chunk(_END) + b"0\r\n\r\n"


@contextmanager
def start_null(tokens_per_s: float) -> Iterator[str]:
    """Run a null server as a child process, and return its URL."""
    with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        numbers = [str(listener.fileno()), str(int(NS_PER_S / tokens_per_s))]
        child = subprocess.Popen(
            [sys.executable, "-m", "inferbench.loadgen.null_server", *numbers],
            stdin=subprocess.PIPE, pass_fds=[listener.fileno()], start_new_session=True,
        )  # fmt: skip
    try:
        yield url
    finally:
        child.communicate()  # its input ends, and with it the child


class _NullStream:
    """A connection, and the tokens that it still is to get."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.received = b""
        self.left = 0

    def write(self, data: bytes) -> None:
        try:
            self.connection.send(data)  # a few hundred bytes always fit, or the client has long stopped reading
        except OSError:
            self.left = 0


class _NullServer:
    def __init__(self, listener: socket.socket, pace_ns: int) -> None:
        self._listener = listener
        self._pace_ns = pace_ns
        self._selector = selectors.DefaultSelector()
        self._due: deque[tuple[int, _NullStream]] = deque()  # one pace for all: what is put last is due last
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ, None)
        self._selector.register(sys.stdin, selectors.EVENT_READ, sys.stdin)

    def serve(self) -> None:
        """Serve until standard input ends."""
        while True:
            wait_ns = self._due[0][0] - time.monotonic_ns() if self._due else NS_PER_S
            for key, _ in self._selector.select(max(0, wait_ns) / NS_PER_S):
                if key.data is sys.stdin:
                    return
                if key.data is None:
                    self._accept()
                else:
                    self._read(key.data)
            self._send()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(connection, selectors.EVENT_READ, _NullStream(connection))

    def _read(self, stream: _NullStream) -> None:
        try:
            data = stream.connection.recv(65536)
        except OSError:
            data = b""
        if not data:
            self._selector.unregister(stream.connection)
            stream.connection.close()
            stream.left = 0
            return
        stream.received += data
        if stream.received.startswith(b"GET"):
            stream.received = b""
            stream.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        elif stream.received.endswith(b"}") and (asked := _ASKED.search(stream.received)):
            stream.received = b""
            stream.left = int(asked[1])
            stream.write(HEAD)
            self._due.append((time.monotonic_ns() + self._pace_ns, stream))

    def _send(self) -> None:
        """Send what is due. A token that is late leaves the next one where it was due."""
        due, now = self._due, time.monotonic_ns()
        enough = now + _TURN_NS
        while due and due[0][0] <= now < enough:
            when, stream = due.popleft()
            if stream.left > 0:
                stream.left -= 1
                stream.write(TOKEN if stream.left else TOKEN + END)
            if stream.left > 0:
                due.append((when + self._pace_ns, stream))
            now = time.monotonic_ns()


def main() -> None:
    """Run the child."""
    raise_open_files()
    with socket.socket(fileno=int(sys.argv[1])) as listener:
        _NullServer(listener, int(sys.argv[2])).serve()


if __name__ == "__main__":
    main()
