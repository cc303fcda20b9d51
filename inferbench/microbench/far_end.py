"""The far end of a KV probe: it holds a buffer for the near end to read and write, and says what came to lie in it.

`python -m inferbench.microbench.far_end HOST:PORT` serves one near end and ends with it.
The two speak JSON, an object a line,
over a TCP connection of their own; the transfers that are measured do not go over it.
"""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from inferbench.errors import InferbenchError, UsageError
from inferbench.microbench.backends import Bytes, backend

if TYPE_CHECKING:
    from io import BufferedRWPair

    Stream = BufferedRWPair[Any, Any]

MAX_BYTES = 4 << 30
"""Largest buffer that a near end may ask for."""
SEED = 20_260_501
"""Of the bytes that are there to be read: both ends know them."""


def pattern(size: int) -> Bytes:
    """Bytes that nothing but this seed gives."""
    return np.random.default_rng(SEED).integers(0, 256, size, dtype=np.uint8)


def digest(part: Bytes) -> str:
    """What two ends compare instead of the bytes."""
    return hashlib.blake2b(part.data, digest_size=16).hexdigest()


def say(stream: Stream, **values: object) -> None:
    """Send one message."""
    stream.write(orjson.dumps(values, option=orjson.OPT_APPEND_NEWLINE))
    stream.flush()


def hear(stream: Stream) -> dict[str, Any]:
    """Receive one message; empty where the other end has gone. Raises ValueError for what is none."""
    line = stream.readline(1 << 20)
    message = orjson.loads(line) if line else {}
    if not isinstance(message, dict):
        raise ValueError("not an object")
    return message


def listen(address: str) -> socket.socket:
    """Open the socket that a near end calls at HOST:PORT. Raises UsageError where it cannot be had."""
    host, port = split(address)
    try:
        return socket.create_server((host, port), backlog=1)
    except OSError as error:
        raise UsageError(f"cannot listen at {address}: {error.strerror}") from None


def split(address: str) -> tuple[str, int]:
    """Take HOST:PORT apart. Raises UsageError."""
    host, colon, port = address.rpartition(":")
    if not (colon and host and port.isdigit() and int(port) < 1 << 16):
        raise UsageError(f"{address!r} is not HOST:PORT")
    return host, int(port)


def serve(server: socket.socket) -> None:
    """Serve one near end until it goes."""
    connection, _ = server.accept()
    with connection, connection.makefile("rwb") as stream, suppress(OSError, ValueError, KeyError):
        asked = hear(stream)
        try:
            buffer = _buffer(int(asked["bytes"]))
            end = backend(str(asked["backend"]), connection.getsockname()[0], buffer, asked["transport"])
        except (InferbenchError, ValueError) as error:
            say(stream, error=str(error))
            return
        say(stream, address=end.address().hex(), version=end.version, host=socket.gethostname())
        while asked := hear(stream):
            part = buffer[int(asked["from"]) : int(asked["to"])]
            if asked["do"] == "clear":
                part[:] = 0
            say(stream, digest=digest(part))
        end.close()


def _buffer(size: int) -> Bytes:
    """Half to be read from, half to be written to."""
    if not 0 < size <= MAX_BYTES:
        raise UsageError(f"a buffer of {size:,} bytes is not allowed; the most are {MAX_BYTES:,}")
    buffer = np.zeros(size, dtype=np.uint8)
    buffer[: size // 2] = pattern(size // 2)
    return buffer


def main() -> None:
    """Serve, on the address that is the only argument; the port in use is the first line of output."""
    with listen(sys.argv[1]) as server:
        print(server.getsockname()[1], flush=True)
        serve(server)
    sys.stdout.flush()
    os._exit(0)  # a transfer engine's threads may be in the middle of anything


if __name__ == "__main__":
    main()
