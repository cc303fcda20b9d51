"""What servers say about themselves, read up to a limit: no answer is endless, and none unpacks to gigabytes."""

from __future__ import annotations

import zlib

import aiohttp

MAX_ANSWER = 16 * 1024 * 1024
"""Longest answer, as sent and as unpacked, bytes. A metrics page of a large engine has some 2 MB."""

PLAIN = {"Accept-Encoding": "identity"}
"""Asks for what need not be unpacked; sent with a session that does not unpack by itself (`auto_decompress`)."""

_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""zlib's `wbits` of the encodings that can be unpacked."""


class UnreadableError(aiohttp.ClientPayloadError):
    """An answer is too long, or packed in a way that cannot be undone."""


async def read_bounded(response: aiohttp.ClientResponse, limit: int = MAX_ANSWER) -> bytes:
    """Read a body and unpack it. Raises UnreadableError, and what aiohttp raises where it breaks off."""
    pieces, size = [], 0
    async for piece in response.content.iter_any():
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise _too_long(limit)
    body = b"".join(pieces)
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if not body or encoding in ("identity", ""):
        return body
    if encoding not in _WINDOWS:
        raise UnreadableError(f"its answer is packed with {encoding[:40]}, which nobody asked for")
    return _unpack(body, encoding, limit)


def _unpack(body: bytes, encoding: str, limit: int) -> bytes:
    unpacker = zlib.decompressobj(_WINDOWS[encoding])
    try:
        unpacked = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise UnreadableError(f"its answer is no {encoding}: {error}") from None
    if len(unpacked) > limit:
        raise _too_long(limit)
    return unpacked


def _too_long(limit: int) -> UnreadableError:
    return UnreadableError(f"its answer is longer than {limit // 2**20} MiB")
